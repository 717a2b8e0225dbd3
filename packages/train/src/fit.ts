import { type Batch, type BatchSource, checkBatch, HbnnError } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import './backend/samePadding.ts';
import { countScores } from './evaluate.ts';
import { checkFiniteWeights } from './finiteWeights.ts';
import { checkCount, checkFits } from './fitting.ts';
import type { CallContext } from './layers/context.ts';
import { completeNorms } from './layers/stockNorm.ts';
import type { SgdMomentum, TrainedVariable } from './optimizer.ts';
import { layersWithin } from './parameters.ts';
import { pauser } from './pause.ts';
import { learningRateAt, type Schedule } from './schedule.ts';
import { scoresOf } from './scores.ts';
import { stepFault } from './untrainable.ts';

/** What one epoch came to, on the training images as they were seen. */
export interface EpochSummary {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  /** On the validation images after the epoch, where there are any. */
  readonly validation?: { readonly loss: number; readonly accuracy: number };
}

/** Where a training stands; with the variables, all that is needed to go on to the same bits. */
export interface TrainState {
  /** Steps done since the start. */
  step: number;
  epoch: number;
  /** Batches of the present epoch already used. */
  batchInEpoch: number;
  /** Sums over the present epoch. */
  running: { top1: number; top5: number; loss: number; images: number };
  epochs: EpochSummary[];
}

export function startState(): TrainState {
  const running = { top1: 0, top5: 0, loss: 0, images: 0 };
  return { step: 0, epoch: 0, batchInEpoch: 0, running, epochs: [] };
}

export interface FitOptions {
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  readonly learningRate: number;
  readonly schedule: Schedule;
  /** Stop after so many steps, whatever the epochs say. */
  readonly maxSteps?: number;
  /**
   * Called after the last step of each epoch, before `onStep`; it may complete the epoch's summary and
   * must leave the model as it is. Its promise is waited for.
   */
  readonly onEpoch?: (state: TrainState) => void | Promise<void>;
  /** Whether to end after the epochs so far; asked when training begins, goes on, and after each epoch. */
  readonly stop?: (epochs: readonly EpochSummary[]) => boolean;
  /** Called after each step; a returned promise is waited for. */
  readonly onStep?: (state: TrainState) => void | Promise<void>;
}

/** The number of steps a training will take. */
export function stepsOf(
  source: BatchSource,
  o: Pick<FitOptions, 'epochs' | 'batch' | 'maxSteps'>,
): number {
  return Math.min(o.maxSteps ?? Number.POSITIVE_INFINITY, o.epochs * stepsPerEpoch(source, o));
}

function stepsPerEpoch(source: BatchSource, o: Pick<FitOptions, 'batch'>): number {
  return Math.ceil(source.count / o.batch);
}

/**
 * Train by minibatch SGD on softmax cross-entropy, from where `state` stands to the last step. `state`
 * is updated in place, after the variables.
 */
export async function fit(
  model: tfl.LayersModel,
  source: BatchSource,
  optimizer: SgdMomentum,
  variables: readonly TrainedVariable[],
  state: TrainState,
  o: FitOptions,
): Promise<void> {
  checkFits(model, source, 'training');
  completeNorms(model);
  const steps = stepsOf(source, o);
  const trained = variables.map(({ variable }) => variable);
  const pause = pauser();
  while (state.step < steps && !o.stop?.(state.epochs)) {
    const { epoch, batchInEpoch: from } = state;
    const pass = { batch: o.batch, shuffle: true, seed: o.seed, epoch, from };
    const before = state.step;
    for await (const batch of source.batches(pass)) {
      checkBatch(batch, source, 'training');
      const rate = learningRateAt(o.schedule, o.learningRate, state.step, steps);
      const context = { training: true, step: state.step, done: state.step / steps };
      try {
        await trainStep(model, source, optimizer, trained, batch, rate, state, context);
      } catch (error) {
        throw error instanceof HbnnError ? error : stepFault(model, error, context);
      }
      state.step++;
      state.batchInEpoch++;
      if (state.batchInEpoch === stepsPerEpoch(source, o)) {
        checkCount('training', source, state.running.images);
        closeEpoch(state);
        await o.onEpoch?.(state);
      }
      await o.onStep?.(state);
      await pause();
      if (state.step >= steps || state.batchInEpoch === 0) break;
    }
    if (state.step === before) {
      throw new HbnnError(
        `${source.name}: gave no batch ${from} of epoch ${epoch}, though it counts ${source.count} images; ` +
          'its images changed, start the training anew',
      );
    }
  }
  // A loss may stay finite while running statistics do not.
  checkFiniteWeights(layersWithin(model), 'after training,');
}

/** A row for each label, with 1 at its class; TensorFlow's own has no rows of one class. */
function oneHot(labels: Int32Array, classes: number): tf.Tensor {
  if (classes === 1) return tf.ones([labels.length, 1]);
  return tf.oneHot(tf.tensor1d(labels, 'int32'), classes);
}

async function trainStep(
  model: tfl.LayersModel,
  source: BatchSource,
  optimizer: SgdMomentum,
  trained: tf.Variable[],
  batch: Batch,
  rate: number,
  state: TrainState,
  context: CallContext,
): Promise<void> {
  const scores = tf.tidy(() => {
    const images = tf.tensor(batch.images, [batch.count, ...source.shape]);
    const labels = oneHot(batch.labels, source.classes.length);
    let kept!: tf.Tensor;
    const { grads } = tf.variableGrads(() => {
      kept = scoresOf(model, images, context);
      tf.keep(kept);
      const loss = tf.losses.softmaxCrossEntropy(labels, kept) as tf.Scalar;
      // Regularizers of a user's own layers; ours have none. A sequential model itself gives no losses.
      const more = layersWithin(model).flatMap((layer) => layer.calculateLosses());
      return more.reduce((sum, each) => tf.add(sum, each), loss);
    }, trained);
    optimizer.step(grads, rate);
    return kept;
  });
  const values = (await scores.data()) as Float32Array;
  scores.dispose();
  countScores(values, batch.labels, state.running);
  if (!Number.isFinite(state.running.loss)) {
    throw new HbnnError(
      `training: the loss is no longer finite at step ${state.step + 1}; lower the learning rate (now ${rate})`,
    );
  }
}

function closeEpoch(state: TrainState): void {
  const { top1, loss, images } = state.running;
  state.epochs.push({ epoch: state.epoch, loss: loss / images, accuracy: top1 / images });
  state.running = { top1: 0, top5: 0, loss: 0, images: 0 };
  state.epoch++;
  state.batchInEpoch = 0;
}
