import { Interruption, interruptible } from '@hbnn/cli/interruption';
import { HbnnError } from '@hbnn/core';
import { type Handler, type HandlerAnswer, troubleNotes, workOn } from '@hbnn/sweep';
import { runConfig } from '@hbnn/train';
import type { Tinypool } from 'tinypool';
import { changedPackages, codeDigests } from './ledger/codeDigest.ts';
import { localDataIdentity } from './ledger/dataIdentity.ts';
import { trainingKey, writeLine } from './ledger/ledger.ts';
import { trainingText } from './ledger/verify.ts';
import { trainingsText } from './sweepProgress.ts';
import { closePool, ledgerLine, openPool, stopper, trainIn } from './trainingPool.ts';
import { lineFile, queueName, reachSeconds, type TrainingJob } from './trainingQueue.ts';
import { type TrainingQueue, trainingFolder } from './trainingTask.ts';
import type { TrainTask } from './trainWorker.ts';

export interface QueueWorkerOptions extends TrainingQueue {
  /** Where the images lie on this machine. */
  readonly from?: string;
  /** Folder that keeps what is known of images. */
  readonly cache: string;
  /** Trainings side by side: one process each. */
  readonly jobs: number;
  readonly leaseSeconds: number;
  readonly idleSeconds?: number;
  readonly quiet?: boolean;
}

/** Processes touch their locks every two seconds, unless a step of a large network keeps them from that. */
const minTakeOverSeconds = 10;

/** Do trainings of reproductions that are handed out over a queue, until told to stop or idle for long. */
export async function workForReproductions(o: QueueWorkerOptions): Promise<number> {
  const pool = openPool(o.jobs);
  const say = (text: string): void => {
    if (!o.quiet) process.stderr.write(`worker ${process.pid}: ${text}\n`);
  };
  let done = 0;
  const handler: Handler = async (data, signal, tell) => {
    const answer = await handle(data, pool, o, { signal, tell, say });
    if (answer.kind === 'done') done++;
    return answer;
  };
  try {
    say(`waits for jobs of ${o.address.shown}`);
    await interruptible(async (signal) => {
      await workOn(o.address, handler, {
        queue: queueName,
        jobs: o.jobs,
        leaseSeconds: o.leaseSeconds,
        idleSeconds: o.idleSeconds,
        reachSeconds,
        signal,
        onTrouble: o.quiet
          ? undefined
          : troubleNotes(o.address, (text) => process.stderr.write(text)),
      });
      if (!signal.aborted) return;
      const { signal: name } = signal.reason as Interruption;
      throw new Interruption(
        name,
        undefined,
        `${trainingsText(done)} done, and what was under way`,
      );
    });
  } finally {
    await closePool(pool);
  }
  return done;
}

interface HandlerTools {
  readonly signal: AbortSignal;
  readonly tell: (share: number) => void;
  readonly say: (text: string) => void;
}

async function handle(
  data: unknown,
  pool: Tinypool,
  o: QueueWorkerOptions,
  { signal, tell, say }: HandlerTools,
): Promise<HandlerAnswer> {
  const job = checkedJob(data);
  const task = await taskOf(job, o);
  if ('kind' in task) return task;
  const stopping = stopper(signal);
  try {
    const onProgress = ({ share }: { readonly share: number }): void => tell(share);
    const answer = await trainIn(pool, task, { stopping, signal, onProgress });
    if ('stopped' in answer) return { kind: 'stopped' };
    if ('fault' in answer) return { kind: 'fault', message: answer.fault };
    const line = ledgerLine(answer, task.code);
    writeLine(lineFile(o.shared, task.code, job.key), line);
    say(`done ${trainingText(line)}`);
    return { kind: 'done' };
  } finally {
    stopping.end();
  }
}

/** What a process is to do for a job, or why this machine cannot do it. */
async function taskOf(
  { config: shared, key, backend, code }: TrainingJob,
  o: QueueWorkerOptions,
): Promise<TrainTask | HandlerAnswer> {
  const codeHere = codeDigests();
  const changed = changedPackages(code, codeHere);
  if (changed.length > 0)
    return {
      kind: 'unfit',
      message: `the queue: expected the sources of ${changed.join(', ')} with which the sweep was begun, got others; check out the same commit on this machine`,
    };
  const place = shared.data === 'fashion-mnist-subset' ? {} : { from: o.from };
  const config = runConfig({ ...shared, ...place });
  const images = await localDataIdentity(config, o.cache).catch((error: unknown) => {
    if (error instanceof HbnnError) return error;
    throw error;
  });
  if (images instanceof HbnnError) return { kind: 'unfit', message: images.message };
  if (trainingKey(config, images.sha256) !== key)
    return {
      kind: 'unfit',
      message: `--from: expected the images that the sweep was begun with, got ${images.label} with SHA-256 ${images.sha256}; pass those, in the same form and order`,
    };
  const takeOverSeconds = Math.max(minTakeOverSeconds, o.leaseSeconds);
  const dir = trainingFolder(o.shared, codeHere, key);
  return { config, dir, backend, code: codeHere, takeOverSeconds };
}

/** @throws HbnnError for data that no reproduction has put into the queue */
function checkedJob(data: unknown): TrainingJob {
  const job = (data ?? {}) as Partial<TrainingJob>;
  const isWhole =
    typeof job.config === 'object' &&
    typeof job.backend === 'string' &&
    typeof job.code === 'object' &&
    /^[0-9a-f]{16}$/.test(String(job.key));
  if (isWhole) return job as TrainingJob;
  throw new HbnnError(
    'a job of the queue: expected a training with config, key, backend and code, got another; let nothing but bench:reproduce write into the queue',
  );
}
