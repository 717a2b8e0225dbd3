import { distFromAverage } from '@hbnn/core';
import { lower } from '@hbnn/model';
import {
  BinarizedConv2D,
  binarize,
  exportModel,
  inputPrecision,
  useBackend,
  weightPrecision,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { bn, conv, head, L, loweredOwn, type OwnModel, pixelSource, pool } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

describe('what has no integer form is refused by name', () => {
  const even: OwnModel['shape'] = [6, 6, 6];
  const start = (o: object = {}): tfl.layers.Layer =>
    conv('c', 6, { inputShape: [...even], activation: 'relu', ...o });
  const turned = { dataFormat: 'channelsFirst' } as const;
  const refused: [string, () => tfl.layers.Layer[], RegExp][] = [
    ['Conv2D', () => [start(turned), ...head()], /^c: .*channelsFirst.*channelsLast/],
    [
      'DepthwiseConv2D',
      () => [start(), L.depthwiseConv2d({ name: 'd', kernelSize: 3, ...turned }), ...head()],
      /^d: .*channelsFirst/,
    ],
    [
      'SeparableConv2D',
      () => [
        start(),
        L.separableConv2d({ name: 's', filters: 6, kernelSize: 1, ...turned }),
        ...head(),
      ],
      /^s: .*channelsFirst/,
    ],
    ['MaxPooling2D', () => [start(), pool('p', turned), ...head()], /^p: .*channelsFirst/],
    [
      'AveragePooling2D',
      () => [start(), L.averagePooling2d({ name: 'p', poolSize: 2, ...turned }), ...head()],
      /^p: .*channelsFirst/,
    ],
    [
      'GlobalMaxPooling2D',
      () => [start(), L.globalMaxPooling2d({ name: 'g', ...turned }), ...head().slice(1)],
      /^g: .*channelsFirst/,
    ],
    [
      'GlobalAveragePooling2D',
      () => [start(), L.globalAveragePooling2d({ name: 'g', ...turned }), ...head().slice(1)],
      /^g: .*channelsFirst/,
    ],
    [
      'Flatten',
      () => [start(), L.flatten({ name: 'f', ...turned }), ...head().slice(1)],
      /^f: .*channelsFirst/,
    ],
    [
      'ZeroPadding2D',
      () => [start(), L.zeroPadding2d({ name: 'z', ...turned }), conv('c2', 3), ...head()],
      /^z: .*channelsFirst/,
    ],
    ['batch norm of axis 1', () => [start(), bn('n', { axis: 1 }), ...head()], /^n: .*axis 1/],
    ['batch norm of axis 2', () => [start(), bn('n', { axis: 2 }), ...head()], /^n: .*axis 2/],
    [
      'a reshape into another map',
      () => [start(), L.reshape({ name: 'r', targetShape: [3, 12, 6] }), conv('c2', 3), ...head()],
      /^r: .*Reshape/,
    ],
    [
      'dense on rows',
      () => [
        start(),
        L.reshape({ name: 'r', targetShape: [36, 6] }),
        L.dense({ name: 'd', units: 3 }),
        ...head(),
      ],
      /^d: .*\[36, 6\]/,
    ],
    [
      'zero padding before global average pooling',
      () => [start(), L.zeroPadding2d({ name: 'z' }), L.globalAveragePooling2d({ name: 'a' })],
      /^a: .*zero padding/,
    ],
    [
      'zero padding before max pooling of signed values',
      () => [start({ activation: 'linear' }), L.zeroPadding2d({ name: 'z' }), pool('p'), ...head()],
      /^p: .*zero padding/,
    ],
    [
      'zero padding at the end of a map',
      () => [start(), L.zeroPadding2d({ name: 'z' }), ...head()],
      /^flat: .*zero padding/,
    ],
    [
      'zero padding that nothing follows',
      () => [start({ strides: 4 }), L.zeroPadding2d({ name: 'z' })],
      /^z: .*behind zero padding, got the end of the network/,
    ],
    [
      'a ReLU that gives 0 alone',
      () => [start({ activation: 'linear' }), L.reLU({ name: 'r', maxValue: 0 }), ...head()],
      /^r: .*maxValue above 0, got 0/,
    ],
  ];
  it.each(refused)('%s', async (_, layers, words) => {
    await expect(loweredOwn({ shape: even, layers: layers() })).rejects.toThrow(words);
  });

  it('zero padding before a layer made by hand that binarizes its inputs', async () => {
    const inputs = inputPrecision(distFromAverage(1), { map: 'static' });
    const precision = { weights: weightPrecision(distFromAverage(1)), inputs };
    const c2 = new BinarizedConv2D({ name: 'c2', filters: 4, kernelSize: 3, precision });
    const layers = [start(), L.zeroPadding2d({ name: 'z' }), c2, ...head()];
    await expect(loweredOwn({ shape: even, layers })).rejects.toThrow(/^c2: .*zero padding/);
  });

  it('a field that nothing reads', async () => {
    const layer = start();
    const { getConfig } = layer;
    layer.getConfig = () => ({ ...getConfig.call(layer), groups: 2 });
    await expect(loweredOwn({ shape: even, layers: [layer, ...head()] })).rejects.toThrow(
      /^c: .*'groups'/,
    );
  });

  it('a class of the user’s own that is called like one of tf.layers', async () => {
    class ReLU extends tfl.layers.Layer {
      static readonly className = 'ReLU';
      override call(x: tf.Tensor | tf.Tensor[]): tf.Tensor {
        return tf.neg([x].flat()[0]);
      }
    }
    const layers = [start({ activation: 'linear' }), new ReLU({ name: 'mine' }), ...head()];
    await expect(loweredOwn({ shape: even, layers })).rejects.toThrow(/^mine: .*another class/);
  });

  const input = (): tfl.SymbolicTensor => tfl.input({ shape: [...even], name: 'x' });
  const flatOf = (x: unknown): tfl.SymbolicTensor =>
    L.flatten({ name: 'flat' }).apply(x as tfl.SymbolicTensor) as tfl.SymbolicTensor;
  const scoresOf = (x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor =>
    L.dense({ name, units: 4 }).apply(x) as tfl.SymbolicTensor;

  it('a layer applied twice', async () => {
    const [x, twice] = [input(), conv('twice', 6)];
    const y = twice.apply(twice.apply(x)) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: x, outputs: scoresOf(flatOf(y), 'out') });
    for (const own of [model, binarize(model, { weights: 1 })])
      await expect(exportModel(own, pixelSource(even, 4))).rejects.toThrow(/^twice: .*once/);
  });

  it('two outputs, and two inputs', async () => {
    const [x, z] = [input(), tfl.input({ shape: [...even], name: 'z' })];
    const flat = flatOf(conv('c', 3).apply(x));
    const two = tfl.model({ inputs: x, outputs: [scoresOf(flat, 'a'), scoresOf(flat, 'b')] });
    await expect(exportModel(two, pixelSource(even, 4))).rejects.toThrow(
      /one output, got 2 \(a, b\)/,
    );
    const sum = L.add({ name: 'sum' }).apply([x, z]);
    const joined = tfl.model({ inputs: [x, z], outputs: scoresOf(flatOf(sum), 'out') });
    await expect(exportModel(joined, pixelSource(even, 4))).rejects.toThrow(
      /one input, got 2 \(x, z\)/,
    );
  });

  it('images of another size, and another number of classes', async () => {
    const model = tfl.sequential({ layers: [start(), ...head()] });
    await expect(exportModel(model, pixelSource([6, 5, 6], 4))).rejects.toThrow(/6×5×6/);
    await expect(exportModel(model, pixelSource(even, 3))).rejects.toThrow(
      /layer .out. gives .*got 3 in/,
    );
  });

  it('maps chosen for each sample, with the option of the interface', async () => {
    const model = tfl.sequential({ layers: [start(), ...head()] });
    const exported = await exportModel(
      binarize(model, { weights: 1.4, inputs: 1.4, skip: ['c'] }),
      pixelSource(even, 4),
    );
    expect(() => lower(exported)).toThrow(/^out_input: .*map: 'static'.*--input-map static/);
  });
});
