import { mkdirSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { duration, type ProgressMeter } from '@hbnn/cli/progress';
import { HbnnError } from '@hbnn/core';
import type { RunConfig, RunResult } from '@hbnn/train';
import { Tinypool } from 'tinypool';
import { provenance } from '../results/provenance.ts';
import type { CodeDigests } from './ledger/codeDigest.ts';
import type { LedgerLine } from './ledger/ledger.ts';
import type { StopMessage, TrainAnswer, Trained, TrainProgress, TrainTask } from './trainWorker.ts';

/** A training to do, with the name of what asks for it. */
export interface TrainingTask {
  readonly stage: string;
  readonly config: RunConfig;
  readonly key: string;
}

export interface PoolOptions {
  /** Folder that keeps begun runs. */
  readonly cache: string;
  /** Trainings side by side; left out: one per core, as far as the free memory holds them. */
  readonly jobs?: number;
  readonly backend: TrainTask['backend'];
  readonly code: CodeDigests;
  readonly meter: ProgressMeter;
  /** Trainings of the sweep that ended before. */
  readonly done: number;
  /** Begin no training after this moment, in milliseconds of `performance.now()`. */
  readonly until?: number;
  /** Saves and ends the trainings that run; the sweep rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with each training as it ends. */
  readonly onTrained: (key: string, line: LedgerLine) => void;
}

/** Workers run the sources as they are, whatever loaded this process. */
const workerFlags = ['--conditions=hbnn-source', '--import', 'tsx'];

const gib = 2 ** 30;
/** Peak memory of one training's process, measured at the profiles' batches, rounded up. */
const peakBytes = ({ network }: RunConfig): number => (network.endsWith('-full') ? 3 : 0.75) * gib;

/** One training per core, or as many of the largest as fit the free memory; says so when it is fewer. */
function jobsFor(open: readonly TrainingTask[]): number {
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

/** One name for a state of the code, for the folders of begun runs. */
const codeName = (code: CodeDigests): string =>
  Object.values(code)
    .map((digest) => digest.slice(0, 6))
    .join('-');

/** The folder a training has while it runs. */
const trainingFolder = (cache: string, code: CodeDigests, key: string): string =>
  join(cache, codeName(code), key);

/**
 * Do trainings in their order, several at a time, one process each.
 *
 * @throws HbnnError when a training cannot be done: data missing, a setting at fault
 */
export async function trainAll(tasks: readonly TrainingTask[], o: PoolOptions): Promise<void> {
  if (tasks.length === 0) return;
  const threads = Math.min(o.jobs ?? jobsFor(tasks), tasks.length);
  // Processes, not threads: TensorFlow.js's state is global, and a module loader such as tsx's can
  // deadlock in a worker thread.
  const pool = new Tinypool({
    filename: new URL('./trainWorker.ts', import.meta.url).href,
    runtime: 'child_process',
    execArgv: [...workerFlags],
    serialization: 'advanced',
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  // A worker that dies while it has nothing to do is no fault: the pool starts another.
  pool.on('error', () => undefined);
  const progress = sweepProgress(tasks, threads, o);
  const stopping = stopper(o.signal);
  try {
    // Each process takes the next training when it is free, so that the order is kept and the time limit is seen.
    const queue = [...tasks];
    const work = async (): Promise<void> => {
      while (performance.now() < (o.until ?? Number.POSITIVE_INFINITY)) {
        const task = queue.shift();
        if (task === undefined || o.signal?.aborted) return;
        await trainOne(pool, task, { progress, stopping }, o);
      }
    };
    await Promise.all(Array.from({ length: threads }, work));
    o.signal?.throwIfAborted();
  } finally {
    stopping.end();
    progress.end();
    // The pool's processes do not keep this one alive, and a large one may take longer to end than the pool's own
    // timer runs: without this, the process would end before the report.
    const alive = setInterval(() => undefined, 1000);
    await pool.destroy();
    clearInterval(alive);
  }
}

async function trainOne(
  pool: Tinypool,
  { config, key }: TrainingTask,
  { progress, stopping }: { progress: SweepProgress; stopping: Stopper },
  o: PoolOptions,
): Promise<void> {
  const dir = trainingFolder(o.cache, o.code, key);
  mkdirSync(join(dir, '..'), { recursive: true });
  const onMessage = (message: TrainProgress): void => {
    if (message.dir === dir) progress.runs(key, message.share, message.waitsFor);
  };
  const task: TrainTask = { config, dir, backend: o.backend, code: o.code };
  const channel = { postMessage: onMessage, onMessage: stopping.reach };
  const answer = (await pool
    .run(task, { channel })
    .catch((error: unknown) => whenDied(error, config, o))) as TrainAnswer;
  if ('stopped' in answer) return;
  if ('fault' in answer) throw new HbnnError(answer.fault);
  o.onTrained(key, ledgerLine(answer, o.code));
  progress.ended(key, answer.result);
}

/** A signal to all processes at once may end a worker that is still loading before this one hears of it. */
const hearSignalMs = 500;

/**
 * What a training came to whose worker did not answer.
 *
 * @throws HbnnError where the worker's process ended by itself, and what else went wrong in it
 */
async function whenDied(error: unknown, config: RunConfig, o: PoolOptions): Promise<TrainAnswer> {
  if (o.signal?.aborted !== true) await setTimeout(hearSignalMs);
  if (o.signal?.aborted) return { stopped: true };
  if (!(error instanceof Error) || !/exited unexpectedly|Terminating worker/.test(error.message))
    throw error;
  throw new HbnnError(
    `${config.network}, seed ${config.seed}: expected the training's process to end by itself, got one that was ended, perhaps for want of memory; start again with fewer --jobs: trainings that have ended are kept, and those under way continue`,
  );
}

const tellAgainMs = 200;

/** Passes a stop on to workers; `reach` is given what sends to each worker that takes a task. */
interface Stopper {
  readonly reach: (send: (message: StopMessage) => void) => void;
  readonly end: () => void;
}

function stopper(signal: AbortSignal | undefined): Stopper {
  const workers = new Set<(message: StopMessage) => void>();
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    // A worker that is still loading hears nothing: it is told again.
    const tell = (): void => {
      for (const send of workers) {
        try {
          send({ stop: true });
        } catch {
          // Its process has ended.
          workers.delete(send);
        }
      }
    };
    tell();
    timer = setInterval(tell, tellAgainMs);
  };
  signal?.addEventListener('abort', stop, { once: true });
  return {
    reach: (send) => void workers.add(send),
    end() {
      clearInterval(timer);
      signal?.removeEventListener('abort', stop);
    },
  };
}

/** What the ledger keeps of a training that has just ended here. */
function ledgerLine(
  { result, data, tensorflow, imagesPerCpuSecond }: Trained,
  code: CodeDigests,
): LedgerLine {
  const { commit, machine, node } = provenance(result.backend, '');
  const { best, data: _, ...rest } = result;
  return {
    ...rest,
    data,
    best: best && { epoch: best.epoch, loss: best.loss, accuracy: best.accuracy },
    imagesPerSecond: Math.round(imagesOf(result.config, result.trainImages) / result.seconds),
    imagesPerCpuSecond: imagesPerCpuSecond && Math.round(imagesPerCpuSecond),
    code,
    commit,
    machine,
    node,
    tensorflow,
    ended: new Date().toISOString(),
  };
}

/** Images that a training goes through. */
function imagesOf({ epochs, maxSteps, batch }: RunConfig, trainImages: number): number {
  const whole = epochs * trainImages;
  return maxSteps === undefined ? whole : Math.min(whole, maxSteps * batch);
}

interface SweepProgress {
  runs(key: string, share: number, waitsFor?: string): void;
  ended(key: string, result: RunResult): void;
  end(): void;
}

/** A training that says nothing for so long has no time left that is known: it is tested, or waits for its folder. */
const silentMs = 20_000;
const showEveryMs = 5000;

/** Shows how far a sweep is: trainings done and running, and the time left. */
function sweepProgress(
  tasks: readonly TrainingTask[],
  threads: number,
  o: Pick<PoolOptions, 'meter' | 'done'>,
): SweepProgress {
  const results = new Map<string, RunResult>();
  const shares = new Map<string, number>();
  const heard = new Map<string, number>();
  const waits = new Map<string, string>();
  const timeLeft = remainingTime(tasks, results, shares, threads);
  /** The time left, or what the sweep waits for where no training has said anything for a while. */
  const leftText = (): string => {
    if (waits.size > 0) return `waits for ${[...new Set(waits.values())].join(', ')}`;
    const silent = Math.min(
      ...[...shares.keys()].map((key) => performance.now() - (heard.get(key) ?? 0)),
    );
    if (shares.size === 0 || silent < silentMs) return `${timeLeft()} left`;
    const finishing = [...shares.values()].every((share) => share === 1);
    const what = finishing ? 'testing' : 'no step';
    return `${what} for ${duration(silent / 1000)}`;
  };
  const show = (): void => {
    const running = [...shares.values()].reduce((sum, share) => sum + share, 0);
    const stages = tasks.filter(({ key }) => shares.has(key)).map(({ stage }) => stage);
    const now = [...new Set(stages)].join(', ') || 'trainings';
    const done = o.done + results.size;
    const text = `${now} (${done} trainings done, ${shares.size} running), ${leftText()}`;
    o.meter.update(Math.floor((done + running) * 10) / 10, o.done + tasks.length, text);
  };
  // What is shown ages where no training says anything.
  const timer = setInterval(() => {
    if (shares.size > 0) show();
  }, showEveryMs);
  timer.unref();
  return {
    runs(key, share, waitsFor) {
      if (results.has(key)) return;
      if (waitsFor === undefined) waits.delete(key);
      else waits.set(key, waitsFor);
      shares.set(key, share);
      heard.set(key, performance.now());
      show();
    },
    ended(key, result) {
      shares.delete(key);
      waits.delete(key);
      results.set(key, result);
      show();
    },
    end: () => clearInterval(timer),
  };
}

/** Trainings alike in network, epochs and binarization take about the same time. */
const costKey = ({ network, inputs, epochs, weights, select }: RunConfig): string =>
  [network, inputs === 'float', weights === 'float', select === 'optimal', epochs].join();

/** Time left, from what trainings of the same kind took and, before any has ended, from progress. */
function remainingTime(
  open: readonly TrainingTask[],
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
    const typical =
      done.length > 0
        ? average(done.map(({ seconds }) => seconds))
        : (elapsed * threads) / progress;
    const left = open
      .filter(({ key }) => !results.has(key))
      .reduce((sum, { config, key }) => {
        const alike = byCost.get(costKey(config));
        return sum + (1 - (shares.get(key) ?? 0)) * (alike ? average(alike) : typical);
      }, 0);
    return duration(left / threads);
  };
}
