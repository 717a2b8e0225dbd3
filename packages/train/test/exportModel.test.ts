import { checkModel } from '@hbnn/model';
import { useBackend } from '@hbnn/train';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { bn, compared, conv, head, L, loweredOwn, type OwnModel, pool, relu } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape: OwnModel['shape'] = [8, 8, 3];
const first = { inputShape: [...shape] };

const binarized: [string, () => tfl.layers.Layer[], Partial<OwnModel>?][] = [
  [
    'max pooling behind gammas of both signs',
    () => [conv('c1', 6, first), bn('n1'), pool('p'), conv('c2', 5), bn('n2'), ...head()],
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
      ...head(),
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
      ...head(),
    ],
  ],
  [
    'max pooling behind a gamma of 0',
    () => [conv('c1', 6, first), bn('n1'), pool('p'), conv('c2', 5), bn('n2'), ...head()],
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
  ['a last layer with biases', () => [conv('c1', 6, first), bn('n1'), ...head({ useBias: true })]],
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
      ...head(),
    ],
  ],
  [
    'a separable convolution as two layers',
    () => [
      conv('c1', 6, first),
      bn('n1'),
      L.separableConv2d({ name: 'sep', filters: 5, kernelSize: 3, strides: 2, padding: 'same' }),
      bn('n2'),
      ...head(),
    ],
  ],
  [
    'a dense layer on a map',
    () => [conv('c1', 6, first), bn('n1'), L.dense({ name: 'd', units: 7 }), bn('n2'), ...head()],
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
      ...head(),
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
      ...head(),
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
      ...head(),
    ],
  ],
  [
    'pooling before the first weights',
    () => [pool('p', first), conv('c1', 6), bn('n1'), ...head()],
  ],
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
    () => [bn('n', first), conv('c1', 6, { activation: 'relu' }), ...head()],
  ],
  [
    'batch norm far from 0 before a convolution with padding',
    () => [
      L.rescaling({ name: 'r', scale: -3, offset: 9, ...first }),
      conv('c1', 6, { activation: 'relu' }),
      ...head(),
    ],
  ],
  [
    'a gamma of 0 before a convolution with padding',
    () => [bn('n', first), conv('c1', 6, { activation: 'relu' }), ...head()],
    { gamma: (_, c) => [0, 1.4, -1][c % 3] },
  ],
  [
    'rescaling and average pooling before a convolution with padding',
    () => [
      L.rescaling({ name: 'r', scale: 0.5, offset: 0.4, ...first }),
      L.averagePooling2d({ name: 'a', poolSize: 2 }),
      conv('c1', 6, { activation: 'relu' }),
      ...head(),
    ],
  ],
  [
    'negative rescaling and max pooling before a convolution with padding',
    () => [
      L.rescaling({ name: 'r', scale: -0.5, offset: 0.1, ...first }),
      pool('p'),
      conv('c1', 6, { activation: 'relu' }),
      ...head(),
    ],
  ],
  [
    'a depthwise convolution with padding behind a batch norm',
    () => [
      bn('n', first),
      L.depthwiseConv2d({ name: 'd', kernelSize: 3, padding: 'same', depthMultiplier: 2 }),
      relu('r'),
      ...head(),
    ],
  ],
  [
    'ReLU, batch norm, convolution with padding',
    () => [conv('c1', 6, first), relu('r'), bn('n'), conv('c2', 6), relu('s'), ...head()],
  ],
  [
    'ReLU, batch norm of both signs, max pooling, convolution',
    () => [
      conv('c1', 6, first),
      relu('r'),
      bn('n'),
      pool('p'),
      conv('c2', 6),
      relu('s'),
      ...head(),
    ],
  ],
  [
    'ReLU, flatten, batch norm, dense',
    () => [conv('c1', 6, first), relu('r'), L.flatten({ name: 'f' }), bn('n'), ...head().slice(1)],
  ],
  [
    'large sums, flatten, batch norm, dense',
    () => [
      conv('c1', 4, { ...first, activation: 'relu' }),
      conv('c2', 6),
      L.flatten({ name: 'f' }),
      bn('n'),
      ...head().slice(1),
    ],
  ],
  [
    'flatten, batch norm, ReLU, dense',
    () => [conv('c1', 6, first), L.flatten({ name: 'f' }), bn('n'), relu('r'), ...head().slice(1)],
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
      ...head(),
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
      ...head(),
    ],
  ],
  [
    'zero padding before max pooling behind a ReLU',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.zeroPadding2d({ name: 'z' }),
      pool('p', { poolSize: 3, strides: 2 }),
      ...head(),
    ],
  ],
  ['relu6', () => [conv('c1', 6, { ...first, activation: 'relu6' }), ...head()]],
  [
    'average pooling beyond the edges, before the first weights and behind a ReLU',
    () => [
      L.averagePooling2d({ ...first, name: 'a', poolSize: 3, strides: 1, padding: 'same' }),
      conv('c1', 6, { activation: 'relu' }),
      L.averagePooling2d({ name: 'b', poolSize: 5, strides: 2, padding: 'same' }),
      ...head(),
    ],
  ],
  [
    'reshape instead of flatten, by way of rows',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.reshape({ name: 'rows', targetShape: [64, 6] }),
      L.reshape({ name: 'flat', targetShape: [384] }),
      ...head().slice(1),
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
      ...head(),
    ],
  ],
  [
    'global max pooling',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.globalMaxPooling2d({ name: 'g' }),
      ...head().slice(1),
    ],
  ],
  [
    'separable convolutions with a depth multiplier and biases',
    () => [
      L.separableConv2d({ ...first, name: 's', filters: 6, kernelSize: 3, depthMultiplier: 2 }),
      relu('r'),
      L.separableConv2d({ name: 't', filters: 70, kernelSize: 3, padding: 'same' }),
      relu('q'),
      ...head(),
    ],
  ],
  [
    'two convolutions with padding and nothing between',
    () => [conv('c1', 6, { ...first, useBias: true }), conv('c2', 5), relu('r'), ...head()],
  ],
  [
    'a dense layer on a map',
    () => [
      conv('c1', 6, { ...first, activation: 'relu' }),
      L.dense({ name: 'd', units: 5, activation: 'relu' }),
      ...head(),
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
      ...head({ name: 'order', useBias: true }).slice(1),
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
    const layers = [bn('n', first), conv('c1', 6, { activation: 'relu' }), ...head()];
    const { integer } = await loweredOwn({ shape, layers, gamma: () => 1 });
    expect(integer.layers.map(({ name }) => name)).toEqual(['c1', 'c1_relu', 'out']);
  });
});
