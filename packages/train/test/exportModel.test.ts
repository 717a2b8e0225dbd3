import { distFromAverage } from '@hbnn/core';
import { checkModel, lower } from '@hbnn/model';
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
import { compared, floatScores, L, loweredOwn, type OwnModel, pixelSource } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape: OwnModel['shape'] = [8, 8, 3];
const conv = (name: string, filters: number, o: object = {}): tfl.layers.Layer =>
  L.conv2d({ name, filters, kernelSize: 3, padding: 'same', useBias: false, ...o });
const bn = (name: string, o: object = {}): tfl.layers.Layer => L.batchNormalization({ name, ...o });
const relu = (name: string): tfl.layers.Layer => L.reLU({ name });
const pool = (name: string, o: object = {}): tfl.layers.Layer =>
  L.maxPooling2d({ name, poolSize: 2, ...o });
const out = (o: object = {}): tfl.layers.Layer[] => [
  L.flatten({ name: 'flat' }),
  L.dense({ name: 'out', units: 4, useBias: false, ...o }),
];
const first = { inputShape: [...shape] };

const binarized: [string, () => tfl.layers.Layer[], Partial<OwnModel>?][] = [
  [
    'max pooling behind gammas of both signs',
    () => [conv('c1', 6, first), bn('n1'), pool('p'), conv('c2', 5), bn('n2'), ...out()],
  ],
  [
    'max pooling behind negative gammas and an average pooling',
    () => [
      conv('c1', 6, first),
      bn('n1'),
      L.averagePooling2d({ name: 'a', poolSize: 2 }),
      pool('p', { padding: 'same', poolSize: 3, strides: 2 }),
      conv('c2', 5),
      bn('n2'),
      ...out(),
    ],
  ],
  [
    'max pooling twice with a batch norm between',
    () => [
      conv('c1', 6, first),
      pool('p1'),
      bn('n1'),
      pool('p2'),
      conv('c2', 5),
      bn('n2'),
      ...out(),
    ],
  ],
  [
    'max pooling behind a gamma of 0',
    () => [conv('c1', 6, first), bn('n1'), pool('p'), conv('c2', 5), bn('n2'), ...out()],
    { gamma: (_, c) => [0, -1, 0.7][c % 3] },
  ],
  [
    'flatten, batch norm, dense',
    () => [
      conv('c1', 3, first),
      L.flatten({ name: 'f' }),
      bn('n'),
      L.dense({ name: 'out', units: 4 }),
    ],
  ],
  [
    'flatten, batch norm twice, dense twice',
    () => [
      conv('c1', 3, first),
      L.flatten({ name: 'f' }),
      bn('n'),
      bn('m'),
      L.dense({ name: 'd', units: 9 }),
      bn('k'),
      L.dense({ name: 'out', units: 4 }),
    ],
  ],
  ['a last layer with biases', () => [conv('c1', 6, first), bn('n1'), ...out({ useBias: true })]],
  [
    'a last layer with biases, then global average pooling',
    () => [
      conv('c1', 6, first),
      bn('n1'),
      conv('c2', 4, { useBias: true }),
      L.globalAveragePooling2d({ name: 'g' }),
    ],
  ],
  [
    'layers that do nothing at inference',
    () => [
      conv('c1', 6, first),
      L.gaussianNoise({ name: 'g', stddev: 1 }),
      bn('n1'),
      L.gaussianDropout({ name: 'h', rate: 0.3 }),
      L.alphaDropout({ name: 'a', rate: 0.3 }),
      L.dropout({ name: 'd', rate: 0.3 }),
      L.activation({ name: 'l', activation: 'linear' }),
      ...out(),
    ],
  ],
  [
    'a separable convolution as two layers',
    () => [
      conv('c1', 6, first),
      bn('n1'),
      L.separableConv2d({ name: 'sep', filters: 5, kernelSize: 3, strides: 2, padding: 'same' }),
      bn('n2'),
      ...out(),
    ],
  ],
  [
    'a dense layer on a map',
    () => [conv('c1', 6, first), bn('n1'), L.dense({ name: 'd', units: 7 }), bn('n2'), ...out()],
  ],
  [
    'average pooling that counts zeros around the map',
    () => [
      conv('c1', 6, first),
      L.zeroPadding2d({
        name: 'z',
        padding: [
          [1, 0],
          [2, 1],
        ] as never,
      }),
      L.averagePooling2d({ name: 'a', poolSize: [2, 3], strides: [1, 2] }),
      bn('n1'),
      conv('c2', 5),
      bn('n2'),
      ...out(),
    ],
  ],
  ...(
    [
      ['with strides', { poolSize: 3, strides: 2 }],
      ['at every place', { poolSize: [3, 2], strides: 1 }],
    ] as const
  ).map(([how, o]): (typeof binarized)[number] => [
    `average pooling beyond the edges, ${how}`,
    () => [
      conv('c1', 6, first),
      bn('n1'),
      L.averagePooling2d({ name: 'a', ...(o as object), padding: 'same' }),
      bn('n2'),
      conv('c2', 5),
      bn('n3'),
      ...out(),
    ],
  ]),
  [
    'average pooling beyond the edges of a map with zeros around it',
    () => [
      conv('c1', 6, first),
      bn('n1'),
      L.zeroPadding2d({ name: 'z', padding: 1 }),
      L.averagePooling2d({ name: 'a', poolSize: 3, strides: 2, padding: 'same' }),
      conv('c2', 5),
      bn('n2'),
      ...out(),
    ],
  ],
  ['pooling before the first weights', () => [pool('p', first), conv('c1', 6), bn('n1'), ...out()]],
];

describe('a binarized network of a user’s own', () => {
  it.each(binarized)('%s', async (_, layers, more = {}) => {
    const lowered = await loweredOwn({ shape, layers: layers(), skip: [], ...more });
    const { difference, agree } = await compared(lowered);
    expect(difference).toBeLessThan(biasStep);
    expect(agree).toBe(1);
  });
});

/**
 * Planes of 1 bit lower without loss. What is left is float32 rounding of the framework, and biases of the last
 * layer rounded to 1/128 of a whole score or finer.
 */
const biasStep = 1e-3;
/** Float weights and activations of 8 bits. */
const eightBits = 0.03;

const float: [string, () => tfl.layers.Layer[], Partial<OwnModel>?][] = [
  [
    'batch norm before a convolution with padding',
    () => [bn('n', first), conv('c1', 6, { activation: 'relu' }), ...out()],
  ],
  [
    'batch norm far from 0 before a convolution with padding',
    () => [
      L.rescaling({ name: 'r', scale: -3, offset: 9, ...first }),
      conv('c1', 6, { activation: 'relu' }),
      ...out(),
    ],
  ],
  [
    'a gamma of 0 before a convolution with padding',
    () => [bn('n', first), conv('c1', 6, { activation: 'relu' }), ...out()],
    { gamma: (_, c) => [0, 1.4, -1][c % 3] },
  ],
  [
    'rescaling and average pooling before a convolution with padding',
    () => [
      L.rescaling({ name: 'r', scale: 0.5, offset: 0.4, ...first }),
      L.averagePooling2d({ name: 'a', poolSize: 2 }),
      conv('c1', 6, { activation: 'relu' }),
      ...out(),
    ],
  ],
  [
    'negative rescaling and max pooling before a convolution with padding',
    () => [
      L.rescaling({ name: 'r', scale: -0.5, offset: 0.1, ...first }),
      pool('p'),
      conv('c1', 6, { activation: 'relu' }),
      ...out(),
    ],
  ],
  [
    'a depthwise convolution with padding behind a batch norm',
    () => [
      bn('n', first),
      L.depthwiseConv2d({ name: 'd', kernelSize: 3, padding: 'same', depthMultiplier: 2 }),
      relu('r'),
      ...out(),
    ],
  ],
  [
    'ReLU, batch norm, convolution with padding',
    () => [conv('c1', 6, first), relu('r'), bn('n'), conv('c2', 6), relu('s'), ...out()],
  ],
  [
    'ReLU, batch norm of both signs, max pooling, convolution',
    () => [conv('c1', 6, first), relu('r'), bn('n'), pool('p'), conv('c2', 6), relu('s'), ...out()],
  ],
  [
    'ReLU, flatten, batch norm, dense',
    () => [conv('c1', 6, first), relu('r'), L.flatten({ name: 'f' }), bn('n'), ...out().slice(1)],
  ],
  [
    'large sums, flatten, batch norm, dense',
    () => [
      conv('c1', 4, { ...first, activation: 'relu' }),
      conv('c2', 6),
      L.flatten({ name: 'f' }),
      bn('n'),
      ...out().slice(1),
    ],
  ],
  [
    'flatten, batch norm, ReLU, dense',
    () => [conv('c1', 6, first), L.flatten({ name: 'f' }), bn('n'), relu('r'), ...out().slice(1)],
  ],
  [
    'batch norm of flattened scores at the end',
    () => [conv('c1', 2, { ...first, strides: 3 }), L.flatten({ name: 'f' }), bn('n')],
  ],
  [
    'zero padding of unlike sides before a stride, and same padding on it',
    () => [
      L.zeroPadding2d({
        name: 'z',
        padding: [
          [0, 1],
          [2, 1],
        ],
        ...first,
      }),
      conv('c1', 6, { strides: 2, padding: 'valid', activation: 'relu' }),
      L.zeroPadding2d({ name: 'y', padding: 1 }),
      conv('c2', 5, { activation: 'relu' }),
      ...out(),
    ],
  ],
  [
    'zero padding, ReLU and dropout between, depthwise',
    () => [
      conv('c1', 6, first),
      L.zeroPadding2d({ name: 'z', padding: 2 }),
      relu('r'),
      L.dropout({ name: 'o', rate: 0.5 }),
      L.zeroPadding2d({ name: 'y', padding: 1 }),
      L.depthwiseConv2d({ name: 'd', kernelSize: 4, activation: 'relu' }),
      ...out(),
    ],
  ],
  [
    'zero padding before max pooling behind a ReLU',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.zeroPadding2d({ name: 'z' }),
      pool('p', { poolSize: 3, strides: 2 }),
      ...out(),
    ],
  ],
  ['relu6', () => [conv('c1', 6, { ...first, activation: 'relu6' }), ...out()]],
  [
    'average pooling beyond the edges, before the first weights and behind a ReLU',
    () => [
      L.averagePooling2d({ ...first, name: 'a', poolSize: 3, strides: 1, padding: 'same' }),
      conv('c1', 6, { activation: 'relu' }),
      L.averagePooling2d({ name: 'b', poolSize: 5, strides: 2, padding: 'same' }),
      ...out(),
    ],
  ],
  [
    'reshape instead of flatten, by way of rows',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.reshape({ name: 'rows', targetShape: [64, 6] }),
      L.reshape({ name: 'flat', targetShape: [384] }),
      ...out().slice(1),
    ],
  ],
  [
    'flatten and a reshape back',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.flatten({ name: 'there' }),
      L.reshape({ name: 'back', targetShape: [8, 8, 6] }),
      conv('c2', 5),
      relu('r'),
      ...out(),
    ],
  ],
  [
    'global max pooling',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.globalMaxPooling2d({ name: 'g' }),
      ...out().slice(1),
    ],
  ],
  [
    'separable convolutions with a depth multiplier and biases',
    () => [
      L.separableConv2d({ ...first, name: 's', filters: 6, kernelSize: 3, depthMultiplier: 2 }),
      relu('r'),
      L.separableConv2d({ name: 't', filters: 70, kernelSize: 3, padding: 'same' }),
      relu('q'),
      ...out(),
    ],
  ],
  [
    'two convolutions with padding and nothing between',
    () => [conv('c1', 6, { ...first, useBias: true }), conv('c2', 5), relu('r'), ...out()],
  ],
  [
    'a dense layer on a map',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.dense({ name: 'd', units: 5, activation: 'relu' }),
      ...out(),
    ],
  ],
  [
    'layers named as those that export and lowering add',
    () => [
      conv('input_scale', 6, first),
      bn('spread'),
      L.flatten({ name: 'input_scale_relu' }),
      bn('input_scale_bias'),
      relu('score_scale'),
      ...out({ name: 'order', useBias: true }).slice(1),
    ],
  ],
];

describe('a float network of a user’s own', () => {
  it.each(float)('%s', async (_, layers, more = {}) => {
    const lowered = await loweredOwn({ shape, layers: layers(), ...more });
    const { difference, agree } = await compared(lowered);
    expect(difference).toBeLessThan(eightBits);
    expect(agree).toBeGreaterThanOrEqual(0.95);
    checkModel(lowered.integer);
  });

  it('moves the zero of pixels rather than rounding them where a batch norm comes first', async () => {
    const layers = [bn('n', first), conv('c1', 6, { activation: 'relu' }), ...out()];
    const { integer } = await loweredOwn({ shape, layers, gamma: () => 1 });
    expect(integer.layers.map(({ name }) => name)).toEqual(['c1', 'c1_relu', 'out']);
  });
});

describe('an activation at the end', () => {
  const ends: [string, () => tfl.layers.Layer[], number, RegExp][] = [
    ['softmax of the last layer', () => out({ activation: 'softmax' }), 4, /^out: its softmax/],
    ['a softmax layer', () => [...out(), L.softmax({ name: 's' })], 4, /^s: its softmax/],
    [
      'softmax, then dropout',
      () => [...out({ activation: 'softmax' }), L.dropout({ name: 'o', rate: 0.1 })],
      4,
      /^out: its softmax/,
    ],
    ['sigmoid of one', () => out({ units: 1, activation: 'sigmoid' }), 1, /^out: its sigmoid/],
    ['sigmoid of some', () => out({ activation: 'sigmoid' }), 4, /^out: its sigmoid/],
  ];
  it.each(ends)('is left out, and that is said: %s', async (_, end, classes, note) => {
    const layers = [conv('c1', 6, { ...first, activation: 'relu' }), ...end()];
    const lowered = await loweredOwn({ shape, layers, classes });
    expect(lowered.notes).toHaveLength(1);
    expect(lowered.notes[0]).toMatch(note);
    if (classes > 1) {
      expect((await compared(lowered)).agree).toBeGreaterThanOrEqual(0.95);
      return;
    }
    const { interpreter } = await import('@hbnn/model');
    const probabilities = await floatScores(lowered.model, lowered.source);
    const scores = interpreter(lowered.integer).run(lowered.source.pixels);
    const alike = scores.filter((score, i) => score > 0 === probabilities[i] > 0.5).length;
    expect(alike).toBeGreaterThanOrEqual(0.95 * scores.length);
  });

  const others: [string, () => tfl.layers.Layer[], RegExp, number?][] = [
    ['tanh', () => out({ activation: 'tanh' }), /^out: .*tanh/],
    ['swish', () => out({ activation: 'swish' }), /^out: .*swish/],
    [
      'tanh within',
      () => [L.activation({ name: 't', activation: 'tanh' }), ...out()],
      /^t: .*tanh/,
    ],
    ['softplus of one score', () => out({ units: 1, activation: 'softplus' }), /^out: .*softplus/],
    ['softmax per place', () => [conv('c2', 4, { activation: 'softmax' })], /^c2: .*softmax/],
    ['softmax within', () => [L.softmax({ name: 's' }), ...out()], /^s: .*softmax/],
    [
      'one score for two classes',
      () => out({ units: 1, activation: 'sigmoid' }),
      /expected 1 class, one for each score .*got 2 in .*one class, for which a score above 0/,
      2,
    ],
  ];
  it.each(others)('is refused by name: %s', async (_, end, words, classes) => {
    const layers = [conv('c1', 6, { ...first, activation: 'relu' }), ...end()];
    await expect(loweredOwn({ shape, layers, classes })).rejects.toThrow(words);
  });
});

describe('what has no integer form is refused by name', () => {
  const even: OwnModel['shape'] = [6, 6, 6];
  const start = (o: object = {}): tfl.layers.Layer =>
    conv('c', 6, { inputShape: [...even], activation: 'relu', ...o });
  const turned = { dataFormat: 'channelsFirst' } as const;
  const refused: [string, () => tfl.layers.Layer[], RegExp][] = [
    ['Conv2D', () => [start(turned), ...out()], /^c: .*channelsFirst.*channelsLast/],
    [
      'DepthwiseConv2D',
      () => [start(), L.depthwiseConv2d({ name: 'd', kernelSize: 3, ...turned }), ...out()],
      /^d: .*channelsFirst/,
    ],
    [
      'SeparableConv2D',
      () => [
        start(),
        L.separableConv2d({ name: 's', filters: 6, kernelSize: 1, ...turned }),
        ...out(),
      ],
      /^s: .*channelsFirst/,
    ],
    ['MaxPooling2D', () => [start(), pool('p', turned), ...out()], /^p: .*channelsFirst/],
    [
      'AveragePooling2D',
      () => [start(), L.averagePooling2d({ name: 'p', poolSize: 2, ...turned }), ...out()],
      /^p: .*channelsFirst/,
    ],
    [
      'GlobalMaxPooling2D',
      () => [start(), L.globalMaxPooling2d({ name: 'g', ...turned }), ...out().slice(1)],
      /^g: .*channelsFirst/,
    ],
    [
      'GlobalAveragePooling2D',
      () => [start(), L.globalAveragePooling2d({ name: 'g', ...turned }), ...out().slice(1)],
      /^g: .*channelsFirst/,
    ],
    [
      'Flatten',
      () => [start(), L.flatten({ name: 'f', ...turned }), ...out().slice(1)],
      /^f: .*channelsFirst/,
    ],
    [
      'ZeroPadding2D',
      () => [start(), L.zeroPadding2d({ name: 'z', ...turned }), conv('c2', 3), ...out()],
      /^z: .*channelsFirst/,
    ],
    ['batch norm of axis 1', () => [start(), bn('n', { axis: 1 }), ...out()], /^n: .*axis 1/],
    ['batch norm of axis 2', () => [start(), bn('n', { axis: 2 }), ...out()], /^n: .*axis 2/],
    [
      'a reshape into another map',
      () => [start(), L.reshape({ name: 'r', targetShape: [3, 12, 6] }), conv('c2', 3), ...out()],
      /^r: .*Reshape/,
    ],
    [
      'dense on rows',
      () => [
        start(),
        L.reshape({ name: 'r', targetShape: [36, 6] }),
        L.dense({ name: 'd', units: 3 }),
        ...out(),
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
      () => [start({ activation: 'linear' }), L.zeroPadding2d({ name: 'z' }), pool('p'), ...out()],
      /^p: .*zero padding/,
    ],
    [
      'zero padding at the end of a map',
      () => [start(), L.zeroPadding2d({ name: 'z' }), ...out()],
      /^flat: .*zero padding/,
    ],
    [
      'zero padding that nothing follows',
      () => [start({ strides: 4 }), L.zeroPadding2d({ name: 'z' })],
      /^z: .*behind zero padding, got the end of the network/,
    ],
    [
      'a ReLU that gives 0 alone',
      () => [start({ activation: 'linear' }), L.reLU({ name: 'r', maxValue: 0 }), ...out()],
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
    const layers = [start(), L.zeroPadding2d({ name: 'z' }), c2, ...out()];
    await expect(loweredOwn({ shape: even, layers })).rejects.toThrow(/^c2: .*zero padding/);
  });

  it('a field that nothing reads', async () => {
    const layer = start();
    const { getConfig } = layer;
    layer.getConfig = () => ({ ...getConfig.call(layer), groups: 2 });
    await expect(loweredOwn({ shape: even, layers: [layer, ...out()] })).rejects.toThrow(
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
    const layers = [start({ activation: 'linear' }), new ReLU({ name: 'mine' }), ...out()];
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
    const model = tfl.sequential({ layers: [start(), ...out()] });
    await expect(exportModel(model, pixelSource([6, 5, 6], 4))).rejects.toThrow(/6×5×6/);
    await expect(exportModel(model, pixelSource(even, 3))).rejects.toThrow(
      /layer .out. gives .*got 3 in/,
    );
  });

  it('maps chosen for each sample, with the option of the interface', async () => {
    const model = tfl.sequential({ layers: [start(), ...out()] });
    const exported = await exportModel(
      binarize(model, { weights: 1.4, inputs: 1.4, skip: ['c'] }),
      pixelSource(even, 4),
    );
    expect(() => lower(exported)).toThrow(/^out_input: .*map: 'static'.*--input-map static/);
  });
});
