import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { handOut, type QueuedJob, troubleNotes } from '@hbnn/sweep';
import type { BackendChoice, RunConfig } from '@hbnn/train';
import type { CodeDigests } from './ledger/codeDigest.ts';
import { type LedgerLine, readLedger, resultOf } from './ledger/ledger.ts';
import { sweepProgress } from './sweepProgress.ts';
import {
  codeName,
  type PoolOptions,
  type TrainingQueue,
  type TrainingTask,
  trainingFolder,
} from './trainingTask.ts';

/** The queue of reproductions: workers of hbnn sweep take none of its jobs. */
export const queueName = 'reproduce';

/** A queue may be started beside what uses it. */
export const reachSeconds = 30;

/** What lies in the queue for a training. */
export interface TrainingJob {
  /** The configuration without where its data lie, which each worker knows for itself. */
  readonly config: Omit<RunConfig, 'from'>;
  readonly key: string;
  readonly backend: BackendChoice;
  readonly code: CodeDigests;
}

/** Where a worker leaves the ledger's line of a training, beside its run. */
export const lineFile = (shared: string, code: CodeDigests, key: string): string =>
  join(trainingFolder(shared, code, key), 'line.jsonl');

function jobOf({ config: { from: _, ...config }, key }: TrainingTask, o: PoolOptions): QueuedJob {
  const { backend, code } = o;
  const data: TrainingJob = { config, key, backend, code };
  return { id: `${codeName(code)}/${key}`, data };
}

/**
 * Have trainings done by the workers of a queue, each once.
 *
 * @throws HbnnError when trainings failed, after the others have ended; the signal's reason when told to stop
 */
export async function trainOverQueue(
  tasks: readonly TrainingTask[],
  o: PoolOptions,
  { address, shared }: TrainingQueue,
): Promise<void> {
  const byId = new Map(tasks.map((task) => [jobOf(task, o).id, task]));
  const keyOf = (id: string): string => (byId.get(id) as TrainingTask).key;
  let running = 0;
  const progress = sweepProgress(tasks, () => Math.max(1, running), o);
  const failures: string[] = [];
  try {
    await handOut(
      address,
      tasks.map((task) => jobOf(task, o)),
      {
        queue: queueName,
        reachSeconds,
        signal: o.signal ?? new AbortController().signal,
        onTrouble: troubleNotes(address, (text) => process.stderr.write(text)),
        onDone(id) {
          const line = writtenLine(shared, o.code, keyOf(id));
          if (typeof line === 'string') failures.push(line);
          else {
            o.onTrained(keyOf(id), line);
            progress.ended(keyOf(id), resultOf(line));
          }
        },
        onFailed: (id, why) => failures.push(`${byId.get(id)?.stage}: ${why}`),
        onView(view) {
          running = view.running.length;
          for (const { id, share } of view.running) progress.runs(keyOf(id), share);
        },
      },
    );
  } finally {
    progress.end();
  }
  if (failures.length === 0) return;
  const rest =
    failures.length > 1
      ? `, and ${failures.length - 1} more ${failures.length === 2 ? 'training' : 'trainings'} failed`
      : '';
  throw new HbnnError(`${failures[0]}${rest}`);
}

/** The line that a worker has left, or why there is none. */
function writtenLine(shared: string, code: CodeDigests, key: string): LedgerLine | string {
  const file = lineFile(shared, code, key);
  const [line] = readLedger(file);
  return (
    line ??
    `${file}: expected the training that a worker has ended, got none; let --shared of this command and of its workers be the same folder`
  );
}
