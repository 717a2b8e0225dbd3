import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { precisionOf, type RunConfig } from '../config.ts';
import { networks } from '../networks/registry.ts';
import { initialize } from '../parameters.ts';
import { readTensorFile } from '../tensorFile.ts';
import { importModel } from './checkpoint.ts';
import { storedConfig } from './runFolder.ts';
import { checkTrainedOn, type SourceKind } from './sourceKind.ts';

/** Build a configuration's network with its seeded starting weights. */
export function buildNetwork(config: RunConfig, source: SourceKind): tfl.LayersModel {
  const shape = {
    input: source.shape as [number, number, number],
    classes: source.classes.length,
    precision: precisionOf(config),
    seed: config.seed,
  };
  const model = networks[config.network].build(shape, config.widths, config.pools);
  initialize(model, config.seed);
  return model;
}

/**
 * Open a run's network with the weights of its end, or those of its best epoch by validation accuracy.
 *
 * @throws HbnnError when the folder has not those weights, or the source has another size or other classes than the
 *   run's data
 */
export function openRun(
  dir: string,
  source: SourceKind,
  weights: 'last' | 'best' = 'last',
): { model: tfl.LayersModel; config: RunConfig } {
  const config = storedConfig(dir);
  const file = join(dir, weights === 'best' ? 'best.bin' : 'weights.bin');
  if (weights === 'best' && !existsSync(file)) {
    throw new HbnnError(
      `${dir}: expected best.bin, found none; only trainings with validation images keep one, after ` +
        'their first epoch',
    );
  }
  const { arrays, state } = readTensorFile(file);
  checkTrainedOn(state, source, dir);
  const model = buildNetwork(config, source);
  importModel(model, arrays, file);
  return { model, config };
}
