import { type LedgerLine, trainingKey } from '../ledger/ledger.ts';
import { type Plan, type PlanSetting, plannedConfig, seedsOf } from './plan.ts';

/** All settings of a plan. */
export const settingsOf = (plan: Plan): PlanSetting[] =>
  plan.parts.flatMap(({ settings }) => settings);

/** The lines of a ledger by the names of their trainings. */
export const linesByKey = (lines: readonly LedgerLine[]): ReadonlyMap<string, LedgerLine> =>
  new Map(lines.map((line) => [trainingKey(line.config, line.data.sha256), line]));

/** The finished trainings of a setting by seed, of the plan's seeds alone. */
export function linesOf(
  plan: Plan,
  setting: PlanSetting,
  byKey: ReadonlyMap<string, LedgerLine>,
): [number, LedgerLine][] {
  const sha256 = plan.data?.sha256 ?? '';
  return seedsOf(plan, setting).flatMap((seed): [number, LedgerLine][] => {
    const line = byKey.get(trainingKey(plannedConfig(plan, setting, seed), sha256));
    return line === undefined ? [] : [[seed, line]];
  });
}
