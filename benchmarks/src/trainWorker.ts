import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { type Dataset, openDataset } from '@hbnn/datasets';
import {
  type BackendChoice,
  type RunConfig,
  type RunResult,
  runTraining,
  useBackend,
} from '@hbnn/train';

/** One training for a worker. */
export interface TrainTask {
  readonly config: RunConfig;
  readonly dir: string;
  readonly backend: BackendChoice;
}

/** The share of a training that is done, sent now and then. */
export interface TrainProgress {
  readonly dir: string;
  readonly share: number;
}

/** What comes back: an error that is the user's to mend loses its class on the way, so it is told apart here. */
export type TrainAnswer =
  | { readonly stopped: true }
  | { readonly result: RunResult; readonly label: string }
  | { readonly fault: string };

/** What the sweep sends to a worker whose training is to be saved and ended. */
export interface StopMessage {
  readonly stop: true;
}

const progressEveryMs = 500;
/** A killed sweep's worker notices between two steps, which take seconds on large networks. */
const waitSeconds = 300;

// A worker whose sweep was killed must not go on writing into a run folder that the next sweep takes up.
process.once('disconnect', () => process.exit(1));

// A terminal's Ctrl-C reaches workers too; it is the sweep that tells them to save what they have.
process.on('SIGINT', () => undefined);

// The data set stays open between the tasks of a worker: most of them share it.
let open: { key: string; dataset: Promise<Dataset> } | undefined;

function datasetOf(config: RunConfig): Promise<Dataset> {
  const { data, from, limit, testLimit, shrink, size, validation, seed } = config;
  // The seed draws the validation images, where there are any.
  const drawn = validation === undefined ? {} : { validation, seed };
  const key = JSON.stringify({ data, from, limit, testLimit, shrink, size, ...drawn });
  if (open?.key !== key) open = { key, dataset: openDataset(data, config) };
  return open.dataset;
}

export default async function train({ config, dir, backend }: TrainTask): Promise<TrainAnswer> {
  const controller = new AbortController();
  const hear = (message: Partial<StopMessage> | undefined): void => {
    if (message?.stop) controller.abort(new Error('the sweep was stopped'));
  };
  process.on('message', hear);
  try {
    const { name } = await useBackend({ prefer: backend });
    const dataset = await datasetOf(config);
    let sent = 0;
    const result = await runTraining(config, dataset, {
      ...{ dir, backend: name, resume: true, checkpointSeconds: 10, waitSeconds },
      signal: controller.signal,
      onProgress: ({ step, steps }) => {
        if (performance.now() - sent < progressEveryMs) return;
        sent = performance.now();
        process.send?.({ dir, share: step / steps } satisfies TrainProgress);
      },
    });
    // Nothing goes on from it any more, and one of a large network takes half a gigabyte.
    rmSync(join(dir, 'checkpoint.bin'), { force: true });
    return { result, label: dataset.label };
  } catch (error) {
    if (controller.signal.aborted) return { stopped: true };
    if (error instanceof HbnnError) return { fault: error.message };
    throw error;
  } finally {
    process.off('message', hear);
  }
}
