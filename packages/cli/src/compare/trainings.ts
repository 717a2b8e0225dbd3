import { HbnnError } from '@hbnn/core';
import { type Dataset, openDataset } from '@hbnn/datasets';
import type { RunConfig } from '@hbnn/train';
import { duration, type ProgressMeter } from '../progress.ts';
import { writeRunManifest } from '../runManifest.ts';
import { placeOfField } from '../trainFlags.ts';
import type { PlannedRun } from './plan.ts';
import type { FinishedRun } from './results.ts';

/** A training of a setting that has a name. */
interface NamedTraining {
  readonly setting: { readonly name: string };
  readonly config: RunConfig;
}

export interface TrainingOptions {
  readonly backend: string;
  readonly checkpointSeconds?: number;
  readonly meter: ProgressMeter;
  /** Saves and ends the training that runs; `trainAll` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const placeOfTrainFlag = placeOfField({});

/** Data sets that are open, by what decides their images. */
export class OpenDatasets {
  private readonly open = new Map<string, Promise<Dataset>>();
  private readonly onNote: (text: string) => void;
  private readonly maxOpen: number;

  /**
   * @param onNote told what is worth knowing of the data
   * @param maxOpen data sets that stay open; of more, the one that was opened first is let go
   */
  constructor(onNote: (text: string) => void, maxOpen = Number.POSITIVE_INFINITY) {
    this.onNote = onNote;
    this.maxOpen = maxOpen;
  }

  of(config: RunConfig): Promise<Dataset> {
    const { data, from, limit, testLimit, shrink, size, validation, skipBadImages, seed } = config;
    // The seed draws the validation images, where there are any.
    const drawn = validation === undefined ? undefined : { validation, seed };
    const options = { limit, testLimit, shrink, size, skipBadImages };
    const key = JSON.stringify({ data, from, ...options, drawn });
    const opened =
      this.open.get(key) ??
      openDataset(data, {
        ...config,
        onNote: this.onNote,
        place: placeOfTrainFlag,
      });
    this.open.set(key, opened);
    // A data set that could not be opened may be there the next time.
    opened.catch(() => this.open.delete(key));
    const [first] = this.open.keys();
    if (this.open.size > this.maxOpen) this.open.delete(first);
    return opened;
  }
}

/**
 * Open each run's data and build its network, so that what cannot be trained is refused before hours of training.
 *
 * @throws HbnnError naming the setting
 */
export async function checkTrainable(
  runs: readonly NamedTraining[],
  datasets: OpenDatasets,
): Promise<void> {
  const { buildNetwork } = await import('@hbnn/train');
  const checked = new Set<NamedTraining['setting']>();
  for (const { setting, config } of runs) {
    const { train } = await datasets.of(config);
    if (checked.has(setting)) continue;
    checked.add(setting);
    try {
      buildNetwork(config, train).dispose();
    } catch (error) {
      if (!(error instanceof HbnnError)) throw error;
      throw new HbnnError(`setting '${setting.name}': ${error.message}`);
    }
  }
}

/**
 * Train what is not trained yet, one after the other; an interrupted training goes on from its checkpoint.
 *
 * @throws HbnnError when a training cannot be done
 */
export async function trainAll(
  runs: readonly PlannedRun[],
  datasets: OpenDatasets,
  { backend, checkpointSeconds, meter, signal }: TrainingOptions,
): Promise<FinishedRun[]> {
  const { runTraining } = await import('@hbnn/train');
  const finished: FinishedRun[] = [];
  for (const run of runs) {
    const { setting, config, dir } = run;
    const place = `training ${finished.length + 1} of ${runs.length}: ${setting.name}, seed ${config.seed}`;
    const sources = await datasets.of(config);
    const result = await runTraining(config, sources, {
      placeOf: placeOfTrainFlag,
      dir,
      resume: true,
      backend,
      checkpointSeconds,
      signal,
      onProgress: ({ step, steps, accuracy, secondsLeft }) => {
        const now = `accuracy ${(100 * accuracy).toFixed(1)} %, ${duration(secondsLeft)} left of it`;
        const share = (finished.length + step / steps) / runs.length;
        meter.update(finished.length, runs.length, `${place}, ${now}`, share);
      },
    });
    await writeRunManifest(dir, result, sources);
    finished.push({ ...run, result });
  }
  return finished;
}
