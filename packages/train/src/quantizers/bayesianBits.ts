import * as tf from '@tensorflow/tfjs-core';
import { learning } from './bitPruning.ts';
import { asConstant, nearest, passThrough } from './gradients.ts';
import type { WeightQuantizer } from './quantizer.ts';

// The hard concrete distribution of Louizos et al. 2018, stretched to [−0.1, 1.1] at temperature 2/3.
const [low, high, temperature] = [-0.1, 1.1, 2 / 3];
const offset = temperature * Math.log(-low / high);
/** A gate is open at inference where the probability that it is 0 lies below this. */
const closedBelow = 0.34;

const round = (x: tf.Tensor): tf.Tensor => passThrough(x, nearest);

/** A gate without its noise: σ(φ / τ), stretched and clipped to [0, 1]. */
const softGate = (phi: tf.Tensor): tf.Tensor =>
  tf.clipByValue(tf.add(tf.mul(tf.sigmoid(tf.div(phi, temperature)), high - low), low), 0, 1);

/** The probability that a gate is not 0. */
const openProbability = (phi: tf.Tensor): tf.Tensor => tf.sigmoid(tf.sub(phi, offset));

const isOpen = (phi: number): boolean => 1 / (1 + Math.exp(phi - offset)) < closedBelow;

/** Learned numbers of a layer: the gates of the planes to 4 and to 8 bits, and the range as a share of max |W|. */
const learned = [
  { name: 'gate4', initial: 1.5, min: -10, max: 10 },
  { name: 'gate8', initial: 1.5, min: -10, max: 10 },
  { name: 'range', initial: 1, min: 0.01, max: 10 },
] as const;

/** The largest float below 1 by some steps: what is clipped to the range's end must not round beyond it. */
const insideRange = 1 - 1e-6;

/** w clipped to ± a bound of shape [1]; what lies beyond gives its gradient to the bound. */
function clipped(w: tf.Tensor, bound: tf.Tensor): tf.Tensor {
  const op = tf.customGrad((...inputs) => {
    const [w, bound] = inputs as tf.Tensor[];
    const save = inputs[2] as unknown as tf.GradSaveFunc;
    // −1 below, 0 within, 1 beyond the bound.
    const side = tf.mul(tf.sign(w), tf.cast(tf.greater(tf.abs(w), bound), 'float32'));
    save([side]);
    return {
      value: tf.maximum(tf.minimum(w, bound), tf.neg(bound)),
      gradFunc: (dy: tf.Tensor, [side]: tf.Tensor[]) => [
        tf.mul(dy, tf.sub(1, tf.abs(side))),
        tf.reshape(tf.sum(tf.mul(dy, side)), [1]),
      ],
    };
  });
  return op(w, bound);
}

/** The sum of the 2-bit plane and of the residual planes behind their gates. */
function gatedPlanes(w: tf.Tensor, gates: readonly tf.Tensor[], range: tf.Tensor): tf.Tensor {
  const largest = asConstant(w, (w) => tf.maximum(tf.max(tf.abs(w)), 1e-30));
  const end = tf.mul(largest, range);
  const bound = tf.mul(end, insideRange);
  const x = clipped(w, bound);
  // s_2 = (β − α) / (2² − 1) for the range −β … β, then s_4 = s_2 / (2² + 1) and s_8 = s_4 / (2⁴ + 1).
  const s2 = tf.mul(end, 2 / 3);
  const s4 = tf.div(s2, 5);
  const s8 = tf.div(s4, 17);
  const x2 = tf.mul(round(tf.div(x, s2)), s2);
  const x4 = tf.mul(round(tf.div(tf.sub(x, x2), s4)), s4);
  const x8 = tf.mul(round(tf.div(tf.sub(tf.sub(x, x2), x4), s8)), s8);
  const [z4, z8] = gates;
  return tf.add(x2, tf.mul(z4, tf.add(x4, tf.mul(z8, x8))));
}

/**
 * Learned gates on residual planes (Bayesian Bits), deterministic: x_2 + z_4 · (x_4 + z_8 · x_8), where x_2 is W in
 * 2 bits and x_b the error that is left, rounded to the next scale s_b = s_{b/2} / (2^{b/2} + 1). The loss gains
 * μ · (4 q_4 + 8 q_4 q_8), q the probability that a gate is not 0.
 *
 * Gates are hard concrete ones (Louizos et al. 2018) without their noise: z = clip(1.2 σ(φ / τ) − 0.1, 0, 1). After
 * three quarters of the training each becomes 0 or 1 by the paper's threshold and stays, as inference always has it;
 * the paper also trains on with fixed gates. Gradients are those of the formula, with 1 for rounding; the range β is a
 * learned share of max |W|, which counts as a constant. There is no pruning gate z_2, no 16 and no 32 bits: a layer
 * ends with 2, 4 or 8.
 *
 * Source: van Baalen et al. 2020, Bayesian Bits, section 2 (arXiv 2005.07093), with Qualcomm's released constants.
 *
 * @param strength μ
 */
export function bayesianBits(strength: number): WeightQuantizer {
  // Whether gates stay, then both gates.
  const state = new Float32Array(3);
  const settled = (phis: readonly number[]): [number, number] =>
    state[0] === 1 ? [state[1], state[2]] : [Number(isOpen(phis[0])), Number(isOpen(phis[1]))];
  return {
    learned,
    clipped: false,
    state,
    bits: (phis) => {
      const [four, eight] = settled(phis);
      return four === 0 ? 2 : eight === 0 ? 4 : 8;
    },
    quantize: (w, call) => {
      const [phi4, phi8, range] = call.learned;
      if (learning(state, call))
        return gatedPlanes(w, [softGate(phi4), softGate(phi8)], range) as tf.Tensor2D;
      const gates = state[0] === 1 ? settled([]) : settled([phi4, phi8].map(numberIn));
      if (call.training) state.set([1, ...gates]);
      const fixed = gates.map((gate, i) => asConstant([phi4, phi8][i], () => tf.tensor1d([gate])));
      return gatedPlanes(w, fixed, range) as tf.Tensor2D;
    },
    penalty: (call) => {
      if (!learning(state, call)) return undefined;
      const [q4, q8] = call.learned.slice(0, 2).map(openProbability);
      return tf.mul(tf.sum(tf.add(tf.mul(q4, 4), tf.mul(tf.mul(q4, q8), 8))), strength);
    },
  };
}

const numberIn = (t: tf.Tensor): number => t.dataSync()[0];
