import { type BatchSource, HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { RunConfig } from '../config.ts';
import { type Evaluation, evaluate, recalibrate } from '../evaluate.ts';
import type { EpochSummary } from '../fit.ts';
import { binarizedLayers } from '../layers/binarized.ts';
import { exportArrays, importArrays, parametersOf } from '../parameters.ts';

/** The epoch with the highest validation accuracy. */
export interface BestEpoch {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
}

/** The best of some epochs by validation accuracy, the first of equals; undefined where none was validated. */
export function bestEpoch(epochs: readonly EpochSummary[]): BestEpoch | undefined {
  return epochs.reduce<BestEpoch | undefined>((best, { epoch, validation }) => {
    if (validation === undefined) return best;
    const better = best === undefined || validation.accuracy > best.accuracy;
    return better ? { epoch, ...validation } : best;
  }, undefined);
}

/** Whether a training has gone on for its patience without a better epoch. */
export function stopsEarly(epochs: readonly EpochSummary[], rule: RunConfig['earlyStop']): boolean {
  const best = bestEpoch(epochs);
  const last = epochs.at(-1);
  if (rule === undefined || best === undefined || last === undefined) return false;
  return last.epoch - best.epoch >= rule.patience && epochs.length >= (rule.minEpochs ?? 1);
}

/** The validation images of a configuration that asks for some. */
export function validationSource(
  config: RunConfig,
  source: BatchSource | undefined,
): BatchSource | undefined {
  if (config.validation === undefined) return undefined;
  if (source?.count === config.validation) return source;
  throw new HbnnError(
    `config.validation: expected ${config.validation} images to validate on beside the training images, ` +
      `got ${source?.count ?? 'none'}; open the data set with the same number`,
  );
}

/**
 * Measure a model in training on the validation images as the end of the training would be measured on
 * the test images: with statistics recomputed on training images. `whileMeasured` sees the model in that
 * state; afterwards it is as before, to the bit, also when `signal` ends the measurement.
 */
export async function validate(
  model: tfl.LayersModel,
  sources: { readonly train: BatchSource; readonly validation: BatchSource },
  config: Pick<RunConfig, 'recalibrate' | 'batch' | 'seed'>,
  whileMeasured: (result: Evaluation) => void,
  signal?: AbortSignal,
): Promise<void> {
  const restore = rememberStatistics(model);
  try {
    const { recalibrate: images, batch, seed } = config;
    if (images > 0) await recalibrate(model, sources.train, { images, batch, seed, signal });
    whileMeasured(await evaluate(model, sources.validation, { signal }));
  } finally {
    restore();
  }
}

/** Keep what a forward pass may change: running statistics, maps and scales. */
export function rememberStatistics(model: tfl.LayersModel): () => void {
  const running = parametersOf(model)
    .filter(({ trainable }) => !trainable)
    .map(({ name, variable }) => [name, variable] as const);
  const layers = binarizedLayers(model);
  const stored = [...exportArrays(running), ...layers.flatMap((layer) => layer.exportMaps())];
  const arrays = new Map(stored.map((array) => [array.name, array]));
  return () => {
    importArrays(running, arrays, 'validation');
    for (const layer of layers) layer.importMaps(arrays, 'validation');
  };
}
