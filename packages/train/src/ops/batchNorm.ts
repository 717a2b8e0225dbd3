import * as tf from '@tensorflow/tfjs-core';
import { fused, hasFused, runFused } from '../backend/fusedKernels.ts';

/** x as [rows, channels]: all but the last axis are rows. */
function asRows(x: tf.Tensor): tf.Tensor2D {
  const channels = x.shape[x.shape.length - 1];
  return tf.reshape(x, [x.size / channels, channels]);
}

function moments(x: tf.Tensor): { mean: tf.Tensor1D; variance: tf.Tensor1D } {
  if (hasFused(fused.moments)) {
    const [mean, variance] = runFused(fused.moments, { x }, {}) as tf.Tensor1D[];
    return { mean, variance };
  }
  const [mean, variance] = tf.tidy(() => {
    const found = tf.moments(asRows(x), 0);
    return [found.mean, found.variance] as tf.Tensor1D[];
  });
  return { mean, variance };
}

function normalize(
  x: tf.Tensor,
  p: { mean: tf.Tensor; variance: tf.Tensor; gamma: tf.Tensor; beta: tf.Tensor; epsilon: number },
): tf.Tensor {
  const { mean, variance, gamma, beta, epsilon } = p;
  if (hasFused(fused.normalize))
    return runFused(fused.normalize, { x, mean, variance, gamma, beta }, { epsilon })[0];
  const scale = tf.div(gamma, tf.sqrt(tf.add(variance, epsilon)));
  return tf.add(tf.mul(tf.sub(x, mean), scale), beta);
}

/**
 * Normalize x over all but the last axis by its own mean and variance:
 * y = gamma · (x − mean) / sqrt(variance + epsilon) + beta, with gradients for x (through mean and variance too),
 * gamma and beta.
 *
 * @param x float32, rank >= 1, channels last
 * @param gamma, beta [channels]
 * @returns y of x's shape; mean and variance (divided by the number of rows), which carry no gradient
 */
export function batchNormTrain(
  x: tf.Tensor,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  epsilon: number,
): { y: tf.Tensor; mean: tf.Tensor1D; variance: tf.Tensor1D } {
  const { mean, variance } = moments(x);
  const op = tf.customGrad((...inputs) => {
    const [x, gamma, beta] = inputs as tf.Tensor[];
    const save = inputs[3] as unknown as tf.GradSaveFunc;
    save([x, gamma, mean, variance]);
    return {
      value: normalize(x, { mean, variance, gamma, beta, epsilon }),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => batchNormGradients(dy, saved, epsilon),
    };
  });
  return { y: op(x, gamma, beta), mean, variance };
}

/** Gradients for x, gamma, beta; the formula is at batchNormBackprop in @hbnn/wasm. */
function batchNormGradients(dy: tf.Tensor, saved: tf.Tensor[], epsilon: number): tf.Tensor[] {
  const [x, gamma, mean, variance] = saved;
  if (hasFused(fused.batchNormBackprop))
    return runFused(fused.batchNormBackprop, { x, dy, mean, variance, gamma }, { epsilon });
  const inverse = tf.rsqrt(tf.add(variance, epsilon));
  const normal = tf.mul(tf.sub(x, mean), inverse);
  const dBeta = tf.sum(asRows(dy), 0);
  const dGamma = tf.sum(asRows(tf.mul(dy, normal)), 0);
  const rows = x.size / gamma.size;
  const through = tf.div(tf.add(tf.mul(normal, dGamma), dBeta), rows);
  const dx = tf.mul(tf.sub(dy, through), tf.mul(gamma, inverse));
  return [dx, dGamma, dBeta];
}

/**
 * Normalize x with given statistics: y = gamma · (x − mean) / sqrt(variance + epsilon) + beta, with gradients
 * for x, gamma and beta.
 *
 * @param x float32, rank >= 1, channels last
 * @param gamma, beta, mean, variance [channels]
 */
export function batchNormInfer(
  x: tf.Tensor,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  mean: tf.Tensor1D,
  variance: tf.Tensor1D,
  epsilon: number,
): tf.Tensor {
  const op = tf.customGrad((...inputs) => {
    const [x, gamma, beta] = inputs as tf.Tensor[];
    const save = inputs[3] as unknown as tf.GradSaveFunc;
    save([x, gamma, mean, variance]);
    return {
      value: normalize(x, { mean, variance, gamma, beta, epsilon }),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, gamma, mean, variance] = saved;
        const inverse = tf.rsqrt(tf.add(variance, epsilon));
        const normal = tf.mul(tf.sub(x, mean), inverse);
        const dx = tf.mul(dy, tf.mul(gamma, inverse));
        return [dx, tf.sum(asRows(tf.mul(dy, normal)), 0), tf.sum(asRows(dy), 0)];
      },
    };
  });
  return op(x, gamma, beta);
}
