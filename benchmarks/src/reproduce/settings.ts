import type { RunResult } from '@hbnn/train';
import { deviation, mean } from '../results/statistics.ts';
import type { Profile } from './profile.ts';
import type { ResultRow, Setting, SettingResults } from './stage.ts';

type FigureConfig = Partial<Setting['config']>;

/** A setting on the network of figures 2b and 3b: what differs is the weights' precision alone. */
export function figureSetting(
  profile: Profile,
  id: string,
  config: FigureConfig,
  seeds: readonly number[],
): Setting {
  return { id, config: { ...profile.common, ...profile.figureNetwork, ...config }, seeds };
}

/** Test accuracies in percent, in the order of the seeds. */
export function accuracies(results: SettingResults, id: string): number[] {
  return (results.get(id) ?? []).map(({ top1 }) => 100 * top1);
}

/** A measured row: mean and spread over the seeds. */
export function measuredRow(
  profile: Profile,
  label: string,
  results: SettingResults,
  id: string,
  rest: Partial<ResultRow> = {},
): ResultRow {
  const runs = results.get(id) ?? [];
  const values = accuracies(results, id);
  return {
    label,
    kind: 'measured',
    unit: '% top-1',
    ours: mean(values),
    spread: values.length < 3 ? undefined : deviation(values),
    seeds: runs.map(({ config }) => config.seed),
    values,
    scale: scaleOf(profile, runs),
    ...rest,
  };
}

/** Data set, network and budget of some runs, in words. */
function scaleOf(profile: Profile, runs: readonly RunResult[]): string {
  if (runs.length === 0) return profile.data;
  const { config, data, trainImages, parameters, steps } = runs[0];
  const images = `${data}, ${trainImages.toLocaleString('en')} training images`;
  return `${images}; ${config.network}, ${parameters.toLocaleString('en')} parameters, ${steps.toLocaleString('en')} steps of ${config.batch} images`;
}
