import { distFromAverage } from '@hbnn/core';
import { interpreter, lower } from '@hbnn/model';
import { binarize, exportModel, useBackend, weightPrecision } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { bn, compared, L, loweredOwn, pixelSource, scatter } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

type Layer = tfl.layers.Layer;
const shape = [8, 8, 3] as const;
const conv = (name: string, filters: number, o: object = {}): Layer =>
  L.conv2d({ name, filters, kernelSize: 3, padding: 'same', ...o });
const dense = (name: string, units: number, o: object = {}): Layer =>
  L.dense({ name, units, ...o });
const depthwise = (name: string): Layer =>
  L.depthwiseConv2d({ name, kernelSize: 3, padding: 'same', useBias: false });
const flatten = (): Layer => L.flatten({ name: 'flat' });
const average = (): Layer => L.globalAveragePooling2d({ name: 'average' });

const start = (): Layer => L.inputLayer({ inputShape: [...shape] });

/** Multiply a layer's filters, output by output. */
const scaleFilters =
  (name: string, factors: readonly number[]) =>
  (model: tfl.LayersModel): void => {
    const layer = model.getLayer(name);
    const [filters, ...rest] = layer.getWeights();
    layer.setWeights([tf.mul(filters, tf.tensor1d([...factors])), ...rest]);
  };

/** Let a batch norm take channels for as much larger or smaller as they were made. */
const normalize =
  (name: string, factors: readonly number[]) =>
  (model: tfl.LayersModel): void => {
    const layer = model.getLayer(name);
    const [gamma, beta, mean, variance] = layer.getWeights();
    const by = tf.tensor1d([...factors]);
    layer.setWeights([gamma, beta, tf.mul(mean, by), tf.mul(variance, tf.mul(by, by))]);
  };

/** What several roundings to 8 and 16 bits leave, of the largest score. */
const rounding = 0.03;

describe('rounding follows what images bring about, not the worst case', () => {
  const chains: [string, () => readonly Layer[]][] = [
    [
      'convolutions without activation',
      () => [conv('a', 6), conv('b', 6), conv('c', 6), conv('d', 6), flatten(), dense('e', 4)],
    ],
    [
      'dense layers without activation',
      () => [flatten(), ...['a', 'b', 'c', 'd'].map((name) => dense(name, 24)), dense('e', 4)],
    ],
    [
      'dense layers with batch norms',
      () => [
        flatten(),
        ...['a', 'b', 'c'].flatMap((name) => [dense(name, 16), bn(`${name}_norm`)]),
        dense('e', 4),
      ],
    ],
  ];
  it.each(chains)('in %s', async (_, layers) => {
    const { difference } = await compared(
      await loweredOwn({ shape, layers: [start(), ...layers()] }),
    );
    expect(difference).toBeLessThan(rounding);
  });

  it('in binarized layers with a scale per output, too', async () => {
    const float = tfl.sequential();
    for (const layer of [
      start(),
      conv('a', 6),
      conv('b', 6),
      conv('c', 5),
      flatten(),
      dense('d', 4),
    ])
      float.add(layer);
    scatter(float);
    const source = pixelSource(shape, 4);
    const weights = weightPrecision(distFromAverage(2), { scalePer: 'output' });
    const model = binarize(float, { weights, skip: [] });
    const { model: integer } = lower(await exportModel(model, source, { onNote: () => {} }));
    const { difference } = await compared({ model, integer, source, notes: [] });
    expect(difference).toBeLessThan(rounding);
  });
});

it.each(['softmax', undefined] as const)(
  'scores before %s that leave 32 bits keep their size',
  async (activation) => {
    const biases = [3000, 2990, -5, 1];
    const { integer, source } = await loweredOwn({
      shape,
      layers: [start(), flatten(), dense('a', 4, activation && { activation })],
      change: (model) => {
        const layer = model.getLayer('a');
        layer.setWeights([tf.mul(layer.getWeights()[0], 1e-6), tf.tensor1d(biases)]);
      },
    });
    const scores = interpreter(integer).run(source.pixels).subarray(0, 4);
    expect(integer.layers.map(({ name }) => name)).toContain('score_scale');
    // A step of 16 bits, and half of one more.
    const step = (2 * 3000) / 32767;
    scores.forEach((score, i) => {
      expect(Math.abs(score * integer.scoreFactor - biases[i])).toBeLessThan(1.5 * step);
    });
  },
);

describe('what a batch norm makes large again keeps its levels', () => {
  it('where filters of the last layer are small', async () => {
    const last = dense('b', 4, { useBias: false });
    const factors = [1, 0.05, 0.01, 0.002];
    const lowered = await loweredOwn({
      shape,
      layers: [start(), conv('a', 4), L.reLU({ name: 'r' }), flatten(), last, bn('norm')],
      change: (model) => {
        scaleFilters('b', factors)(model);
        normalize('norm', factors)(model);
      },
    });
    expect((await compared(lowered)).difference).toBeLessThan(rounding);
  });

  it('where channels behind a ReLU are small', async () => {
    const lowered = await loweredOwn({
      shape,
      layers: [
        start(),
        conv('a', 8, { useBias: false }),
        bn('a_norm'),
        L.reLU({ name: 'r1' }),
        depthwise('b'),
        bn('b_norm'),
        L.reLU({ name: 'r2' }),
        average(),
        dense('c', 4),
      ],
      gamma: (layer, c) => (layer === 'a_norm' && c === 0 ? 40 : 0.3 + 0.1 * c),
      change: normalize('b_norm', [40, 1, 1, 1, 1, 1, 1, 1]),
    });
    expect((await compared(lowered)).difference).toBeLessThan(rounding);
  });

  it.each([
    ['a convolution', () => [conv('b', 6), L.reLU({ name: 's' })]],
    [
      'an average and a convolution',
      () => [L.averagePooling2d({ name: 'p' }), conv('b', 6), L.reLU({ name: 's' })],
    ],
    ['a batch norm and a convolution', () => [bn('n'), conv('b', 6), L.reLU({ name: 's' })]],
  ] as const)('where %s makes small channels behind a ReLU large again', async (_, middle) => {
    for (const small of [0.1, 0.01, 0.001]) {
      const factors = [1, small, 1, 1, small, 1];
      const lowered = await loweredOwn({
        shape,
        layers: [
          start(),
          conv('a', 6, { useBias: false }),
          L.reLU({ name: 'r' }),
          ...middle(),
          flatten(),
          dense('c', 4),
        ],
        change: (model) => {
          scaleFilters('a', factors)(model);
          const kernel = model.getLayer('b');
          const [filters, ...rest] = kernel.getWeights();
          const larger = tf.tensor(
            factors.map((factor) => 1 / factor),
            [1, 1, 6, 1],
          );
          kernel.setWeights([tf.mul(filters, larger), ...rest]);
        },
      });
      expect((await compared(lowered)).difference, String(small)).toBeLessThan(rounding);
    }
  });
});
