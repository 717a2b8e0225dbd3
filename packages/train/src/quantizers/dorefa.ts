import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from '../ops/withGradient.ts';
import { nearest, passThrough, signs } from './gradients.ts';
import { type InputQuantizer, nothingLearned, type WeightQuantizer } from './quantizer.ts';

/** quantize_k of values in [0, 1]: round((2^k − 1) x) / (2^k − 1), with the gradient 1 (Equations 5 and 6). */
function quantizeK(x: tf.Tensor, bits: number): tf.Tensor {
  const steps = 2 ** bits - 1;
  return passThrough(x, (x) => tf.div(nearest(tf.mul(x, steps)), steps));
}

/**
 * Weights of DoReFa-Net.
 *
 * 1 bit: sign(W) · E, E the mean |W| of the whole layer, with the gradient 1 (Equations 7 and 8).
 * k bits: 2 quantize_k( tanh(W) / (2 max |tanh(W)|) + 1/2 ) − 1, the maximum over the layer; the gradient is that of
 * the formula with quantize_k's taken as 1 (Equation 9). Gradients themselves are not quantized (G = 32).
 *
 * Source: Zhou et al. 2016, DoReFa-Net, sections 2.3 and 2.4.
 */
export const dorefaWeights = (bits: number): WeightQuantizer => ({
  ...nothingLearned,
  clipped: false,
  bits: () => bits,
  quantize: (w) => (bits === 1 ? layerBinary(w) : layerLinear(w, bits)) as tf.Tensor2D,
});

const layerBinary = (w: tf.Tensor): tf.Tensor =>
  passThrough(w, (w) => tf.mul(signs(w), tf.mean(tf.abs(w))));

function layerLinear(w: tf.Tensor, bits: number): tf.Tensor {
  const bounded = tf.tanh(w);
  // A layer of zeros has the value 0 in the middle; the smallest positive float keeps it from 0 / 0.
  const largest = tf.maximum(tf.max(tf.abs(bounded)), 1e-30);
  const unit = tf.add(tf.div(bounded, tf.mul(largest, 2)), 0.5);
  return tf.sub(tf.mul(quantizeK(unit, bits), 2), 1);
}

/**
 * Inputs of DoReFa-Net: quantize_k of the inputs clipped to [0, 1]; the gradient is 1 there, else 0 (section 2.5,
 * Equation 11).
 */
export const dorefaInputs = (bits: number): InputQuantizer => ({
  bits,
  scaled: false,
  quantize: (x) => {
    const clipped = withGradient(
      x,
      (x) => tf.clipByValue(x, 0, 1),
      (dy, x) => {
        const within = tf.logicalAnd(tf.greaterEqual(x, 0), tf.lessEqual(x, 1));
        return tf.mul(dy, tf.cast(within, 'float32'));
      },
    );
    return quantizeK(clipped, bits);
  },
});
