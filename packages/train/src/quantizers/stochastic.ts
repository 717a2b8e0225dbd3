import { type Random, random } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import { binaryFilters } from './bwn.ts';
import { passThrough } from './gradients.ts';
import { nothingLearned, type QuantizerCall, type WeightQuantizer } from './quantizer.ts';
import { ternary, ternaryBits } from './twn.ts';

/** The share of filters that are quantized in each quarter of the training. */
const ratios = [0.5, 0.75, 0.875, 1] as const;

/** The share of filters that are quantized when a share of the training is done. */
export const ratioAt = (done: number): number =>
  ratios[Math.min(ratios.length - 1, Math.floor(ratios.length * done))];

/**
 * Draw filters by roulette, without putting them back: filter i is drawn with a probability in proportion to
 * 1 / (e_i + 1e−7), e_i its quantization error.
 *
 * @returns 1 for the filters drawn, 0 for the others
 */
export function roulette(errors: ArrayLike<number>, count: number, rng: Random): Uint8Array {
  const shares = Array.from(errors, (error) => 1 / (error + 1e-7));
  const drawn = new Uint8Array(shares.length);
  for (let n = 0; n < count; n++) {
    const left = shares.reduce((sum, share, i) => (drawn[i] === 1 ? sum : sum + share), 0);
    let rest = rng.uniform() * left;
    let hit = -1;
    // The last of those left takes what rounding leaves over.
    for (let i = 0; i < shares.length && (hit < 0 || rest >= 0); i++) {
      if (drawn[i] === 1) continue;
      hit = i;
      rest -= shares[i];
    }
    drawn[hit] = 1;
  }
  return drawn;
}

/** e_i = ‖W_i − Q_i‖₁ / ‖W_i‖₁ of each filter; 0 for a filter of zeros. */
function quantizationErrors(w: tf.Tensor, q: tf.Tensor): Float32Array {
  return tf.tidy(() => {
    const sizes = tf.sum(tf.abs(w), 0);
    const errors = tf.sum(tf.abs(tf.sub(w, q)), 0);
    return tf.div(errors, tf.maximum(sizes, 1e-30)).dataSync() as Float32Array;
  });
}

/**
 * Stochastic quantization (SQ): in each step a share r of the filters, drawn by roulette for their small error, is
 * quantized, and the others stay float. r is 50, 75, 87.5 and 100 % in the quarters of the training; inference sees
 * all filters quantized. The gradient is 1 for both kinds of filters. The draw follows from the seed and the step.
 *
 * Source: Dong et al. 2017, Learning Accurate Low-Bit Deep Neural Networks with Stochastic Quantization, Algorithm 1,
 * sections 3.1 to 3.3: errors in the L1 norm, probabilities p_i ∝ 1 / (e_i + 1e−7), ratios of the exponential scheme.
 * Of m filters m − ⌊(1 − r) m⌋ are quantized, as in the authors' code.
 */
function stochastic(
  seed: number,
  bits: number,
  quantized: (w: tf.Tensor) => tf.Tensor,
): WeightQuantizer {
  const mixed = (w: tf.Tensor, { training, step, done }: QuantizerCall): tf.Tensor => {
    const q = quantized(w);
    const filters = w.shape[1] as number;
    const floats = training ? Math.floor((1 - ratioAt(done)) * filters) : 0;
    if (floats === 0) return q;
    const rng = random(seed, 'stochastic quantization', step);
    const drawn = roulette(quantizationErrors(w, q), filters - floats, rng);
    const mask = tf.tensor(Float32Array.from(drawn), [1, filters]);
    return tf.add(tf.mul(q, mask), tf.mul(w, tf.sub(1, mask)));
  };
  return {
    ...nothingLearned,
    clipped: false,
    bits: () => bits,
    quantize: (w, call) => passThrough(w, (w) => mixed(w, call)) as tf.Tensor2D,
  };
}

/** Stochastic quantization of binary weights with a scale per filter. */
export const sqBwn = (seed: number): WeightQuantizer => stochastic(seed, 1, binaryFilters);

/**
 * Stochastic quantization of ternary weights: Δ = 0.7 · mean |W| of the layer, a scale per filter. (The authors' code
 * takes the mean from centred weights; the paper does not say so.)
 */
export const sqTwn = (seed: number): WeightQuantizer =>
  stochastic(seed, ternaryBits, (w) => ternary(w, 0));
