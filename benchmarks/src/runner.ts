import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { duration, type ProgressMeter } from '@hbnn/cli/progress';
import { HbnnError } from '@hbnn/core';
import { type RunConfig, type RunResult, runConfig } from '@hbnn/train';
import { Tinypool } from 'tinypool';
import type { Setting, SettingResults } from './stage.ts';
import type { TrainAnswer, TrainProgress, TrainTask } from './trainWorker.ts';

export interface RunnerOptions {
  /** Folder that keeps finished and begun runs. */
  readonly cache: string;
  /** Trainings side by side; left out: one per core, as far as the free memory holds them. */
  readonly jobs?: number;
  readonly backend: TrainTask['backend'];
  /** Take finished runs of other versions of the code too. */
  readonly anyCode: boolean;
  readonly meter: ProgressMeter;
}

/** A setting with the name of the stage that asks for it, for the progress line. */
export interface StagedSetting extends Setting {
  readonly stage: string;
}

interface Task {
  readonly stage: string;
  readonly config: RunConfig;
  readonly key: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const codeFolders = [
  ...['packages/core/src', 'packages/train/src', 'packages/wasm/src', 'packages/wasm/assembly'],
  ...['datasets/src', 'datasets/embedded'],
];

/** Integer models (`model/`) and statistics come after training, tests of nothing, and `index.ts` says names alone. */
const isTrainingCode = (file: string): boolean =>
  /\.(ts|json)$/.test(file) && !/\.test\.ts$|^(model|statistics)[/\\]|^index\.ts$/.test(file);

/** A digest of the code that trainings depend on: cached runs of other code are not taken for ours. */
export function codeDigest(): string {
  const digest = createHash('sha256');
  for (const folder of codeFolders) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort();
    for (const file of files.filter(isTrainingCode)) {
      digest.update(file).update(readFileSync(join(root, folder, file)));
    }
  }
  return digest.digest('hex').slice(0, 12);
}

/** A training is known by its configuration and, for local data, by what lies there now. */
function keyOf(config: RunConfig): string {
  const local = config.from === undefined ? '' : fingerprint(config.from);
  const digest = createHash('sha256').update(JSON.stringify(config)).update(local).digest('hex');
  return digest.slice(0, 16);
}

const fingerprints = new Map<string, string>();

/**
 * Names, sizes and times of a file or of a folder's upper three levels: enough to see that images came,
 * went or were replaced by others, without reading a million of them.
 */
function fingerprint(path: string): string {
  const known = fingerprints.get(path);
  if (known !== undefined) return known;
  const digest = createHash('sha256');
  const walk = (at: string, depth: number): void => {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return;
    digest.update(`${at} ${stat.isDirectory() ? '' : stat.size} ${stat.mtimeMs}\n`);
    if (!stat.isDirectory() || depth === 0) return;
    const names = readdirSync(at).sort();
    digest.update(`${names.length}\n`);
    // Class folders hold many files: their own time tells when one comes or goes.
    if (names.length <= 2000) for (const name of names) walk(join(at, name), depth - 1);
  };
  walk(path, 3);
  fingerprints.set(path, digest.digest('hex'));
  return fingerprint(path);
}

function tasksOf(settings: readonly StagedSetting[]): Task[] {
  const tasks = settings.flatMap(({ stage, config, seeds }) =>
    seeds.map((seed) => {
      const full = runConfig({ ...config, seed });
      return { stage, config: full, key: keyOf(full) };
    }),
  );
  // The first stage to ask trains it, in its turn.
  const byKey = new Map<string, Task>();
  for (const task of tasks) if (!byKey.has(task.key)) byKey.set(task.key, task);
  return [...byKey.values()];
}

/** A finished run of this configuration, from this code or, if allowed, any. */
function finished(o: RunnerOptions, code: string, key: string): RunResult | undefined {
  const codes = o.anyCode && existsSync(o.cache) ? readdirSync(o.cache) : [];
  const file = [code, ...codes]
    .map((folder) => join(o.cache, folder, key, 'result.json'))
    .find((path) => existsSync(path));
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as RunResult);
}

/**
 * Train every setting with each of its seeds, several at a time, and return the results by setting.
 * Finished runs are kept and begun ones gone on with, so an interrupted sweep loses seconds.
 *
 * @throws HbnnError when a training cannot be done: data missing, a setting at fault
 */
export async function runSettings(
  settings: readonly StagedSetting[],
  o: RunnerOptions,
): Promise<SettingResults> {
  const code = codeDigest();
  const tasks = tasksOf(settings);
  const results = new Map<string, RunResult>();
  for (const { key } of tasks) {
    const result = finished(o, code, key);
    if (result !== undefined) results.set(key, result);
  }
  const open = tasks.filter(({ key }) => !results.has(key));
  if (open.length > 0) {
    mkdirSync(join(o.cache, code), { recursive: true });
    await trainAll(open, tasks.length, code, o, results);
  }
  return new Map(
    settings.map(({ id, config, seeds }) => [
      id,
      seeds.map((seed) => results.get(keyOf(runConfig({ ...config, seed }))) as RunResult),
    ]),
  );
}

const gib = 2 ** 30;
/** Peak memory of one training's process, measured at the profiles' batches, rounded up. */
const peakBytes = ({ network }: RunConfig): number => (network.endsWith('-full') ? 3 : 0.75) * gib;

/** One training per core, or as many of the largest as fit the free memory; says so when it is fewer. */
function jobsFor(open: readonly Task[]): number {
  const cores = availableParallelism();
  const free = Math.min(freemem(), process.availableMemory?.() ?? Number.POSITIVE_INFINITY);
  const need = Math.max(...open.map(({ config }) => peakBytes(config)));
  const jobs = Math.max(1, Math.min(cores, Math.floor(free / need)));
  if (jobs < Math.min(cores, open.length)) {
    process.stderr.write(
      `${(free / gib).toFixed(1)} GiB of memory are free and a training takes up to ${need / gib} GiB: ` +
        `${jobs} at a time instead of ${cores}; --jobs overrides\n`,
    );
  }
  return jobs;
}

async function trainAll(
  open: readonly Task[],
  total: number,
  code: string,
  o: RunnerOptions,
  results: Map<string, RunResult>,
): Promise<void> {
  const threads = Math.min(o.jobs ?? jobsFor(open), open.length);
  // Processes, not threads: TensorFlow.js's state is global, and a module loader such as tsx's can
  // deadlock in a worker thread.
  const pool = new Tinypool({
    filename: new URL('./trainWorker.ts', import.meta.url).href,
    ...{ runtime: 'child_process', execArgv: process.execArgv, serialization: 'advanced' },
    ...{ minThreads: threads, maxThreads: threads, idleTimeout: Number.POSITIVE_INFINITY },
  });
  const shares = new Map<string, number>();
  const clock = remainingTime(open, results, shares, threads);
  const show = (): void => {
    const running = [...shares.values()].reduce((sum, share) => sum + share, 0);
    const stages = open.filter(({ key }) => shares.has(key)).map(({ stage }) => stage);
    const now = [...new Set(stages)].join(', ') || 'trainings';
    const text = `${now} (${results.size} trainings done, ${shares.size} running), ${clock()} left`;
    o.meter.update(Math.floor((results.size + running) * 10) / 10, total, text);
  };
  try {
    await Promise.all(
      open.map(async ({ config, key }) => {
        const dir = join(o.cache, code, key);
        const task: TrainTask = { config, dir, backend: o.backend };
        const onMessage = (message: TrainProgress): void => {
          if (message.dir !== dir || results.has(key)) return;
          shares.set(key, message.share);
          show();
        };
        const answer = (await pool.run(task, {
          channel: { postMessage: onMessage },
        })) as TrainAnswer;
        if ('fault' in answer) throw new HbnnError(answer.fault);
        shares.delete(key);
        results.set(key, answer.result);
        show();
      }),
    );
  } finally {
    // The pool's processes do not keep this one alive, and a large one may take longer to end than the pool's own
    // timer runs: without this, the process would end before the report.
    const alive = setInterval(() => undefined, 1000);
    await pool.destroy();
    clearInterval(alive);
  }
}

/** Trainings alike in network, epochs and binarization take about the same time. */
const costKey = ({ network, inputs, epochs, weights }: RunConfig): string =>
  [network, inputs === 'float', weights === 'float', epochs].join();

/** Time left, from what trainings of the same kind took and, before any has ended, from progress. */
function remainingTime(
  open: readonly Task[],
  results: ReadonlyMap<string, RunResult>,
  shares: ReadonlyMap<string, number>,
  threads: number,
): () => string {
  const start = performance.now();
  return () => {
    const byCost = new Map<string, number[]>();
    const done = open.flatMap(({ key }) => results.get(key) ?? []);
    for (const { config, seconds } of done) {
      byCost.set(costKey(config), [...(byCost.get(costKey(config)) ?? []), seconds]);
    }
    const average = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const progress = [...shares.values()].reduce((sum, share) => sum + share, 0);
    const elapsed = (performance.now() - start) / 1000;
    if (done.length === 0 && progress < 0.1) return duration(Number.NaN);
    const usual =
      done.length > 0
        ? average(done.map(({ seconds }) => seconds))
        : (elapsed * threads) / progress;
    const left = open
      .filter(({ key }) => !results.has(key))
      .reduce((sum, { config, key }) => {
        const alike = byCost.get(costKey(config));
        return sum + (1 - (shares.get(key) ?? 0)) * (alike ? average(alike) : usual);
      }, 0);
    return duration(left / threads);
  };
}
