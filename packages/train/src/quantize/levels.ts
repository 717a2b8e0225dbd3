import type { ScaleGroupView } from './layerColumns.ts';

/** The fewest and the largest number of bits that an element may get. */
export interface BitRange {
  readonly minBits: number;
  readonly maxBits: number;
}

/** Bits of each element and the scales of each output, found together. */
export interface ChosenLevels {
  /** In the order of the weights. */
  readonly bits: Uint8Array;
  /** [plane][output], rounded to float32. */
  readonly scales: readonly Float32Array[];
}

const rounds = 6;
const priceSteps = 40;

/**
 * The nearest of the 2^bits values ±μ_1 … ±μ_bits.
 *
 * @returns the pattern of signs: bit n set where plane n adds
 */
export function nearestPattern(
  value: number,
  bits: number,
  scales: readonly ArrayLike<number>[],
  output: number,
): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let pattern = 0; pattern < 1 << bits; pattern++) {
    const error = Math.abs(value - patternValue(pattern, bits, scales, output));
    if (error >= least) continue;
    least = error;
    best = pattern;
  }
  return best;
}

/** Σ ±μ_n over the planes of an element, with the signs of a pattern. */
export function patternValue(
  pattern: number,
  bits: number,
  scales: readonly ArrayLike<number>[],
  output: number,
): number {
  let sum = 0;
  for (let n = 0; n < bits; n++) sum += (pattern >> n) & 1 ? scales[n][output] : -scales[n][output];
  return sum;
}

/**
 * Choose bits per element and scales per output, so that Σ h_j (w_j − ŵ_j)² is small under a budget of bits. In turns: each
 * element takes the bits b that minimize h_j (w_j − nearest_b)² + λ·b, with the price λ that meets the budget, and each
 * output's scales are fitted to the signs by least squares.
 *
 * @param importance h_j of each of the weights' inputs, what an error of that weight counts
 * @param average bits per element that may have bits, which the choice does not exceed
 * @param absent is 1 for each element that stays 0 and gets no bits, such as a zero in place of groups; default none
 */
export function chooseLevels(
  view: ScaleGroupView,
  weights: Float32Array,
  importance: Float64Array,
  average: number,
  range: BitRange,
  absent: Uint8Array = new Uint8Array(weights.length),
): ChosenLevels {
  const { maxBits } = range;
  const bits = absent.map((isAbsent) => (isAbsent ? 0 : Math.min(maxBits, Math.ceil(average))));
  let scales = startingScales(view, weights, maxBits, absent);
  for (let round = 0; round < rounds; round++) {
    assignBits({ view, weights, importance, scales, range, absent }, average, bits);
    scales = fittedScales(view, weights, importance, bits, scales);
  }
  return { bits, scales: scales.map((plane) => Float32Array.from(plane)) };
}

/** Scales of Eq. 5 with all bits for all elements, so that each plane starts with about half of the one before. */
function startingScales(
  { outputs }: ScaleGroupView,
  weights: Float32Array,
  planes: number,
  absent: Uint8Array,
): Float64Array[] {
  const rest = Float64Array.from(weights, Math.abs);
  const inputs = new Uint32Array(outputs);
  absent.forEach((isAbsent, i) => {
    if (!isAbsent) inputs[i % outputs]++;
  });
  return Array.from({ length: planes }, () => {
    const scale = new Float64Array(outputs);
    for (let i = 0; i < rest.length; i++)
      if (!absent[i]) scale[i % outputs] += rest[i] / inputs[i % outputs];
    for (let i = 0; i < rest.length; i++)
      if (!absent[i]) rest[i] = Math.abs(rest[i] - scale[i % outputs]);
    return scale;
  });
}

interface Assignment {
  readonly view: ScaleGroupView;
  readonly weights: Float32Array;
  readonly importance: Float64Array;
  readonly scales: readonly Float64Array[];
  readonly range: BitRange;
  readonly absent: Uint8Array;
}

function assignBits(task: Assignment, average: number, bits: Uint8Array): void {
  const { view, weights, importance, scales, range, absent } = task;
  const { minBits, maxBits } = range;
  const widths = maxBits - minBits + 1;
  const costs = new Float64Array(weights.length * widths);
  let largest = 0;
  let present = 0;
  for (let i = 0; i < weights.length; i++) {
    if (absent[i]) continue;
    present++;
    const output = i % view.outputs;
    const counts = importance[view.importanceAt(i)];
    for (let k = 0; k < widths; k++) {
      const width = minBits + k;
      const pattern = nearestPattern(weights[i], width, scales, output);
      const cost = counts * (weights[i] - patternValue(pattern, width, scales, output)) ** 2;
      costs[i * widths + k] = cost;
      largest = Math.max(largest, cost);
    }
  }
  const budget = Math.floor(average * present + 1e-9);
  let [low, high] = [0, largest + Number.MIN_VALUE];
  for (let step = 0; step < priceSteps; step++) {
    const price = (low + high) / 2;
    if (bitsAtPrice({ costs, widths, minBits, absent }, price, bits) > budget) low = price;
    else high = price;
  }
  bitsAtPrice({ costs, widths, minBits, absent }, high, bits);
}

interface Costs {
  /** [element][width] */
  readonly costs: Float64Array;
  readonly widths: number;
  readonly minBits: number;
  readonly absent: Uint8Array;
}

/** Give each element the bits that cost least at a price per bit, the fewer ones of two alike; returns their sum. */
function bitsAtPrice(
  { costs, widths, minBits, absent }: Costs,
  price: number,
  bits: Uint8Array,
): number {
  let sum = 0;
  for (let i = 0; i < bits.length; i++) {
    if (absent[i]) continue;
    let best = 0;
    let least = costs[i * widths];
    for (let k = 1; k < widths; k++) {
      const cost = costs[i * widths + k] + price * k;
      if (cost >= least) continue;
      least = cost;
      best = k;
    }
    bits[i] = minBits + best;
    sum += bits[i];
  }
  return sum;
}

/** Least squares of each output's scales under the signs of the nearest values. */
function fittedScales(
  { outputs, importanceAt }: ScaleGroupView,
  weights: Float32Array,
  importance: Float64Array,
  bits: Uint8Array,
  scales: readonly Float64Array[],
): Float64Array[] {
  const planes = scales.length;
  const products = Array.from({ length: outputs }, () => new Float64Array(planes * planes));
  const targets = Array.from({ length: outputs }, () => new Float64Array(planes));
  for (let i = 0; i < weights.length; i++) {
    const output = i % outputs;
    const pattern = nearestPattern(weights[i], bits[i], scales, output);
    const counts = importance[importanceAt(i)];
    for (let n = 0; n < bits[i]; n++) {
      const sign = (pattern >> n) & 1 ? 1 : -1;
      targets[output][n] += counts * sign * weights[i];
      for (let m = 0; m < bits[i]; m++)
        products[output][n * planes + m] += counts * sign * ((pattern >> m) & 1 ? 1 : -1);
    }
  }
  const fitted = scales.map((plane) => plane.slice());
  for (let o = 0; o < outputs; o++) {
    const before = scales.map((plane) => plane[o]);
    solveScales(products[o], targets[o], before).forEach((scale, n) => {
      fitted[n][o] = scale;
    });
  }
  return fitted;
}

/**
 * Solve the normal equations of a few scales by elimination with a small ridge towards the scales before. A scale
 * without members, or one that would become negative, keeps its value.
 */
export function solveScales(
  products: Float64Array,
  targets: Float64Array,
  before: readonly number[],
): number[] {
  const planes = before.length;
  const a = Array.from({ length: planes }, (_, n) => {
    const row = [...products.subarray(n * planes, (n + 1) * planes), targets[n]];
    const ridge = row[n] > 0 ? 1e-6 * row[n] : 1;
    row[n] += ridge;
    row[planes] += ridge * before[n];
    return row;
  });
  for (let k = 0; k < planes; k++)
    for (let n = k + 1; n < planes; n++) {
      const factor = a[n][k] / a[k][k];
      for (let m = k; m <= planes; m++) a[n][m] -= factor * a[k][m];
    }
  const solved = before.map(() => 0);
  for (let n = planes - 1; n >= 0; n--) {
    let value = a[n][planes];
    for (let m = n + 1; m < planes; m++) value -= a[n][m] * solved[m];
    solved[n] = value / a[n][n];
  }
  return solved.every((value) => Number.isFinite(value) && value >= 0) ? solved : [...before];
}
