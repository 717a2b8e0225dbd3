import { join } from 'node:path';
import type { ProgressMeter } from '@hbnn/cli/progress';
import type { QueueAddress } from '@hbnn/sweep';
import type { RunConfig } from '@hbnn/train';
import type { CodeDigests } from './ledger/codeDigest.ts';
import type { LedgerLine } from './ledger/ledger.ts';
import type { TrainTask } from './trainWorker.ts';

/** Where trainings are handed out, and where they lie. */
export interface TrainingQueue {
  readonly address: QueueAddress;
  /** The folder that keeps begun runs, which all workers see. */
  readonly shared: string;
}

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
  /** Hand the trainings out over this queue; left out: do them on this machine. */
  readonly queue?: TrainingQueue;
  /** Called with each training as it ends. */
  readonly onTrained: (key: string, line: LedgerLine) => void;
}

/** One name for a state of the code, for the folders of begun runs. */
export const codeName = (code: CodeDigests): string =>
  Object.values(code)
    .map((digest) => digest.slice(0, 6))
    .join('-');

/** The folder a training has while it runs. */
export const trainingFolder = (cache: string, code: CodeDigests, key: string): string =>
  join(cache, codeName(code), key);
