import { type BitMap, meanMagnitude, selector } from '../bitMap.ts';
import { HbnnError } from '../error.ts';
import { type MapPer, parseMapPer, type ScalePer, type Units, unitsOf } from '../granularity.ts';
import type { Layout } from '../layout.ts';
import { distFromAverage, type Mix, maxBitwidth } from '../mix.ts';
import { random } from '../random.ts';
import {
  checkScales,
  exactScales,
  type Groups,
  type ResidualTensor,
  scaleArrays,
  scaleGroups,
  widestOf,
} from '../residual.ts';
import { meanScales } from '../residualFast.ts';
import { checkFloatTensor, checkShape, elementCount, type FloatTensor } from '../tensor.ts';
import { climb } from './climb.ts';
import {
  type Codebook,
  codebook,
  collectSlots,
  fillCodebook,
  fitScales,
  nearestPlanes,
  slotSums,
  squaredError,
} from './codebook.ts';
import {
  assignElements,
  type ElementProblem,
  elementProblem,
  findPrice,
  loadScales,
  sweepElements,
} from './elements.ts';
import { type Sorted, sortedMemory, sortMagnitudes, summarise } from './sorted.ts';
import { sweepUnits, type UnitProblem, unitProblem } from './units.ts';

/** What `optimal` may choose from. */
export interface OptimalOptions {
  /** Bits per element, from minBits to maxBits. */
  readonly average: number;
  /** The fewest bits of an element: 1 by default, 0 for an average below 1. */
  readonly minBits?: number;
  /** The most bits of an element: by default the larger of 3 and ceil(average) + 1, at most 8. */
  readonly maxBits?: number;
  readonly mapPer?: MapPer;
  readonly scalePer?: ScalePer;
  readonly layout?: Layout;
  /** How many starting points to try (default 256, or 96 above 5 bits). */
  readonly starts?: number;
}

const defaultStarts = (maxBits: number) => (maxBits > 5 ? 96 : 256);
/** Values that stand for the whole distribution while starts are compared. */
const summarySize = 8192;
/** Up to this many elements, the best few choices are compared with the budget met exactly. */
const contendersCount = 1 << 14;
/** A relative improvement of the squared error below which sweeps stop. */
const enough = 1e-7;

/** The joint choice for tensors of one shape; its memory is kept between calls. */
export interface OptimalSolver {
  readonly planes: number;
  readonly groups: Groups;
  readonly book: Codebook;
  /** Choose from scratch: write bits and scales[plane][group]. */
  solve(x: Float32Array | Float64Array, bits: Uint8Array, scales: readonly Float32Array[]): void;
  /** Choose anew from the present scales, with one sweep. */
  renew(x: Float32Array | Float64Array, bits: Uint8Array, scales: readonly Float32Array[]): void;
}

interface Range {
  readonly minBits: number;
  readonly maxBits: number;
}

function bitRange(o: OptimalOptions): Range {
  const { average } = o;
  if (!(average >= 0 && average <= maxBitwidth))
    throw new HbnnError(
      `optimal: expected an average from 0 to ${maxBitwidth} bits, got ${average}; ask for such an average`,
    );
  const minBits = o.minBits ?? (average < 1 ? 0 : 1);
  const maxBits = o.maxBits ?? Math.min(maxBitwidth, Math.max(3, Math.ceil(average) + 1));
  for (const [name, value] of [
    ['minBits', minBits],
    ['maxBits', maxBits],
  ] as const)
    if (!Number.isInteger(value) || value < 0 || value > maxBitwidth)
      throw new HbnnError(
        `optimal: expected ${name} to be a whole number from 0 to ${maxBitwidth}, got ${value}; pass one`,
      );
  if (average < minBits || average > maxBits)
    throw new HbnnError(
      `optimal: expected an average from minBits ${minBits} to maxBits ${maxBits}, got ${average}; widen that range`,
    );
  return { minBits, maxBits: Math.max(1, maxBits) };
}

/** The middle-out mix of an average that stays in the range. */
function middleOutMix(average: number, range: Range): Mix {
  const mix = distFromAverage(average);
  const fits = mix.fractions.every(({ bits }) => bits >= range.minBits && bits <= range.maxBits);
  if (fits) return mix;
  const floor = Math.floor(average);
  return {
    fractions: [
      { bits: floor, fraction: floor + 1 - average },
      { bits: floor + 1, fraction: average - floor },
    ].filter((share) => share.fraction > 0),
  };
}

/**
 * Prepare the joint choice for tensors of one shape.
 *
 * @throws HbnnError when the average is out of the range, or the shape has no such units
 */
export function optimalSolver(
  o: OptimalOptions & { shape: readonly number[]; single: boolean },
): OptimalSolver {
  const { shape, layout = 'outputs-first', scalePer = 'tensor' } = o;
  checkShape(shape, 'optimal');
  const range = bitRange(o);
  const mapPer = parseMapPer(o.mapPer ?? 'element');
  const groups = scaleGroups(shape, layout, scalePer, 'optimal');
  const starts = o.starts ?? defaultStarts(range.maxBits);
  if (!Number.isInteger(starts) || starts < 1)
    throw new HbnnError(
      `optimal: expected a whole number of starts of at least 1, got ${starts}; pass one`,
    );
  const count = elementCount(shape);
  const book = codebook(range.maxBits, groups);
  const mix = middleOutMix(o.average, range);
  const middleOut = selector({ shape, mix, select: 'middle-out', mapPer, layout });
  const common = { average: o.average, range, groups, book, starts, count, middleOut };
  return mapPer === 'element'
    ? elementSolver({ ...common, single: o.single })
    : unitSolver({ ...common, units: unitsOf(shape, layout, mapPer) });
}

interface Task {
  readonly average: number;
  readonly range: Range;
  readonly groups: Groups;
  readonly book: Codebook;
  readonly starts: number;
  readonly count: number;
  readonly middleOut: ReturnType<typeof selector>;
}

function elementSolver(task: Task & { single: boolean }): OptimalSolver {
  const { range, groups, book, count } = task;
  const sorted = sortedMemory(count, groups, task.single);
  const budget = Math.round(task.average * count);
  const problem = elementProblem(sorted, groups, range.minBits, range.maxBits, budget);
  let price = 0;
  const assign: OptimalSolver['renew'] = (x, bits, scales) => {
    loadScales(problem, scales);
    const prices = findPrice(problem, scales, price, 0);
    price = prices.high;
    assignElements(problem, x, groups, prices, bits);
  };
  return {
    planes: range.maxBits,
    groups,
    book,
    solve(x, bits, scales) {
      sortMagnitudes(x, groups, sorted);
      const pool = groups.count === 1 ? summarise(sorted, summarySize) : pooled(x, sorted, groups);
      const found = searchPool(pool, range, task.average, task.starts);
      const candidates =
        groups.count === 1
          ? [...found, ...ladders(sorted, range.maxBits)].map((each) => spread(each, undefined))
          : [spread(found[0], sizes(sorted))];
      const best = bestOfElements(problem, [middleOutScales(task, x), ...candidates]);
      const settle = (found: { scales: Float64Array[]; price: number }) => {
        copyScales(found.scales, scales);
        price = found.price;
        assign(x, bits, scales);
        refit(x, bits, groups, book, scales);
        fillCodebook(book, scales);
        return squaredError(x, bits, groups, book);
      };
      // With few or tied values, what the exact budget leaves of an error is another matter.
      const contenders = count <= contendersCount ? best.slice(0, 6) : [];
      const errors = contenders.map(settle);
      settle(best[Math.max(0, errors.indexOf(Math.min(...errors)))]);
      keepBetter(task, x, bits, scales);
    },
    renew(x, bits, scales) {
      sortMagnitudes(x, groups, sorted);
      const warm = scales.map((plane) => Float64Array.from(plane));
      price = sweepElements(problem, warm, { sweeps: 1, price, tolerance: 0, enough }).price;
      copyScales(warm, scales);
      assign(x, bits, scales);
    },
  };
}

/**
 * Starts for heavy tails, which a summary flattens: scales that grow from the mean of |x| to 2, 8,
 * 32 … times the mean, up to the largest |x|.
 */
function ladders(sorted: Sorted, planes: number): Float64Array[] {
  const mean = meanMagnitude(sorted.values);
  const largest = sorted.values[sorted.values.length - 1];
  const found: Float64Array[] = [];
  for (let top = 2 * mean; mean > 0 && top < largest && found.length < 12; top *= 4) {
    const step = (top / mean) ** (1 / Math.max(1, planes - 1));
    found.push(Float64Array.from({ length: planes }, (_, n) => mean * step ** n));
  }
  return found;
}

/** Continue each start on everything; those of least error first. */
function bestOfElements(
  problem: ElementProblem,
  candidates: readonly Float64Array[][],
): { scales: Float64Array[]; price: number }[] {
  const sweeps = problem.sorted.starts.length > 2 ? 10 : 40;
  // The budget is met exactly when bits are assigned.
  const tolerance = problem.budget * 1e-5;
  const done = candidates.map((scales) => ({
    scales,
    ...sweepElements(problem, scales, { sweeps, price: 0, tolerance, enough }),
  }));
  return done.sort((a, b) => a.error - b.error);
}

function unitSolver(task: Task & { units: Units }): OptimalSolver {
  const { range, groups, book, units, count } = task;
  const budget = unitBudget(units, task.average, count);
  let problem: UnitProblem | undefined;
  let price = 0;
  const problemFor = (x: Float32Array | Float64Array) =>
    unitProblem(x, groups, units, range.minBits, range.maxBits, budget);
  return {
    planes: range.maxBits,
    groups,
    book,
    solve(x, bits, scales) {
      problem = problemFor(x);
      const best = bestOfUnits(problem, task, x, bits);
      price = best.price;
      copyScales(best.scales, scales);
      refit(x, bits, groups, book, scales);
      keepBetter(task, x, bits, scales);
    },
    renew(x, bits, scales) {
      problem = problem ? { ...problem, x } : problemFor(x);
      const warm = scales.map((plane) => Float64Array.from(plane));
      price = sweepUnits(problem, warm, 0, bits, {
        sweeps: 1,
        price,
        enough,
        exact: true,
      }).price;
      copyScales(warm, scales);
    },
  };
}

/** Bits to hand out: in whole units' worth where units have one size. */
function unitBudget(units: Units, average: number, count: number): number {
  const size = units.sizes[0];
  return units.sizes.every((each) => each === size)
    ? Math.round(average * units.count) * size
    : Math.round(average * count);
}

/** Sweep a few starts a little, then the best of them further; leaves its bits in `bits`. */
function bestOfUnits(
  problem: UnitProblem,
  task: Task,
  x: Float32Array | Float64Array,
  bits: Uint8Array,
): { scales: Float64Array[]; price: number } {
  const { groups, range } = task;
  const sorted = sortedMemory(x.length, groups, x instanceof Float32Array);
  sortMagnitudes(x, groups, sorted);
  const pool = groups.count === 1 ? summarise(sorted, summarySize) : pooled(x, sorted, groups);
  const norms = groups.count === 1 ? undefined : sizes(sorted);
  const whole = Math.max(1, Math.ceil(task.average));
  const homogeneous = searchPool(pool, { minBits: whole, maxBits: whole }, whole, 12)[0];
  const found = searchPool(pool, range, task.average, task.starts)[0];
  const candidates = [
    middleOutScales(task, x),
    spread(halvedTo(homogeneous, range.maxBits), norms),
    spread(found, norms),
  ];
  // Each sweep goes twice over the elements: fewer where there are many.
  const [first, last] = x.length <= 1 << 18 ? [20, 20] : x.length <= 1 << 22 ? [3, 5] : [1, 3];
  const sweep = (scales: Float64Array[], price: number, sweeps: number, exact: boolean) =>
    sweepUnits(problem, scales, sorted.squares, bits, { sweeps, price, enough, exact });
  const tried = candidates.map((scales) => ({ scales, ...sweep(scales, 0, first, false) }));
  const best = tried.reduce((least, next) => (next.error < least.error ? next : least));
  const { price } = sweep(best.scales, best.price, last, true);
  return { scales: best.scales, price };
}

function halvedTo(scales: Float64Array, planes: number): Float64Array {
  const all = new Float64Array(planes);
  for (let n = 0; n < planes; n++) all[n] = n < scales.length ? scales[n] : all[n - 1] / 2;
  return all;
}

/** Root mean square of each group. */
function sizes(sorted: Sorted): Float64Array {
  const norms = new Float64Array(sorted.starts.length - 1);
  for (let g = 0; g < norms.length; g++) {
    let squares = 0;
    for (let i = sorted.starts[g]; i < sorted.starts[g + 1]; i++) squares += sorted.values[i] ** 2;
    norms[g] = Math.sqrt(squares / (sorted.starts[g + 1] - sorted.starts[g]));
  }
  return norms;
}

/** One set of scales for every group, in proportion to its norm. */
function spread(scales: Float64Array, norms: Float64Array | undefined): Float64Array[] {
  return Array.from(scales, (scale) =>
    norms ? norms.map((norm) => norm * scale) : Float64Array.of(scale),
  );
}

/** Values that stand for all groups' distributions, each divided by its norm. */
function pooled(x: Float32Array | Float64Array, sorted: Sorted, groups: Groups): Sorted {
  const norms = sizes(sorted);
  const rng = random(0, 'optimal', 'pool', x.length);
  const size = Math.min(summarySize * 4, x.length);
  const values = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const at = size === x.length ? i : rng.below(x.length);
    const norm = norms[Math.floor(at / groups.run) % groups.count];
    values[i] = norm > 0 ? Math.abs(x[at]) / norm : 0;
  }
  const all = { count: 1, run: size };
  const memory = sortedMemory(size, all, false);
  sortMagnitudes(values, all, memory);
  return summarise(memory, summarySize);
}

/** Try many starts on one distribution: the scales of the best few, best first. */
function searchPool(pool: Sorted, range: Range, average: number, starts: number): Float64Array[] {
  const all = { count: 1, run: pool.values.length };
  const budget = Math.round(average * pool.values.length);
  const problem = elementProblem(pool, all, range.minBits, range.maxBits, budget);
  const mean = meanMagnitude(pool.values);
  const rng = random(0, 'optimal', 'starts');
  const brief = { sweeps: 8, tolerance: pool.values.length / 2000, enough };
  const first = Array.from({ length: starts }, (_, start) => {
    const scales = Array.from({ length: range.maxBits }, (_, n) =>
      Float64Array.of(mean * (start === 0 ? 0.5 ** n : startScale(n, rng.uniform()))),
    );
    return { scales, ...sweepElements(problem, scales, { ...brief, price: 0 }) };
  });
  first.sort((a, b) => a.error - b.error);
  const climbed = climb(pool, range, average, mean, enough).map((scales) => ({ scales, price: 0 }));
  const further = (found: readonly { scales: Float64Array[]; price: number }[]) =>
    found
      .map(({ scales, price }) => ({
        scales,
        ...sweepElements(problem, scales, { sweeps: 80, price, tolerance: 0, enough }),
      }))
      .sort((a, b) => a.error - b.error);
  // Both kinds go on: on heavy tails the summary's best need not be the best on everything.
  const drawn = further(first.slice(0, Math.max(6, starts >> 3)));
  return [...drawn.slice(0, 3), ...further(climbed).slice(0, 2)]
    .sort((a, b) => a.error - b.error)
    .map(({ scales }) => Float64Array.from(scales, (plane) => plane[0]));
}

/** A scale of plane n + 1 in means of |x|. */
function startScale(n: number, uniform: number): number {
  return n === 0 ? 0.2 + 1.4 * uniform : 0.2 + 2.4 * uniform;
}

function middleOutScales(task: Task, x: Float32Array | Float64Array): Float64Array[] {
  return middleOutResult(task, x).scales;
}

function middleOutResult(task: Task, x: Float32Array | Float64Array) {
  const bits = new Uint8Array(x.length);
  task.middleOut.select(x, bits);
  const scales = exactScales(task.range.maxBits, task.groups);
  meanScales(x, bits, task.groups, scales);
  return { bits, scales };
}

/** Fit the scales once more to the exact bits, and clear those of planes without members. */
function refit(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  book: Codebook,
  scales: readonly Float32Array[],
): void {
  const slots = slotSums(book);
  fillCodebook(book, scales);
  collectSlots(x, bits, groups, book, slots);
  const exact = scales.map((plane) => Float64Array.from(plane));
  fitScales(book, slots, exact);
  copyScales(exact, scales);
  for (let g = 0; g < groups.count; g++) {
    let widest = 0;
    for (let slot = 0; slot < book.size; slot++)
      if (slots.counts[g * book.size + slot] > 0) widest = Math.max(widest, 32 - Math.clz32(slot));
    for (let n = widest; n < book.planes; n++) scales[n][g] = 0;
  }
}

/** Where middle-out has less error (few or tied values), take its bits and scales. */
function keepBetter(
  task: Task,
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  scales: readonly Float32Array[],
): void {
  const { groups, book } = task;
  fillCodebook(book, scales);
  const error = squaredError(x, bits, groups, book);
  const other = middleOutResult(task, x);
  const rounded = other.scales.map((plane) => Float32Array.from(plane));
  fillCodebook(book, rounded);
  if (!(squaredError(x, other.bits, groups, book) < error)) return;
  bits.set(other.bits);
  copyScales(rounded, scales);
}

function copyScales(from: readonly ArrayLike<number>[], to: readonly Float32Array[]): void {
  from.forEach((plane, n) => {
    to[n].set(plane);
  });
}

/**
 * Choose the bit map, the signs and the scales together, to minimise ‖T − Σ μ_n B_n‖² at an average
 * bitwidth (beyond the paper; Eq. 5 with free signs and scales).
 *
 * Alternates, from several deterministic starts: every element takes the bitwidth b and nearest
 * value v with the least (x − v)² + λ b, λ such that the average is met; scales by least squares.
 * Coarse maps choose per unit. The result is never worse than middle-out at the same average.
 *
 * More bits give no more error than fewer where the search finds the best there is and the bits can
 * be put to use, but every bit is handed out: as the average comes near maxBits, all elements take
 * the values of one width, where a lower average could choose between widths (8.0 bits are worse than
 * 7.0), and with heavy tails an outlier's scale makes further bits of the others costly. Ask for a
 * lower average, or more maxBits, then.
 *
 * Time: one linear-time sort of |T| (element maps), after which a sweep takes time in proportion to
 * groups · 2^maxBits · log(elements), whatever else the number of elements: little for scales per
 * tensor, but much time and memory for thousands of outputs at 6 and more bits (pass less maxBits
 * then). Coarse maps go twice over the elements per sweep, about 10 sweeps on large tensors.
 *
 * @param t weights, 1 to 4 dimensions
 * @returns bit counts with Σ bits within 1 of average · elements (coarse maps: one unit more or less)
 * @throws HbnnError when the average is out of the range, or the shape has no such units
 */
export function optimal(t: FloatTensor, o: OptimalOptions): ResidualTensor {
  checkFloatTensor(t, 'optimal');
  const { layout = 'outputs-first', scalePer = 'tensor' } = o;
  const solver = optimalSolver({ ...o, shape: t.shape, single: t.data instanceof Float32Array });
  const bits = new Uint8Array(t.data.length);
  const scales = scaleArrays(solver.planes, solver.groups);
  solver.solve(t.data, bits, scales);
  checkScales(scales, 'optimal');
  const used = scales.slice(0, widestOf(bits));
  fillCodebook(solver.book, scales);
  const map: BitMap = { shape: [...t.shape], bits, mapPer: parseMapPer(o.mapPer ?? 'element') };
  const planes = nearestPlanes(t.data, bits, solver.groups, solver.book, used);
  return { shape: [...t.shape], layout, scalePer, map, planes };
}
