import type { Units } from '../granularity.ts';
import type { Groups } from '../residual.ts';
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
import { bracket, type PriceRange, priceFor, smallestPrice } from './lagrange.ts';

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

/** From this many units on, prices are looked for among that many of them. */
const sampledUnits = 1 << 16;

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

/** The width that a unit takes at a price: the least cost, the narrower of equals. */
function widthAt(problem: UnitProblem, unit: number, price: number): number {
  const { minBits, maxBits, costs } = problem;
  const start = unit * (maxBits - minBits + 1) - minBits;
  const each = price * problem.units.sizes[unit];
  let best = Number.POSITIVE_INFINITY;
  let bits = minBits;
  for (let width = minBits; width <= maxBits; width++) {
    const cost = costs[start + width] + each * width;
    if (cost < best) {
      best = cost;
      bits = width;
    }
  }
  return bits;
}

/** Write every unit's width at a price; returns Σ over elements of bitwidths. */
function chooseAt(problem: UnitProblem, price: number, unitBits: Uint8Array): number {
  const { count, sizes } = problem.units;
  let total = 0;
  for (let unit = 0; unit < count; unit++) {
    const bits = widthAt(problem, unit, price);
    unitBits[unit] = bits;
    total += bits * sizes[unit];
  }
  return total;
}

/** About Σ over elements of bitwidths at a price, from every `stride`-th unit. */
function sampleAt(problem: UnitProblem, price: number, stride: number): number {
  const { count, sizes } = problem.units;
  let total = 0;
  for (let unit = 0; unit < count; unit += stride)
    total += widthAt(problem, unit, price) * sizes[unit];
  return total * stride;
}

/**
 * Bracket the price between two that `wider` and `narrower` are then the choices at, then bisect
 * over the units alone whose choice is not the same at both.
 */
function exactPrice(
  problem: UnitProblem,
  near: number,
  limit: number,
  wider: Uint8Array,
  narrower: Uint8Array,
): PriceRange {
  const { budget, units } = problem;
  let low = near;
  let high = near;
  let step = Math.abs(near) * 1e-3 || limit * 1e-3;
  while (chooseAt(problem, low, wider) < budget && low > -limit) {
    low = Math.max(-limit, low - step);
    step *= 4;
  }
  step = Math.abs(near) * 1e-3 || limit * 1e-3;
  let least = chooseAt(problem, high, narrower);
  while (least > budget && high < limit) {
    high = Math.min(limit, high + step);
    step *= 4;
    least = chooseAt(problem, high, narrower);
  }
  const open: number[] = [];
  for (let unit = 0; unit < units.count; unit++) {
    if (wider[unit] === narrower[unit]) continue;
    open.push(unit);
    least -= narrower[unit] * units.sizes[unit];
  }
  const bitsAt = (price: number) =>
    open.reduce((sum, unit) => sum + widthAt(problem, unit, price) * units.sizes[unit], least);
  return priceFor(bitsAt, budget, { low, high }, 0);
}

/**
 * Choose the units' bitwidths for the scales in the codebook: at the price that meets the budget
 * from below; then, by index, units that would take more at the next lower price do, as far as the
 * budget goes.
 *
 * @param exact false lets the budget be missed slightly
 * @returns the price
 */
function chooseUnits(
  problem: UnitProblem,
  scales: readonly ArrayLike<number>[],
  guess: number,
  bits: Uint8Array,
  exact: boolean,
): number {
  const { budget, units, unitBits } = problem;
  fillCodebook(problem.book, scales);
  fillCosts(problem);
  let largest = 0;
  for (let i = 0; i < problem.costs.length; i++) largest = Math.max(largest, problem.costs[i]);
  const limit = 2 * largest + smallestPrice;
  const stride = Math.ceil(units.count / sampledUnits);
  const sampled = (price: number) => sampleAt(problem, price, stride);
  const around = bracket(sampled, budget, guess, limit);
  const near = priceFor(sampled, budget, around, budget * 1e-4).high;
  if (!exact) {
    chooseAt(problem, near, unitBits);
    for (let i = 0; i < bits.length; i++) bits[i] = unitBits[units.of[i]];
    return near;
  }
  const wider = new Uint8Array(units.count);
  const prices = exactPrice(problem, near, limit, wider, unitBits);
  let left = budget - chooseAt(problem, prices.high, unitBits);
  chooseAt(problem, prices.low, wider);
  for (let unit = 0; unit < units.count && left > 0; unit++) {
    const more = Math.min(Math.floor(left / units.sizes[unit]), wider[unit] - unitBits[unit]);
    if (more <= 0) continue;
    unitBits[unit] += more;
    left -= more * units.sizes[unit];
  }
  for (let i = 0; i < bits.length; i++) bits[i] = unitBits[units.of[i]];
  return prices.high;
}

/**
 * Alternate choice and least squares.
 *
 * @param o exact: make all sweeps asked for, and meet the budget exactly in the last
 * @param scales [plane][group], changed in place
 * @param squares Σ x²
 * @returns the squared error of the last choice with its fitted scales, and its price
 */
export function sweepUnits(
  problem: UnitProblem,
  scales: readonly Float64Array[],
  squares: number,
  bits: Uint8Array,
  o: { sweeps: number; price: number; enough: number; exact: boolean },
): { error: number; price: number } {
  let error = Number.POSITIVE_INFINITY;
  let price = o.price;
  for (let sweep = 0; sweep < o.sweeps; sweep++) {
    const exact = o.exact && sweep === o.sweeps - 1;
    price = chooseUnits(problem, scales, price, bits, exact);
    collectSlots(problem.x, bits, problem.groups, problem.book, problem.slots);
    const next = Math.max(0, squares + fitScales(problem.book, problem.slots, scales));
    const done = !o.exact && error - next <= o.enough * next;
    error = next;
    if (done) break;
  }
  return { error, price };
}
