import { BOTTOM_UP, MIDDLE_OUT, TOP_DOWN } from '../layout/rankCodes.ts';
import type { RawKernels } from '../webAssembly.ts';
import {
  type ConvShape,
  convSizes,
  type MatMulShape,
  type Offset,
  type WindowShape,
  windowSizes,
} from './shapes.ts';

/** Lends `bytes` of scratch memory (8-byte aligned) while `use` runs. */
export type WithScratch = (bytes: number, use: (scratch: Offset) => void) => void;

/** How a sample's bitwidths are ranked: the key | |x| − centre |, centre its mean |x| (middle-out) or 0. */
export type RankBy = 'middle-out' | 'top-down' | 'bottom-up';

const rankCodes: Readonly<Record<RankBy, number>> = {
  'middle-out': MIDDLE_OUT,
  'bottom-up': BOTTOM_UP,
  'top-down': TOP_DOWN,
};

/** How `binarizeSamples` gets its maps. */
export type SampleMap =
  | { readonly bits: Offset }
  | {
      readonly rank: RankBy;
      readonly classes: number;
      /** uint8 bitwidths, one per class. */
      readonly widths: Offset;
      /** int32 ends of all classes but the last. */
      readonly ends: Offset;
    };

type MatMul = (a: Offset, b: Offset, c: Offset, shape: MatMulShape) => void;
type Conv = (first: Offset, second: Offset, output: Offset, shape: ConvShape) => void;
type Depthwise = (
  first: Offset,
  second: Offset,
  output: Offset,
  shape: WindowShape,
  multiplier: number,
) => void;
type PoolGradient = (x: Offset, out: Offset, dy: Offset, dx: Offset, shape: WindowShape) => void;
type Moments = (x: Offset, rows: number, channels: number, mean: Offset, variance: Offset) => void;
type Normalize = (
  x: Offset,
  rows: number,
  channels: number,
  norm: { mean: Offset; variance: Offset; gamma: Offset; beta: Offset; epsilon: number },
  y: Offset,
) => void;
type BatchNormBackprop = (
  x: Offset,
  dy: Offset,
  rows: number,
  channels: number,
  norm: { mean: Offset; variance: Offset; gamma: Offset; epsilon: number },
  gradients: { dx: Offset; dGamma: Offset; dBeta: Offset },
) => void;
type StraightThrough = (x: Offset, dy: Offset, dx: Offset, count: number) => void;
type BinarizeSamples = (
  x: Offset,
  out: Offset,
  samples: number,
  features: number,
  map: SampleMap,
  planes: number,
  scales: Offset,
) => void;
type BinarizeShared = (
  x: Offset,
  out: Offset,
  samples: number,
  features: number,
  bits: Offset,
  planes: number,
  scales: Offset,
  measure: boolean,
) => void;
type MeanMagnitudes = (x: Offset, samples: number, features: number, means: Offset) => void;
type SgdMomentum = (
  from: { w: Offset; v: Offset; g: Offset },
  to: { w: Offset; v: Offset },
  count: number,
  step: { rate: number; momentum: number; decay: number },
) => void;

/** One training kernel: what it computes, and how its function in assembly/training is called. */
interface Row {
  /** What it computes. */
  readonly operation: string;
  /** WebAssembly features beyond the first version. */
  readonly needs: readonly ('simd128' | 'bulk-memory')[];
  readonly tile?: string;
  /**
   * The TensorFlow.js kernel that this one stands in for on the WASM backend, and the names that TensorFlow.js gives to
   * the tensors that it reads, in the order of its arguments. An operation of our own has none.
   */
  readonly replaces?: { readonly kernel: string; readonly inputs: readonly string[] };
  /** Whose sizes it takes, where it replaces a kernel. */
  readonly sizes?: 'matMul' | 'conv' | 'depthwise' | 'pool';
  /** The tensor whose shape its result has, where it takes the sizes of a convolution. */
  readonly result?: 'input' | 'filter' | 'output';
  /** Its caller, given the exports of the code and an owner of scratch memory. */
  bind(raw: RawKernels, withScratch: WithScratch): (...args: never[]) => void;
}

const simd = ['simd128', 'bulk-memory'] as const;

/** A convolution, or a gradient of one. */
const conv =
  (name: string) =>
  (raw: RawKernels, withScratch: WithScratch): Conv =>
  (first, second, output, shape) => {
    const sizes = convSizes(shape);
    withScratch(raw[`${name}Scratch`](...sizes), (scratch) =>
      raw[name](first, second, output, ...sizes, scratch),
    );
  };

/** All training kernels. A new kernel is one row here and one function in assembly/training. */
const rows = {
  /** c[m, n] = op(a) op(b), op the transpose where its flag is set. */
  matMul: {
    operation: 'matrix product; each matrix is transposed or not',
    needs: simd,
    tile: '4x8',
    replaces: { kernel: 'BatchMatMul', inputs: ['a', 'b'] },
    sizes: 'matMul',
    bind:
      (raw, withScratch): MatMul =>
      (a, b, c, { m, n, k, transposeA, transposeB }) =>
        withScratch(raw.matMulScratch(n, k), (scratch) =>
          raw.matMul(a, b, c, m, n, k, Number(transposeA), Number(transposeB), scratch),
        ),
  },
  /** out = convolution of x with filter: (x, filter, out, shape). */
  conv2d: {
    operation: 'convolution',
    needs: simd,
    tile: '4x8',
    replaces: { kernel: 'Conv2D', inputs: ['x', 'filter'] },
    sizes: 'conv',
    result: 'output',
    bind: conv('conv2d'),
  },
  /** dx = gradient of conv2d for x: (dy, filter, dx, shape). */
  conv2dBackpropInput: {
    operation: 'gradient of the input of a convolution, for any stride',
    needs: simd,
    tile: '4x8',
    replaces: { kernel: 'Conv2DBackpropInput', inputs: ['dy', 'filter'] },
    sizes: 'conv',
    result: 'input',
    bind: conv('conv2dBackpropInput'),
  },
  /** dFilter = gradient of conv2d for the filter: (x, dy, dFilter, shape). */
  conv2dBackpropFilter: {
    operation: 'gradient of the filter of a convolution',
    needs: simd,
    tile: '4x8',
    replaces: { kernel: 'Conv2DBackpropFilter', inputs: ['x', 'dy'] },
    sizes: 'conv',
    result: 'filter',
    bind: conv('conv2dBackpropFilter'),
  },
  /** dx = gradient of a depthwise convolution for x: (dy, filter, dx, shape, multiplier); it has channels * multiplier outputs. */
  depthwiseBackpropInput: {
    operation: 'gradient of the input of a depthwise convolution, for any multiplier',
    needs: simd,
    replaces: { kernel: 'DepthwiseConv2dNativeBackpropInput', inputs: ['dy', 'filter'] },
    sizes: 'depthwise',
    result: 'input',
    bind:
      (raw, withScratch): Depthwise =>
      (dy, filter, dx, shape, multiplier) => {
        const sizes = windowSizes({ ...shape, channels: shape.channels * multiplier });
        if (multiplier === 1) return raw.depthwiseBackpropInput(dy, filter, dx, ...sizes);
        withScratch(wideBytes(shape, multiplier), (wide) => {
          raw.depthwiseBackpropInput(dy, filter, wide, ...sizes);
          raw.narrow(wide, positionsOf(shape), shape.channels, multiplier, dx);
        });
      },
  },
  /** dFilter = gradient of a depthwise convolution for its filter [kernelH, kernelW, channels, multiplier]: (x, dy, dFilter, shape, multiplier). */
  depthwiseBackpropFilter: {
    operation: 'gradient of the filter of a depthwise convolution, for any multiplier',
    needs: simd,
    replaces: { kernel: 'DepthwiseConv2dNativeBackpropFilter', inputs: ['x', 'dy'] },
    sizes: 'depthwise',
    result: 'filter',
    bind:
      (raw, withScratch): Depthwise =>
      (x, dy, dFilter, shape, multiplier) => {
        const sizes = windowSizes({ ...shape, channels: shape.channels * multiplier });
        if (multiplier === 1) return raw.depthwiseBackpropFilter(x, dy, dFilter, ...sizes);
        withScratch(wideBytes(shape, multiplier), (wide) => {
          raw.widen(x, positionsOf(shape), shape.channels, multiplier, wide);
          raw.depthwiseBackpropFilter(wide, dy, dFilter, ...sizes);
        });
      },
  },
  /** dx of max pooling; ties go to the first element of a window. */
  maxPoolGrad: {
    operation:
      'gradient of max pooling; if several values are largest, the first gets the gradient',
    needs: simd,
    replaces: { kernel: 'MaxPoolGrad', inputs: ['input', 'output', 'dy'] },
    sizes: 'pool',
    bind:
      (raw): PoolGradient =>
      (x, out, dy, dx, shape) =>
        raw.maxPoolGrad(x, out, dy, dx, ...windowSizes(shape)),
  },
  /** Mean and variance (divided by rows) of each column of x[rows, channels]. */
  moments: {
    operation: 'mean and variance of each channel',
    needs: simd,
    bind:
      (raw, withScratch): Moments =>
      (x, rows, channels, mean, variance) =>
        withScratch(raw.momentsScratch(channels), (scratch) =>
          raw.moments(x, rows, channels, mean, variance, scratch),
        ),
  },
  /** y = (x − mean) · gamma / sqrt(variance + epsilon) + beta. */
  normalize: {
    operation: 'batch norm in training: outputs',
    needs: simd,
    bind:
      (raw, withScratch): Normalize =>
      (x, rows, channels, { mean, variance, gamma, beta, epsilon }, y) =>
        withScratch(raw.normalizeScratch(channels), (scratch) =>
          raw.normalize(x, rows, channels, mean, variance, gamma, beta, epsilon, y, scratch),
        ),
  },
  /** Gradients of training batch norm, through its mean and variance too. */
  batchNormBackprop: {
    operation: 'batch norm in training: gradients',
    needs: simd,
    bind:
      (raw, withScratch): BatchNormBackprop =>
      (x, dy, rows, channels, norm, gradients) => {
        const { mean, variance, gamma, epsilon } = norm;
        const { dx, dGamma, dBeta } = gradients;
        const inputs = [x, dy, rows, channels, mean, variance, gamma, epsilon];
        withScratch(raw.batchNormBackpropScratch(channels), (scratch) =>
          raw.batchNormBackprop(...inputs, dx, dGamma, dBeta, scratch),
        );
      },
  },
  /** dx = dy where |x| <= 1, else 0. */
  straightThrough: {
    operation: 'straight-through gradient: dy where |x| <= 1, else 0',
    needs: simd,
    bind:
      (raw): StraightThrough =>
      (x, dy, dx, count) =>
        raw.straightThrough(x, dy, dx, count),
  },
  /**
   * Binarize every sample of x[samples, features] with scales of its own, written to scales[samples, planes].
   * The map is `bits` for all, or chosen per sample: bitwidths widths[c], ascending, up to rank ends[c] (int32
   * offsets), ranked by `rank`. Equals @hbnn/core's selectBits and binarize bit for bit.
   */
  binarizeSamples: {
    operation:
      'residual binarization with scales for each image; equal to `@hbnn/core` bit for bit',
    needs: simd,
    bind:
      (raw, withScratch): BinarizeSamples =>
      (x, out, samples, features, map, planes, scales) =>
        withScratch(raw.binarizeSamplesScratch(samples, features), (scratch) => {
          const choice =
            'rank' in map
              ? [rankCodes[map.rank], map.classes, map.widths, map.ends, 0]
              : [0, 0, 0, 0, map.bits];
          raw.binarizeSamples(x, out, samples, features, ...choice, planes, scales, scratch);
        }),
  },
  /**
   * Binarize all samples with one map bits[features] (uint8) and one set of scales[planes], measured over the
   * whole batch first, or given.
   */
  binarizeShared: {
    operation: 'residual binarization with shared scales; equal to `@hbnn/core` bit for bit',
    needs: simd,
    bind:
      (raw, withScratch): BinarizeShared =>
      (x, out, samples, features, bits, planes, scales, measure) => {
        const inputs = [x, out, samples, features, bits, planes, scales, Number(measure)];
        withScratch(raw.binarizeSharedScratch(features), (scratch) =>
          raw.binarizeShared(...inputs, scratch),
        );
      },
  },
  /** means[j] = mean over samples of |x[i][j]|. */
  meanMagnitudes: {
    operation: 'mean |x| over the batch',
    needs: simd,
    bind:
      (raw, withScratch): MeanMagnitudes =>
      (x, samples, features, means) =>
        withScratch(raw.meanMagnitudesScratch(features), (scratch) =>
          raw.meanMagnitudes(x, samples, features, means, scratch),
        ),
  },
  /** v' = momentum · v + g + decay · w; w' = w − rate · v'. */
  sgdMomentum: {
    operation: 'SGD with momentum and weight decay',
    needs: simd,
    bind:
      (raw): SgdMomentum =>
      (from, to, count, { rate, momentum, decay }) =>
        raw.sgdMomentum(from.w, from.v, from.g, to.w, to.v, count, rate, momentum, decay),
  },
} as const satisfies Readonly<Record<string, Row>>;

type Rows = typeof rows;

export type TrainingKernelName = keyof Rows;

/** Training kernels on one WebAssembly memory. Tensors are float32, row-major; outputs need not be cleared. */
export type TrainingKernels = {
  readonly [Name in keyof Rows]: ReturnType<Rows[Name]['bind']>;
};

/** A row of the table, with its name. */
export type TrainingKernelRow = {
  readonly [Name in keyof Rows]: Omit<Row, 'replaces' | 'sizes'> &
    Rows[Name] & { readonly name: Name };
}[keyof Rows];

/** All training kernels: the table drives dispatch, tests and the README. */
export const kernelTable: readonly TrainingKernelRow[] = Object.entries(rows).map(
  ([name, row]) => ({ ...row, name }) as TrainingKernelRow,
);

/** The kernels that the exports of the code make. */
export const bindKernels = (raw: RawKernels, withScratch: WithScratch): TrainingKernels =>
  Object.fromEntries(
    kernelTable.map(({ name, bind }) => [name, bind(raw, withScratch)]),
  ) as unknown as TrainingKernels;

const positionsOf = (s: WindowShape): number => s.batch * s.inH * s.inW;

/** Bytes of the input with each channel repeated `multiplier` times. */
const wideBytes = (s: WindowShape, multiplier: number): number =>
  positionsOf(s) * s.channels * multiplier * 4;
