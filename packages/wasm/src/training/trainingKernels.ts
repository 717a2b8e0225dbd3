import { kernelsOn, type RawKernel, type WasmMemory } from '../webAssembly.ts';
import type { ConvShape, WindowShape } from './shapes.ts';
import {
  conv2dBackpropFilterScratch,
  conv2dBackpropInputScratch,
  conv2dScratch,
  matMulScratch,
} from './shapes.ts';

/** Byte offset into the memory given to `trainingKernels`; a multiple of 4. */
export type Offset = number;

/** Lends `bytes` of scratch memory (8-byte aligned) while `use` runs. */
export type WithScratch = (bytes: number, use: (scratch: Offset) => void) => void;

/** How a sample's bitwidths are ranked: the key | |x| − centre |, centre its mean |x| (middle-out) or 0. */
export type RankBy = 'middle-out' | 'top-down' | 'bottom-up';

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

/** Training kernels on one WebAssembly memory. Tensors are float32, row-major; outputs need not be cleared. */
export interface TrainingKernels {
  /** c[m, n] = op(a) op(b), op the transpose where its flag is set. */
  matMul(
    a: Offset,
    b: Offset,
    c: Offset,
    o: { m: number; n: number; k: number; transposeA: boolean; transposeB: boolean },
  ): void;
  /** out = convolution of x with filter. */
  conv2d(x: Offset, filter: Offset, out: Offset, shape: ConvShape): void;
  /** dx = gradient of conv2d for x. */
  conv2dBackpropInput(dy: Offset, filter: Offset, dx: Offset, shape: ConvShape): void;
  /** dFilter = gradient of conv2d for the filter. */
  conv2dBackpropFilter(x: Offset, dy: Offset, dFilter: Offset, shape: ConvShape): void;
  /** dx = gradient of a depthwise convolution for x; outputs = channels * multiplier. */
  depthwiseBackpropInput(
    dy: Offset,
    filter: Offset,
    dx: Offset,
    shape: WindowShape,
    multiplier: number,
  ): void;
  /** dFilter = gradient of a depthwise convolution for its filter [kernelH, kernelW, channels, multiplier]. */
  depthwiseBackpropFilter(
    x: Offset,
    dy: Offset,
    dFilter: Offset,
    shape: WindowShape,
    multiplier: number,
  ): void;
  /** dx of max pooling; ties go to the first element of a window. */
  maxPoolGrad(x: Offset, out: Offset, dy: Offset, dx: Offset, shape: WindowShape): void;
  /** Mean and variance (divided by rows) of each column of x[rows, channels]. */
  moments(x: Offset, rows: number, channels: number, mean: Offset, variance: Offset): void;
  /** y = (x − mean) · gamma / sqrt(variance + epsilon) + beta. */
  normalize(
    x: Offset,
    rows: number,
    channels: number,
    p: { mean: Offset; variance: Offset; gamma: Offset; beta: Offset; epsilon: number },
    y: Offset,
  ): void;
  /** Gradients of training batch norm, through its mean and variance too. */
  batchNormBackprop(
    x: Offset,
    dy: Offset,
    rows: number,
    channels: number,
    p: { mean: Offset; variance: Offset; gamma: Offset; epsilon: number },
    grads: { dx: Offset; dGamma: Offset; dBeta: Offset },
  ): void;
  /** dx = dy where |x| <= 1, else 0. */
  straightThrough(x: Offset, dy: Offset, dx: Offset, count: number): void;
  /**
   * Binarize every sample of x[samples, features] with scales of its own, written to scales[samples, planes].
   * The map is `bits` for all, or chosen per sample: bitwidths widths[c], ascending, up to rank ends[c] (int32
   * offsets), ranked by `rank`. Equals @hbnn/core's selectBits and binarize bit for bit.
   */
  binarizeSamples(
    x: Offset,
    out: Offset,
    samples: number,
    features: number,
    map: SampleMap,
    planes: number,
    scales: Offset,
  ): void;
  /**
   * Binarize all samples with one map bits[features] (uint8) and one set of scales[planes], measured over the
   * whole batch first, or given.
   */
  binarizeShared(
    x: Offset,
    out: Offset,
    samples: number,
    features: number,
    bits: Offset,
    planes: number,
    scales: Offset,
    measure: boolean,
  ): void;
  /** means[j] = mean over samples of |x[i][j]|. */
  meanMagnitudes(x: Offset, samples: number, features: number, means: Offset): void;
  /** v' = momentum · v + g + decay · w; w' = w − rate · v'. */
  sgdMomentum(
    from: { w: Offset; v: Offset; g: Offset },
    to: { w: Offset; v: Offset },
    count: number,
    o: { rate: number; momentum: number; decay: number },
  ): void;
}

/** The kernels' code, beside src/ and dist/ alike. */
const code = new URL('../../build/training.wasm', import.meta.url);

/** In the order of makeKeys in assembly/binarize.ts. */
const ranks: readonly RankBy[] = ['middle-out', 'bottom-up', 'top-down'];

/** Instantiate the training kernels on a memory whose owner lends scratch space in it. */
export async function trainingKernels(
  memory: WasmMemory,
  withScratch: WithScratch,
): Promise<TrainingKernels> {
  const raw = await kernelsOn(code, memory);
  return {
    ...productKernels(raw, withScratch),
    ...windowKernels(raw, withScratch),
    ...normKernels(raw, withScratch),
    ...binarizeKernels(raw, withScratch),
    straightThrough: (x, dy, dx, count) => raw.straightThrough(x, dy, dx, count),
    sgdMomentum: (from, to, count, o) =>
      raw.sgdMomentum(from.w, from.v, from.g, to.w, to.v, count, o.rate, o.momentum, o.decay),
  };
}

/** Sizes in the order the kernels of conv.ts take them. */
function convSizes(s: ConvShape): number[] {
  return [
    ...[s.batch, s.inH, s.inW, s.inputs, s.kernelH, s.kernelW, s.outputs],
    ...[s.strideH, s.strideW, s.padTop, s.padLeft, s.outH, s.outW],
  ];
}

/** Sizes in the order the kernels of depthwise.ts and pool.ts take them. */
function windowSizes(s: WindowShape): number[] {
  return [
    ...[s.batch, s.inH, s.inW, s.channels, s.kernelH, s.kernelW],
    ...[s.strideH, s.strideW, s.padTop, s.padLeft, s.outH, s.outW],
  ];
}

function productKernels(raw: Record<string, RawKernel>, withScratch: WithScratch) {
  return {
    matMul: (a, b, c, { m, n, k, transposeA, transposeB }) =>
      withScratch(matMulScratch(n, k), (scratch) =>
        raw.matMul(a, b, c, m, n, k, Number(transposeA), Number(transposeB), scratch),
      ),
    conv2d: (x, filter, out, shape) =>
      withScratch(conv2dScratch(shape), (scratch) =>
        raw.conv2d(x, filter, out, ...convSizes(shape), scratch),
      ),
    conv2dBackpropInput: (dy, filter, dx, shape) =>
      withScratch(conv2dBackpropInputScratch(shape), (scratch) =>
        raw.conv2dBackpropInput(dy, filter, dx, ...convSizes(shape), scratch),
      ),
    conv2dBackpropFilter: (x, dy, dFilter, shape) =>
      withScratch(conv2dBackpropFilterScratch(shape), (scratch) =>
        raw.conv2dBackpropFilter(x, dy, dFilter, ...convSizes(shape), scratch),
      ),
  } satisfies Partial<TrainingKernels>;
}

function windowKernels(raw: Record<string, RawKernel>, withScratch: WithScratch) {
  return {
    depthwiseBackpropInput: (dy, filter, dx, shape, multiplier) => {
      const sizes = windowSizes({ ...shape, channels: shape.channels * multiplier });
      if (multiplier === 1) return raw.depthwiseBackpropInput(dy, filter, dx, ...sizes);
      const positions = shape.batch * shape.inH * shape.inW;
      withScratch(positions * shape.channels * multiplier * 4, (wide) => {
        raw.depthwiseBackpropInput(dy, filter, wide, ...sizes);
        raw.narrow(wide, positions, shape.channels, multiplier, dx);
      });
    },
    depthwiseBackpropFilter: (x, dy, dFilter, shape, multiplier) => {
      const sizes = windowSizes({ ...shape, channels: shape.channels * multiplier });
      if (multiplier === 1) return raw.depthwiseBackpropFilter(x, dy, dFilter, ...sizes);
      const positions = shape.batch * shape.inH * shape.inW;
      withScratch(positions * shape.channels * multiplier * 4, (wide) => {
        raw.widen(x, positions, shape.channels, multiplier, wide);
        raw.depthwiseBackpropFilter(wide, dy, dFilter, ...sizes);
      });
    },
    maxPoolGrad: (x, out, dy, dx, shape) => raw.maxPoolGrad(x, out, dy, dx, ...windowSizes(shape)),
  } satisfies Partial<TrainingKernels>;
}

function normKernels(raw: Record<string, RawKernel>, withScratch: WithScratch) {
  return {
    moments: (x, rows, channels, mean, variance) =>
      withScratch(channels * 8, (scratch) =>
        raw.moments(x, rows, channels, mean, variance, scratch),
      ),
    normalize: (x, rows, channels, { mean, variance, gamma, beta, epsilon }, y) =>
      withScratch(channels * 4, (scratch) =>
        raw.normalize(x, rows, channels, mean, variance, gamma, beta, epsilon, y, scratch),
      ),
    batchNormBackprop: (x, dy, rows, channels, p, { dx, dGamma, dBeta }) =>
      withScratch(channels * 28, (scratch) =>
        raw.batchNormBackprop(
          ...[x, dy, rows, channels, p.mean, p.variance, p.gamma, p.epsilon],
          ...[dx, dGamma, dBeta, scratch],
        ),
      ),
  } satisfies Partial<TrainingKernels>;
}

/** Bytes before the keys in the scratch of assembly/binarize.ts: KEYS there. */
const binarizeHead = 17112;

function binarizeKernels(raw: Record<string, RawKernel>, withScratch: WithScratch) {
  return {
    binarizeSamples: (x, out, samples, features, map, planes, scales) =>
      withScratch(samples * 8 + binarizeHead + features * 17, (scratch) => {
        const choice =
          'rank' in map
            ? [ranks.indexOf(map.rank), map.classes, map.widths, map.ends, 0]
            : [0, 0, 0, 0, map.bits];
        raw.binarizeSamples(x, out, samples, features, ...choice, planes, scales, scratch);
      }),
    binarizeShared: (x, out, samples, features, bits, planes, scales, measure) =>
      withScratch(binarizeHead + features * 4, (scratch) =>
        raw.binarizeShared(
          ...[x, out, samples, features, bits, planes, scales, Number(measure), scratch],
        ),
      ),
    meanMagnitudes: (x, samples, features, means) =>
      withScratch(features * 8, (scratch) =>
        raw.meanMagnitudes(x, samples, features, means, scratch),
      ),
  } satisfies Partial<TrainingKernels>;
}
