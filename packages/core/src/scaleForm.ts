import { suggestion } from './choice.ts';
import { HbnnError } from './error.ts';

/**
 * Which values the scales of a layer may take.
 *
 * - free: the means of Eq. 5
 * - powers-of-two: f · 2^k, so that a plane's contribution is a shift
 * - integers:b: f · k with k = 1 … 2^b − 1 (b from 2 to 8)
 *
 * The factor f is one real number for all planes of a group of scales (the tensor's, or an output's): it
 * goes into the thresholds that follow the layer and costs no hardware.
 */
export type ScaleForm = 'free' | 'powers-of-two' | `integers:${number}`;

/** The largest ratio of two scales that are powers of two. */
const widestShift = 7;

/**
 * Read a form of scales.
 *
 * @throws HbnnError when it is none
 */
export function parseScaleForm(text: string, where = 'scales'): ScaleForm {
  if (text === 'free' || text === 'powers-of-two') return text;
  if (/^integers:[2-8]$/.test(text)) return text as ScaleForm;
  throw new HbnnError(
    `${where}: expected free, powers-of-two or integers:B with B from 2 to 8, got '${text}'${suggestion(text, ['powers-of-two', 'integers:4']) || '; give one of these'}`,
  );
}

/**
 * The whole numbers a form allows, ascending; none for free scales.
 *
 * @throws HbnnError unless it is a form of scales
 */
export function allowedMultiples(form: ScaleForm): readonly number[] {
  parseScaleForm(form, 'allowedMultiples');
  if (form === 'free') return [];
  if (form === 'powers-of-two') return Array.from({ length: widestShift + 1 }, (_, k) => 2 ** k);
  const bits = Number(form.slice('integers:'.length));
  return Array.from({ length: 2 ** bits - 1 }, (_, k) => k + 1);
}

/** Scales as whole multiples of one factor. */
export interface MultipleScales {
  readonly factor: number;
  /** One per scale; 0 for a scale of 0. */
  readonly multiples: readonly number[];
}

/**
 * Find f and whole numbers k_n that minimize Σ w_n (μ_n − f·k_n)² over the allowed k: each factor at which
 * some scale is met exactly is tried, the nearest multiples taken, and f then fitted by least squares.
 *
 * @param scales μ_n ≥ 0; those of 0 keep 0
 * @param weights w_n > 0, the numbers of members
 */
export function nearestMultiples(
  scales: readonly number[],
  weights: readonly number[],
  allowed: readonly number[],
): MultipleScales {
  scales.forEach((scale, n) => {
    if (!Number.isFinite(scale) || scale < 0)
      throw new HbnnError(
        `nearestMultiples: expected finite scales from 0 up, got ${scale} at ${n}; give the scales of the planes`,
      );
  });
  let best: MultipleScales = { factor: 0, multiples: scales.map(() => 0) };
  let least = Number.POSITIVE_INFINITY;
  for (const scale of scales) {
    if (scale === 0) continue;
    for (const multiple of allowed) {
      const found = fitted(scales, weights, allowed, scale / multiple);
      if (found.error < least) {
        least = found.error;
        best = found;
      }
    }
  }
  return best;
}

function fitted(
  scales: readonly number[],
  weights: readonly number[],
  allowed: readonly number[],
  start: number,
): MultipleScales & { error: number } {
  const multiples = scales.map((scale) => (scale === 0 ? 0 : nearest(scale / start, allowed)));
  let product = 0;
  let square = 0;
  scales.forEach((scale, n) => {
    product += weights[n] * scale * multiples[n];
    square += weights[n] * multiples[n] ** 2;
  });
  const factor = product / square;
  const error = scales.reduce(
    (sum, scale, n) => sum + weights[n] * (scale - factor * multiples[n]) ** 2,
    0,
  );
  return { factor, multiples, error };
}

/** The allowed number nearest to a value, by bisection; the lower one of two as near. */
function nearest(value: number, allowed: readonly number[]): number {
  let low = 0;
  let high = allowed.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (allowed[middle] <= value) low = middle;
    else high = middle;
  }
  return allowed[high] - value < value - allowed[low] ? allowed[high] : allowed[low];
}

/**
 * Put scales of a form in place of free ones, group by group. The factor is kept to 16 significant bits, so
 * that every multiple is exact in float32.
 *
 * @param scales [plane][group], changed in place
 * @param counts members, [plane][group]
 */
export function restrictScales(
  form: ScaleForm,
  scales: readonly Float64Array[],
  counts: readonly Float64Array[],
): void {
  const allowed = allowedMultiples(form);
  if (allowed.length === 0 || scales.length === 0) return;
  for (let g = 0; g < scales[0].length; g++) {
    const found = nearestMultiples(
      scales.map((plane) => plane[g]),
      counts.map((plane) => Math.max(1, plane[g])),
      allowed,
    );
    const factor = toSignificantBits(found.factor, 16);
    scales.forEach((plane, n) => {
      plane[g] = factor * found.multiples[n];
    });
  }
}

function toSignificantBits(value: number, bits: number): number {
  if (value === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(value)) + 1 - bits);
  return Math.round(value / unit) * unit;
}
