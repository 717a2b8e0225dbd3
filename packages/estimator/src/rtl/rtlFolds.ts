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
  readonly cyclesPerImage: number;
  /** The smallest design that was tried and takes more than was asked for. */
  readonly nextLuts?: number;
}

/** A rough count of LUTs may be off by these factors: what is asked of it to begin with. */
const roughFactors = [1.25, 1, 0.8, 0.64, 0.5] as const;
/** Designs that are made between one that fits and one that does not. */
const maxHalvings = 3;
/** Near enough to what was asked for. */
const nearEnough = 0.93;

/** A model's design for a family. */
export const designForFamily = (
  model: CheckedModel,
  folds: FoldTable,
  family: Family,
): FoldedDesign => foldedDesign(model, { folds, style: fabrics[familyFabrics[family]].style });

/** Estimates designs of one model, each once. */
class FoldTrials {
  private readonly model: CheckedModel;
  private readonly family: Family;
  private readonly place: string;
  private readonly tried = new Map<string, RtlFolds>();

  constructor(model: CheckedModel, family: Family, place: string) {
    this.model = model;
    this.family = family;
    this.place = place;
  }

  /** The design that a rough count chooses for some LUTs. */
  at(budget: number): RtlFolds {
    const folds = chooseFolds(this.model, { luts: budget }, this.place);
    const key = JSON.stringify(folds);
    const found = this.tried.get(key) ?? this.estimated(folds);
    this.tried.set(key, found);
    return found;
  }

  private estimated(folds: FoldTable): RtlFolds {
    const design = designForFamily(this.model, folds, this.family);
    const { luts, memoryLuts } = estimateRtl(design, this.family);
    const { cyclesPerImage } = design;
    return { folds, cyclesPerImage, luts: luts.value + memoryLuts.value };
  }

  get all(): readonly RtlFolds[] {
    return [...this.tried.values()];
  }
}

/**
 * Choose folds by what their Verilog is estimated to take: the fewest cycles within a number of LUTs. A rough count says
 * which folds are fast for their size; designs that it chooses are made and estimated, larger ones first, until one fits,
 * and then between that one and the one before.
 *
 * @param place what errors call the number of LUTs
 * @throws HbnnError where no design that was tried fits
 */
export function foldsWithinLuts(
  model: CheckedModel,
  luts: number,
  family: Family,
  place = 'luts',
): RtlFolds {
  const trials = new FoldTrials(model, family, place);
  const { minLuts } = defaultFolds(model);
  const budgets = [
    ...new Set([...roughFactors.map((factor) => Math.max(minLuts, Math.floor(factor * luts)))]),
  ];
  // One lane per layer can take more than a few: there is a little room beside it at least.
  for (const factor of [1.3, 1.1, 1]) budgets.push(Math.ceil(factor * minLuts));
  budgets.sort((a, b) => b - a);
  let over: number | undefined;
  for (const budget of budgets) {
    const { luts: taken } = trials.at(budget);
    if (taken <= luts) {
      if (over !== undefined) halveBetween(trials, budget, over, luts);
      break;
    }
    over = budget;
  }
  return fastest(trials.all, luts, place);
}

/** Try designs between a number that fits and one that does not. */
function halveBetween(trials: FoldTrials, fits: number, over: number, luts: number): void {
  let [low, high] = [fits, over];
  for (let n = 0; n < maxHalvings && high - low > 1; n++) {
    const middle = Math.floor((low + high) / 2);
    const taken = trials.at(middle).luts;
    if (taken > luts) high = middle;
    else low = middle;
    if (taken <= luts && taken >= nearEnough * luts) break;
  }
}

function fastest(all: readonly RtlFolds[], luts: number, place: string): RtlFolds {
  const larger = all.filter((one) => one.luts > luts).map((one) => one.luts);
  const nextLuts = larger.length === 0 ? undefined : Math.min(...larger);
  const [best] = all
    .filter((one) => one.luts <= luts)
    .sort((a, b) => a.cyclesPerImage - b.cyclesPerImage || a.luts - b.luts);
  if (best !== undefined) return { ...best, ...(nextLuts !== undefined && { nextLuts }) };
  const least = Math.ceil(nextLuts ?? luts);
  throw new HbnnError(
    `${place}: expected at least ${least}, the LUTs that the smallest design is estimated to take, got ${luts}; give ${least} or more`,
  );
}
