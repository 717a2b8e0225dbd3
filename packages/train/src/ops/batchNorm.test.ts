import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { available } from '../../test/availableBackends.ts';
import { gradientsOn, relativeError, seeded } from '../../test/gradientCheck.ts';
import { batchNormInfer, batchNormTrain } from './batchNorm.ts';

/** Float32 means over up to some hundred rows, in different orders. */
const tolerance = 2e-5;
const epsilon = 1e-3;

const shapes = [
  [2, 4, 4, 7],
  [33, 5],
  [3, 2, 32],
  [40, 1],
  [3, 8, 8, 33],
];

const inputsOf = (shape: number[]) => () => {
  const channels = [shape[shape.length - 1]];
  return [seeded(shape, 'x'), seeded(channels, 'gamma'), seeded(channels, 'beta')];
};

/** The same mathematics in TensorFlow.js's own operations, differentiated by it: the outside authority. */
function composed(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, i) => i).slice(0, -1);
  const mean = tf.mean(x, axes, true);
  const variance = tf.mean(tf.square(tf.sub(x, mean)), axes, true);
  const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon)));
  return tf.add(tf.mul(normal, gamma), beta);
}

describe.each(available)('on %s', (backend) => {
  test.each(shapes.map((shape) => ({ shape })))('training, x $shape', async ({ shape }) => {
    const run = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) =>
      batchNormTrain(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon).y;
    const found = await gradientsOn(backend, inputsOf(shape), run);
    const wanted = await gradientsOn('cpu', inputsOf(shape), composed);
    found.forEach((values, i) => {
      expect(relativeError(values, wanted[i]), ['y', 'x', 'gamma', 'beta'][i]).toBeLessThan(
        tolerance,
      );
    });
  });

  test('inference', async () => {
    const shape = [2, 4, 4, 7];
    const statistics = () =>
      [seeded([7], 'mean'), tf.abs(seeded([7], 'variance'))] as tf.Tensor1D[];
    const run = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
      const [mean, variance] = statistics();
      return batchNormInfer(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, mean, variance, epsilon);
    };
    const plain = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
      const [mean, variance] = statistics();
      const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon)));
      return tf.add(tf.mul(normal, gamma), beta);
    };
    const found = await gradientsOn(backend, inputsOf(shape), run);
    const wanted = await gradientsOn('cpu', inputsOf(shape), plain);
    found.forEach((values, i) => {
      expect(relativeError(values, wanted[i]), ['y', 'x', 'gamma', 'beta'][i]).toBeLessThan(
        tolerance,
      );
    });
  });
});

test('mean and variance are those of the batch, on wasm', async () => {
  await gradientsOn('wasm', inputsOf([33, 5]), (x, gamma, beta) => {
    const found = batchNormTrain(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon);
    const wanted = tf.moments(x, 0);
    expect(relativeError(found.mean.dataSync(), wanted.mean.dataSync())).toBeLessThan(tolerance);
    expect(relativeError(found.variance.dataSync(), wanted.variance.dataSync())).toBeLessThan(
      tolerance,
    );
    return found.y;
  });
});
