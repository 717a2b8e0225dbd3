import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '@hbnn/train';
import { writeWhole } from '@hbnn/train/files';
import { deviation, mean } from '@hbnn/train/statistics';
import type { RunManifest } from '../runManifest.ts';
import type { SweepJob } from './plan.ts';

/** What the trainings of a sweep have come to so far. */
export interface SweepState {
  readonly ended: ReadonlyMap<SweepJob, RunResult>;
  readonly failed: ReadonlyMap<SweepJob, string>;
}

/** A training's line among the results: nothing in it depends on when, where or in which order it ran. */
function resultLine({ name, setting, config }: SweepJob, result: RunResult): object {
  const { backend, data, trainImages, top1, top5, testLoss, testImages, trainLoss } = result;
  const { epochs, best, stoppedEarly, steps, parameters, weightBits, weightsSha256 } = result;
  return {
    job: name,
    setting: setting.name,
    seed: config.seed,
    values: setting.values,
    backend,
    data,
    trainImages,
    top1,
    top5,
    testLoss,
    testImages,
    trainLoss,
    epochs: epochs.length,
    best,
    stoppedEarly,
    steps,
    parameters,
    weightBits,
    weightsSha256,
  };
}

/** A training's line among the times: how long it took over all its sittings, and what its last one ran on. */
function timeLine({ name, dir }: SweepJob, { seconds }: RunResult): object {
  const text = readFileSync(join(dir, 'manifest.json'), 'utf8');
  const { hbnn, node, platform, cpu } = JSON.parse(text) as RunManifest;
  return { job: name, seconds, hbnn, node, platform, cpu };
}

const lines = (rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** The files of a sweep's results, by what they hold. */
export const resultFiles = (out: string) => ({
  results: join(out, 'results.jsonl'),
  times: join(out, 'times.jsonl'),
  failures: join(out, 'failures.jsonl'),
});

/** Write what a sweep has come to, each training once and in the plan's order. */
export function writeResults(
  out: string,
  jobs: readonly SweepJob[],
  { ended, failed }: SweepState,
): void {
  const rowsOf = (row: (job: SweepJob, result: RunResult) => object): object[] =>
    jobs.flatMap((job) => {
      const result = ended.get(job);
      return result === undefined ? [] : [row(job, result)];
    });
  const { results, times, failures } = resultFiles(out);
  writeWhole(times, lines(rowsOf(timeLine)));
  const failedRows = jobs.flatMap((job) => {
    const error = failed.get(job);
    return error === undefined ? [] : [{ job: job.name, error }];
  });
  writeWhole(failures, lines(failedRows));
  writeWhole(results, lines(rowsOf(resultLine)));
}

/** What the trainings of a setting came to, over its seeds. */
interface SettingSummary {
  readonly setting: string;
  /** Top-1 accuracy of the test images in percent; null before a training has ended. */
  readonly mean: number | null;
  /** Sample standard deviation over the seeds; null for fewer than two. */
  readonly spread: number | null;
  readonly ended: number;
  readonly failed: number;
}

/** A line for each setting, over its seeds. */
export function settingSummaries(
  jobs: readonly SweepJob[],
  { ended, failed }: SweepState,
): SettingSummary[] {
  return [...grouped(jobs)].map(([{ name }, own]) => {
    // A share of whole images in percent, without the noise of its last binary digits.
    const accuracies = own.flatMap((job) => {
      const result = ended.get(job);
      return result === undefined ? [] : [Number((100 * result.top1).toFixed(8))];
    });
    return {
      setting: name,
      mean: accuracies.length === 0 ? null : mean(accuracies),
      spread: deviation(accuracies) ?? null,
      ended: accuracies.length,
      failed: own.filter((job) => failed.has(job)).length,
    };
  });
}

function grouped(jobs: readonly SweepJob[]): Map<SweepJob['setting'], SweepJob[]> {
  const groups = new Map<SweepJob['setting'], SweepJob[]>();
  for (const job of jobs) {
    const group = groups.get(job.setting);
    if (group === undefined) groups.set(job.setting, [job]);
    else group.push(job);
  }
  return groups;
}

/** The same for people. */
export const settingTable = (
  summaries: readonly SettingSummary[],
): Record<string, string | number>[] =>
  summaries.map(({ setting, mean: centre, spread, ended, failed }) => ({
    setting,
    'mean (%)': centre?.toFixed(2) ?? '',
    spread: spread?.toFixed(2) ?? '',
    ended,
    failed,
  }));
