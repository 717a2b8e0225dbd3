import tQuantile from '@stdlib/stats-base-dists-t-quantile';
import { mean, significance } from '../../results/statistics.ts';
import type { LedgerLine } from '../ledger/ledger.ts';
import { type Plan, type PlanSetting, plannedConfig } from './plan.ts';
import { linesByKey, linesOf, settingsOf } from './planLines.ts';

/** A network of one width, trained for one number of epochs. */
export interface Size {
  readonly network: string;
  readonly widthMultiplier: number;
  readonly epochs: number;
}

/** A number estimated from several trainings, with half the length of its 95 % confidence interval. */
export interface Estimate {
  readonly value: number;
  /** Undefined where no gap has two seeds yet. */
  readonly reach?: number;
}

/** One setting of a study of gaps, with what its finished trainings came to. */
export interface SettingGap extends Size {
  readonly id: string;
  readonly weights: string;
  readonly inputs: string;
  /** Trainings of this setting that are done. */
  readonly done: number;
  /** Mean top-1 over them in percent. */
  readonly top1?: number;
  /** Parameters of the float network of this size, running statistics included. */
  readonly parameters?: number;
  /** Top-1 of the float network minus that of this setting, in points, by seed; empty for the float network itself. */
  readonly bySeed: ReadonlyMap<number, number>;
  /** Their mean. */
  readonly gap?: Estimate;
}

/** How gaps of one precision move on one network. */
export interface GapTrend {
  readonly network: string;
  readonly weights: string;
  readonly inputs: string;
  /** Change of the gap in points if the channels double, and if the epochs double, on average over what was trained. */
  readonly perWidth: Estimate;
  readonly perEpochs: Estimate;
}

/** Whether weights or inputs are binarized. */
export const isFloat = ({ weights, inputs }: { weights: string; inputs: string }): boolean =>
  weights === 'float' && inputs === 'float';

/** The precision as tables name it: "1.4/float". */
export const precisionText = ({ weights, inputs }: { weights: string; inputs: string }): string =>
  `${weights}/${inputs}`;

const sameSize = (a: Size, b: Size): boolean =>
  a.network === b.network && a.widthMultiplier === b.widthMultiplier && a.epochs === b.epochs;

function sizeOf(plan: Plan, setting: PlanSetting): Size & { weights: string; inputs: string } {
  const { network, widthMultiplier = 1, epochs, weights, inputs } = plannedConfig(plan, setting, 0);
  return { network, widthMultiplier, epochs, weights: `${weights}`, inputs: `${inputs}` };
}

/** How much gaps vary from seed to seed on one network. */
interface Spread {
  readonly deviation: number;
  readonly degreesOfFreedom: number;
}

const squaresOf = (values: readonly number[]): number => {
  const centre = mean(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
};

/**
 * The standard deviation of values within groups, pooled: s² = Σ squares / Σ (n − 1). Groups that share float trainings
 * vary together, so the degrees of freedom count only the largest group of each size.
 *
 * @returns undefined where no group has two values
 */
export function pooledSpread(
  groups: readonly { readonly size: string; readonly values: readonly number[] }[],
): Spread | undefined {
  let squares = 0;
  let freedom = 0;
  const bySize = new Map<string, number>();
  for (const { size, values } of groups.filter((group) => group.values.length > 1)) {
    squares += squaresOf(values);
    freedom += values.length - 1;
    bySize.set(size, Math.max(bySize.get(size) ?? 0, values.length - 1));
  }
  if (freedom === 0) return undefined;
  const degreesOfFreedom = [...bySize.values()].reduce((sum, n) => sum + n, 0);
  return { deviation: Math.sqrt(squares / freedom), degreesOfFreedom };
}

/** Half of the 95 % interval of an estimate whose variance is `factor` times that of one gap. */
const reachOf = (spread: Spread | undefined, factor: number): number | undefined =>
  spread &&
  tQuantile(1 - significance / 2, spread.degreesOfFreedom) * spread.deviation * Math.sqrt(factor);

const sizeText = ({ network, widthMultiplier, epochs }: Size): string =>
  `${network} ${widthMultiplier} ${epochs}`;

/** Give each setting the mean of its gaps with its interval, from the spread of all gaps of its kind. */
function withReach(settings: readonly SettingGap[]): SettingGap[] {
  const spreads = spreadsOf(settings);
  return settings.map((setting) => {
    const values = [...setting.bySeed.values()];
    if (values.length === 0) return setting;
    const reach = reachOf(spreads.get(kindOf(setting)), 1 / values.length);
    return { ...setting, gap: { value: mean(values), reach } };
  });
}

/** Gaps of one kind vary alike: those of one network with float inputs, and those with binarized inputs. */
const kindOf = ({ network, inputs }: { network: string; inputs: string }): string =>
  `${network} ${inputs === 'float'}`;

function spreadsOf(settings: readonly SettingGap[]): ReadonlyMap<string, Spread | undefined> {
  const kinds = [...new Set(settings.map(kindOf))];
  return new Map(
    kinds.map((kind) => [
      kind,
      pooledSpread(
        settings
          .filter((setting) => kindOf(setting) === kind)
          .map((setting) => ({
            size: sizeText(setting),
            values: [...setting.bySeed.values()],
          })),
      ),
    ]),
  );
}

/** Every setting of a study of gaps with its gap to float, seed by seed. */
export function gapsOf(plan: Plan, lines: readonly LedgerLine[]): SettingGap[] {
  const byKey = linesByKey(lines);
  const all = settingsOf(plan).map((setting) => ({
    id: setting.id,
    ...sizeOf(plan, setting),
    found: new Map(linesOf(plan, setting, byKey)),
  }));
  const gaps = all.map(({ found, ...setting }): SettingGap => {
    const float = all.find((other) => isFloat(other) && sameSize(other, setting));
    const values = [...found.values()].map(({ top1 }) => 100 * top1);
    const bySeed = new Map<number, number>();
    for (const [seed, { top1 }] of isFloat(setting) ? [] : found) {
      const reference = float?.found.get(seed);
      if (reference !== undefined) bySeed.set(seed, 100 * (reference.top1 - top1));
    }
    return {
      ...setting,
      done: found.size,
      top1: values.length > 0 ? mean(values) : undefined,
      parameters: float && [...float.found.values()][0]?.parameters,
      bySeed,
    };
  });
  return withReach(gaps);
}

/** The gap of settings with fewer bits minus that of settings with more, by size and kind, each with its interval. */
export function gapDifferences(
  gaps: readonly SettingGap[],
  less: string,
  more: string,
): SettingGap[] {
  const differences = gaps
    .filter(({ weights }) => weights === less)
    .flatMap((setting): SettingGap[] => {
      const other = gaps.find(
        (each) =>
          each.weights === more &&
          (each.inputs === 'float') === (setting.inputs === 'float') &&
          sameSize(each, setting),
      );
      if (other === undefined) return [];
      const bySeed = [...setting.bySeed].flatMap(([seed, value]): [number, number][] => {
        const reference = other.bySeed.get(seed);
        return reference === undefined ? [] : [[seed, value - reference]];
      });
      return [{ ...setting, gap: undefined, bySeed: new Map(bySeed) }];
    });
  return withReach(differences);
}

interface Slopes {
  readonly x: number;
  readonly z: number;
  /** Variances of the slopes over that of one value. */
  readonly factorX: number;
  readonly factorZ: number;
}

/** Least squares y = a + b·x + c·z. @returns undefined where the points do not tell both slopes apart */
export function planeThrough(
  points: readonly { readonly x: number; readonly z: number; readonly y: number }[],
): Slopes | undefined {
  const centre = (of: (point: { x: number; z: number; y: number }) => number): number[] => {
    const values = points.map(of);
    return values.map((value) => value - mean(values));
  };
  const [x, z, y] = [centre((p) => p.x), centre((p) => p.z), centre((p) => p.y)];
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i], 0);
  const [xx, zz, xz] = [dot(x, x), dot(z, z), dot(x, z)];
  const determinant = xx * zz - xz * xz;
  // Sums of squares of whole logarithms are 0 or far from it.
  if (!(determinant > 1e-9)) return undefined;
  return {
    x: (zz * dot(x, y) - xz * dot(z, y)) / determinant,
    z: (xx * dot(z, y) - xz * dot(x, y)) / determinant,
    factorX: zz / determinant,
    factorZ: xx / determinant,
  };
}

/** How much each gap changes if channels or epochs double, as far as the trainings that are done tell it. */
export function gapTrends(gaps: readonly SettingGap[]): GapTrend[] {
  const spreads = spreadsOf(gaps);
  const binarized = gaps.filter((setting) => !isFloat(setting));
  const seriesOf = (setting: SettingGap): string => `${setting.network} ${precisionText(setting)}`;
  return [...new Set(binarized.map(seriesOf))].flatMap((name): GapTrend[] => {
    const settings = binarized.filter((setting) => seriesOf(setting) === name);
    const slopes = planeThrough(
      settings.flatMap(({ widthMultiplier, epochs, bySeed }) =>
        [...bySeed.values()].map((y) => ({
          x: Math.log2(widthMultiplier),
          z: Math.log2(epochs),
          y,
        })),
      ),
    );
    if (slopes === undefined) return [];
    const [{ network, weights, inputs }] = settings;
    const spread = spreads.get(kindOf(settings[0]));
    return [
      {
        network,
        weights,
        inputs,
        perWidth: { value: slopes.x, reach: reachOf(spread, slopes.factorX) },
        perEpochs: { value: slopes.z, reach: reachOf(spread, slopes.factorZ) },
      },
    ];
  });
}

/** Half the intervals that a study's gaps and changes will have if gaps vary as the plan expects. */
export function plannedReach(plan: Plan): { gap: number; perDoubling: number } {
  const settings = settingsOf(plan).map((setting) => ({
    ...sizeOf(plan, setting),
    seeds: setting.seeds,
  }));
  const [first] = settings.filter((setting) => !isFloat(setting));
  const series = settings.filter(
    (setting) =>
      setting.network === first.network && precisionText(setting) === precisionText(first),
  );
  const spread = {
    deviation: plan.spread.deviation,
    degreesOfFreedom: series.reduce((sum, { seeds }) => sum + seeds - 1, 0),
  };
  const slopes = planeThrough(
    series.flatMap(({ widthMultiplier, epochs, seeds }) =>
      Array.from({ length: seeds }, () => ({
        x: Math.log2(widthMultiplier),
        z: Math.log2(epochs),
        y: 0,
      })),
    ),
  );
  if (slopes === undefined) throw new Error(`plan ${plan.name}: no widths and lengths to compare`);
  return {
    gap: reachOf(spread, 1 / first.seeds) as number,
    perDoubling: reachOf(spread, Math.max(slopes.factorX, slopes.factorZ)) as number,
  };
}
