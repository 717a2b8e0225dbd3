import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { precisionOf, type RunConfig } from '../config.ts';
import { networks } from '../networks/registry.ts';
import { initialize } from '../parameters.ts';
import { readTensorFile } from '../tensorFile.ts';
import { WindowError } from '../windowsFit.ts';
import { importModel } from './checkpoint.ts';
import { storedConfig } from './runFolder.ts';
import { checkTrainedOn, type SourceKind } from './sourceKind.ts';

/**
 * Build a configuration's network with its seeded starting weights.
 *
 * @throws HbnnError when the images are too small for the network, naming the layer and what of the configuration to change
 */
export function buildNetwork(config: RunConfig, source: SourceKind): tfl.LayersModel {
  const shape = {
    input: source.shape as [number, number, number],
    classes: source.classes.length,
    precision: precisionOf(config),
    seed: config.seed,
    widthMultiplier: config.widthMultiplier,
  };
  const model = fitting(config, source, () =>
    networks[config.network].build(shape, config.widths, config.pools),
  );
  initialize(model, config.seed);
  return model;
}

/** Build a network, and where the images are too small for it say which settings would help. */
function fitting(
  config: RunConfig,
  { shape }: SourceKind,
  build: () => tfl.LayersModel,
): tfl.LayersModel {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof WindowError)) throw error;
    const { network, shrink = 1, size } = config;
    const pools = network === 'fcn4' ? fittingPools(shape) : [];
    const ways = [
      ...(shrink > 1 ? [`a smaller --shrink than ${shrink}`] : []),
      ...(size !== undefined ? [`a larger --size than ${[size].flat().join('x')}`] : []),
      ...(pools.length > 0 ? [`fewer pools (--pools ${pools.join(',')})`] : []),
      'larger images',
      'another --network',
    ];
    throw new HbnnError(
      `network ${network} on images of ${shape.join('×')}, which are too small for it: ${error.fault}; take ${ways.slice(0, -1).join(', ')} or ${ways.at(-1)}`,
    );
  }
}

/** The first layers of fcn4 that may be pooled: each pool halves the image. */
function fittingPools([height, width]: readonly number[]): number[] {
  const count = Math.floor(Math.log2(Math.min(height, width)));
  return Array.from({ length: count }, (_, i) => i);
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
