import { type BatchSource, checkBatch, checkCallback, checkOptions } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import './backend/samePadding.ts';
import { checkFiniteWeights } from './finiteWeights.ts';
import {
  checkCount,
  checkFits,
  checkImagesFit,
  checkNumbers,
  checkRequired,
  checkSignal,
} from './fitting.ts';
import { binarizedLayers } from './layers/binarized.ts';
import type { CallContext } from './layers/context.ts';
import { quantizedLayers } from './layers/quantized.ts';
import { completeNorms } from './layers/stockNorm.ts';
import { layersWithin } from './parameters.ts';
import { pauser } from './pause.ts';
import { scoresOf } from './scores.ts';

export interface Evaluation {
  /** Share of images whose highest score is their label, 0 … 1. */
  readonly top1: number;
  /** Share of images whose label is among the five highest scores, 0 … 1. */
  readonly top5: number;
  /** Mean cross-entropy in nats. */
  readonly loss: number;
  readonly images: number;
}

/** Small images go 250 at a time, larger ones as many as take about as much memory, but at least 8. */
function testBatch({ shape: [height, width] }: BatchSource): number {
  return Math.max(8, Math.min(250, Math.floor((250 * 32 * 32) / (height * width))));
}

export interface EvaluateOptions {
  readonly batch?: number;
  readonly onBatch?: (images: number) => void;
  /** Called with the scores of each batch, [count, classes], as they are before a softmax at the end. */
  readonly onScores?: (scores: Float32Array) => void;
  /** Rejects with the signal's reason between two batches. */
  readonly signal?: AbortSignal;
}

/**
 * Measure a model on a data set, with frozen maps, scales and batch norm statistics.
 *
 * @throws HbnnError when images, classes or labels of the data set do not fit the model, or its weights are not finite
 */
export async function evaluate(
  model: tfl.LayersModel,
  source: BatchSource,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkFits(model, source, 'evaluate');
  checkOptions('evaluate', options, ['batch', 'onBatch', 'onScores', 'signal']);
  checkNumbers('evaluate', options, { batch: 'positive whole' });
  checkCallback('evaluate', 'onBatch', options.onBatch);
  checkCallback('evaluate', 'onScores', options.onScores);
  checkSignal('evaluate', options.signal);
  checkFiniteWeights(layersWithin(model), 'evaluate');
  const batch = options.batch ?? testBatch(source);
  const totals = { top1: 0, top5: 0, loss: 0, images: 0 };
  const layers = [...binarizedLayers(model), ...quantizedLayers(model)];
  const pause = pauser();
  for (const layer of layers) layer.freeze();
  try {
    for await (const part of source.batches({ batch, shuffle: false, seed: 0, epoch: 0 })) {
      checkBatch(part, source, 'evaluate');
      const scores = tf.tidy(() => {
        const images = tf.tensor(part.images, [part.count, ...source.shape]);
        return scoresOf(model, images, { training: false });
      });
      const values = (await scores.data()) as Float32Array;
      scores.dispose();
      countScores(values, part.labels, totals);
      options.onScores?.(values);
      options.onBatch?.(totals.images);
      await pause();
      options.signal?.throwIfAborted();
    }
  } finally {
    for (const layer of layers) layer.thaw();
  }
  const { top1, top5, loss, images } = totals;
  checkCount('evaluate', source, images);
  return { top1: top1 / images, top5: top5 / images, loss: loss / images, images };
}

/** Add one batch of scores [count, classes] to the totals. Ties count against the label. */
export function countScores(
  scores: Float32Array,
  labels: Int32Array,
  totals: { top1: number; top5: number; loss: number; images: number },
): void {
  const classes = scores.length / labels.length;
  for (let i = 0; i < labels.length; i++) {
    const row = scores.subarray(i * classes, (i + 1) * classes);
    const own = row[labels[i]];
    let above = 0;
    let peak = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) {
      // Written so that NaN, which compares with nothing, counts against the label.
      if (!(row[k] < own) && k !== labels[i]) above++;
      if (row[k] > peak) peak = row[k];
    }
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(row[k] - peak);
    totals.loss += Math.log(sum) + peak - own;
    totals.top1 += above === 0 ? 1 : 0;
    totals.top5 += above < 5 ? 1 : 0;
    totals.images++;
  }
}

/**
 * Replace running statistics (batch norm, static input maps and scales) by their plain average over the
 * given number of training images. Short trainings need it before they are judged: a running average
 * lags behind weights that still move.
 *
 * @throws HbnnError when the images do not fit the model
 */
export async function recalibrate(
  model: tfl.LayersModel,
  source: BatchSource,
  options: { images: number; batch: number; seed: number; signal?: AbortSignal },
): Promise<void> {
  checkImagesFit(model, source, 'recalibrate');
  checkOptions('recalibrate', options, ['images', 'batch', 'seed', 'signal']);
  checkRequired('recalibrate', options, ['images', 'batch', 'seed']);
  checkSignal('recalibrate', options.signal);
  checkNumbers('recalibrate', options, {
    images: 'positive whole',
    batch: 'positive whole',
    seed: 'seed',
  });
  completeNorms(model);
  let k = 0;
  let seen = 0;
  const pause = pauser();
  const pass = { batch: options.batch, shuffle: true, seed: options.seed, epoch: -1 };
  for await (const part of source.batches(pass)) {
    checkBatch(part, source, 'recalibrate');
    k++;
    tf.tidy(() => {
      const images = tf.tensor(part.images, [part.count, ...source.shape]);
      const context: CallContext = { training: true, recalibrate: k };
      model.apply(images, context);
    });
    seen += part.count;
    if (seen >= options.images) break;
    await pause();
    options.signal?.throwIfAborted();
  }
  if (seen === 0) checkCount('recalibrate', source, seen);
  checkFiniteWeights(layersWithin(model), 'recalibrate');
}
