import { selector } from './bitMap.ts';
import { HbnnError } from './error.ts';
import type { Layout } from './layout.ts';
import { distFromAverage, maxBitwidth } from './mix.ts';
import { exactScales, scaleGroups } from './residual.ts';
import { meanScales } from './residualFast.ts';
import { signBit } from './sign.ts';
import { elementCount } from './tensor.ts';

/** What the rule `gain` may choose from. */
export interface GainOptions {
  readonly shape: readonly number[];
  readonly layout?: Layout;
  /** Bits per element, from minBits to maxBits. */
  readonly average: number;
  /** The fewest bits of an element: 1 by default, 0 for an average below 1. */
  readonly minBits?: number;
  /** The most bits of an element: by default the larger of 3 and ceil(average) + 1, at most 8. */
  readonly maxBits?: number;
  /** How often bits and scales are chosen in turn (default 2). */
  readonly rounds?: number;
}

/** Chooses maps by gain for tensors of one shape; its memory is kept between calls. */
export interface GainSelector {
  readonly widest: number;
  /**
   * Choose bitwidths for x into bits.
   *
   * @param importance h, one value of at least 0 per element; left out: all 1
   */
  select(x: Float32Array | Float64Array, bits: Uint8Array, importance?: Float32Array): void;
}

const defaultRounds = 2;

/**
 * Prepare the rule `gain`: give the next plane to the element where it takes away most of Σ h·(x − x_B)².
 *
 * With scales s_n, residual r_0 = x and r_n = r_{n−1} − s_n·sign(r_{n−1}), plane n of an element is worth
 *
 *     g_n = h · s_n · (2·|r_{n−1}| − s_n) = h · (r_{n−1}² − r_n²).
 *
 * A later plane can be worth more than an earlier one, which has to be bought first. So where g_{n+1} > g_n both count
 * with their mean (and so on: the upper concave hull of Σ g_n). Every element has minBits planes; the others go to the
 * largest values, equal ones by index, until Σ bits = round(average · elements).
 *
 * Scales and map depend on each other: it begins with the scales of the middle-out map (Eq. 5), and in each further round
 * takes those of the map of the round before. With h = 1 it lowers the error as `optimal` does, but for its signs and
 * scales, which are Eq. 5's; with h the running mean of a weight's squared gradient it lowers the loss, to the second
 * order and for weights that do not interact (the diagonal of the Fisher matrix stands for the curvature).
 *
 * @throws HbnnError when the average is not between minBits and maxBits, or those are no bitwidths
 */
export function gainSelector(o: GainOptions): GainSelector {
  const { shape, layout = 'outputs-first', average } = o;
  const { minBits, maxBits } = gainRange(o);
  const rounds = o.rounds ?? defaultRounds;
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new HbnnError(
      `gain: expected a whole number of rounds of at least 1, got ${rounds}; pass one`,
    );
  const count = elementCount(shape);
  const start = selector({ shape, layout, mix: distFromAverage(average), select: 'middle-out' });
  const groups = scaleGroups(shape, layout, 'tensor', 'gain');
  const scales = exactScales(Math.max(maxBits, start.widest), groups);
  const optional = maxBits - minBits;
  const values = new Float64Array(count * optional);
  const scratch = new Float64Array(count * optional);
  const planes = Math.round(average * count) - minBits * count;
  return {
    widest: maxBits,
    select(x, bits, importance) {
      checkImportance(importance, count);
      start.select(x, bits);
      for (let round = 0; round < rounds; round++) {
        for (const plane of scales) plane.fill(0);
        meanScales(x, bits, groups, scales);
        fillGains(x, importance, scales, minBits, optional, values);
        handOut(values, optional, minBits, planes, scratch, bits);
      }
    },
  };
}

/** The range of bitwidths, checked. */
function gainRange({ average, minBits = average < 1 ? 0 : 1, maxBits: max }: GainOptions): {
  minBits: number;
  maxBits: number;
} {
  const maxBits = max ?? Math.min(maxBitwidth, Math.max(3, Math.ceil(average) + 1));
  const whole = Number.isInteger(minBits) && Number.isInteger(maxBits);
  if (
    !whole ||
    minBits < 0 ||
    maxBits > maxBitwidth ||
    maxBits < 1 ||
    !(average >= minBits && average <= maxBits)
  )
    throw new HbnnError(
      `gain: expected whole bitwidths 0 <= minBits <= average <= maxBits <= ${maxBitwidth}, got ${minBits}, ` +
        `${average} and ${maxBits}; widen the range or change the average`,
    );
  return { minBits, maxBits };
}

function checkImportance(importance: Float32Array | undefined, count: number): void {
  if (importance === undefined) return;
  if (importance.length !== count)
    throw new HbnnError(
      `gain: expected an importance for each of ${count} elements, got ${importance.length}; give one per element`,
    );
  const bad = importance.findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
  if (bad >= 0)
    throw new HbnnError(
      `gain: expected importances of at least 0, got ${importance[bad]} at index ${bad}; pass squared gradients or leave them out`,
    );
}

/** What each optional plane of each element is worth, made non-increasing within an element. */
function fillGains(
  x: Float32Array | Float64Array,
  importance: Float32Array | undefined,
  scales: readonly Float64Array[],
  minBits: number,
  optional: number,
  values: Float64Array,
): void {
  for (let i = 0; i < x.length; i++) {
    const h = importance === undefined ? 1 : importance[i];
    const first = i * optional;
    let rest: number = x[i];
    for (let n = 0; n < minBits + optional; n++) {
      const s = scales[n][0];
      if (n >= minBits) values[first + n - minBits] = h * s * (2 * Math.abs(rest) - s);
      rest -= signBit(rest) === 1 ? s : -s;
    }
    levelRises(values, first, optional);
  }
}

/** Replace values that rise by the means of the upper concave hull of their sums. */
function levelRises(values: Float64Array, first: number, length: number): void {
  let from = 0;
  while (from < length) {
    let end = from + 1;
    let best = values[first + from];
    let sum = 0;
    // The hull's next corner is where the mean from here on is largest; of equals the farthest.
    for (let n = from; n < length; n++) {
      sum += values[first + n];
      const mean = sum / (n - from + 1);
      if (n === from || mean >= best) {
        best = mean;
        end = n + 1;
      }
    }
    for (let n = from; n < end; n++) values[first + n] = best;
    from = end;
  }
}

/** Give `planes` planes to the largest values, equal ones by index. */
function handOut(
  values: Float64Array,
  optional: number,
  minBits: number,
  planes: number,
  scratch: Float64Array,
  bits: Uint8Array,
): void {
  bits.fill(minBits);
  if (planes <= 0) return;
  scratch.set(values);
  const least = kthLargest(scratch, planes);
  let ties = planes;
  for (let k = 0; k < values.length; k++) if (values[k] > least) ties--;
  for (let i = 0, k = 0; i < bits.length; i++) {
    for (let n = 0; n < optional; n++, k++) {
      if (values[k] > least) bits[i]++;
      else if (values[k] === least && ties > 0) {
        bits[i]++;
        ties--;
      }
    }
  }
}

/** The k-th largest of some values, k from 1, by quickselect; reorders them. */
function kthLargest(values: Float64Array, k: number): number {
  let from = 0;
  let to = values.length - 1;
  const at = values.length - k;
  while (from < to) {
    const middle = values[(from + to) >> 1];
    const [low, high] = [Math.min(values[from], values[to]), Math.max(values[from], values[to])];
    const pivot = Math.max(low, Math.min(high, middle));
    let i = from;
    let j = to;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        const swapped = values[i];
        values[i++] = values[j];
        values[j--] = swapped;
      }
    }
    if (at <= j) to = j;
    else if (at >= i) from = i;
    else return pivot;
  }
  return values[at];
}
