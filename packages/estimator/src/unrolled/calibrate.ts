import type { Fabric } from '@hbnn/circuit';
import { HbnnError, parseMapPer, parseMix } from '@hbnn/core';
import { type CheckedModel, type InputMapPer, randomModel } from '@hbnn/model';
import { unrolledCounts } from './counts.ts';
import { EstimateMemo } from './memo.ts';
import { partsOf } from './stepParts.ts';
import { groupOf, type StepGroup, stepGroups } from './steps.ts';

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
const errorsOf = (
  coefficients: readonly number[],
  parts: readonly (readonly number[])[],
  measured: readonly number[],
): number[] =>
  parts.map((row, i) => row.reduce((sum, n, k) => sum + n * coefficients[k], 0) / measured[i] - 1);

/** There are only a few unknowns, so every set of them that may be above 0 is tried. */
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
      'calibrate: expected measurements that differ, got none that tell parts apart; add measurements of layers of other kinds and sizes',
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

interface MeasuredArea {
  readonly seed: number;
  readonly target: Fabric;
  /** Of `adders`: gate equivalents of the library's cell. */
  readonly adderGates?: number;
  /** LUTs, or gate equivalents, of each step's module. */
  readonly steps: Readonly<Record<string, number>>;
}

interface MeasuredLayer {
  readonly layer: string;
  readonly mix: string;
  readonly inputMix: string;
  readonly mapPer: string;
  readonly inputMapPer: InputMapPer;
}

/** What was synthesized: a random layer behind its thresholds, or a whole random network. */
export type MeasuredModel = { readonly seed: number } & (
  | MeasuredLayer
  | { readonly layer?: undefined }
);
export type UnrolledMeasurement = MeasuredArea & MeasuredModel;

/** A fit of one kind of step, and what it gives for measurements that are kept from it. */
export interface StepFit {
  readonly step: StepGroup;
  readonly coefficients: readonly number[];
  readonly count: number;
  readonly fit: { readonly median: number; readonly worst: number };
  readonly heldOut: { readonly median: number; readonly worst: number };
}

/** Areas of less than 20 LUTs, or as much in gate equivalents, are mostly rounding: they have no part in fits. */
const leastArea: Readonly<Record<Fabric, number>> = {
  lut6: 20,
  lut4: 20,
  gates: 50,
  adders: 50,
};

interface Row {
  readonly parts: readonly number[];
  readonly area: number;
  readonly seed: number;
}

/** Fit each kind of step of one circuit. @throws HbnnError with too few measurements */
export function fitMeasurements(measured: readonly UnrolledMeasurement[]): StepFit[] {
  const rows = new Map<StepGroup, Row[]>(stepGroups.map((step) => [step, []]));
  const memo = new EstimateMemo();
  for (const each of measured)
    for (const counts of unrolledCounts(modelOf(each), each.target, memo)) {
      const step = groupOf(counts.kind);
      const area = each.steps[counts.name];
      if (area === undefined || area < leastArea[each.target]) continue;
      const parts = partsOf(step, counts, each.target, each.adderGates);
      rows.get(step)?.push({ parts, area, seed: each.seed });
    }
  // Steps that were hardly measured, such as pools with some library's adders, have no fit.
  const fitted = [...rows].filter(
    ([step, used]) => step === 'layer' || used.length >= 2 + (used[0]?.parts.length ?? 0),
  );
  return fitted.map(([step, used]): StepFit => {
    const { coefficients, errors } = fitOf(used);
    return {
      step,
      coefficients,
      count: used.length,
      fit: spread(errors),
      heldOut: spread(heldOut(used)),
    };
  });
}

const fitOf = (rows: readonly Row[]): Fit =>
  fitArea(
    rows.map(({ parts }) => parts),
    rows.map(({ area }) => area),
  );

/** Errors of each seed's measurements by a fit to those of the others. */
function heldOut(rows: readonly Row[]): number[] {
  return [...new Set(rows.map(({ seed }) => seed))].flatMap((seed) => {
    const kept = rows.filter((row) => row.seed === seed);
    return errorsOf(
      fitOf(rows.filter((row) => row.seed !== seed)).coefficients,
      kept.map(({ parts }) => parts),
      kept.map(({ area }) => area),
    );
  });
}

/** The model that was measured. */
export const modelOf = (one: MeasuredModel): CheckedModel =>
  one.layer === undefined
    ? randomModel(one.seed)
    : randomModel(one.seed, {
        layer: one.layer,
        mix: parseMix(one.mix),
        mapPer: parseMapPer(one.mapPer),
        inputMix: parseMix(one.inputMix),
        inputMapPer: one.inputMapPer,
      });
