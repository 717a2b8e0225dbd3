import * as tf from '@tensorflow/tfjs-core';
import { fused, hasFused, runFused } from '../backend/fusedKernels.ts';

/**
 * One step of SGD with momentum and weight decay, in place:
 * v ← momentum · v + g + weightDecay · w; w ← w − learningRate · v.
 *
 * @param w, velocity, gradient tensors of one shape
 */
export function sgdMomentum(
  w: tf.Variable,
  velocity: tf.Variable,
  gradient: tf.Tensor,
  o: { learningRate: number; momentum: number; weightDecay: number },
): void {
  const { learningRate: rate, momentum, weightDecay: decay } = o;
  tf.tidy(() => {
    if (hasFused(fused.sgdMomentum)) {
      const inputs = { w, v: velocity, g: gradient };
      const [newW, newV] = runFused(fused.sgdMomentum, inputs, { rate, momentum, decay });
      velocity.assign(newV);
      w.assign(newW);
      return;
    }
    const slope = tf.add(gradient, tf.mul(w, decay));
    velocity.assign(tf.add(tf.mul(velocity, momentum), slope));
    w.assign(tf.sub(w, tf.mul(velocity, rate)));
  });
}
