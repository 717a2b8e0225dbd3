import * as tf from '@tensorflow/tfjs-core';
import { straightThrough } from '../ops/straightThrough.ts';
import { nearest, signs } from './gradients.ts';
import { type InputQuantizer, nothingLearned, type WeightQuantizer } from './quantizer.ts';

/**
 * LinearQuant(x, k) = Clip(round(x / step) · step, minV, maxV): 2^k equidistant values from −1 to 1.
 *
 * The paper leaves the range and the step open. Here the range is that of hard tanh, in which its networks keep
 * weights and activations, and the step 2 / (2^k − 1) makes use of both ends; so 1 bit is BNN's sign.
 */
function linearQuant(x: tf.Tensor, bits: number): tf.Tensor {
  if (bits === 1) return signs(x);
  const stepsPerUnit = (2 ** bits - 1) / 2;
  const levels = nearest(tf.mul(tf.add(tf.clipByValue(x, -1, 1), 1), stepsPerUnit));
  return tf.sub(tf.div(levels, stepsPerUnit), 1);
}

/**
 * Weights of QNN in k bits. The gradient is 1 where |W| <= 1, else 0; float weights are clipped to [−1, 1] after each
 * update.
 *
 * Source: Hubara, Courbariaux, Soudry, El-Yaniv, Bengio 2016, Quantized Neural Networks, LinearQuant (arXiv 1609.07061).
 */
export const qnnWeights = (bits: number): WeightQuantizer => ({
  ...nothingLearned,
  clipped: true,
  bits: () => bits,
  quantize: (w) => straightThrough(w, (w) => linearQuant(w, bits)) as tf.Tensor2D,
});

/** Inputs of QNN in k bits: the same function and gradient. */
export const qnnInputs = (bits: number): InputQuantizer => ({
  bits,
  scaled: false,
  quantize: (x) => straightThrough(x, (x) => linearQuant(x, bits)),
});
