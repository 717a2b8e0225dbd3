import { random } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import type { BackendName } from '../src/backend/names.ts';
import { useBackend } from '../src/backend/useBackend.ts';

/** Values of a tensor of a test: seeded, the same on every backend. */
export function seeded(shape: number[], seed: string): tf.Tensor {
  const rng = random(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  return tf.tensor(
    Float32Array.from({ length: count }, () => rng.normal()),
    shape,
  );
}

/** What a case gives: its value and its gradients for all inputs, as host arrays. */
export async function gradientsOn(
  backend: BackendName,
  inputs: () => tf.Tensor[],
  run: (...inputs: tf.Tensor[]) => tf.Tensor,
): Promise<Float32Array[]> {
  await useBackend({ prefer: backend });
  return tf.tidy(() => {
    const xs = inputs();
    const y = run(...xs);
    const dy = seeded(y.shape, 'dy');
    return [y, ...tf.grads(run)(xs, dy)].map((t) => t.dataSync() as Float32Array);
  });
}

/** max |found − wanted| relative to max |wanted|. */
export function relativeError(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length)
    throw new Error(`${found.length} values, not ${wanted.length}`);
  let error = 0;
  let largest = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(found[i] - wanted[i]);
    error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    largest = Math.max(largest, Math.abs(wanted[i]));
  }
  return largest > 0 ? error / largest : error;
}
