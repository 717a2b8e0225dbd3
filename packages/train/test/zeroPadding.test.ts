import { distFromAverage } from '@hbnn/core';
import { interpreter } from '@hbnn/model';
import { binarize, binarizedLayers, HardSwish, inputPrecision, useBackend } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { floatScores, L, loweredOwn } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape = [8, 7, 3] as const;
const first = (): tfl.layers.Layer =>
  L.conv2d({
    name: 'first',
    filters: 6,
    kernelSize: 3,
    padding: 'same',
    inputShape: [...shape],
  });
const norm = (name: string): tfl.layers.Layer => L.batchNormalization({ name });
const zeros = (name: string, rows: [number, number], columns: [number, number]) =>
  L.zeroPadding2d({ name, padding: [rows, columns] });
const end = (): tfl.layers.Layer[] => [
  norm('n2'),
  L.flatten({ name: 'flat' }),
  L.dense({ name: 'out', units: 3 }),
];

const binaryInputs = inputPrecision(distFromAverage(1), { map: 'static', mapPer: 'channel' });

const through = (x: tfl.SymbolicTensor, layers: readonly tfl.layers.Layer[]): tfl.SymbolicTensor =>
  layers.reduce((from, layer) => layer.apply(from) as tfl.SymbolicTensor, x);

const networks: [string, () => tfl.layers.Layer[], number[]][] = [
  [
    'a convolution, as Keras pads it before stride 2',
    () => [
      zeros('z', [0, 1], [0, 1]),
      L.conv2d({ name: 'c', filters: 5, kernelSize: 3, strides: 2 }),
    ],
    [0, 0, 1, 1],
  ],
  [
    'a depthwise convolution, zeros on one side',
    () => [zeros('z', [2, 0], [1, 0]), L.depthwiseConv2d({ name: 'c', kernelSize: [3, 2] })],
    [2, 1, 0, 0],
  ],
  [
    'a convolution that pads itself, behind two layers of padding',
    () => [
      zeros('z', [1, 0], [0, 2]),
      zeros('y', [1, 1], [0, 0]),
      L.conv2d({ name: 'c', filters: 4, kernelSize: 3, strides: 2, padding: 'same' }),
    ],
    // 11 rows and 9 columns, one more zero on each side.
    [3, 1, 2, 3],
  ],
  [
    'a convolution behind a ReLU and dropout',
    () => [
      zeros('z', [0, 1], [1, 1]),
      L.reLU({ name: 'r' }),
      L.dropout({ name: 'd', rate: 0.2 }),
      L.conv2d({ name: 'c', filters: 5, kernelSize: 3 }),
    ],
    [0, 1, 1, 1],
  ],
  [
    'a dense layer on a map',
    () => [zeros('z', [1, 1], [1, 1]), L.dense({ name: 'c', units: 4 })],
    [1, 1, 1, 1],
  ],
];

describe('zero padding before a layer that binarizes its inputs', () => {
  it.each(networks)('becomes the layer’s own: %s', async (_, padded, wanted) => {
    // Nothing is rounded before the binarization, so that each sign is the float network's.
    const layers = [
      L.batchNormalization({ name: 'n1', inputShape: [...shape] }),
      ...padded(),
      ...end(),
    ];
    const o = { shape, layers, skip: ['out'] };
    const { model, integer, source } = await loweredOwn(o);
    expect(model.layers.map((layer) => layer.getClassName())).not.toContain('ZeroPadding2D');
    const layer = integer.layers.find(({ name }) => name === 'c');
    expect(layer).toMatchObject({ padding: wanted });
    const scores = await floatScores(model, source);
    const whole = interpreter(integer).run(source.pixels);
    const largest = scores.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
    const differences = scores.map((score, i) => Math.abs(whole[i] * integer.scoreFactor - score));
    // The last layer's weights have 8 bits.
    const close = differences.filter((difference) => difference < 0.02 * largest).length;
    expect(close / scores.length).toBe(1);
  });

  it.each([
    ['at the end of a model inside the model', 2, 4],
    ['before a model inside the model', 3, 5],
    ['within a model inside the model', 2, 6],
  ])('becomes the layer’s own %s', async (_, from, to) => {
    const layers = [
      L.batchNormalization({ name: 'n1', inputShape: [...shape] }),
      L.conv2d({ name: 'b', filters: 4, kernelSize: 1 }),
      norm('n2'),
      zeros('z', [0, 1], [1, 1]),
      L.conv2d({ name: 'c', filters: 5, kernelSize: 3, strides: 2 }),
      norm('n3'),
      L.flatten({ name: 'flat' }),
      L.dense({ name: 'out', units: 3 }),
    ];
    const pixels = tfl.input({ shape: [...shape] });
    const before = through(pixels, layers.slice(0, from));
    const input = tfl.input({ shape: before.shape.slice(1) as number[] });
    const inner = tfl.model({ inputs: input, outputs: through(input, layers.slice(from, to)) });
    const behind = inner.apply(before) as tfl.SymbolicTensor;
    const outputs = through(behind, layers.slice(to));
    const model = tfl.model({ inputs: pixels, outputs });
    const small = binarize(model, { weights: 1.4, inputs: binaryInputs, skip: ['out'] });
    expect(small.layers.map((layer) => layer.getClassName())).not.toContain('ZeroPadding2D');
    expect(small.getLayer('c').getConfig().zeroPadding).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(small.outputs[0].shape).toEqual([null, 3]);
  });

  it('becomes the layer’s own behind a HardSwish, which gives 0 for 0', () => {
    const act = new HardSwish({ name: 'h' });
    const conv = L.conv2d({ name: 'c', filters: 2, kernelSize: 2 });
    const layers = [first(), norm('n1'), zeros('z', [0, 1], [1, 0]), act, conv, ...end()];
    const copy = binarize(tfl.sequential({ layers }), { weights: 1, inputs: binaryInputs });
    expect(copy.layers.map((layer) => layer.getClassName())).not.toContain('ZeroPadding2D');
    expect(copy.getLayer('c').getConfig()).toMatchObject({
      zeroPadding: [
        [0, 1],
        [1, 0],
      ],
    });
  });

  it('adds nothing to sums: a corner of −1 weights sees the pixels inside alone', () => {
    const input = tfl.input({ shape: [2, 2, 1] });
    const map = L.zeroPadding2d({ name: 'z', padding: 1 }).apply(input) as tfl.SymbolicTensor;
    const sums = L.conv2d({
      name: 'c',
      filters: 1,
      kernelSize: 3,
      useBias: false,
      kernelInitializer: tfl.initializers.constant({ value: -0.5 }),
    }).apply(map) as tfl.SymbolicTensor;
    const copy = binarize(tfl.model({ inputs: input, outputs: sums }), { weights: 1, inputs: 1 });
    const y = copy.predict(tf.tensor([3, 3, 3, 3], [1, 2, 2, 1])) as tf.Tensor;
    // Four values of 3 times −0.5 each: zeros that had become ±3 would give other sums.
    expect([...y.dataSync()]).toEqual([-6, -6, -6, -6]);
    expect(binarizedLayers(copy)[0].getConfig()).toMatchObject({
      zeroPadding: [
        [1, 1],
        [1, 1],
      ],
    });
  });

  it('stays a layer of its own where inputs stay float, or the layer is skipped', () => {
    const model = tfl.sequential({
      layers: [first(), ...networks[0][1](), ...end()],
    });
    const kinds = (m: tfl.LayersModel) => m.layers.map((layer) => layer.getClassName());
    expect(kinds(binarize(model, { weights: 1.4 }))).toContain('ZeroPadding2D');
    expect(kinds(binarize(model, { weights: 1.4, inputs: 1, skip: ['c'] }))).toContain(
      'ZeroPadding2D',
    );
    expect(kinds(binarize(model, { weights: 1.4, inputs: 1 }))).not.toContain('ZeroPadding2D');
  });
});
