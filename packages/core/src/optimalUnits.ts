import {
  type Codebook,
  codebook,
  collectSlots,
  fillCodebook,
  fitScales,
  nearestSlot,
  type SlotSums,
  slotSums,
} from './codebook.ts';
import type { Units } from './granularity.ts';
import { priceFor } from './lagrange.ts';
import type { Groups } from './residual.ts';

/**
 * The joint choice when whole units share a bitwidth: for given scales and a price λ of a bit, unit u
 * of n_u elements takes the width b with the least Σ_{i in u} (nearest value's error)² + λ b n_u.
 * A sweep goes twice over the elements.
 */
export interface UnitProblem {
  readonly x: Float32Array | Float64Array;
  readonly groups: Groups;
  readonly units: Units;
  readonly minBits: number;
  readonly maxBits: number;
  /** Σ over elements of bitwidths to hand out. */
  readonly budget: number;
  readonly book: Codebook;
  readonly slots: SlotSums;
  /** Squared error of unit u at width minBits + w, at u · widths + w. */
  readonly costs: Float64Array;
  readonly unitBits: Uint8Array;
}

export function unitProblem(
  x: Float32Array | Float64Array,
  groups: Groups,
  units: Units,
  minBits: number,
  maxBits: number,
  budget: number,
): UnitProblem {
  const book = codebook(maxBits, groups);
  return {
    x,
    groups,
    units,
    minBits,
    maxBits,
    budget,
    book,
    slots: slotSums(book),
    costs: new Float64Array(units.count * (maxBits - minBits + 1)),
    unitBits: new Uint8Array(units.count),
  };
}

/** Compute every unit's error at every width, for the scales in the codebook. */
function fillCosts(problem: UnitProblem): void {
  const { x, groups, units, minBits, maxBits, book, costs } = problem;
  const widths = maxBits - minBits + 1;
  costs.fill(0);
  let g = 0;
  for (let start = 0; start < x.length; start += groups.run) {
    const end = start + groups.run;
    const base = g * book.size;
    for (let i = start; i < end; i++) {
      const magnitude = Math.abs(x[i]);
      let at = units.of[i] * widths;
      for (let width = minBits; width <= maxBits; width++, at++) {
        const gap = magnitude - book.levels[base + nearestSlot(book, g, width, magnitude)];
        costs[at] += gap * gap;
      }
    }
    if (++g === groups.count) g = 0;
  }
}

/** Σ over elements of bitwidths at a price; written to unitBits when asked. */
function chooseAt(problem: UnitProblem, price: number, unitBits?: Uint8Array): number {
  const { units, minBits, maxBits, costs } = problem;
  const widths = maxBits - minBits + 1;
  let total = 0;
  for (let unit = 0; unit < units.count; unit++) {
    const size = units.sizes[unit];
    let best = Number.POSITIVE_INFINITY;
    let bits = minBits;
    for (let w = 0; w < widths; w++) {
      const cost = costs[unit * widths + w] + price * (minBits + w) * size;
      if (cost < best) {
        best = cost;
        bits = minBits + w;
      }
    }
    total += bits * size;
    if (unitBits) unitBits[unit] = bits;
  }
  return total;
}

/**
 * Choose the units' bitwidths for the scales in the codebook: at the price that meets the budget
 * from below; then, by index, units that would take more at the next lower price do, as far as the
 * budget goes.
 *
 * @returns the price
 */
export function chooseUnits(
  problem: UnitProblem,
  scales: readonly ArrayLike<number>[],
  guess: number,
  bits: Uint8Array,
): number {
  const { budget, units, unitBits } = problem;
  fillCodebook(problem.book, scales);
  fillCosts(problem);
  let largest = 0;
  for (let i = 0; i < problem.costs.length; i++) largest = Math.max(largest, problem.costs[i]);
  const limit = 2 * largest + Number.MIN_VALUE;
  const prices = priceFor((price) => chooseAt(problem, price), budget, guess, limit, 0);
  let left = budget - chooseAt(problem, prices.high, unitBits);
  if (left > 0) {
    const wider = new Uint8Array(units.count);
    chooseAt(problem, prices.low, wider);
    for (let unit = 0; unit < units.count && left > 0; unit++) {
      const more = Math.min(Math.floor(left / units.sizes[unit]), wider[unit] - unitBits[unit]);
      if (more <= 0) continue;
      unitBits[unit] += more;
      left -= more * units.sizes[unit];
    }
  }
  for (let i = 0; i < bits.length; i++) bits[i] = unitBits[units.of[i]];
  return prices.high;
}

/**
 * Alternate choice and least squares.
 *
 * @param scales [plane][group], changed in place
 * @param squares Σ x²
 * @returns the squared error of the last choice with its fitted scales, and its price
 */
export function sweepUnits(
  problem: UnitProblem,
  scales: readonly Float64Array[],
  squares: number,
  bits: Uint8Array,
  o: { sweeps: number; price: number; enough: number },
): { error: number; price: number } {
  let error = Number.POSITIVE_INFINITY;
  let price = o.price;
  for (let sweep = 0; sweep < o.sweeps; sweep++) {
    price = chooseUnits(problem, scales, price, bits);
    collectSlots(problem.x, bits, problem.groups, problem.book, problem.slots);
    const next = Math.max(0, squares + fitScales(problem.book, problem.slots, scales));
    const done = error - next <= o.enough * next;
    error = next;
    if (done) break;
  }
  return { error, price };
}
