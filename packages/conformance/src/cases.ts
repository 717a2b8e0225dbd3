import {
  distFromAverage,
  type MapPer,
  type Mix,
  type Random,
  random,
  type ScalePer,
} from '@hbnn/core';
import {
  type CheckedModel,
  type ConvLayer,
  checkModel,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerWeights,
  type Padding4,
  type PlaneWeights,
  randomModel,
  type ThresholdLayer,
  treeSize,
} from '@hbnn/model';

/** A model that executors are tried on. */
export interface ModelCase {
  readonly name: string;
  make(): CheckedModel;
}

const tails = [1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129];
const mixes: readonly Mix[] = [
  distFromAverage(1),
  distFromAverage(1.4),
  distFromAverage(2),
  { fractions: [0, 1, 2, 3].map((bits) => ({ bits, fraction: 0.25 })) },
  { fractions: [0, 3].map((bits) => ({ bits, fraction: 0.5 })) },
];
const maps: readonly MapPer[] = ['element', 'position', 'input', 'output', 'block:3'];
const none: Padding4 = [0, 0, 0, 0];
const scales: readonly ScalePer[] = ['tensor', 'output'];

/** All model cases: sizes around the kernels' tiles, then what is out of the common. */
export function modelCases(): ModelCase[] {
  return [...tails.flatMap(tailCases), ...oddCases()];
}

/** One layer with so many inputs, outputs, columns; bits of weights and inputs go round. */
function tailCases(tail: number): ModelCase[] {
  const layers = [
    `dense:${tail}x3`,
    `dense:7x${tail}`,
    `conv:2x3x${tail},k1x1,o2`,
    `conv:4x5x${tail},k3x2,o3,p1`,
    `conv:3x3x5,k2x2,o${tail},p1`,
    `conv:3x${tail}x6,k3x3,o2,p1`,
    `conv:2x${tail}x4,k1x2,o3,s2,p1`,
    `conv:2x${tail}x3,k2x1,o2,s3,p1`,
    `depthwise:2x${tail}x2,k2x3,o4,p2`,
    `depthwise:5x4x${tail},k3x3,o${tail},s2,p1`,
  ];
  return layers.map((layer, i) => ({
    name: layer,
    make: () =>
      randomModel(`${layer}`, {
        layer,
        mix: mixes[(tail + i) % mixes.length],
        inputMix: mixes[(tail + 2 * i + 1) % mixes.length],
        mapPer: maps[(tail + i) % maps.length],
        scalePer: scales[(tail + i) % 2],
      }),
  }));
}

/** A layer's output shape, as docs/reference/integer-layers.md has it. */
function outputOf(input: FeatureShape, layer: IntegerLayer): FeatureShape {
  if (layer.kind === 'add' || layer.kind === 'concat') throw new Error(`${layer.name}: a branch`);
  if (layer.kind === 'threshold' || layer.kind === 'requantize') return input;
  if (layer.kind === 'dense') return [1, 1, layer.weights.shape[0]];
  const pads = 'padding' in layer ? layer.padding : none;
  const size = 'size' in layer ? layer.size : layer.weights.shape.slice(1, 3);
  const along = (axis: 0 | 1): number =>
    Math.floor((input[axis] + pads[axis] + pads[axis + 2] - size[axis]) / layer.strides[axis]) + 1;
  return [along(0), along(1), 'weights' in layer ? layer.weights.shape[0] : input[2]];
}

function whole(
  name: string,
  shape: FeatureShape,
  zero: number,
  layers: readonly IntegerLayer[],
): CheckedModel {
  const zeros = new Int32Array(shape[2]).fill(zero);
  const classes = featureCount(layers.reduce(outputOf, shape));
  return checkModel({
    name,
    input: { shape, zeros },
    layers,
    scoreFactor: 1,
    scoreOffsets: Int32Array.from({ length: classes }, (_, k) => 3 * k - 5),
    classes: Array.from({ length: classes }, (_, k) => `${k}`),
  });
}

interface PlaneOptions {
  readonly planes?: number;
  /** Bits of each weight; any up to the planes by default. */
  readonly bits?: number;
  readonly multiple?: (plane: number) => number;
  readonly scalePer?: ScalePer;
}

export function planeWeights(
  rng: Random,
  shape: readonly number[],
  o: PlaneOptions = {},
): PlaneWeights {
  const { planes = 2, multiple = (n) => 2 ** (planes - 1 - n), scalePer = 'tensor' } = o;
  const count = shape.reduce((product, n) => product * n, 1);
  const bits = Uint8Array.from({ length: count }, () => o.bits ?? rng.below(planes + 1));
  const signs = bits.map((width) => rng.below(256) & (2 ** width - 1));
  const groups = scalePer === 'tensor' ? 1 : shape[0];
  const multiples = Array.from({ length: planes }, (_, n) =>
    Uint8Array.from({ length: groups }, (_, o2) =>
      Math.min(255, multiple(n) + (groups > 1 ? o2 : 0)),
    ),
  );
  return { kind: 'planes', shape, bits, signs, multiples, scalePer, mapPer: 'element' };
}

export function int8Weights(
  rng: Random,
  shape: readonly number[],
  extreme = false,
): IntegerWeights {
  const count = shape.reduce((product, n) => product * n, 1);
  const values = Int8Array.from({ length: count }, () =>
    extreme ? (rng.below(2) === 0 ? 127 : -127) : rng.below(255) - 127,
  );
  return { kind: 'int8', shape, values };
}

/** The largest magnitudes that have no common divisor. */
function mixedExtremes(rng: Random, shape: readonly number[]): IntegerWeights {
  const count = shape.reduce((product, n) => product * n, 1);
  const values = Int8Array.from({ length: count }, () => (rng.below(2) === 0 ? 127 : -126));
  return { kind: 'int8', shape, values };
}

/** Weights that take one input each, as lowering makes them of batch norm behind a flattening. */
function picking(shape: readonly number[], place: (output: number) => number): PlaneWeights {
  const bits = new Uint8Array(shape.reduce((product, n) => product * n, 1));
  for (let o = 0; o < shape[0]; o++) bits[place(o)] = 1;
  const multiples = [Uint8Array.of(1)];
  const signs = bits.slice();
  return { kind: 'planes', shape, bits, signs, multiples, scalePer: 'tensor', mapPer: 'element' };
}

/** Weights of −1 and +1 in turn, as lowering makes them of negative gammas before max pooling. */
function signs(shape: readonly number[]): PlaneWeights {
  const { bits, ...others } = picking(shape, (o) => o);
  return { ...others, bits, signs: bits.map((_, i) => i % 2) };
}

interface ThresholdOptions {
  readonly planes?: number;
  readonly bits?: (i: number) => number;
  readonly at?: (rng: Random, node: number) => number;
  readonly multiple?: (plane: number) => number;
}

export function threshold(
  rng: Random,
  name: string,
  shape: FeatureShape,
  o: ThresholdOptions = {},
): ThresholdLayer {
  const { planes = 1, multiple = (n) => 2 ** (planes - 1 - n), bits = () => planes } = o;
  const { at = (r) => r.below(400) - 100 } = o;
  const nodes = treeSize(planes);
  return {
    kind: 'threshold',
    name,
    bits: Uint8Array.from({ length: featureCount(shape) }, (_, i) => bits(i)),
    multiples: Uint8Array.from({ length: planes }, (_, n) => multiple(n)),
    thresholds: Int32Array.from({ length: shape[2] * nodes }, (_, i) => at(rng, (i % nodes) + 1)),
    flips: Uint8Array.from({ length: shape[2] }, () => rng.below(2)),
  };
}

export const conv = (
  name: string,
  weights: IntegerWeights,
  padding: Padding4 = none,
  strides: readonly [number, number] = [1, 1],
): ConvLayer => ({ kind: 'conv', name, weights, padding, strides });

export const dense = (name: string, weights: IntegerWeights): IntegerLayer => ({
  kind: 'dense',
  name,
  weights,
});

/** Thresholds of pixels, then one layer. */
function binary(
  name: string,
  shape: FeatureShape,
  o: ThresholdOptions,
  layer: (rng: Random) => IntegerLayer,
): ModelCase {
  return {
    name,
    make: () => {
      const rng = random('case', name);
      return whole(name, shape, 7, [threshold(rng, 'bits', shape, o), layer(rng)]);
    },
  };
}

const extremes = [2147483647, -2147483648, 2147483646, -2147483647, 0, 1, -1];

function oddCases(): ModelCase[] {
  return [...binaryCases(), ...valueCases()];
}

function binaryCases(): ModelCase[] {
  const shape: FeatureShape = [5, 6, 9];
  // Without adders, these are read back as hardware too, where every bit of the map costs time.
  const few: FeatureShape = [3, 2, 9];
  const small = (o: PlaneOptions) => (rng: Random) =>
    conv('c', planeWeights(rng, [6, 3, 3, 9], o), [1, 1, 1, 1]);
  const any: ThresholdOptions = { planes: 2, bits: (i) => (i * 7) % 3 };
  return [
    binary('weights of 0 bits', shape, any, small({ bits: 0 })),
    binary('weights without planes', shape, any, small({ planes: 0 })),
    binary('weight plane of multiple 0', shape, any, small({ multiple: (n) => n })),
    binary('weight planes all of multiple 0', shape, any, small({ multiple: () => 0 })),
    binary('weights of 8 bits', shape, any, small({ planes: 8, multiple: () => 255 })),
    binary(
      'weights of 3 bits, scales per output',
      shape,
      any,
      small({ planes: 3, scalePer: 'output' }),
    ),
    binary('sums beyond int16', [9, 9, 40], any, (rng) =>
      conv('c', planeWeights(rng, [3, 9, 9, 40], { multiple: () => 15 })),
    ),
    binary('entries beyond int8', shape, any, small({ planes: 1, bits: 1, multiple: () => 200 })),
    binary('inputs of 0 bits', few, { bits: () => 0 }, small({})),
    binary('inputs without planes', few, { planes: 0 }, small({})),
    binary('inputs of 3 bits', shape, { planes: 3, bits: (i) => i % 4 }, small({})),
    binary('inputs of 4 bits', shape, { planes: 4, bits: (i) => i % 5 }, small({})),
    binary('inputs of 8 bits', shape, { planes: 8, bits: (i) => i % 9 }, small({})),
    binary('empty input plane', shape, { planes: 3, bits: (i) => i % 3 }, small({})),
    binary('input plane of multiple 0', shape, { ...any, multiple: (n) => n }, small({})),
    binary('inputs of multiple 255', shape, { ...any, multiple: () => 255 }, small({})),
    binary('a map per channel', shape, { ...any, bits: (i) => (i % 9) % 3 }, small({})),
    binary('one channel with members', shape, { bits: (i) => (i % 9 === 5 ? 1 : 0) }, small({})),
    binary('thresholds at the ends', shape, { ...any, at: (r) => extremes[r.below(7)] }, small({})),
    binary('one output', shape, any, (rng) => dense('d', planeWeights(rng, [1, 270]))),
    binary('planes whose sums fill 16 bits each', [2, 3, 150], { planes: 2 }, (rng) =>
      dense('d', int8Weights(rng, [6, 900])),
    ),
    binary(
      'bytes at their limits',
      [5, 4, 30],
      { planes: 2, multiple: (n) => [42, 21][n] },
      (rng) => conv('c', mixedExtremes(rng, [18, 3, 3, 30]), [1, 1, 1, 1]),
    ),
    binary('padding beyond the input', [2, 3, 5], any, (rng) =>
      conv('c', planeWeights(rng, [4, 5, 7, 5]), [9, 4, 0, 11], [3, 2]),
    ),
    binary('stride beyond the input', shape, any, (rng) =>
      conv('c', planeWeights(rng, [4, 2, 2, 9]), none, [2 ** 40, 2 ** 31]),
    ),
    binary('many pixels', [40, 67, 3], any, (rng) => conv('c', planeWeights(rng, [5, 3, 3, 3]))),
    binary('more windows than fit together', [20, 20, 70], any, (rng) =>
      conv('c', planeWeights(rng, [2, 7, 7, 70]), [3, 3, 3, 3]),
    ),
  ];
}

function valueCases(): ModelCase[] {
  const built = (
    name: string,
    shape: FeatureShape,
    layers: (rng: Random) => IntegerLayer[],
    zero = 100,
  ): ModelCase => ({ name, make: () => whole(name, shape, zero, layers(random('case', name))) });
  const pads: Padding4 = [1, 2, 0, 1];
  const requantize = (rng: Random, channels: number): IntegerLayer => ({
    kind: 'requantize',
    name: 'q',
    minimum: -32768,
    maximum: 32767,
    multipliers: Int16Array.from({ length: channels }, (_, c) => [32767, -32768, 0, 1][c % 4]),
    offsets: Float64Array.from({ length: channels }, (_, c) => [2 ** 52, -(2 ** 52), 1, -1][c % 4]),
    shifts: Uint8Array.from({ length: channels }, (_, c) => [46, 40, 0, rng.below(20)][c % 4]),
  });
  /** To 0…200, with multipliers and shifts that stay within int32. */
  const clamped = (rng: Random, name: string, channels: number): IntegerLayer => ({
    kind: 'requantize',
    name,
    minimum: 0,
    maximum: 200,
    multipliers: Int16Array.from({ length: channels }, () => 1 + rng.below(3000)),
    offsets: Float64Array.from({ length: channels }, () => rng.below(60000) - 5000),
    shifts: Uint8Array.from({ length: channels }, () => 5 + rng.below(5)),
  });
  return [
    built('extreme int8 weights', [7, 5, 3], (rng) => [
      conv('c', int8Weights(rng, [5, 3, 3, 3], true), pads, [2, 1]),
    ]),
    built('pixels as they are', [7, 5, 3], (rng) => [conv('c', int8Weights(rng, [5, 3, 3, 3]))], 0),
    built('codes from −255 to 255 on pixels', [7, 5, 3], (rng) => [
      conv('c', planeWeights(rng, [5, 3, 3, 3], { planes: 8 }), pads, [2, 1]),
    ]),
    built('codes from −128 to 128 on pixels', [4, 5, 3], (rng) => [
      dense('d', planeWeights(rng, [4, 60], { planes: 8, multiple: (n) => 64 >> Math.min(n, 6) })),
    ]),
    built('zeros of 255', [7, 5, 3], (rng) => [dense('d', int8Weights(rng, [17, 105]))], 255),
    built('inputs beyond int16', [6, 6, 4], (rng) => [
      conv('a', int8Weights(rng, [9, 3, 3, 4]), pads),
      conv('b', int8Weights(rng, [7, 2, 2, 9]), pads, [1, 2]),
    ]),
    built('depthwise beyond int16', [6, 6, 4], (rng) => [
      conv('a', int8Weights(rng, [9, 3, 3, 4]), pads),
      { ...conv('b', planeWeights(rng, [18, 3, 3, 1]), pads, [2, 1]), kind: 'depthwise' },
    ]),
    built('64-bit products', [4, 5, 8], (rng) => [
      conv('a', int8Weights(rng, [8, 3, 3, 8], true), pads),
      requantize(rng, 8),
    ]),
    built('requantized pixels', [4, 5, 3], (rng) => [requantize(rng, 3)]),
    built('products that are requantized', [11, 10, 3], (rng) => [
      conv('c1', int8Weights(rng, [7, 3, 3, 3])),
      threshold(rng, 't1', [9, 8, 7], { planes: 3, bits: (i) => 1 + ((i % 7) % 3), at: levels }),
      conv('c2', planeWeights(rng, [6, 1, 1, 7], { planes: 3 })),
      clamped(rng, 'q2', 6),
      threshold(rng, 't2', [9, 8, 6], {
        planes: 2,
        bits: (i) => (i % 6) % 3,
        at: (r) => r.below(99),
      }),
      conv('c3', planeWeights(rng, [5, 2, 2, 6], { scalePer: 'output' })),
      clamped(rng, 'q3', 5),
      conv('c4', planeWeights(rng, [9, 3, 3, 5]), pads),
    ]),
    ...[1, 2].map((stride) =>
      built(`depthwise sums to bits, stride ${stride}`, [9, 11, 7], (rng) => {
        const rows = stride === 1 ? 9 : 5;
        const columns = stride === 1 ? 11 : 6;
        return [
          {
            ...conv('w', int8Weights(rng, [7, 3, 3, 1]), [1, 1, 1, 1], [stride, stride]),
            kind: 'depthwise',
          },
          threshold(rng, 't', [rows, columns, 7], {
            planes: 3,
            bits: (i) => (3 + (i % 7)) % 4,
            at: levels,
          }),
          conv('p', planeWeights(rng, [6, 1, 1, 7], { planes: 2 })),
        ];
      }),
    ),
    built('pools of whole values', [8, 9, 5], () => [
      { kind: 'maxPool', name: 'm', size: [3, 2], strides: [2, 1], padding: [2, 1, 1, 0] },
      { kind: 'sumPool', name: 's', size: [2, 3], strides: [1, 2] },
      { kind: 'maxPool', name: 'n', size: [2, 2], strides: [1, 2], padding: [1, 0, 0, 1] },
      { kind: 'sumPool', name: 't', size: [2, 2], strides: [2, 1] },
    ]),
    built('pools of every second column', [33, 75, 3], () => [
      { kind: 'maxPool', name: 'a', size: [3, 3], strides: [2, 2], padding: none },
      { kind: 'maxPool', name: 'b', size: [2, 2], strides: [1, 2], padding: none },
      { kind: 'sumPool', name: 'c', size: [2, 3], strides: [2, 2] },
      { kind: 'maxPool', name: 'd', size: [2, 3], strides: [1, 2], padding: none },
      { kind: 'sumPool', name: 'e', size: [1, 2], strides: [1, 2] },
    ]),
    built('each value of a map by itself, then put in order', [3, 4, 2], (rng) => [
      {
        ...conv(
          'spread',
          picking([24, 3, 4, 1], (o) => 12 * o + (o % 12)),
        ),
        kind: 'depthwise',
      },
      threshold(rng, 't', [1, 1, 24], { planes: 2, at: (r) => r.below(200) - 100 }),
      dense(
        'order',
        picking([24, 24], (o) => 24 * o + ((7 * o + 3) % 24)),
      ),
    ]),
    built('each value of sums by itself', [3, 4, 4], (rng) => [
      conv('a', int8Weights(rng, [5, 3, 3, 4]), pads),
      {
        ...conv(
          'spread',
          picking([50, 2, 5, 1], (o) => 10 * o + (o % 10)),
        ),
        kind: 'depthwise',
      },
      requantize(rng, 50),
    ]),
    built('channels negated before pooling', [4, 5, 3], () => [
      { ...conv('sign', signs([3, 1, 1, 1])), kind: 'depthwise' },
      { kind: 'maxPool', name: 'm', size: [3, 2], strides: [2, 2], padding: [1, 0, 1, 1] },
    ]),
    binary('scores made finer', [1, 1, 40], { planes: 2, bits: (i) => 1 + (i % 2) }, (rng) =>
      dense('d', planeWeights(rng, [10, 40], { planes: 2, multiple: (n) => [240, 112][n] })),
    ),
    built('a whole network', [12, 12, 3], (rng) => [
      conv('c1', int8Weights(rng, [8, 3, 3, 3]), [1, 1, 1, 1]),
      { kind: 'maxPool', name: 'm1', size: [2, 2], strides: [2, 2], padding: none },
      threshold(rng, 't1', [6, 6, 8], { planes: 2, bits: (i) => 1 + (i % 2), at: levels }),
      conv('c2', planeWeights(rng, [12, 3, 3, 8]), [1, 1, 1, 1]),
      threshold(rng, 't2', [6, 6, 12], { planes: 3, bits: (i) => i % 4, at: levels }),
      { kind: 'sumPool', name: 's2', size: [2, 2], strides: [2, 2] },
      threshold(rng, 't3', [3, 3, 12], { planes: 1, at: (r) => r.below(9) - 4 }),
      dense('d1', planeWeights(rng, [20, 108], { scalePer: 'output' })),
      requantize(rng, 20),
      dense('d2', int8Weights(rng, [10, 20])),
    ]),
  ];
}

const levels = (rng: Random, node: number): number => rng.below(2000) - 1000 + 50 * node;
