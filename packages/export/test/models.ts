import { random } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  featureCount,
  type IntegerLayer,
  noPadding,
  randomModel,
} from '@hbnn/model';

const outputs = 3;

/** 8-bit weights of one magnitude and random signs. */
function loudWeights(seed: string, shape: number[], magnitude: number) {
  const rng = random(seed, 'loud weights');
  const count = shape.reduce((product, n) => product * n, 1);
  const values = Int8Array.from({ length: count }, () =>
    rng.below(2) === 0 ? magnitude : -magnitude,
  );
  return { kind: 'int8', shape, values } as const;
}

/** A network whose sums go beyond 2^24: two convolutions one after the other, and a layer of each kind behind them. */
export function wideModel(kind: IntegerLayer['kind']): CheckedModel {
  const padding = [1, 0, 2, 1] as const;
  const strides = [1, 1] as const;
  const size = [2, 2] as const;
  const layers: IntegerLayer[] = [
    { kind: 'conv', name: 'first', strides, padding, weights: loudWeights('a', [8, 2, 2, 2], 127) },
    { kind: 'conv', name: 'second', strides, padding, weights: loudWeights('b', [4, 2, 2, 8], 8) },
  ];
  const both = ['first', 'shaped'];
  const shaped: IntegerLayer = {
    kind: 'conv',
    name: 'shaped',
    strides,
    padding: [0, 0, 0, 0],
    weights: loudWeights('c', [8, 3, 1, 4], 1),
  };
  const last: Record<IntegerLayer['kind'], () => IntegerLayer> = {
    add: () => ({
      kind: 'add',
      name: 'last',
      inputs: both,
      multipliers: [new Int16Array(8).fill(-1000), Int16Array.of(1, -1, 2, 0, 1, 1, -2, 1)],
    }),
    concat: () => ({ kind: 'concat', name: 'last', inputs: both }),
    conv: () => ({
      kind: 'conv',
      name: 'last',
      strides: [2, 1],
      padding: [0, 0, 0, 0],
      weights: { kind: 'int8', shape: [2, 1, 1, 4], values: Int8Array.of(1, -2, 3, 0, 0, 1, 1, 1) },
    }),
    depthwise: () => ({
      kind: 'depthwise',
      name: 'last',
      strides,
      padding,
      weights: { kind: 'int8', shape: [8, 1, 2, 1], values: new Int8Array(16).fill(-2) },
    }),
    dense: () => ({
      kind: 'dense',
      name: 'last',
      weights: { kind: 'int8', shape: [1, 8 * 5 * 4], values: sparse(8 * 5 * 4) },
    }),
    maxPool: () => ({
      kind: 'maxPool',
      name: 'last',
      size,
      strides: [2, 3],
      padding: [1, 0, 0, 1],
    }),
    sumPool: () => ({ kind: 'sumPool', name: 'last', size, strides: [1, 3] }),
    threshold: () => ({
      kind: 'threshold',
      name: 'last',
      bits: new Uint8Array(8 * 5 * 4).fill(2),
      multiples: Uint8Array.of(200, 100),
      thresholds: Int32Array.from(
        { length: 12 },
        (_, i) => [2 ** 24, -(2 ** 31), 2 ** 31 - 1, 0, 1, -1][i % 6],
      ),
      flips: Uint8Array.of(0, 1, 0, 1),
    }),
    requantize: () => ({
      kind: 'requantize',
      name: 'last',
      multipliers: Int16Array.of(-32768, 32767, 1, -1),
      offsets: Float64Array.of(2 ** 52, -(2 ** 52), -0, -1),
      shifts: Uint8Array.of(46, 38, 0, 14),
      minimum: -32768,
      maximum: 32767,
    }),
  };
  const isJoin = kind === 'add' || kind === 'concat';
  return finished(kind, [...layers, ...(isJoin ? [shaped] : []), last[kind]()]);
}

/** A few small weights, so that sums stay within int32. */
function sparse(count: number): Int8Array {
  const values = new Int8Array(count);
  for (let i = 0; i < outputs; i++) values[i * 50] = i - 4;
  return values;
}

/** Scores of the wide networks. */
const scoreCounts: Readonly<Record<IntegerLayer['kind'], number>> = {
  conv: 4 * 5 * 2,
  depthwise: 11 * 5 * 8,
  dense: 1,
  maxPool: 4 * 2 * 4,
  sumPool: 7 * 2 * 4,
  threshold: 8 * 5 * 4,
  requantize: 8 * 5 * 4,
  add: 6 * 5 * 8,
  concat: 6 * 5 * 16,
};

function finished(kind: IntegerLayer['kind'], layers: readonly IntegerLayer[]): CheckedModel {
  const input = { shape: [4, 5, 2], zeros: Int32Array.of(0, 255) } as const;
  const classes = Array.from({ length: scoreCounts[kind] }, (_, k) => `${k}`);
  const scoreOffsets = new Int32Array(classes.length).fill(-7);
  return checkModel({ name: kind, input, layers, scoreFactor: 1, scoreOffsets, classes });
}

/** A convolution, a pool whose windows are apart, and a requantization behind it. */
export function pooledModel(kind: 'conv' | 'depthwise', pool: 'maxPool' | 'sumPool'): CheckedModel {
  const inputs = kind === 'conv' ? 3 : 1;
  const weights = loudWeights(`${kind} ${pool}`, [6, 2, 3, inputs], 5);
  const size = [2, 3] as const;
  const layers: IntegerLayer[] = [
    { kind, name: 'first', strides: [1, 2], padding: [1, 2, 0, 1], weights },
    pool === 'maxPool'
      ? { kind: pool, name: 'pool', size, strides: [3, 3], padding: [1, 2, 1, 0] }
      : { kind: pool, name: 'pool', size, strides: [2, 4] },
    {
      kind: 'requantize',
      name: 'after',
      multipliers: Int16Array.of(1, -1, 3, -3, 7, 9),
      offsets: new Float64Array(6).fill(1000),
      shifts: new Uint8Array(6).fill(5),
      minimum: -128,
      maximum: 127,
    },
    {
      kind: 'dense',
      name: 'last',
      weights: loudWeights('last', [4, pool === 'maxPool' ? 3 * 2 * 6 : 3 * 1 * 6], 3),
    },
  ];
  const fields = { name: `${kind} ${pool}`, layers, scoreFactor: 1 };
  const input = { shape: [7, 8, 3], zeros: Int32Array.of(128, 128, 128) } as const;
  const classes = ['a', 'b', 'c', 'd'];
  return checkModel({ ...fields, input, classes, scoreOffsets: Int32Array.of(1, 2, 3, 4) });
}

/** Strides that lead out of the map, beyond what 32 bits hold. */
export function farStrides(): CheckedModel {
  const far = 2 ** 40;
  const size = [1, 1] as const;
  const layers: IntegerLayer[] = [
    {
      kind: 'conv',
      name: 'first',
      strides: [far, far],
      padding: [1, 1, 1, 1],
      weights: loudWeights('far', [2, 2, 2, 1], 9),
    },
    { kind: 'maxPool', name: 'second', size, strides: [far, 3], padding: noPadding },
    { kind: 'sumPool', name: 'third', size, strides: [2, far] },
  ];
  const input = { shape: [5, 4, 1], zeros: Int32Array.of(3) } as const;
  const scores = { scoreOffsets: new Int32Array(2), classes: ['a', 'b'], scoreFactor: 1 };
  return checkModel({ name: 'far strides', input, layers, ...scores });
}

export const wideKinds = [
  'conv',
  'depthwise',
  'dense',
  'maxPool',
  'sumPool',
  'threshold',
  'requantize',
  'add',
  'concat',
] as const satisfies readonly IntegerLayer['kind'][];

/** Random images of a model, the first all 0 and the second all 255. */
export function imagesOf(model: CheckedModel, count: number): Uint8Array {
  const rng = random(model.name, 'export images');
  const size = featureCount(model.input.shape);
  return Uint8Array.from({ length: count * size }, (_, i) =>
    i < size ? 0 : i < 2 * size ? 255 : rng.below(256),
  );
}

/** The networks whose ONNX files onnxruntime has run, by name. */
export function onnxModels(): ReadonlyMap<string, CheckedModel> {
  const numbered = Array.from({ length: 60 }, (_, i): [string, CheckedModel] => [
    `random ${i + 1}`,
    randomModel(i + 1),
  ]);
  const branched = Array.from({ length: 20 }, (_, i): [string, CheckedModel] => [
    `random ${i + 1} with branches`,
    randomModel(i + 1, { branches: true }),
  ]);
  return new Map([
    ...numbered,
    ...branched,
    ...wideKinds.map((kind): [string, CheckedModel] => [`wide ${kind}`, wideModel(kind)]),
    ['far strides', farStrides()],
  ]);
}

/** Networks whose QONNX files the package qonnx has run: fewer, for it starts onnxruntime anew for each node. */
export function qonnxModels(): ReadonlyMap<string, CheckedModel> {
  const all = onnxModels();
  const numbers = Array.from({ length: 12 }, (_, i) => i + 1);
  const names = numbers.flatMap((n) =>
    n > 4 ? [`random ${n}`] : [`random ${n}`, `random ${n} with branches`],
  );
  return new Map([...all].filter(([name]) => names.includes(name)));
}
