import { parseMix } from '@hbnn/core';
import { binarizer } from '@hbnn/core/binarizer';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { relativeError, seeded } from '../../test/gradientCheck.ts';
import { useBackend } from '../backend/useBackend.ts';
import { batchNormTrain } from './batchNorm.ts';
import { binarizeInputs, meanMagnitudes } from './binarizeInputs.ts';
import { binarizeWeights } from './binarizeWeights.ts';
import { sgdMomentum } from './sgdMomentum.ts';

const mix = parseMix('0.7/0.2/0.1');
const rates = { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-4 };

/** A small binarized network with one step of training. */
function network() {
  const dynamic = { kind: 'dynamic', mix, select: 'middle-out' } as const;
  const shapes = [[3, 3, 3, 6], [6], [6], [3, 3, 6, 8], [8], [8], [8, 3]];
  const variables = shapes.map((shape, i) =>
    tf.variable(shape.length === 1 ? tf.ones(shape) : tf.mul(seeded(shape, `v${i}`), 0.3)),
  );
  const velocities = variables.map((v) => tf.variable(tf.zerosLike(v), false));
  const binarizers = [0, 3].map((i) =>
    binarizer({ shape: shapes[i], layout: 'outputs-last', select: 'middle-out', mix }),
  );
  const x = seeded([4, 8, 8, 3], 'images') as tf.Tensor4D;
  const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 0], 'int32'), 3);
  const block = (x: tf.Tensor4D, i: number) => {
    const weights = binarizeWeights(variables[3 * i], binarizers[i], { renew: true });
    const y = tf.maxPool(tf.conv2d(x, weights as tf.Tensor4D, 1, 'same'), 2, 2, 'valid');
    const [gamma, beta] = variables.slice(3 * i + 1) as unknown as tf.Tensor1D[];
    return batchNormTrain(y, gamma, beta, 1e-3).y as tf.Tensor4D;
  };
  const loss = () => {
    const first = block(x, 0);
    meanMagnitudes(first);
    const y = block(binarizeInputs(first, dynamic).y as tf.Tensor4D, 1);
    const logits = tf.matMul(tf.mean(y, [1, 2]) as tf.Tensor2D, variables[6] as tf.Tensor2D);
    return tf.losses.softmaxCrossEntropy(labels, logits) as tf.Scalar;
  };
  const step = () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, variables);
      variables.forEach((v, i) => {
        sgdMomentum(v, velocities[i], grads[v.name], rates);
      });
      return value.dataSync()[0];
    });
  return { step, variables };
}

test('300 steps leak no tensor, do not grow the heap, and learn', async () => {
  await useBackend({ prefer: 'wasm' });
  const { step } = network();
  const first = step();
  for (let i = 0; i < 20; i++) step();
  const heap = () =>
    (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;
  const before = { tensors: tf.memory().numTensors, heap: heap() };
  let last = first;
  for (let i = 0; i < 300; i++) last = step();
  expect({ tensors: tf.memory().numTensors, heap: heap() }).toEqual(before);
  expect(last).toBeLessThan(first / 10);
});

test('the same steps give the same weights, bit for bit', async () => {
  await useBackend({ prefer: 'wasm' });
  const run = () => {
    const { step, variables } = network();
    for (let i = 0; i < 5; i++) step();
    return variables.map((v) => v.dataSync());
  };
  expect(run()).toEqual(run());
});

test('an SGD step is the same on cpu and wasm', async () => {
  const results: Float32Array[] = [];
  for (const prefer of ['cpu', 'wasm'] as const) {
    await useBackend({ prefer });
    const w = tf.variable(seeded([33], 'w'));
    const v = tf.variable(seeded([33], 'v'), false);
    sgdMomentum(w, v, seeded([33], 'g'), rates);
    results.push(w.dataSync() as Float32Array, v.dataSync() as Float32Array);
  }
  // One rounding of 6e-8 in each of a handful of operations.
  const tolerance = 1e-6;
  expect(relativeError(results[2], results[0])).toBeLessThan(tolerance);
  expect(relativeError(results[3], results[1])).toBeLessThan(tolerance);
});
