import { mkdirSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { HbnnError } from '@hbnn/core';
import type { RunConfig } from '@hbnn/train';
import { Tinypool } from 'tinypool';
import { provenance } from '../results/provenance.ts';
import type { CodeDigests } from './ledger/codeDigest.ts';
import type { LedgerLine } from './ledger/ledger.ts';
import { type SweepProgress, sweepProgress } from './sweepProgress.ts';
import { trainOverQueue } from './trainingQueue.ts';
import { type PoolOptions, type TrainingTask, trainingFolder } from './trainingTask.ts';
import type { StopMessage, TrainAnswer, Trained, TrainProgress, TrainTask } from './trainWorker.ts';

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

/**
 * Do trainings in their order, several at a time, one process each; or have the workers of a queue do them.
 *
 * @throws HbnnError when a training cannot be done: data missing, a setting at fault
 */
export async function trainAll(tasks: readonly TrainingTask[], o: PoolOptions): Promise<void> {
  if (tasks.length === 0) return;
  if (o.queue !== undefined) return trainOverQueue(tasks, o, o.queue);
  const threads = Math.min(o.jobs ?? jobsFor(tasks), tasks.length);
  const pool = openPool(threads);
  const progress = sweepProgress(tasks, () => threads, o);
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
    await closePool(pool);
  }
}

/** Processes for trainings. Not threads: TensorFlow.js's state is global, and a module loader can deadlock in one. */
export function openPool(size: number): Tinypool {
  const pool = new Tinypool({
    filename: new URL('./trainWorker.ts', import.meta.url).href,
    runtime: 'child_process',
    execArgv: [...workerFlags],
    serialization: 'advanced',
    minThreads: size,
    maxThreads: size,
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  // A worker that dies while it has nothing to do is no fault: the pool starts another.
  pool.on('error', () => undefined);
  return pool;
}

/** End a pool's processes. */
export async function closePool(pool: Tinypool): Promise<void> {
  // They do not keep this one alive, and a large one may take longer to end than the pool's own timer runs: without
  // this, the process would end before the report.
  const alive = setInterval(() => undefined, 1000);
  await pool.destroy();
  clearInterval(alive);
}

async function trainOne(
  pool: Tinypool,
  { config, key }: TrainingTask,
  { progress, stopping }: { progress: SweepProgress; stopping: Stopper },
  o: PoolOptions,
): Promise<void> {
  const dir = trainingFolder(o.cache, o.code, key);
  const task: TrainTask = { config, dir, backend: o.backend, code: o.code };
  const answer = await trainIn(pool, task, {
    stopping,
    signal: o.signal,
    onProgress: ({ share, waitsFor }) => progress.runs(key, share, waitsFor),
  });
  if ('stopped' in answer) return;
  if ('fault' in answer) throw new HbnnError(answer.fault);
  o.onTrained(key, ledgerLine(answer, o.code));
  progress.ended(key, answer.result);
}

/** What goes with one training of a pool. */
interface TrainInOptions {
  readonly stopping: Stopper;
  readonly signal?: AbortSignal;
  readonly onProgress: (progress: TrainProgress) => void;
}

/** Do a training in a process of a pool. @throws HbnnError where that process was ended */
export async function trainIn(
  pool: Tinypool,
  task: TrainTask,
  { stopping, signal, onProgress }: TrainInOptions,
): Promise<TrainAnswer> {
  mkdirSync(dirname(task.dir), { recursive: true });
  const onMessage = (message: TrainProgress): void => {
    if (message.dir === task.dir) onProgress(message);
  };
  const channel = { postMessage: onMessage, onMessage: stopping.reach };
  return (await pool
    .run(task, { channel })
    .catch((error: unknown) => whenDied(error, task.config, signal))) as TrainAnswer;
}

/** A signal to all processes at once may end a worker that is still loading before this one hears of it. */
const hearSignalMs = 500;

/**
 * What a training came to whose worker did not answer.
 *
 * @throws HbnnError where the worker's process ended by itself, and what else went wrong in it
 */
async function whenDied(
  error: unknown,
  config: RunConfig,
  signal: AbortSignal | undefined,
): Promise<TrainAnswer> {
  if (signal?.aborted !== true) await setTimeout(hearSignalMs);
  if (signal?.aborted) return { stopped: true };
  if (!(error instanceof Error) || !/exited unexpectedly|Terminating worker/.test(error.message))
    throw error;
  throw new HbnnError(
    `${config.network}, seed ${config.seed}: expected the training's process to end by itself, got one that was ended, perhaps for want of memory; start again with fewer --jobs: trainings that have ended are kept, and those under way continue`,
  );
}

const tellAgainMs = 200;

/** Passes a stop on to workers; `reach` is given what sends to each worker that takes a task. */
export interface Stopper {
  readonly reach: (send: (message: StopMessage) => void) => void;
  readonly end: () => void;
}

export function stopper(signal: AbortSignal | undefined): Stopper {
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
export function ledgerLine(
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
