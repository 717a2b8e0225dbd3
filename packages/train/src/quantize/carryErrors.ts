import { inverseFactor } from './hessian.ts';
import type { ScaleGroupView } from './layerColumns.ts';
import { type ChosenLevels, nearestPattern, patternValue, solveScales } from './levels.ts';

/** Second moments of a run of inputs of one layer, or of one channel of a depthwise one. */
export interface InputBlock {
  /** The first input of the block. */
  readonly from: number;
  readonly size: number;
  /** The channel whose inputs these are; undefined where all outputs see them. */
  readonly output?: number;
  /** [size × size], row-major. */
  readonly moments: Float64Array;
}

/** What the weights of a layer became. */
export interface CarriedWeights {
  /** The binarized values, in the order of the weights. */
  readonly values: Float32Array;
  readonly scales: readonly Float32Array[];
  /** Σ over outputs of (w − ŵ)ᵀ H (w − ŵ), relative to wᵀ H w. */
  readonly error: number;
}

const rounds = 2;

/**
 * Binarize a layer input by input, as GPTQ does: the error of each weight is carried over to the weights behind it that
 * are not binarized yet,
 *
 *     e = (w_j − ŵ_j) / U_jj,   w_i ← w_i − e·U_ji  for i > j,   H⁻¹ = UᵀU,
 *
 * inputs with large second moments first. Each output's scales are then fitted to its outputs, which minimizes
 * (w − B·s)ᵀ H (w − B·s) in s, and the errors are carried anew. The result with the smallest error is kept.
 */
export function carryErrors(
  view: ScaleGroupView,
  weights: Float32Array,
  levels: ChosenLevels,
  blocks: readonly InputBlock[],
): CarriedWeights {
  const ordered = blocks.map(withFactor);
  const plain = nearestValues(view, weights, levels.bits, levels.scales);
  let best: CarriedWeights = {
    values: plain,
    scales: levels.scales,
    error: outputError(view, weights, plain, blocks),
  };
  let { scales } = levels;
  for (let round = 0; round < rounds; round++) {
    const patterns = carriedPatterns(view, weights, levels.bits, scales, ordered);
    scales = refinedScales(view, weights, { patterns, bits: levels.bits, blocks }, scales);
    const values = Float32Array.from(patterns, (pattern, i) =>
      patternValue(pattern, levels.bits[i], scales, i % view.outputs),
    );
    const error = outputError(view, weights, values, blocks);
    if (error < best.error) best = { values, scales, error };
  }
  return best;
}

/** The nearest values, without errors carried over. */
export function nearestValues(
  { outputs }: ScaleGroupView,
  weights: Float32Array,
  bits: Uint8Array,
  scales: readonly Float32Array[],
): Float32Array {
  return weights.map((value, i) =>
    patternValue(nearestPattern(value, bits[i], scales, i % outputs), bits[i], scales, i % outputs),
  );
}

interface OrderedBlock extends InputBlock {
  /** Inputs of the block, those with large second moments first. */
  readonly order: readonly number[];
  /** U of the inputs in that order. */
  readonly factor: Float64Array;
}

function withFactor(block: InputBlock): OrderedBlock {
  const { size, moments } = block;
  const order = Array.from({ length: size }, (_, i) => i).sort(
    (a, b) => moments[b * size + b] - moments[a * size + a] || a - b,
  );
  const permuted = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) permuted[i * size + j] = moments[order[i] * size + order[j]];
  return { ...block, order, factor: inverseFactor(permuted, size) };
}

/** The outputs that see a block. */
const outputsOf = ({ output }: InputBlock, { outputs }: ScaleGroupView): readonly number[] =>
  output === undefined ? Array.from({ length: outputs }, (_, o) => o) : [output];

function carriedPatterns(
  view: ScaleGroupView,
  weights: Float32Array,
  bits: Uint8Array,
  scales: readonly Float32Array[],
  blocks: readonly OrderedBlock[],
): Uint8Array {
  const patterns = new Uint8Array(weights.length);
  for (const block of blocks) {
    const { from, size, order, factor } = block;
    for (const o of outputsOf(block, view)) {
      const at = order.map((input) => (from + input) * view.outputs + o);
      const rest = Float64Array.from(at, (i) => weights[i]);
      for (let k = 0; k < size; k++) {
        const width = bits[at[k]];
        const pattern = nearestPattern(rest[k], width, scales, o);
        patterns[at[k]] = pattern;
        const error = (rest[k] - patternValue(pattern, width, scales, o)) / factor[k * size + k];
        for (let m = k + 1; m < size; m++) rest[m] -= error * factor[k * size + m];
      }
    }
  }
  return patterns;
}

interface Signs {
  readonly patterns: Uint8Array;
  readonly bits: Uint8Array;
  readonly blocks: readonly InputBlock[];
}

function refinedScales(
  view: ScaleGroupView,
  weights: Float32Array,
  { patterns, bits, blocks }: Signs,
  scales: readonly Float32Array[],
): Float32Array[] {
  const planes = scales.length;
  const refined = scales.map((plane) => plane.slice());
  const products = Array.from({ length: view.outputs }, () => new Float64Array(planes * planes));
  const targets = Array.from({ length: view.outputs }, () => new Float64Array(planes));
  for (const block of blocks)
    for (const o of outputsOf(block, view)) {
      const { from, size, moments } = block;
      const at = Array.from({ length: size }, (_, k) => (from + k) * view.outputs + o);
      const signs = Array.from({ length: planes }, (_, n) =>
        Float64Array.from(at, (i) => (bits[i] <= n ? 0 : (patterns[i] >> n) & 1 ? 1 : -1)),
      );
      const original = Float64Array.from(at, (i) => weights[i]);
      for (let n = 0; n < planes; n++) {
        const seen = timesMoments(moments, signs[n]);
        targets[o][n] += dot(seen, original);
        for (let m = 0; m < planes; m++) products[o][n * planes + m] += dot(seen, signs[m]);
      }
    }
  for (let o = 0; o < view.outputs; o++)
    solveScales(
      products[o],
      targets[o],
      scales.map((plane) => plane[o]),
    ).forEach((scale, n) => {
      refined[n][o] = scale;
    });
  return refined;
}

function timesMoments(moments: Float64Array, x: Float64Array): Float64Array {
  const size = x.length;
  const product = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += moments[i * size + j] * x[j];
    product[i] = sum;
  }
  return product;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Σ (w − ŵ)ᵀ H (w − ŵ) over outputs and blocks, relative to Σ wᵀ H w; 0 for weights that are all 0. */
export function outputError(
  view: ScaleGroupView,
  weights: Float32Array,
  values: Float32Array,
  blocks: readonly InputBlock[],
): number {
  let error = 0;
  let energy = 0;
  for (const block of blocks)
    for (const o of outputsOf(block, view)) {
      const { from, size, moments } = block;
      const at = Array.from({ length: size }, (_, k) => (from + k) * view.outputs + o);
      const original = Float64Array.from(at, (i) => weights[i]);
      const difference = Float64Array.from(at, (i) => weights[i] - values[i]);
      error += dot(timesMoments(moments, difference), difference);
      energy += dot(timesMoments(moments, original), original);
    }
  return energy > 0 ? error / energy : 0;
}

/** Shares of the way from the binarized value to the float weight, none of which ends on the border of two values. */
const shares: readonly number[] = [0.99, 0.75, 0.5, 0.35, 0.2, 0.1, 0.05];

/**
 * Weights for fine-tuning to start from: as far from the binarized values towards the float weights as still gives the
 * same values. A weight that was about to take another value takes it after a small step, then.
 */
export function weightsBehind(
  { outputs }: ScaleGroupView,
  weights: Float32Array,
  bits: Uint8Array,
  { values, scales }: Pick<CarriedWeights, 'values' | 'scales'>,
): Float32Array {
  return values.map((value, i) => {
    const output = i % outputs;
    const isKept = (weight: number): boolean => {
      const pattern = nearestPattern(weight, bits[i], scales, output);
      return Math.fround(patternValue(pattern, bits[i], scales, output)) === value;
    };
    const share = shares.find((part) => isKept(value + part * (weights[i] - value))) ?? 0;
    return value + share * (weights[i] - value);
  });
}
