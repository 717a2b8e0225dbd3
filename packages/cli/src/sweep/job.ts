import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import type { RunConfig, RunResult } from '@hbnn/train';
import { OpenDatasets } from '../compare/trainings.ts';
import { writeRunManifest } from '../runManifest.ts';

/** One training as the process that does it is told of it. */
export interface TrainingTask {
  readonly dir: string;
  readonly config: RunConfig;
  readonly backend: string;
  readonly checkpointSeconds?: number;
  /** Take over the folder of a process on another machine that has shown no sign of life for so long. */
  readonly takeOverSeconds?: number;
  /** How long to wait for another process that has the folder. */
  readonly waitSeconds?: number;
}

/** How far a training is. */
export interface TaskProgress {
  /** The share of its steps that are done, 0 … 1. */
  readonly share: number;
  /** The process that has the training's folder, while it is waited for. */
  readonly waitsFor?: string;
}

/** What a training came to. */
export type TaskEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'stopped' }
  /** The training itself cannot be done: it would fail on every machine. */
  | { readonly kind: 'fault'; readonly message: string }
  /** This machine cannot do it: it has no such data or backend. */
  | { readonly kind: 'unfit'; readonly message: string };

/** A process ends between two steps, which take seconds on large networks. */
const defaultWaitSeconds = 300;
const maxOpenDatasets = 2;

/** Does trainings one after the other in this process. */
export class TaskRunner {
  readonly #datasets: OpenDatasets;

  /** @param onNote told what is worth knowing of the data */
  constructor(onNote: (text: string) => void) {
    this.#datasets = new OpenDatasets(onNote, maxOpenDatasets);
  }

  /** Do a training from its start or its folder's checkpoint. */
  async run(
    task: TrainingTask,
    signal: AbortSignal,
    onProgress: (progress: TaskProgress) => void,
  ): Promise<TaskEnd> {
    const { config, dir, backend, checkpointSeconds, takeOverSeconds } = task;
    const { FolderLost, runTraining } = await import('@hbnn/train');
    let isFit = false;
    try {
      await startBackend(backend);
      const sources = await this.#datasets.of(config);
      isFit = true;
      const result = await runTraining(config, sources, {
        dir,
        backend,
        checkpointSeconds,
        takeOverSeconds,
        resume: true,
        waitSeconds: task.waitSeconds ?? defaultWaitSeconds,
        signal,
        onWait: (waitsFor) => onProgress({ share: 0, waitsFor }),
        onProgress: ({ step, steps }) => onProgress({ share: step / steps }),
      });
      await writeRunManifest(dir, result, sources);
      return { kind: 'done' };
    } catch (error) {
      if (signal.aborted || error instanceof FolderLost) return { kind: 'stopped' };
      const { message } = error as Error;
      if (error instanceof HbnnError) return { kind: isFit ? 'fault' : 'unfit', message };
      return { kind: 'fault', message: `fault in hbnn itself, please report it: ${message}` };
    }
  }
}

async function startBackend(backend: string): Promise<void> {
  const { backendChoice } = await import('@hbnn/train/backends');
  const { useBackend } = await import('@hbnn/train');
  await useBackend({ prefer: backendChoice(backend, '--backend') });
}

/** The result of a training that has ended in a folder; undefined while a file of it is not there. */
export function endedResult(dir: string): RunResult | undefined {
  const file = (name: string): string => join(dir, name);
  if (!['result.json', 'weights.bin', 'manifest.json'].every((name) => existsSync(file(name))))
    return undefined;
  try {
    return JSON.parse(readFileSync(file('result.json'), 'utf8')) as RunResult;
  } catch (error) {
    throw new HbnnError(
      `${file('result.json')}: could not be read (${(error as Error).message}); delete it, and go on with the sweep to write it again`,
    );
  }
}
