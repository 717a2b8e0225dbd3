import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type BatchSource, HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { configDifference, type RunConfig } from '../config.ts';
import type { TrainState } from '../fit.ts';
import { binarizedLayers } from '../layers/binarized.ts';
import { quantizedLayers } from '../layers/quantized.ts';
import type { SgdMomentum } from '../optimizer.ts';
import { exportArrays, importArrays, parametersOf } from '../parameters.ts';
import { type NamedArray, readTensorFile, writeTensorFile } from '../tensorFile.ts';
import { checkTrainedOn, kindOfSource, type SourceKind } from './sourceKind.ts';

/** What a checkpoint says beside its arrays. */
export interface Checkpoint {
  readonly config: RunConfig;
  readonly state: TrainState;
  /** Training time so far, over all sittings. */
  readonly seconds: number;
  readonly backend: string;
  readonly trainImages: number;
  readonly trainedOn?: SourceKind;
}

/** What a checkpoint has to agree with to be gone on from. */
export interface CheckpointOwner {
  readonly config: RunConfig;
  readonly backend: string;
  readonly train: BatchSource;
}

const checkpointFile = (dir: string): string => join(dir, 'checkpoint.bin');

const weightsOf = (model: tfl.LayersModel) =>
  parametersOf(model).map(({ name, variable }) => [name, variable] as const);

/** A model's weights, running statistics, bit maps and what quantizers decided, by name. */
export function modelArrays(model: tfl.LayersModel): NamedArray[] {
  const maps = binarizedLayers(model).flatMap((layer) => layer.exportMaps());
  const states = quantizedLayers(model).flatMap((layer) => layer.exportState());
  return [...exportArrays(weightsOf(model)), ...maps, ...states];
}

/**
 * Give a model the arrays of a file.
 *
 * @throws HbnnError when an array is missing or has another shape
 */
export function importModel(
  model: tfl.LayersModel,
  arrays: ReadonlyMap<string, NamedArray>,
  where: string,
): void {
  importArrays(weightsOf(model), arrays, where);
  for (const layer of binarizedLayers(model)) layer.importMaps(arrays, where);
  for (const layer of quantizedLayers(model)) layer.importState(arrays, where);
}

/** Write a run's checkpoint: all that is needed to go on to the same bits. */
export function writeCheckpoint(
  dir: string,
  { config, backend, train }: CheckpointOwner,
  model: tfl.LayersModel,
  optimizer: SgdMomentum,
  state: TrainState,
  seconds: number,
): void {
  const arrays = [...modelArrays(model), ...exportArrays(optimizer.velocities, 'velocity:')];
  const trainImages = train.count;
  const trainedOn = kindOfSource(train);
  const checkpoint: Checkpoint = { config, state, seconds, backend, trainImages, trainedOn };
  writeTensorFile(checkpointFile(dir), arrays, checkpoint);
}

/**
 * Give a model and its optimizer what a run's checkpoint holds.
 *
 * @returns what the checkpoint says of the training; undefined where the folder has none
 * @throws HbnnError when it is of another configuration, backend or data
 */
export function restoreCheckpoint(
  dir: string,
  owner: CheckpointOwner,
  model: tfl.LayersModel,
  optimizer: SgdMomentum,
): Checkpoint | undefined {
  const file = checkpointFile(dir);
  if (!existsSync(file)) return undefined;
  const { arrays, state } = readTensorFile(file);
  const checkpoint = state as Checkpoint;
  checkSameTraining(checkpoint, owner, file);
  importModel(model, arrays, file);
  importArrays(optimizer.velocities, arrays, file, 'velocity:');
  return checkpoint;
}

function checkSameTraining(checkpoint: Checkpoint, owner: CheckpointOwner, file: string): void {
  const { config, backend, train } = owner;
  const difference = configDifference(checkpoint.config, config);
  if (difference !== undefined) {
    throw new HbnnError(
      `${file}: is of another configuration (${difference}); delete it to start anew`,
    );
  }
  if (checkpoint.backend !== backend) {
    throw new HbnnError(
      `${file}: was trained on the ${checkpoint.backend} backend, this is ${backend}; ` +
        `resume with --backend ${checkpoint.backend} to end with the same bits, or start anew`,
    );
  }
  if (checkpoint.trainImages !== train.count) {
    throw new HbnnError(
      `${file}: was trained on ${checkpoint.trainImages} images, the data set has ${train.count} now; ` +
        'delete the run folder to start anew',
    );
  }
  checkTrainedOn(checkpoint, train, file);
}
