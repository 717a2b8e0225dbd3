import type * as tf from '@tensorflow/tfjs-core';
import { straightThrough } from '../ops/straightThrough.ts';
import { signs } from './gradients.ts';
import { type InputQuantizer, nothingLearned, type WeightQuantizer } from './quantizer.ts';

/**
 * Binary weights without a scale (BNN): W^b = sign(W). The gradient is 1 where |W| <= 1, else 0 (the derivative of
 * hard tanh), and float weights are clipped to [−1, 1] after each update.
 *
 * Source: Hubara, Courbariaux, Soudry, El-Yaniv, Bengio 2016, Binarized Neural Networks, Equations 1 and 4, Algorithm 1.
 */
export const bnnWeights = (): WeightQuantizer => ({
  ...nothingLearned,
  clipped: true,
  bits: () => 1,
  quantize: (w) => straightThrough(w, signs) as tf.Tensor2D,
});

/** Binary inputs without a scale, x^b = sign(x); the gradient is 1 where |x| <= 1, else 0 (same source). */
export const bnnInputs = (): InputQuantizer => ({
  bits: 1,
  scaled: false,
  quantize: (x) => straightThrough(x, signs),
});
