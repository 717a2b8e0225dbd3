import { distFromAverage } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../backend/useBackend.ts';
import { binarizedLayers } from '../layers/binarized.ts';
import { initialize, parametersOf } from '../parameters.ts';
import { inputPrecision, type Precision, weightPrecision } from '../precision.ts';
import { alexNetBn, alexNetSmall } from './alexnetBn.ts';
import { countNetwork } from './counts.ts';
import { fcn4 } from './fcn4.ts';
import { mobileNet, mobileNetSmall } from './mobileNet.ts';
import { mobileNetV2, mobileNetV2Small } from './mobileNetV2.ts';
import { scaledChannels } from './network.ts';
import { type NetworkName, networkNames, networks, takesWidthMultiplier } from './registry.ts';
import { resNet, resNet8 } from './resNet.ts';

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
      expect(binarized(model)).toEqual([1, 2, 3, 4, 5].map((i) => `pointwise${i}`));
    }
  });

  it('binarize the block convolutions of residual networks alone', () => {
    for (const precision of [{ weights }, { weights, inputs }]) {
      expect(binarized(resNet(small(precision), resNet8))).toEqual(
        [1, 2, 3].flatMap((i) => [`block${i}_1_conv1`, `block${i}_1_conv2`]),
      );
      const inverted = binarized(mobileNetV2(small(precision), mobileNetV2Small));
      expect(inverted).toHaveLength(1 + 2 * 6 + 1);
      expect(inverted.every((name) => /project|expand|head/.test(name))).toBe(true);
    }
  });

  it('add the input of a block to its outputs, with a ReLU only where nothing binarizes them', () => {
    const kinds = (precision: Precision, kind: string): number =>
      resNet(small(precision), resNet8).layers.filter((layer) => layer.getClassName() === kind)
        .length;
    expect(kinds({ weights }, 'Add')).toBe(3);
    expect(kinds({ weights }, 'ReLU')).toBe(1 + 3 + 3);
    // The stem, and what global average pooling reads.
    expect(kinds({ weights, inputs }, 'ReLU')).toBe(2);
  });

  it('have no ReLU before a binarized input', () => {
    const relus = (precision: Precision): number =>
      alexNetBn(small(precision), alexNetSmall).layers.filter(
        (layer) => layer.getClassName() === 'ReLU',
      ).length;
    expect(relus({ weights })).toBe(7);
    expect(relus({ weights, inputs })).toBe(1);
  });

  it('have the paper scale’s parameters and multiply-accumulates', () => {
    const counts = (name: NetworkName): { parameters: number; macs: number } => {
      const { input, classes, build } = networks[name];
      const model = build({ input, classes, precision: {} });
      const { parameters, macs } = countNetwork(model);
      model.dispose();
      return { parameters, macs };
    };
    // Howard et al. 2017 give 4.2 million and 569 million; 4,231,976 with a bias of the dense layer.
    expect(counts('mobilenet-full')).toEqual({ parameters: 4_230_976, macs: 568_740_352 });
    // Convolutions 3,745,824, dense 6·6·256·4096 + 4096² + 4096·1000 = 58,621,952, batch norm
    // 2·(96 + 256 + 384 + 384 + 256 + 4096 + 4096) = 19,136, output scale 1. One tower, 'same' padding.
    expect(counts('alexnet-bn-full')).toEqual({ parameters: 62_386_913, macs: 1_139_124_224 });
    // Counted by hand in the same way from FINN's layer table: no padding, 30×30 positions first.
    expect(counts('vgg8-full')).toEqual({ parameters: 1_546_689, macs: 59_461_376 });
    // torchvision's resnet18 has 11,689,512 with a bias of the dense layer, and 1,814,073,344 multiply-accumulates.
    expect(counts('resnet18-full')).toEqual({ parameters: 11_688_512, macs: 1_814_073_344 });
    // torchvision's mobilenet_v2 has 3,504,872 with a bias of the dense layer, and 300,774,272 multiply-accumulates.
    expect(counts('mobilenetv2-full')).toEqual({ parameters: 3_503_872, macs: 300_774_272 });
    // MLPerf Tiny's ResNet-8 has 12,501,632 multiply-accumulates and so 77,360 weights; batch norms here have 2 for each
    // of 2·(16 + 32 + 64) + 16 + 32 + 64 channels.
    expect(counts('resnet8')).toEqual({ parameters: 77_360 + 2 * 336, macs: 12_501_632 });
  });

  it('multiply their channels, rounded to the nearest number and never to 0', () => {
    expect([0.5, 0.51, 0.1, 0.01, 2].map((width) => scaledChannels(25, width))).toEqual([
      13, 13, 3, 1, 50,
    ]);
    const channels = (name: NetworkName, widthMultiplier?: number): number[] => {
      const { classes, build } = networks[name];
      const model = build({ input: [32, 32, 3], classes, precision: {}, widthMultiplier });
      const counts = countNetwork(model)
        .layers.filter(({ macs }) => macs > 0)
        .map(({ outputShape }) => outputShape.at(-1) as number);
      model.dispose();
      return counts;
    };
    expect(channels('alexnet-bn', 0.5)).toEqual([8, 12, 16, 16, 12, 32, 32, 10]);
    expect(channels('vgg8', 0.5)).toEqual([4, 4, 8, 8, 16, 16, 32, 32, 10]);
    expect(channels('mobilenet', 2)).toEqual([32, 32, 48, 48, 64, 64, 64, 64, 96, 96, 96, 10]);
    const scalable = networkNames.filter(
      (name) => takesWidthMultiplier(name) && !name.endsWith('-full'),
    );
    expect(scalable).toEqual([
      'alexnet-bn',
      'mobilenet',
      'mobilenetv2',
      'resnet8',
      'resnet18',
      'vgg8',
    ]);
    for (const name of scalable) {
      const plain = channels(name);
      expect(channels(name, 1), name).toEqual(plain);
      for (const width of [0.3, 0.5, 2]) {
        const expected = plain.map((count, i) =>
          i === plain.length - 1 ? count : scaledChannels(count, width),
        );
        // Channels within a block of MobileNetV2 are a multiple of those before it, which were rounded.
        if (name !== 'mobilenetv2' || width !== 0.3)
          expect(channels(name, width), name).toEqual(expected);
      }
    }
    expect(() => channels('fcn4', 0.5)).toThrow('got a width multiplier of 0.5; multiply the');
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
