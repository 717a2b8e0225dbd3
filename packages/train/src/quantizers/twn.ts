import * as tf from '@tensorflow/tfjs-core';
import { passThrough, signs } from './gradients.ts';
import { nothingLearned, type WeightQuantizer } from './quantizer.ts';

/** Bits of a weight that is −1, 0 or 1. Tables that count stored bits say 2. */
export const ternaryBits = Math.log2(3);

/** Where |w| is above Δ = 0.7 · mean |W| of the layer: 1, else 0. */
const chosenBy = (w: tf.Tensor): tf.Tensor => {
  const magnitudes = tf.abs(w);
  return tf.cast(tf.greater(magnitudes, tf.mul(tf.mean(magnitudes), 0.7)), 'float32');
};

/** The mean |w| of the chosen weights, over an axis or all; 0 where none is chosen. */
function meanOfChosen(w: tf.Tensor, chosen: tf.Tensor, axis?: number): tf.Tensor {
  const sum = tf.sum(tf.mul(tf.abs(w), chosen), axis, true);
  return tf.div(sum, tf.maximum(tf.sum(chosen, axis, true), 1));
}

/** Ternary weights: scale per layer, or per filter where axis 0 is given. */
export function ternary(w: tf.Tensor, axis?: number): tf.Tensor {
  const chosen = chosenBy(w);
  return tf.mul(tf.mul(signs(w), chosen), meanOfChosen(w, chosen, axis));
}

/**
 * Ternary weights (TWN): α · sign(W) where |W| > Δ, else 0, with Δ = 0.7 · mean |W| and α the mean |W| of the weights
 * above Δ, both over the layer. The gradient is 1.
 *
 * Source: Li, Zhang, Liu 2016, Ternary Weight Networks, Equations 3 to 6.
 */
export const twn = (): WeightQuantizer => ({
  ...nothingLearned,
  clipped: false,
  bits: () => ternaryBits,
  quantize: (w) => passThrough(w, (w) => ternary(w)) as tf.Tensor2D,
});
