import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { layersWithin } from '../parameters.ts';

interface Readable {
  read(): tf.Tensor;
}

/** The fields of a batch norm of tf.layers that its training pass reads. */
interface StockNorm extends tfl.layers.Layer {
  readonly scale: boolean;
  readonly center: boolean;
  readonly movingMean: Readable;
  gamma?: Readable;
  beta?: Readable;
}

/**
 * Give the batch norms of tf.layers that were made with `scale: false` or `center: false` what stands for the missing
 * weight, 1 or 0: TensorFlow.js 4.22 reads both in training and fails where one is missing. They are no weights: nothing
 * trains, lists or saves them.
 */
export function completeNorms(model: tfl.LayersModel): void {
  for (const layer of layersWithin(model)) {
    if (layer.getClassName() !== 'BatchNormalization') continue;
    const norm = layer as StockNorm;
    if (!norm.scale) norm.gamma ??= { read: () => tf.onesLike(norm.movingMean.read()) };
    if (!norm.center) norm.beta ??= { read: () => tf.zerosLike(norm.movingMean.read()) };
  }
}
