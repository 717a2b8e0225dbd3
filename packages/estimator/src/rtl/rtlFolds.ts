import {
  chooseFolds,
  defaultFolds,
  type Family,
  type FoldedDesign,
  type FoldTable,
  fabrics,
  familyFabrics,
  foldedDesign,
} from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { estimateRtl } from './estimateRtl.ts';

/** Folds whose Verilog was estimated. */
export interface RtlFolds {
  readonly folds: FoldTable;
  /** Look-up tables, those of distributed RAM among them. */
  readonly luts: number;
  /** The next larger folds that were tried: they take more than was asked for. */
  readonly nextLuts?: number;
}

/** Designs that are made to come near the LUTs that are asked for. */
const maxRounds = 6;
/** Near enough to what was asked for. */
const nearEnough = 0.95;

/** A model's design for a family. */
export const designForFamily = (
  model: CheckedModel,
  folds: FoldTable,
  family: Family,
): FoldedDesign => foldedDesign(model, { folds, style: fabrics[familyFabrics[family]].style });

/** Look-up tables of a model's Verilog, those of distributed RAM among them. */
function lutsOf(model: CheckedModel, folds: FoldTable, family: Family): number {
  const { luts, memoryLuts } = estimateRtl(designForFamily(model, folds, family), family);
  return luts.value + memoryLuts.value;
}

/**
 * Choose folds by what their Verilog is estimated to take: as many LUTs as there are, never more. A rough count says which
 * folds are fast; designs are made and estimated until it asks for the right number.
 *
 * @param place what errors call the number of LUTs
 * @throws HbnnError where one lane per layer takes more
 */
export function foldsWithinLuts(
  model: CheckedModel,
  luts: number,
  family: Family,
  place = 'luts',
): RtlFolds {
  const { minLuts } = defaultFolds(model);
  let budget = Math.max(minLuts, luts);
  let [low, high] = [minLuts, Number.POSITIVE_INFINITY];
  let best: { readonly folds: FoldTable; readonly luts: number } | undefined;
  let over = Number.POSITIVE_INFINITY;
  const tried = new Map<string, number>();
  for (let round = 0; round < maxRounds; round++) {
    const folds = chooseFolds(model, { luts: budget }, place);
    const key = JSON.stringify(folds);
    const found = tried.get(key) ?? lutsOf(model, folds, family);
    tried.set(key, found);
    if (found <= luts) {
      low = Math.max(low, budget);
      if (best === undefined || found > best.luts) best = { folds, luts: found };
      if (found >= nearEnough * luts) break;
    } else {
      high = Math.min(high, budget);
      over = Math.min(over, found);
    }
    const next = nextBudget(budget, luts / found, low, high);
    if (next === budget) break;
    budget = next;
  }
  if (best === undefined)
    throw new HbnnError(
      `${place}: expected at least ${Math.ceil(over)}, the LUTs that the smallest folds are estimated to take, got ${luts}; give ${Math.ceil(over)} or more`,
    );
  return { ...best, ...(Number.isFinite(over) && { nextLuts: over }) };
}

/** The next number to ask for: in proportion, or halfway where that is known to be too few or too many. */
function nextBudget(budget: number, factor: number, low: number, high: number): number {
  const wanted = Math.floor(budget * factor);
  if (wanted > low && wanted < high) return wanted;
  // Too many is asked for last: the smallest folds alone are left then.
  if (!Number.isFinite(high)) return Math.max(low + 1, wanted);
  return budget === low || wanted >= high ? Math.floor((low + high) / 2) : low;
}
