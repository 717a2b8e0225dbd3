import { HbnnError } from '@hbnn/core';
import {
  BinarizedConv2D,
  BinarizedDepthwiseConv2D,
  binarize,
  buildNetwork,
  evaluate,
  exportModel,
  fineTune,
  networkNames,
  QuantizedConv2D,
  recalibrate,
  runConfig,
  useBackend,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { L, pixelSource } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

type Size = [number | null, number | null, number];
const shape: [number, number, number] = [6, 6, 2];

/** A first layer that gives 3×4×3, the layer in question, and what makes scores of a map. */
function model(layer: tfl.layers.Layer, inputShape: Size = shape): tfl.LayersModel {
  return tfl.sequential({
    name: 'own',
    layers: [
      L.conv2d({ name: 'c1', filters: 3, kernelSize: [4, 3], inputShape }),
      layer,
      L.globalMaxPooling2d({ name: 'global' }),
      L.dense({ name: 'out', units: 3 }),
    ],
  });
}

const inner = (): tfl.LayersModel =>
  tfl.sequential({
    name: 'inside',
    layers: [L.maxPooling2d({ name: 'w', poolSize: 4, strides: 1, inputShape: [3, 4, 3] })],
  });

/** Layers whose window leaves 3×4, and what is said of it. */
const tooLarge: readonly [string, () => tfl.layers.Layer, RegExp][] = [
  [
    'a convolution',
    () => L.conv2d({ name: 'w', filters: 2, kernelSize: 4 }),
    /kernel .* one of 4×4 on a map of 3×4/,
  ],
  [
    'a wide convolution',
    () => L.conv2d({ name: 'w', filters: 2, kernelSize: [1, 5], strides: 3 }),
    /kernel .* 1×5 on a map of 3×4/,
  ],
  [
    'a dilated convolution',
    () => L.conv2d({ name: 'w', filters: 2, kernelSize: 2, dilationRate: 3 }),
    /kernel .* 4×4 on a map of 3×4/,
  ],
  [
    'a depthwise convolution',
    () => L.depthwiseConv2d({ name: 'w', kernelSize: 5, strides: 2 }),
    /kernel .* 5×5/,
  ],
  [
    'a separable convolution',
    () => L.separableConv2d({ name: 'w', filters: 2, kernelSize: [4, 1] }),
    /kernel .* 4×1/,
  ],
  ['max pooling', () => L.maxPooling2d({ name: 'w', poolSize: 4 }), /pool .* 4×4 on a map/],
  [
    'average pooling',
    () => L.averagePooling2d({ name: 'w', poolSize: [3, 5], strides: 4 }),
    /pool .* 3×5 on a map/,
  ],
  [
    'cropping',
    () =>
      L.cropping2D({
        name: 'w',
        cropping: [
          [1, 2],
          [0, 0],
        ],
      }),
    /at least one value, got outputs of 0×4×3 for inputs of 3×4×3/,
  ],
  ['a pool in a model inside', inner, /pool .* 4×4 on a map of 3×4/],
];

describe('a window larger than its map is refused, and the process lives on', () => {
  const source = pixelSource(shape, 3, 8);
  const entries: readonly [string, (model: tfl.LayersModel) => unknown][] = [
    ['binarize', (model) => binarize(model, { weights: 1 })],
    ['evaluate', (model) => evaluate(model, source)],
    ['fineTune', (model) => fineTune(model, source, { epochs: 1 })],
    ['recalibrate', (model) => recalibrate(model, source, { images: 8, batch: 8, seed: 1 })],
    ['exportModel', (model) => exportModel(model, source)],
  ];

  describe.each(tooLarge)('%s', (_, layer, said) => {
    it.each(entries)('%s', async (task, run) => {
      const refused = (async () => run(model(layer())))();
      await expect(refused).rejects.toThrow(HbnnError);
      await expect(refused).rejects.toThrow(new RegExp(`layer 'w': ${task} expected .*; take`));
      await expect(refused).rejects.toThrow(said);
    });
  });

  // What is cropped away of an open size TensorFlow.js itself refuses.
  const open = tooLarge.filter(([name]) => name !== 'cropping' && !name.includes('inside'));
  describe.each(open)('%s of a model that leaves the size open', (_, layer, said) => {
    it.each(entries.slice(1, 4))('%s', async (task, run) => {
      const refused = (async () => run(model(layer(), [null, null, 2])))();
      await expect(refused).rejects.toThrow(new RegExp(`layer 'w': ${task} expected`));
      await expect(refused).rejects.toThrow(said);
    });
  });

  it('a model with windows that fit just so is taken', async () => {
    const fits = model(L.conv2d({ name: 'w', filters: 2, kernelSize: [3, 4] }), [null, null, 2]);
    expect((await evaluate(fits, source)).images).toBe(8);
    expect(tf.tidy(() => tf.sum(tf.ones([3])).dataSync()[0])).toBe(3);
  });
});

describe('our own layers', () => {
  const input: [number, number, number] = [3, 4, 2];
  const precision = {};
  it.each<[string, () => tfl.layers.Layer]>([
    [
      'convolution',
      () =>
        new BinarizedConv2D({ name: 'w', filters: 2, kernelSize: 4, padding: 'valid', precision }),
    ],
    [
      'depthwise',
      () =>
        new BinarizedDepthwiseConv2D({
          name: 'w',
          kernelSize: [4, 1],
          padding: 'valid',
          precision,
        }),
    ],
    [
      'quantized',
      () =>
        new QuantizedConv2D({
          name: 'w',
          filters: 2,
          kernelSize: [1, 5],
          padding: 'valid',
          quantizer: 'bwn',
        }),
    ],
  ])('%s', (_, layer) => {
    expect(() => layer().apply(tfl.input({ shape: input }))).toThrow(
      /layer 'w': expected a kernel that fits .* on a map of 3×4.*; take/,
    );
  });
});

describe('a network on images that are too small', () => {
  const source = (size: number) => ({
    ...pixelSource([size, size, 1], 10, 1),
    shape: [size, size, 1] as const,
  });

  it.each([
    [
      { shrink: 4 },
      7,
      /fcn4 on images of 7×7×1, which are too small for it: .*'pool3'.* 2×2 on a map of 1×1/,
    ],
    [{ shrink: 4 }, 7, /; take a smaller --shrink than 4, fewer pools \(--pools 0,1\), larger/],
    [{ size: 3 }, 3, /a larger --size than 3, fewer pools \(--pools 0\)/],
    [
      { network: 'vgg8' as const, shrink: 2 },
      14,
      /vgg8 .*'pool2'.*smaller --shrink than 2, larger/,
    ],
  ])('%j says what to change', (settings, size, said) => {
    expect(() => buildNetwork(runConfig(settings), source(size))).toThrow(said);
  });

  // Networks at the paper's size take seconds each to be built: `pnpm --filter @hbnn/train backends` has them too.
  const all = process.env.HBNN_BACKENDS === 'all';
  const names = networkNames.filter((name) => all || !name.endsWith('-full'));

  it.each(names)('%s is built or refused by name, whatever the size', (network) => {
    for (const size of [1, 2, 3, 5, 8, 13]) {
      try {
        buildNetwork(runConfig({ network }), source(size)).dispose();
      } catch (error) {
        expect(error).toBeInstanceOf(HbnnError);
        expect((error as Error).message).toMatch(
          new RegExp(`network ${network} on images of .* too small for it: .*; take`),
        );
      }
    }
  });
});
