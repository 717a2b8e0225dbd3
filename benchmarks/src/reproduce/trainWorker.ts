import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import type { Dataset } from '@hbnn/datasets';
import {
  type BackendChoice,
  FolderLost,
  type RunConfig,
  type RunResult,
  runTraining,
  useBackend,
} from '@hbnn/train';
import { version_core as tensorflow } from '@tensorflow/tfjs-core';
import { type CodeDigests, changedPackages, codeDigests } from './ledger/codeDigest.ts';
import { type DataIdentity, dataIdentity, dataKey } from './ledger/dataIdentity.ts';
import { openRunData } from './runData.ts';

/** One training for a worker. */
export interface TrainTask {
  readonly config: RunConfig;
  readonly dir: string;
  readonly backend: BackendChoice;
  /** The sources the sweep began with: a worker of other sources trains nothing. */
  readonly code: CodeDigests;
  /** Take over the folder of a process on another machine that has shown no sign of life for so long. */
  readonly takeOverSeconds?: number;
}

/** The share of a training that is done, sent now and then. */
export interface TrainProgress {
  readonly dir: string;
  readonly share: number;
  /** The process that has the training's folder, while it is waited for. */
  readonly waitsFor?: string;
}

/** What a training came to. */
export interface Trained {
  readonly result: RunResult;
  readonly data: DataIdentity;
  readonly tensorflow: string;
  /** Speed of this sitting; undefined where it was too short to tell. */
  readonly imagesPerCpuSecond: number | undefined;
}

/** What comes back: an error that is the user's to mend loses its class on the way, so it is told apart here. */
export type TrainAnswer = Trained | { readonly stopped: true } | { readonly fault: string };

/** What the sweep sends to a worker whose training is to be saved and ended. */
export interface StopMessage {
  readonly stop: true;
}

const progressEveryMs = 500;
/** A killed sweep's worker notices between two steps, which take seconds on large networks. */
const waitSeconds = 300;
/** A sitting of fewer steps says little about speed: the first ones compile and allocate. */
const minTimedSteps = 100;

// A worker whose sweep was killed must not go on writing into a run folder that the next sweep takes up.
process.once('disconnect', () => process.exit(1));
// Ctrl-C and signals to a group reach all of its processes. The sweep ends its workers itself, after they have saved.
let training = false;
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => {
  if (!training) process.exit(143);
});

const ownCode = codeDigests();

interface OpenData {
  readonly dataset: Dataset;
  readonly identity: DataIdentity;
}

// The data set stays open between the tasks of a worker: most of them share it.
let open: { key: string; data: Promise<OpenData> } | undefined;

function dataOf(config: RunConfig): Promise<OpenData> {
  const key = dataKey(config);
  if (open?.key !== key) open = { key, data: openData(config) };
  return open.data;
}

async function openData(config: RunConfig): Promise<OpenData> {
  const dataset = await openRunData(config);
  return { dataset, identity: await dataIdentity(config, dataset) };
}

/** Measure images per second of processor time from the first step of this sitting to the last. */
function speedometer(batch: number): {
  step: (step: number) => void;
  imagesPerCpuSecond: () => number | undefined;
} {
  let first: { step: number; cpu: NodeJS.CpuUsage } | undefined;
  let last = 0;
  return {
    step(step) {
      first ??= { step, cpu: process.cpuUsage() };
      last = step;
    },
    imagesPerCpuSecond() {
      if (first === undefined || last - first.step < minTimedSteps) return undefined;
      const { user, system } = process.cpuUsage(first.cpu);
      return ((last - first.step) * batch) / ((user + system) / 1e6);
    },
  };
}

export default async function train({
  config,
  dir,
  backend,
  code,
  takeOverSeconds,
}: TrainTask): Promise<TrainAnswer> {
  const controller = new AbortController();
  const hear = (message: Partial<StopMessage> | undefined): void => {
    if (message?.stop) controller.abort(new Error('the sweep was stopped'));
  };
  process.on('message', hear);
  training = true;
  try {
    const changed = changedPackages(code, ownCode);
    if (changed.length > 0) {
      const what = `the sources of ${changed.join(', ')} changed while trainings were running`;
      throw new HbnnError(`${what}; start again, or train from a checkout that stays as it is`);
    }
    const { name } = await useBackend({ prefer: backend });
    const { dataset, identity } = await dataOf(config);
    let sent = 0;
    const speed = speedometer(config.batch);
    const result = await runTraining(config, dataset, {
      dir,
      backend: name,
      resume: true,
      checkpointSeconds: 10,
      waitSeconds,
      takeOverSeconds,
      onWait: (waitsFor) => process.send?.({ dir, share: 0, waitsFor } satisfies TrainProgress),
      signal: controller.signal,
      onProgress: ({ step, steps }) => {
        speed.step(step);
        if (performance.now() - sent < progressEveryMs && step < steps) return;
        sent = performance.now();
        process.send?.({ dir, share: step / steps } satisfies TrainProgress);
      },
    });
    // Nothing goes on from it any more, and one of a large network takes half a gigabyte.
    rmSync(join(dir, 'checkpoint.bin'), { force: true });
    return { result, data: identity, tensorflow, imagesPerCpuSecond: speed.imagesPerCpuSecond() };
  } catch (error) {
    if (controller.signal.aborted || error instanceof FolderLost) return { stopped: true };
    if (error instanceof HbnnError) return { fault: error.message };
    throw error;
  } finally {
    training = false;
    process.off('message', hear);
  }
}
