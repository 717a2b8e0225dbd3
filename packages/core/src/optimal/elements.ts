import type { Groups } from '../residual.ts';
import {
  type Codebook,
  codebook,
  fillCodebook,
  fitScales,
  nearestSlot,
  type SlotSums,
  slotSums,
  widthOf,
} from './codebook.ts';
import { bracket, type PriceRange, priceFor, smallestPrice } from './lagrange.ts';
import { firstAbove, type Sorted, sumBefore } from './sorted.ts';

/**
 * The joint choice of bitwidths, signs and scales when every element has a bitwidth of its own.
 *
 * For given scales and a price λ of a bit, a magnitude y takes the slot (width b, level c) with the
 * least (y − c)² + λ b = y² − 2cy + (c² + λb). These are lines in y, so the best slots form a lower
 * envelope, and the choice is a few thresholds on y. On sorted magnitudes a whole sweep (choose,
 * then least squares) costs a few binary searches, whatever the number of elements.
 */
export interface ElementProblem {
  readonly sorted: Sorted;
  readonly minBits: number;
  readonly maxBits: number;
  /** Σ of bitwidths to hand out. */
  readonly budget: number;
  readonly book: Codebook;
  readonly slots: SlotSums;
  /** Slots by level, per group. */
  readonly order: Uint16Array;
  readonly envelope: Envelope;
}

/** The slots that are best somewhere, by magnitude, and from which magnitude (exclusive) on. */
interface Envelope {
  readonly slots: Uint16Array;
  readonly from: Float64Array;
  size: number;
}

function envelope(book: Codebook): Envelope {
  return { slots: new Uint16Array(book.size), from: new Float64Array(book.size), size: 0 };
}

export function elementProblem(
  sorted: Sorted,
  groups: Groups,
  minBits: number,
  maxBits: number,
  budget: number,
): ElementProblem {
  const book = codebook(maxBits, groups);
  return {
    sorted,
    minBits,
    maxBits,
    budget,
    book,
    slots: slotSums(book),
    order: new Uint16Array(book.levels.length),
    envelope: envelope(book),
  };
}

/** Fill the codebook from scales and sort its slots. */
export function loadScales(problem: ElementProblem, scales: readonly ArrayLike<number>[]): void {
  const { book, order, minBits } = problem;
  fillCodebook(book, scales);
  const first = minBits === 0 ? 0 : 1 << (minBits - 1);
  for (let base = 0; base < order.length; base += book.size) {
    for (let slot = first; slot < book.size; slot++) {
      const level = book.levels[base + slot];
      let place = slot;
      for (; place > first && book.levels[base + order[base + place - 1]] > level; place--)
        order[base + place] = order[base + place - 1];
      order[base + place] = slot;
    }
  }
}

/** Compute the lower envelope of group g at a price. */
function fillEnvelope(problem: ElementProblem, g: number, price: number, to: Envelope): void {
  const { book, order, minBits } = problem;
  const base = g * book.size;
  const first = minBits === 0 ? 0 : 1 << (minBits - 1);
  let size = 0;
  for (let place = first; place < book.size; place++) {
    const slot = order[base + place];
    const level = book.levels[base + slot];
    const height = level * level + price * widthOf(slot);
    let from = Number.NEGATIVE_INFINITY;
    let keep = true;
    while (size > 0) {
      const last = to.slots[size - 1];
      const lastLevel = book.levels[base + last];
      const lastHeight = lastLevel * lastLevel + price * widthOf(last);
      if (level === lastLevel) {
        // Equal values: the cheaper slot, and of equally cheap ones the one found first.
        keep = height < lastHeight;
        if (!keep) break;
        size--;
        continue;
      }
      from = (height - lastHeight) / (2 * (level - lastLevel));
      if (from > to.from[size - 1]) break;
      size--;
      from = Number.NEGATIVE_INFINITY;
    }
    if (!keep) continue;
    to.slots[size] = slot;
    to.from[size] = from;
    size++;
  }
  to.size = size;
}

/** Σ of bitwidths that everyone takes at a price. */
function bitsAtPrice(problem: ElementProblem, price: number): number {
  const { sorted, envelope: lines } = problem;
  let bits = 0;
  for (let g = 0; g + 1 < sorted.starts.length; g++) {
    fillEnvelope(problem, g, price, lines);
    const end = sorted.starts[g + 1];
    let start = sorted.starts[g];
    for (let line = 0; line < lines.size && start < end; line++) {
      const next =
        line + 1 < lines.size ? firstAbove(sorted, lines.from[line + 1], start, end) : end;
      bits += widthOf(lines.slots[line]) * (next - start);
      start = next;
    }
  }
  return bits;
}

/** Collect the slot sums of everyone's choice at a price. */
function collectAtPrice(problem: ElementProblem, price: number): void {
  const { sorted, envelope: lines, slots, book } = problem;
  slots.counts.fill(0);
  slots.sums.fill(0);
  for (let g = 0; g + 1 < sorted.starts.length; g++) {
    fillEnvelope(problem, g, price, lines);
    const end = sorted.starts[g + 1];
    let start = sorted.starts[g];
    let before = sumBefore(sorted, start);
    for (let line = 0; line < lines.size && start < end; line++) {
      const next =
        line + 1 < lines.size ? firstAbove(sorted, lines.from[line + 1], start, end) : end;
      if (next === start) continue;
      const sum = sumBefore(sorted, next);
      const slot = g * book.size + lines.slots[line];
      slots.counts[slot] = next - start;
      slots.sums[slot] = sum - before;
      start = next;
      before = sum;
    }
  }
}

/** A price at which every element takes the fewest bits. */
function priceLimit(largest: number, scales: readonly ArrayLike<number>[]): number {
  let reach = largest;
  for (const plane of scales) {
    let widest = 0;
    for (let g = 0; g < plane.length; g++) widest = Math.max(widest, plane[g]);
    reach += widest;
  }
  return reach * reach * 2 + smallestPrice;
}

function largestOf(sorted: Sorted): number {
  let largest = 0;
  for (let g = 1; g < sorted.starts.length; g++)
    largest = Math.max(largest, sorted.values[sorted.starts[g] - 1]);
  return largest;
}

/** The prices just below and above which the budget is met, for the loaded scales. */
export function findPrice(
  problem: ElementProblem,
  scales: readonly ArrayLike<number>[],
  guess: number,
  tolerance: number,
): PriceRange {
  const limit = priceLimit(largestOf(problem.sorted), scales);
  const bitsAt = (price: number) => bitsAtPrice(problem, price);
  const around = bracket(bitsAt, problem.budget, guess, limit);
  return priceFor(bitsAt, problem.budget, around, tolerance);
}

/**
 * Alternate choice and least squares on sorted magnitudes. The squared error never grows.
 *
 * @param scales [plane][group], changed in place
 * @returns the squared error and price of the last choice with its fitted scales
 */
export function sweepElements(
  problem: ElementProblem,
  scales: readonly Float64Array[],
  o: { sweeps: number; price: number; tolerance: number; enough: number },
): { error: number; price: number } {
  let error = Number.POSITIVE_INFINITY;
  let price = o.price;
  for (let sweep = 0; sweep < o.sweeps; sweep++) {
    loadScales(problem, scales);
    price = findPrice(problem, scales, price, o.tolerance).high;
    collectAtPrice(problem, price);
    const next = Math.max(
      0,
      problem.sorted.squares + fitScales(problem.book, problem.slots, scales),
    );
    const done = error - next <= o.enough * next;
    error = next;
    if (done) break;
  }
  return { error, price };
}

/**
 * Write the bitwidths of the loaded scales' choice, meeting the budget exactly: everyone takes the
 * choice at the high price, then, by index, those who would take more at the low price do, as far
 * as the budget goes. What is left of it after these jumps goes out bit by bit where it does best.
 */
export function assignElements(
  problem: ElementProblem,
  x: Float32Array | Float64Array,
  groups: Groups,
  prices: PriceRange,
  bits: Uint8Array,
): void {
  let left = problem.budget - writeChoice(problem, x, groups, prices.high, bits);
  if (left <= 0) return;
  const wider = new Uint8Array(bits.length);
  writeChoice(problem, x, groups, prices.low, wider);
  for (let i = 0; i < bits.length && left > 0; i++) {
    const more = wider[i] - bits[i];
    if (more <= 0 || more > left) continue;
    bits[i] += more;
    left -= more;
  }
  for (; left > 0; left--) if (!widenOne(problem, x, groups, bits)) return;
}

/** Elements looked at for a bit that is left over. */
const lookedAt = 1 << 16;

/** Give one more bit to the element whose squared error falls most (or grows least) by it. */
function widenOne(
  problem: ElementProblem,
  x: Float32Array | Float64Array,
  groups: Groups,
  bits: Uint8Array,
): boolean {
  const { book, maxBits } = problem;
  const error = (i: number, width: number) => {
    const magnitude = Math.abs(x[i]);
    const g = Math.floor(i / groups.run) % groups.count;
    const slot = nearestSlot(book, g, width, magnitude);
    return (magnitude - book.levels[g * book.size + slot]) ** 2;
  };
  let [best, least] = [-1, Number.POSITIVE_INFINITY];
  const look = (stride: number) => {
    for (let i = 0; i < x.length; i += stride) {
      if (bits[i] >= maxBits) continue;
      const change = error(i, bits[i] + 1) - error(i, bits[i]);
      if (best >= 0 && !(change < least)) continue;
      [best, least] = [i, change];
    }
  };
  const stride = Math.ceil(x.length / lookedAt);
  look(stride);
  if (best < 0 && stride > 1) look(1);
  if (best >= 0) bits[best]++;
  return best >= 0;
}

function writeChoice(
  problem: ElementProblem,
  x: Float32Array | Float64Array,
  groups: Groups,
  price: number,
  bits: Uint8Array,
): number {
  const lines = Array.from({ length: groups.count }, (_, g) => {
    fillEnvelope(problem, g, price, problem.envelope);
    const { from, slots, size } = problem.envelope;
    return { from: from.slice(0, size), widths: Uint8Array.from(slots.slice(0, size), widthOf) };
  });
  let total = 0;
  let g = 0;
  for (let start = 0; start < x.length; start += groups.run) {
    const end = start + groups.run;
    const { from, widths } = lines[g];
    for (let i = start; i < end; i++) {
      const magnitude = Math.abs(x[i]);
      let line = 0;
      while (line + 1 < from.length && magnitude > from[line + 1]) line++;
      bits[i] = widths[line];
      total += widths[line];
    }
    if (++g === groups.count) g = 0;
  }
  return total;
}
