import type { RunResult } from '@hbnn/train';
import {
  type Comparison,
  compare,
  deviation,
  type Interval,
  mean,
  meanInterval,
} from '@hbnn/train/statistics';
import type { Plan, PlannedRun } from './plan.ts';

/** A setting's accuracies over the seeds, top-1 of the test images in percent. */
interface SettingResult {
  readonly setting: string;
  readonly values: Readonly<Record<string, string>>;
  readonly mean: number;
  /** Sample standard deviation over the seeds. */
  readonly spread: number;
  /** The interval of the mean, by the t distribution. */
  readonly interval95: Interval;
  readonly seeds: readonly number[];
  readonly accuracies: readonly number[];
}

/** Two settings, compared over the same seeds: differences are `setting` minus `against`, in points. */
interface Difference extends Comparison {
  readonly setting: string;
  readonly against: string;
}

export interface ComparisonResults {
  readonly metric: string;
  readonly backend: string;
  readonly data: string;
  readonly margin: number;
  readonly settings: readonly SettingResult[];
  readonly differences: readonly Difference[];
  readonly runs: readonly (RunSummary & { readonly setting: string; readonly folder: string })[];
}

type RunSummary = Pick<
  RunResult,
  'top1' | 'top5' | 'testLoss' | 'testImages' | 'trainLoss' | 'trainImages' | 'steps' | 'seconds'
> & { readonly seed: number };

const summary = (result: RunResult): RunSummary => {
  const { top1, top5, testLoss, testImages, trainLoss, trainImages, steps, seconds } = result;
  const { seed } = result.config;
  return { seed, top1, top5, testLoss, testImages, trainLoss, trainImages, steps, seconds };
};

/** A finished training with what it was planned as. */
export interface FinishedRun extends PlannedRun {
  readonly result: RunResult;
}

/** What the finished trainings of a plan come to. */
export function comparisonResults(plan: Plan, runs: readonly FinishedRun[]): ComparisonResults {
  const list = plan.settings.map((setting): SettingResult => {
    const own = runs.filter((run) => run.setting === setting);
    // A share of whole images in percent, without the noise of its last binary digits.
    const accuracies = own.map(({ result }) => Number((100 * result.top1).toFixed(8)));
    const centre = mean(accuracies);
    return {
      setting: setting.name,
      values: setting.values,
      mean: centre,
      spread: deviation(accuracies) ?? 0,
      interval95: meanInterval(accuracies) ?? { low: centre, high: centre },
      seeds: own.map(({ config }) => config.seed),
      accuracies,
    };
  });
  const { backend, data } = runs[0].result;
  return {
    metric: 'top-1 accuracy of the test images in percent',
    backend,
    data,
    margin: plan.margin,
    settings: list,
    differences: differencesOf(list, plan.margin),
    runs: runs.map(({ setting, dir, result }) => ({
      setting: setting.name,
      folder: dir,
      ...summary(result),
    })),
  };
}

/** Each setting against each one before it. */
function differencesOf(list: readonly SettingResult[], margin: number): Difference[] {
  return list.flatMap((b, i) =>
    list.slice(i + 1).flatMap((a) => {
      const found = compare(
        { name: a.setting, values: a.accuracies },
        { name: b.setting, values: b.accuracies },
        margin,
      );
      return found === undefined ? [] : [{ setting: a.setting, against: b.setting, ...found }];
    }),
  );
}

/** One line per training, for a spreadsheet. */
export function resultsCsv({ runs, settings }: ComparisonResults): string {
  const flags = Object.keys(settings[0].values);
  const valuesOf = new Map(settings.map(({ setting, values }) => [setting, values]));
  const columns = ['seed', 'top1', 'top5', 'testLoss', 'testImages', 'trainLoss'] as const;
  const more = ['trainImages', 'steps', 'seconds', 'folder'] as const;
  const head = ['setting', ...flags.map((flag) => flag.slice(2)), ...columns, ...more];
  const rows = runs.map((run) => [
    run.setting,
    ...flags.map((flag) => valuesOf.get(run.setting)?.[flag] ?? ''),
    ...columns.map((name) => run[name]),
    ...more.map((name) => run[name]),
  ]);
  return [head, ...rows].map((row) => `${row.map(csvCell).join(',')}\n`).join('');
}

function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The verdict on the first setting of a pair, in the word of the tables. */
const verdictWord: Readonly<Record<Comparison['verdict'], string>> = {
  higher: 'above',
  lower: 'below',
  equal: 'equal',
  undecided: 'undecided',
};

const interval = ({ low, high }: Interval): string => `${low.toFixed(2)} … ${high.toFixed(2)}`;

/** The tables that people read. */
export function resultTables(results: ComparisonResults): {
  settings: Record<string, string | number>[];
  differences: Record<string, string | number>[];
} {
  return {
    settings: results.settings.map(({ setting, mean: centre, spread, seeds, interval95 }) => ({
      setting,
      'mean (%)': centre.toFixed(2),
      spread: spread.toFixed(2),
      '95 % interval': interval(interval95),
      seeds: seeds.length,
    })),
    differences: results.differences.map((row) => ({
      'paired difference': `${row.setting} − ${row.against}`,
      points: row.difference.toFixed(2),
      '95 % interval': interval(row.interval95),
      '90 % interval': interval(row.interval90),
      p: row.p.toPrecision(2),
      verdict: verdictWord[row.verdict],
    })),
  };
}
