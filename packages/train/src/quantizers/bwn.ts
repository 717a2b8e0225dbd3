import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from '../ops/withGradient.ts';
import { insideWindow, signs } from './gradients.ts';
import { nothingLearned, type WeightQuantizer } from './quantizer.ts';

/** The mean magnitude of each filter: α = ‖W‖₁ / n, shape [1, outputs]. */
const filterScales = (w: tf.Tensor): tf.Tensor => tf.mean(tf.abs(w), 0, true);

/** Signs times a scale per filter: W̃ = α · sign(W). */
export const binaryFilters = (w: tf.Tensor): tf.Tensor => tf.mul(signs(w), filterScales(w));

/**
 * Binary weights with a scale per filter (BWN).
 *
 * W̃ = α · sign(W) with α = ‖W‖₁ / n, n the inputs of a filter: the least squared error that signs and one scale can
 * have. The gradient is the paper's: ∂C/∂W = ∂C/∂W̃ · (1/n + α · 1{|W| <= 1}).
 *
 * Source: Rastegari et al. 2016, XNOR-Net, Equations 4 to 6 and section 3.1.
 */
export const bwn = (): WeightQuantizer => ({
  ...nothingLearned,
  clipped: false,
  bits: () => 1,
  quantize: (w) =>
    withGradient(w, binaryFilters, (dy, w) => {
      const factor = tf.add(tf.mul(insideWindow(w), filterScales(w)), 1 / w.shape[0]);
      return tf.mul(dy, factor);
    }) as tf.Tensor2D,
});
