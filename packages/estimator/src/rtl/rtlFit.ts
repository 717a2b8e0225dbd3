import { HbnnError } from '@hbnn/core';
import type { ModuleKind } from './counted.ts';
import { moduleKinds } from './counted.ts';

/**
 * Kinds of modules that share coefficients, under the first kind of each group: networks have too few modules of some
 * kinds to fit each alone.
 */
const groups: Readonly<Partial<Record<ModuleKind, ModuleKind>>> = {
  numbers: 'weights',
  sumPool: 'weights',
  requantize: 'weights',
  accumulate: 'collect',
};

/** The kind whose coefficients a module has. */
export const coefficientsKind = (kind: ModuleKind): ModuleKind => groups[kind] ?? kind;

/** What the tables of a kind of module are counted with, one coefficient per part. */
export type RtlCoefficients = Readonly<Partial<Record<ModuleKind, readonly number[]>>>;

/** A module that was synthesized. */
export interface MeasuredModule {
  readonly kind: ModuleKind;
  readonly parts: readonly number[];
  readonly luts: number;
}

/** A small module that is off by no more tables than this weighs little in the fit. */
const smallLuts = 30;

/**
 * Fit LUT = Σ coefficient · part for each kind of module, coefficients of at least 0, by least squares of errors over
 * LUT + 30.
 *
 * @throws HbnnError where a kind has too few modules that differ
 */
export function fitRtl(measured: readonly MeasuredModule[]): RtlCoefficients {
  const found: Partial<Record<ModuleKind, readonly number[]>> = {};
  for (const kind of moduleKinds) {
    const own = measured.filter((each) => coefficientsKind(each.kind) === kind);
    if (own.length > 0) found[kind] = fitKind(kind, own);
  }
  return found;
}

interface Row {
  readonly parts: readonly number[];
  readonly goal: number;
}

function fitKind(kind: ModuleKind, measured: readonly MeasuredModule[]): number[] {
  const rows = measured.map(({ parts, luts }): Row => {
    const weight = 1 / (luts + smallLuts);
    return { parts: parts.map((part) => part * weight), goal: luts * weight };
  });
  const count = rows[0].parts.length;
  let best: number[] | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let set = 1; set < 2 ** count; set++) {
    const used = Array.from({ length: count }, (_, k) => k).filter((k) => (set >> k) & 1);
    const solved = leastSquares(rows, used);
    if (solved === undefined || !solved.every((value) => value >= 0)) continue;
    const all = new Array<number>(count).fill(0);
    used.forEach((k, i) => {
      all[k] = solved[i];
    });
    const squares = rows.reduce((sum, { parts, goal }) => sum + (dot(parts, all) - goal) ** 2, 0);
    if (squares < least) [best, least] = [all, squares];
  }
  if (best === undefined)
    throw new HbnnError(
      `calibrate: expected modules of kind ${kind} that differ, got ${measured.length} that do not; synthesize more designs`,
    );
  return best.map((value) => Number(value.toFixed(4)));
}

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, n, i) => sum + n * (b[i] ?? 0), 0);

/** The normal equations by Gauss and Jordan; undefined where they have no one solution. */
function leastSquares(rows: readonly Row[], used: readonly number[]): number[] | undefined {
  const m = used.map((p) => [
    ...used.map((q) => rows.reduce((sum, { parts }) => sum + parts[p] * parts[q], 0)),
    rows.reduce((sum, { parts, goal }) => sum + parts[p] * goal, 0),
  ]);
  for (let p = 0; p < used.length; p++) {
    const pivot = m[p][p];
    if (Math.abs(pivot) < 1e-9) return undefined;
    for (let r = 0; r < used.length; r++) {
      if (r === p) continue;
      const factor = m[r][p] / pivot;
      m[r] = m[r].map((value, k) => value - factor * m[p][k]);
    }
  }
  return m.map((row, p) => row[used.length] / row[p]);
}
