import { distFromAverage } from '@hbnn/core';
import { lower } from '@hbnn/model';
import { binarize, exportModel, useBackend, weightPrecision } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { compared, L, pixelSource, scatter } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

type Shape = [number, number, number];

const dense = (name: string, units: number, inputShape?: Shape): tfl.layers.Layer =>
  L.dense({ name, units, ...(inputShape !== undefined && { inputShape }) });
const separable = (name: string, filters: number, inputShape?: Shape): tfl.layers.Layer =>
  L.separableConv2d({
    name,
    filters,
    kernelSize: [3, 3],
    padding: 'same',
    ...(inputShape !== undefined && { inputShape }),
  });

/** Layers that add up sums of sums, without a rounding between. */
const chains: readonly [string, Shape, () => tfl.layers.Layer[]][] = [
  [
    'a pool over sums of sums',
    [12, 12, 2],
    () => [
      dense('h1', 16, [12, 12, 2]),
      separable('s1', 16),
      L.globalAveragePooling2d({ name: 'pool', dataFormat: 'channelsLast' }),
      dense('out', 3),
    ],
  ],
  [
    'a large pool over small values',
    [24, 24, 1],
    () => [
      L.conv2d({
        name: 'c1',
        filters: 1024,
        kernelSize: 1,
        activation: 'relu',
        inputShape: [24, 24, 1],
      }),
      L.globalAveragePooling2d({ name: 'pool', dataFormat: 'channelsLast' }),
      dense('out', 3),
    ],
  ],
];

/** Weights and values are rounded to 8 bits, layer after layer. */
const tolerance = 0.03;

describe('sums that would leave int32 are rounded to 16 bits', () => {
  it.each(chains)('%s', async (_, shape, layers) => {
    const model = tfl.sequential({ layers: layers() });
    const source = pixelSource(shape, 3, 8);
    scatter(model);
    const { model: integer } = lower(await exportModel(model, source));
    expect(integer.layers.filter(({ kind }) => kind === 'requantize')).not.toHaveLength(0);
    const { difference, agree } = await compared({ model, integer, source, notes: [] });
    expect(difference).toBeLessThan(tolerance);
    expect(agree).toBe(1);
  });

  it('with biases far larger than what is added to them', async () => {
    const source = pixelSource([4, 4, 2], 3, 8);
    const model = tfl.sequential({
      layers: [L.flatten({ inputShape: [4, 4, 2] }), dense('out', 3)],
    });
    scatter(model);
    const [kernel] = model.getWeights();
    model.setWeights([kernel, tf.tensor1d([-2e8, 1e8, 2e8])]);
    const { model: integer } = lower(await exportModel(model, source));
    const { difference, agree } = await compared({ model, integer, source, notes: [] });
    expect(difference).toBeLessThan(tolerance);
    expect(agree).toBe(1);
  });

  it('in front of binarized weights too', async () => {
    const source = pixelSource([11, 8, 2], 3, 24);
    const float = tfl.sequential({
      layers: [
        L.conv2d({ name: 'c1', filters: 8, kernelSize: 3, useBias: false, inputShape: [11, 8, 2] }),
        L.conv2d({ name: 'c2', filters: 8, kernelSize: 3, useBias: false }),
        L.flatten({ name: 'flat' }),
        dense('out', 3),
      ],
    });
    scatter(float);
    const model = binarize(float, { weights: weightPrecision(distFromAverage(2)) });
    const exported = await exportModel(model, source);
    const { model: integer } = lower(exported, { scaleBits: 8 });
    expect(integer.layers.some(({ name }) => name === 'out_scale')).toBe(true);
    const { difference } = await compared({ model, integer, source, notes: [] });
    expect(difference).toBeLessThan(tolerance);
  });
});

describe('binarized weights on sums that mean something else in each channel', () => {
  it.each<[string, () => tfl.layers.Layer[]]>([
    ['a separable convolution', () => [separable('s1', 6, [7, 6, 2]), L.flatten({ name: 'flat' })]],
    [
      'batch norm, but no ReLU',
      () => [
        L.conv2d({ name: 'c1', filters: 6, kernelSize: 3, inputShape: [7, 6, 2] }),
        L.batchNormalization({ name: 'n1' }),
        L.conv2d({ name: 'c2', filters: 6, kernelSize: 3, padding: 'same' }),
        L.flatten({ name: 'flat' }),
      ],
    ],
    [
      'dense layers with biases',
      () => [L.flatten({ inputShape: [7, 6, 2] }), dense('h1', 8), dense('h2', 8)],
    ],
  ])('%s', async (_, layers) => {
    const source = pixelSource([7, 6, 2], 3, 24);
    const float = tfl.sequential({
      layers: [...layers(), dense('out', 3)],
    });
    scatter(float);
    for (const average of [1, 1.4, 3]) {
      const model = binarize(float, { weights: weightPrecision(distFromAverage(average)) });
      for (const scaleBits of [4, 8]) {
        const { model: integer } = lower(await exportModel(model, source), { scaleBits });
        const { agree, difference } = await compared({ model, integer, source, notes: [] });
        expect(agree).toBeGreaterThan(0.9);
        // Scales of 4 bits are themselves off by some percent.
        expect(difference).toBeLessThan(scaleBits === 8 ? tolerance : 3 * tolerance);
      }
    }
  });
});
