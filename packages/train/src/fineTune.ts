import { type BatchSource, checkCallback, checkOptions, chosenName, HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { recalibrate } from './evaluate.ts';
import { checkFiniteWeights } from './finiteWeights.ts';
import { type EpochSummary, fit, startState } from './fit.ts';
import { checkFits, checkNumbers } from './fitting.ts';
import { SgdMomentum } from './optimizer.ts';
import { layersWithin, parametersOf } from './parameters.ts';
import { type Schedule, schedules } from './schedule.ts';
import { checkScoreRow } from './untrainable.ts';

export interface FineTuneOptions {
  readonly epochs?: number;
  readonly batch?: number;
  readonly learningRate?: number;
  readonly schedule?: Schedule;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly seed?: number;
  /** Training images to recompute the running statistics of our own layers on at the end. */
  readonly recalibrate?: number;
  readonly onEpoch?: (summary: EpochSummary) => void;
}

const optionNames: readonly (keyof FineTuneOptions)[] = [
  'epochs',
  'batch',
  'learningRate',
  'schedule',
  'momentum',
  'weightDecay',
  'seed',
  'recalibrate',
  'onEpoch',
];

/**
 * Go on training a model from its present weights by SGD with momentum on softmax cross-entropy. Its
 * outputs are scores; where its last layer is a softmax, or has one as its activation, they are taken as
 * the probabilities they are. Defaults: the paper's optimizer, 2 epochs. Frozen weights stay as they are,
 * and regularizers and constraints of the layers are kept to.
 *
 * @returns loss and accuracy of each epoch on the training images
 * @throws HbnnError when images, classes or labels of the data set do not fit the model, everything is frozen, weights
 * are or become infinite or NaN, or naming a layer that has no gradient or gives a map in place of scores
 */
export async function fineTune(
  model: tfl.LayersModel,
  train: BatchSource,
  o: FineTuneOptions = {},
): Promise<readonly EpochSummary[]> {
  checkOptions('fineTune', o, optionNames);
  const { epochs = 2, batch = 64, seed = 1, learningRate = 0.01, schedule = 'cosine' } = o;
  const { momentum = 0.9, weightDecay = 1e-4 } = o;
  checkFits(model, train, 'fineTune');
  checkScoreRow(model, 'fineTune');
  checkFiniteWeights(layersWithin(model), 'fineTune');
  checkNumbers('fineTune', o, {
    epochs: 'positive whole',
    batch: 'positive whole',
    seed: 'seed',
    learningRate: 'positive',
    momentum: 'not negative, below 1',
    weightDecay: 'not negative',
    recalibrate: 'not negative whole',
  });
  checkCallback('fineTune', 'onEpoch', o.onEpoch);
  chosenName(schedule, schedules, 'fineTune: schedule');
  const variables = parametersOf(model).filter(({ trainable }) => trainable);
  if (variables.length === 0)
    throw new HbnnError(
      `${model.name}: fineTune expected a weight that training may change, got frozen ones only; set trainable of a layer to true`,
    );
  const optimizer = new SgdMomentum(variables, { momentum, weightDecay });
  const state = startState();
  let told = 0;
  const onStep = (): void => {
    for (; told < state.epochs.length; told++) o.onEpoch?.(state.epochs[told]);
  };
  try {
    const options = { epochs, batch, seed, learningRate, schedule, onStep };
    await fit(model, train, optimizer, variables, state, options);
  } finally {
    optimizer.dispose();
  }
  const images = o.recalibrate ?? 1000;
  if (images > 0) await recalibrate(model, train, { images, batch, seed });
  return state.epochs;
}
