import { HbnnError } from '@hbnn/core';
import type { Binarizer } from '@hbnn/core/binarizer';
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasFused, runFused } from '../backend/fusedKernels.ts';
import type { Curvature } from './curvature.ts';
import { straightThrough } from './straightThrough.ts';

/**
 * Binarize weights as @hbnn/core does (Eq. 5); the gradient is straight-through, 1 where |w| <= 1, else 0.
 *
 * @param w float32 weights
 * @param b a binarizer for their shape
 * @param o renew: choose the bit map anew first; curvature: choose by it, and let it take in each gradient
 * @throws HbnnError when the binarizer is for another shape
 */
export function binarizeWeights(
  w: tf.Tensor,
  b: Binarizer,
  o: { renew: boolean; curvature?: Curvature },
): tf.Tensor {
  const { curvature } = o;
  if (!tf.util.arraysEqual([...b.spec.shape], w.shape))
    throw new HbnnError(
      `binarizeWeights: expected weights of shape [${b.spec.shape.join(', ')}], got [${w.shape.join(', ')}]; make a binarizer for this shape`,
    );
  const run = (x: Float32Array, out: Float32Array) => {
    if (o.renew) b.renew(x, curvature?.importance());
    b.apply(x, out);
  };
  const forward = (x: tf.Tensor): tf.Tensor => {
    if (hasFused(fused.onHost)) return runFused(fused.onHost, { x }, { run })[0];
    const out = new Float32Array(x.size);
    run(x.dataSync() as Float32Array, out);
    return tf.tensor(out, x.shape);
  };
  return straightThrough(
    w,
    forward,
    curvature && ((dy) => curvature.add(dy.dataSync() as Float32Array)),
  );
}
