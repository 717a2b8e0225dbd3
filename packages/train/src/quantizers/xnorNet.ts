import * as tf from '@tensorflow/tfjs-core';
import { straightThrough } from '../ops/straightThrough.ts';
import { asConstant, signs } from './gradients.ts';
import type { InputQuantizer } from './quantizer.ts';

/**
 * Signs of the inputs, and a map of their scales behind the product: I ∗ W ≈ (sign(I) ∗ sign(W)) ⊙ K · α.
 *
 * The gradient of sign is 1 where |x| <= 1, else 0. The weights of XNOR-Net are those of `bwn`, α included.
 *
 * Source: Rastegari et al. 2016, XNOR-Net, section 3.2 and Equation 11.
 */
export const xnorInputs = (): InputQuantizer => ({
  bits: 1,
  scaled: true,
  quantize: (x) => straightThrough(x, signs),
});

/**
 * The scale map K of the inputs: A ∗ k, where A is the mean of |I| over the channels that a filter sees and k averages
 * over its window, k_ij = 1 / (width · height). Padding counts as 0. K carries no gradient, like α.
 *
 * @param x inputs of the layer, float32
 * @param channels whether a filter sees all channels (the last axis), so that A is their mean; else A is |I| itself
 * @param box the layer's own window over A, every weight of which is 1 / (width · height)
 */
export const scaleMap = (
  x: tf.Tensor,
  channels: boolean,
  box: (magnitudes: tf.Tensor) => tf.Tensor,
): tf.Tensor => asConstant(x, (x) => box(channels ? tf.mean(tf.abs(x), -1, true) : tf.abs(x)));
