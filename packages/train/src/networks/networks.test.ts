import { distFromAverage } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../backend/useBackend.ts';
import { binarizedLayers } from '../layers/binarized.ts';
import { initialize, parametersOf } from '../parameters.ts';
import { inputPrecision, type Precision, weightPrecision } from '../precision.ts';
import { alexNetBn, alexNetFull, alexNetSmall } from './alexnetBn.ts';
import { fcn4 } from './fcn4.ts';
import { mobileNet, mobileNetFull, mobileNetSmall } from './mobileNet.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const weights = weightPrecision(distFromAverage(1.4));
const inputs = inputPrecision(distFromAverage(1.4));
const small = (precision: Precision | readonly Precision[]) => ({
  input: [28, 28, 1] as const,
  classes: 10,
  precision,
});

function binarized(model: Parameters<typeof binarizedLayers>[0]): string[] {
  return binarizedLayers(model)
    .filter(({ precision }) => precision.weights)
    .map(({ name }) => name);
}

describe('networks', () => {
  it('binarize every layer with float inputs, all but first and last with binarized ones', () => {
    const whole = alexNetBn(small({ weights }), alexNetSmall);
    expect(binarized(whole)).toHaveLength(8);
    const both = alexNetBn(small({ weights, inputs }), alexNetSmall);
    expect(binarized(both)).toEqual(['conv2', 'conv3', 'conv4', 'conv5', 'dense6', 'dense7']);
    expect(binarized(fcn4(small({ weights })))).toEqual(['conv1', 'conv2', 'conv3', 'conv4']);
    expect(binarized(fcn4(small({ weights, inputs })))).toEqual(['conv2', 'conv3']);
  });

  it('binarize the pointwise convolutions of MobileNet alone', () => {
    for (const precision of [{ weights }, { weights, inputs }]) {
      const model = mobileNet(small(precision), mobileNetSmall);
      expect(binarized(model)).toEqual(['pointwise1', 'pointwise2', 'pointwise3', 'pointwise4']);
    }
  });

  it('have no ReLU before a binarized input', () => {
    const relus = (precision: Precision): number =>
      alexNetBn(small(precision), alexNetSmall).layers.filter(
        (layer) => layer.getClassName() === 'ReLU',
      ).length;
    expect(relus({ weights })).toBe(7);
    expect(relus({ weights, inputs })).toBe(1);
  });

  it('have the paper scale’s parameters', () => {
    const shape = { input: [224, 224, 3] as const, classes: 1000, precision: {} };
    const trained = (model: ReturnType<typeof alexNetBn>): number =>
      parametersOf(model)
        .filter(({ trainable }) => trainable)
        .reduce((sum, { variable }) => sum + variable.size, 0);
    // Howard et al. 2017 give 4.2 million; 4,231,976 with batch norm and no dense bias 4,230,976.
    expect(trained(mobileNet(shape, mobileNetFull))).toBe(4_230_976);
    // 5 convolutions 3,745,824, dense 6×6×256·4096 + 4096² + 4096·1000 = 58,621,952, batch norm 2·9,568,
    // output scale 1.
    expect(trained(alexNetBn(shape, alexNetFull))).toBe(62_386_913);
  });

  it('take one precision per layer and refuse another number', () => {
    const bits = (n: number): Precision => ({ weights: weightPrecision(distFromAverage(n)) });
    const model = fcn4(small([bits(3), bits(1), bits(2), bits(1)]));
    const widths = binarizedLayers(model).map(
      ({ precision }) => precision.weights?.mix.fractions[0].bits,
    );
    expect(widths).toEqual([3, 1, 2, 1]);
    expect(() => fcn4(small([bits(1), bits(2)]))).toThrow('each of the 4 binarized layers, got 2');
  });

  it('start from the same weights whatever the precision, and from others with another seed', () => {
    const start = (precision: Precision, seed: number): number[] => {
      const model = fcn4(small(precision));
      initialize(model, seed);
      return parametersOf(model).flatMap(({ variable }) => [...variable.dataSync()]);
    };
    expect(start({ weights }, 3)).toEqual(start({}, 3));
    expect(start({ weights }, 3)).not.toEqual(start({ weights }, 4));
    const kernel = start({}, 5).slice(6 * 9, 6 * 9 + 432);
    const deviation = Math.sqrt(kernel.reduce((sum, w) => sum + w * w, 0) / kernel.length);
    expect(deviation).toBeGreaterThan(0.05);
    tf.disposeVariables();
  });
});
