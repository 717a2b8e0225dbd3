import * as tf from '@tensorflow/tfjs-core';
import { fused, hasFused, runFused } from '../backend/fusedKernels.ts';
import { withGradient } from './withGradient.ts';

/** The straight-through gradient of a binarization: dy where |x| <= 1, else 0. */
function straightThroughGradient(x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  if (hasFused(fused.straightThrough)) return runFused(fused.straightThrough, { x, dy }, {})[0];
  return tf.where(tf.lessEqual(tf.abs(x), 1), dy, tf.zerosLike(dy));
}

/**
 * An operation whose value `forward` computes and whose gradient is straight-through.
 *
 * @param onGradient is told the gradient of the result in each backward pass
 */
export function straightThrough(
  x: tf.Tensor,
  forward: (x: tf.Tensor) => tf.Tensor,
  onGradient?: (dy: tf.Tensor) => void,
): tf.Tensor {
  return withGradient(x, forward, (dy, x) => {
    onGradient?.(dy);
    return straightThroughGradient(x, dy);
  });
}
