import type { ProgressMeter } from '@hbnn/cli/progress';
import { HbnnError } from '@hbnn/core';
import { type RunConfig, type RunResult, runConfig } from '@hbnn/train';
import { type CodeDigests, changedPackages, codeDigests } from './ledger/codeDigest.ts';
import { localDataIdentity } from './ledger/dataIdentity.ts';
import { appendLine, type LedgerLine, resultOf, trainingKey } from './ledger/ledger.ts';
import type { Setting, SettingResults } from './stage.ts';
import { trainAll } from './trainingPool.ts';
import type { TrainingQueue, TrainingTask } from './trainingTask.ts';
import type { TrainTask } from './trainWorker.ts';

export interface RunnerOptions {
  /** Folder that keeps begun runs. */
  readonly cache: string;
  /** Finished trainings to take results from. */
  readonly lines: readonly LedgerLine[];
  /** The ledger that trainings are added to as they end. */
  readonly ledger: string;
  /** Trainings side by side; left out: one per core, as far as the free memory holds them. */
  readonly jobs?: number;
  readonly backend: TrainTask['backend'];
  /** Hand the trainings out over this queue; left out: do them on this machine. */
  readonly queue?: TrainingQueue;
  /** Take trainings of other versions of the code too. */
  readonly anyCode: boolean;
  readonly meter: ProgressMeter;
  /** Saves and ends the trainings that run; the sweep rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A setting with the name of the stage that asks for it, for the progress line. */
export interface StagedSetting extends Setting {
  readonly stage: string;
}

/** Find finished trainings by configuration, seed and images; the latest of equals. */
export function finishedTrainings(
  lines: readonly LedgerLine[],
  code: CodeDigests | 'any',
): ReadonlyMap<string, LedgerLine> {
  const usable = lines.filter(
    (line) => code === 'any' || changedPackages(line.code, code).length === 0,
  );
  return new Map(usable.map((line) => [trainingKey(line.config, line.data.sha256), line]));
}

/** The trainings of some settings, each once: the first stage to ask trains it, in its turn. */
async function tasksOf(
  settings: readonly StagedSetting[],
  cache: string,
): Promise<Map<string, TrainingTask>> {
  const tasks = new Map<string, TrainingTask>();
  const images = new Map<string, string>();
  for (const { stage, config, seeds } of settings) {
    for (const seed of seeds) {
      const full = runConfig({ ...config, seed });
      const key = trainingKey(full, await dataSha256(full, images, cache));
      if (!tasks.has(key)) tasks.set(key, { stage, config: full, key });
    }
  }
  return tasks;
}

/** The checksum of a configuration's images here; `known` keeps those of this sweep. */
async function dataSha256(
  config: RunConfig,
  known: Map<string, string>,
  cache: string,
): Promise<string> {
  const { data, from, limit, testLimit, shrink, size, validation, seed } = config;
  const drawn = validation === undefined ? undefined : seed;
  const key = JSON.stringify([data, from, limit, testLimit, shrink, size, validation, drawn]);
  const found = known.get(key) ?? (await localDataIdentity(config, cache)).sha256;
  known.set(key, found);
  return found;
}

/**
 * Train every setting with each of its seeds, several at a time, and return the results by setting. Trainings that a
 * ledger has are not done again, and begun ones continue, so an interrupted sweep loses seconds.
 *
 * @throws HbnnError when a training cannot be done: data missing, a setting at fault
 */
export async function runSettings(
  settings: readonly StagedSetting[],
  o: RunnerOptions,
): Promise<SettingResults> {
  const code = codeDigests();
  const tasks = await tasksOf(settings, o.cache);
  const finished = new Map(finishedTrainings(o.lines, o.anyCode ? 'any' : code));
  const open = [...tasks.values()].filter(({ key }) => !finished.has(key));
  const done = tasks.size - open.length;
  await trainAll(open, {
    ...o,
    code,
    done,
    onTrained: (key, line) => {
      appendLine(o.ledger, line);
      finished.set(key, line);
    },
  });
  const images = new Map<string, string>();
  const resultFor = async (config: RunConfig): Promise<RunResult> => {
    const line = finished.get(trainingKey(config, await dataSha256(config, images, o.cache)));
    if (line === undefined) throw new Error(`no training of ${JSON.stringify(config)}`);
    return resultOf(line);
  };
  const results = new Map<string, readonly RunResult[]>();
  for (const { id, config, seeds } of settings) {
    const runs: RunResult[] = [];
    for (const seed of seeds) runs.push(await resultFor(runConfig({ ...config, seed })));
    results.set(id, runs);
  }
  return results;
}

/**
 * Collect the results of settings from ledgers, training nothing. A setting gets the seeds that are there for all of
 * its images alike.
 *
 * @throws HbnnError when trainings of one setting were done on different images
 */
export function storedResults(
  settings: readonly Setting[],
  lines: readonly LedgerLine[],
): SettingResults {
  const byConfig = new Map<string, LedgerLine>();
  for (const line of lines) byConfig.set(trainingKey(line.config, ''), line);
  return new Map(
    settings.map(({ id, config, seeds }) => {
      const found = seeds.flatMap(
        (seed) => byConfig.get(trainingKey(runConfig({ ...config, seed }), '')) ?? [],
      );
      const images = new Set(found.map(({ data }) => data.sha256));
      if (images.size > 1) {
        throw new HbnnError(
          `ledger: expected the trainings of '${id}' on the same images, got ${images.size} data sets; ` +
            'keep trainings on other images in a folder of their own',
        );
      }
      return [id, found.map(resultOf)];
    }),
  );
}
