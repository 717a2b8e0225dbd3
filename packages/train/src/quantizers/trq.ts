import * as tf from '@tensorflow/tfjs-core';
import { asConstant, insideWindow, signs } from './gradients.ts';
import type { WeightQuantizer } from './quantizer.ts';
import { ternaryBits } from './twn.ts';

/** The signs of the stem and of the residual that it leaves: sign(W) + sign(W − a · sign(W)), one of −2, 0, 2. */
function stemAndResidual(w: tf.Tensor, scale: tf.Tensor): tf.Tensor {
  const stem = signs(w);
  return tf.add(stem, signs(tf.sub(w, tf.mul(stem, scale))));
}

/**
 * Ternary weights by residual quantization (TRQ): a stem a · sign(W), and the residual W − a · sign(W) binarized with
 * the same scale, so that W ≈ a · (sign(W) + sign(W − a · sign(W))), one of −2a, 0 and 2a with a as the threshold.
 *
 * The scale a = s · mean |W| of the layer has a learned factor s, 1 at first; the mean counts as a constant. Gradients:
 * for W 1 where |W| <= 1, else 0; for a the sum of both signs.
 *
 * Source: Li, Ding, Liu, Zhang, Guo 2021, TRQ: Ternary Neural Networks with Residual Quantization (AAAI 35). The
 * stem-residual form is the paper's; that s is learned per layer and starts at mean |W| is our reading.
 */
export const trq = (): WeightQuantizer => ({
  learned: [{ name: 'residual_scale', initial: 1, min: 0.01, max: 100 }],
  clipped: false,
  bits: () => ternaryBits,
  quantize: (w, { learned: [factor] }) => {
    const mean = asConstant(w, (w) => tf.mean(tf.abs(w)));
    return residualTernary(w, tf.mul(mean, factor)) as tf.Tensor2D;
  },
});

/** The ternary weights for a scale of shape [1], with gradients for both. */
function residualTernary(w: tf.Tensor, scale: tf.Tensor): tf.Tensor {
  const op = tf.customGrad((...inputs) => {
    const [w, scale] = inputs as tf.Tensor[];
    const save = inputs[2] as unknown as tf.GradSaveFunc;
    const sum = stemAndResidual(w, scale);
    save([w, sum]);
    return {
      value: tf.mul(sum, scale),
      gradFunc: (dy: tf.Tensor, [w, sum]: tf.Tensor[]) => [
        tf.mul(dy, insideWindow(w)),
        tf.reshape(tf.sum(tf.mul(dy, sum)), [1]),
      ],
    };
  });
  return op(w, scale);
}
