import * as tf from '@tensorflow/tfjs-core';
import { asConstant, nearest } from './gradients.ts';
import type { QuantizerCall, WeightQuantizer } from './quantizer.ts';

/** From this share of the training on, learned bits and gates stay as they are, and the weights adapt to them. */
const fixedFrom = 0.75;

const maxBits = 8;
/** The paper starts trained networks at 8 bits. Short trainings from random weights start nearer to the end. */
const firstBits = 4;

/** Q(V, n) of whole bits, as a tensor of one number: 2^n equidistant values from the smallest to the largest weight. */
function uniform(w: tf.Tensor, bits: tf.Tensor): tf.Tensor {
  const lowest = tf.min(w);
  const steps = tf.sub(tf.pow(2, bits), 1);
  const step = tf.maximum(tf.div(tf.sub(tf.max(w), lowest), steps), 1e-30);
  return tf.add(tf.mul(nearest(tf.div(tf.sub(w, lowest), step)), step), lowest);
}

/**
 * Weights of a fractional number of bits n, with i = ⌊n⌋ and a = n − i: (1 − a) Q(V, i) + a Q(V, i + 1). Gradients: for
 * V 1; for n the sum of dy · (Q(V, i + 1) − Q(V, i)).
 */
function interpolated(w: tf.Tensor, bits: tf.Tensor): tf.Tensor {
  const op = tf.customGrad((...inputs) => {
    const [w, bits] = inputs as tf.Tensor[];
    const save = inputs[2] as unknown as tf.GradSaveFunc;
    const whole = tf.floor(bits);
    const lower = uniform(w, whole);
    const difference = tf.sub(uniform(w, tf.add(whole, 1)), lower);
    save([difference]);
    return {
      value: tf.add(lower, tf.mul(difference, tf.sub(bits, whole))),
      gradFunc: (dy: tf.Tensor, [difference]: tf.Tensor[]) => [
        dy,
        tf.reshape(tf.sum(tf.mul(dy, difference)), [1]),
      ],
    };
  });
  return op(w, bits);
}

/**
 * Learned bits per layer (BitPruning): uniform quantization Q(V, n) = lowest + step · round((V − lowest) / step) with
 * step = (highest − lowest) / (2^n − 1), interpolated between whole numbers of bits, and a penalty γ · n in the loss
 * for each layer. n stays within 1 … 8.
 *
 * After three quarters of the training n is rounded up and stays, as in the paper, whose networks are then trained on
 * with whole bits. Inference always sees n rounded up.
 *
 * Source: Nikolić et al. 2020, BitPruning: Learning Bitlengths for Aggressive and Accurate Quantization
 * (arXiv 2002.03090), with equal weights λ of the layers.
 *
 * @param strength γ
 */
export function bitPruning(strength: number): WeightQuantizer {
  // The bits that stay; 0 while they are learned.
  const state = new Float32Array(1);
  return {
    learned: [{ name: 'bits', initial: firstBits, min: 1, max: maxBits }],
    clipped: false,
    state,
    bits: ([bits]) => state[0] || Math.ceil(bits),
    quantize: (w, call) => {
      if (learning(state, call)) return interpolated(w, call.learned[0]) as tf.Tensor2D;
      if (call.training && state[0] === 0) state[0] = Math.ceil(call.learned[0].dataSync()[0]);
      const whole = asConstant(call.learned[0], (bits) =>
        state[0] > 0 ? tf.tensor1d(state.slice()) : tf.ceil(bits),
      );
      return interpolated(w, whole) as tf.Tensor2D;
    },
    penalty: (call) =>
      learning(state, call) ? tf.mul(tf.sum(call.learned[0]), strength) : undefined,
  };
}

/** Whether a step still learns bits or gates. */
export const learning = (state: Float32Array, { training, done }: QuantizerCall): boolean =>
  training && state[0] === 0 && done < fixedFrom;
