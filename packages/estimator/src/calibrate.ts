import {
  HbnnError,
  type InputMapPer,
  type IntegerModel,
  parseMapPer,
  parseMix,
  randomModel,
} from '@hbnn/core';
import { styleOf, type UnrolledCircuit } from './unrolledCoefficients.ts';
import { type StepCounts, unrolledCounts } from './unrolledCounts.ts';

/** Coefficients of an area, and how well they do. */
export interface Fit {
  readonly coefficients: readonly number[];
  /** Relative errors of the measurements it was fitted to: estimate / measured − 1. */
  readonly errors: readonly number[];
}

/** The median and the largest magnitude of errors. */
export function spread(errors: readonly number[]): { median: number; worst: number } {
  const sizes = errors.map(Math.abs).sort((a, b) => a - b);
  const half = Math.floor((sizes.length - 1) / 2);
  return { median: sizes[half], worst: sizes[sizes.length - 1] };
}

/**
 * Fit area = Σ coefficient · part with coefficients of at least 0 and the least squares of relative errors: the parts of
 * an area cannot take less than nothing, and an estimate then never falls where a count grows.
 *
 * @param parts [measurement][part]
 * @throws HbnnError with fewer measurements than parts
 */
export function fitArea(parts: readonly (readonly number[])[], measured: readonly number[]): Fit {
  const count = parts[0]?.length ?? 0;
  if (measured.length < count || count === 0 || measured.length !== parts.length)
    throw new HbnnError(
      `calibrate: expected at least ${Math.max(1, count)} measurements for ${count} coefficients, got ${measured.length}; measure more layers`,
    );
  const rows = parts.map((row, i) => row.map((part) => part / measured[i]));
  const coefficients = nonNegative(rows, count);
  return { coefficients, errors: errorsOf(coefficients, parts, measured) };
}

/** estimate / measured − 1. */
export const errorsOf = (
  coefficients: readonly number[],
  parts: readonly (readonly number[])[],
  measured: readonly number[],
): number[] =>
  parts.map((row, i) => row.reduce((sum, n, k) => sum + n * coefficients[k], 0) / measured[i] - 1);

/** Of at most a few unknowns: every set of them that may be above 0 is tried. */
function nonNegative(rows: readonly (readonly number[])[], count: number): number[] {
  let best: number[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (let set = 1; set < 2 ** count; set++) {
    const used = Array.from({ length: count }, (_, k) => k).filter((k) => (set >> k) & 1);
    const solved = solve(rows, used);
    if (solved === undefined || solved.some((value) => value < 0)) continue;
    const all = new Array<number>(count).fill(0);
    used.forEach((k, i) => {
      all[k] = solved[i];
    });
    const squares = rows.reduce(
      (sum, row) => sum + (row.reduce((total, n, k) => total + n * all[k], 0) - 1) ** 2,
      0,
    );
    if (squares < least) [best, least] = [all, squares];
  }
  if (best.length === 0)
    throw new HbnnError(
      'calibrate: expected measurements that differ, got none that tell parts apart',
    );
  return best;
}

/** The normal equations by Gauss and Jordan; undefined where they have no one solution. */
function solve(
  rows: readonly (readonly number[])[],
  used: readonly number[],
): number[] | undefined {
  const m = used.map((p) => [
    ...used.map((q) => rows.reduce((sum, row) => sum + row[p] * row[q], 0)),
    rows.reduce((sum, row) => sum + row[p], 0),
  ]);
  for (let p = 0; p < used.length; p++) {
    const pivot = m[p][p];
    if (Math.abs(pivot) < 1e-12) return undefined;
    for (let r = 0; r < used.length; r++) {
      if (r === p) continue;
      const factor = m[r][p] / pivot;
      m[r] = m[r].map((value, k) => value - factor * m[p][k]);
    }
  }
  return m.map((row, p) => row[used.length] / row[p]);
}

/** The parts that a kind of step is fitted by. */
export const partsOf = {
  sums: (c: StepCounts): number[] => [
    ...[c.counters, c.chainPlaces, c.chains],
    ...[c.fullAdders, c.halfAdders],
  ],
  /** Where a library's cell adds three bits: its gate equivalents, and what comes with it. */
  sumsOfCells: (c: StepCounts, adderGates: number): number[] => [
    ...[adderGates * c.fullAdders, c.fullAdders, c.halfAdders],
  ],
  thresholds: (c: StepCounts): number[] => [c.comparedBits, c.furtherNodes],
  words: (c: StepCounts): number[] => [c.wordBits],
  choices: (c: StepCounts): number[] => [c.comparedBits, c.wordBits],
} as const;

/** A synthesized random layer behind its thresholds: LUTs, or gate equivalents, of each module. */
export interface UnrolledMeasurement {
  readonly seed: number;
  readonly layer: string;
  readonly mix: string;
  readonly inputMix: string;
  readonly mapPer: string;
  readonly inputMapPer: InputMapPer;
  readonly target: UnrolledCircuit;
  /** Of `adders`: gate equivalents of the library's cell. */
  readonly adderGates?: number;
  readonly steps: Readonly<Record<string, number>>;
}

/** A fit of one kind of step, and what it gives where the layers of odd seeds are kept from it. */
export interface StepFit {
  readonly step: string;
  readonly coefficients: readonly number[];
  readonly count: number;
  readonly fit: { readonly median: number; readonly worst: number };
  readonly heldOut: { readonly median: number; readonly worst: number };
}

/** Below this an area is mostly rounding; of scores and the largest one, small ones would outvote those that weigh. */
const leastArea = { layer: 5, input: 5, scores: 40, largest: 40 } as const;

/** Fit each kind of step of one circuit. @throws HbnnError with too few measurements */
export function fitMeasurements(measured: readonly UnrolledMeasurement[]): StepFit[] {
  const counted = measured.map((one) => ({
    one,
    counts: unrolledCounts(modelOf(one), styleOf[one.target]),
  }));
  const kinds = [
    ['layer', partsOf.sums],
    ['input', partsOf.thresholds],
    ['scores', partsOf.words],
    ['largest', partsOf.choices],
  ] as const;
  return kinds.map(([step, parts]): StepFit => {
    const used = counted.flatMap(({ one, counts }) => {
      const found = counts.find(({ name }) => name === step);
      const area = one.steps[step];
      if (found === undefined || area < leastArea[step]) return [];
      const { adderGates } = one;
      const ofCells = step === 'layer' && adderGates !== undefined;
      const own = ofCells ? partsOf.sumsOfCells(found, adderGates) : parts(found);
      return [{ parts: own, area, odd: one.seed % 2 }];
    });
    const [seen, kept] = [0, 1].map((odd) => used.filter((row) => row.odd === odd));
    const of = (list: typeof used) =>
      fitArea(
        list.map((row) => row.parts),
        list.map(({ area }) => area),
      );
    const heldOut = errorsOf(
      of(seen).coefficients,
      kept.map((row) => row.parts),
      kept.map(({ area }) => area),
    );
    const { coefficients, errors } = of(used);
    return {
      step,
      coefficients,
      count: used.length,
      fit: spread(errors),
      heldOut: spread(heldOut),
    };
  });
}

/** The model that was measured. */
export const modelOf = (
  one: Omit<UnrolledMeasurement, 'target' | 'adderGates' | 'steps'>,
): IntegerModel =>
  randomModel(one.seed, {
    ...{ layer: one.layer, mix: parseMix(one.mix), mapPer: parseMapPer(one.mapPer) },
    ...{ inputMix: parseMix(one.inputMix), inputMapPer: one.inputMapPer },
  });
