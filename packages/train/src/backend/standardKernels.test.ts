import { kernelTable } from '@hbnn/wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { gradientsOn, relativeError, seeded } from '../../test/gradientCheck.ts';
import { useBackend } from './useBackend.ts';

/** Float32 sums in different orders: a few roundings of 6e-8 per sum of some hundred products. */
const tolerance = 2e-5;

type Case = {
  name: string;
  inputs: () => tf.Tensor[];
  run: (...inputs: tf.Tensor[]) => tf.Tensor;
};

function check(cases: Case[]): void {
  test.each(cases)('$name', async ({ inputs, run }) => {
    const wanted = await gradientsOn('cpu', inputs, run);
    const found = await gradientsOn('wasm', inputs, run);
    found.forEach((values, i) => {
      expect(
        relativeError(values, wanted[i]),
        i === 0 ? 'value' : `gradient ${i - 1}`,
      ).toBeLessThan(tolerance);
    });
  });
}

type Pad = 'same' | 'valid' | tf.backend_util.ExplicitPadding;
const explicit: Pad = [
  [0, 0],
  [2, 0],
  [1, 1],
  [0, 0],
];
const padName = (pad: Pad) => (typeof pad === 'string' ? pad : 'explicit');

const pads: Pad[] = ['same', 'valid', explicit];
const channels = [1, 3, 5, 7];

describe('convolution', () => {
  const cases: Case[] = [];
  let turn = 0;
  for (const kernel of [1, 2, 3, 5])
    for (const stride of [1, 2, 3])
      for (const pad of pads) {
        turn++;
        const inputs = channels[turn % 4];
        const outputs = channels[(turn >> 2) % 4];
        const x = [turn % 2 === 0 ? 1 : 3, 7, 6, inputs];
        const filter = [kernel, kernel === 3 ? 2 : kernel, inputs, outputs];
        cases.push({
          name: `kernel ${filter}, stride ${stride}, ${padName(pad)}, x ${x}`,
          inputs: () => [seeded(x, 'x'), seeded(filter, 'filter')],
          run: (x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, pad),
        });
      }
  check(cases);
  check([
    {
      name: 'uneven strides',
      inputs: () => [seeded([2, 9, 8, 3], 'x'), seeded([3, 3, 3, 5], 'filter')],
      run: (x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, [2, 1], 'same'),
    },
  ]);
});

describe('depthwise convolution', () => {
  const cases: Case[] = [];
  let turn = 0;
  for (const multiplier of [1, 2])
    for (const kernel of [1, 3, 5])
      for (const stride of [1, 2, 3])
        for (const pad of ['same', 'valid'] as const) {
          const inputs = channels[turn++ % 4];
          const filter = [kernel, kernel, inputs, multiplier];
          cases.push({
            name: `filter ${filter}, stride ${stride}, ${pad}`,
            inputs: () => [seeded([2, 7, 6, inputs], 'x'), seeded(filter, 'filter')],
            run: (x, f) => tf.depthwiseConv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, pad),
          });
        }
  check(cases);
});

describe('pools', () => {
  const fills: Record<string, () => tf.Tensor> = {
    mixed: () => seeded([2, 7, 6, 5], 'x'),
    negative: () => tf.sub(tf.neg(tf.abs(seeded([2, 7, 6, 5], 'x'))), 0.1),
    ties: () => tf.sub(tf.floor(seeded([2, 7, 6, 5], 'x')), 4),
    constant: () => tf.fill([2, 7, 6, 5], -1),
  };
  const cases: Case[] = [];
  for (const fill of Object.keys(fills))
    for (const [size, stride, pad] of [
      [2, 2, 'valid'],
      [3, 2, 'same'],
      [3, 1, 'same'],
      [2, 3, 'valid'],
    ] as const) {
      const name = `${size}x${size}, stride ${stride}, ${pad}, ${fill} values`;
      const inputs = () => [fills[fill]()];
      cases.push({
        name: `max ${name}`,
        inputs,
        run: (x) => tf.maxPool(x as tf.Tensor4D, size, stride, pad),
      });
      if (fill === 'mixed')
        cases.push({
          name: `average ${name}`,
          inputs,
          run: (x) => tf.avgPool(x as tf.Tensor4D, size, stride, pad),
        });
    }
  check(cases);
});

describe('matMul', () => {
  const cases: Case[] = [];
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      for (const [m, n, k] of [
        [1, 1, 1],
        [3, 5, 7],
        [33, 10, 31],
      ])
        cases.push({
          name: `${m}x${k}x${n}, transposes ${transposeA} ${transposeB}`,
          inputs: () => [
            seeded(transposeA ? [k, m] : [m, k], 'a'),
            seeded(transposeB ? [n, k] : [k, n], 'b'),
          ],
          run: (a, b) => tf.matMul(a, b, transposeA, transposeB),
        });
  check([
    ...cases,
    {
      name: 'a batch of products',
      inputs: () => [seeded([3, 4, 5], 'a'), seeded([3, 5, 6], 'b')],
      run: (a, b) => tf.matMul(a, b),
    },
  ]);
});

describe('what else ordinary networks need', () => {
  const labels = () => tf.oneHot(tf.tensor1d([0, 2, 1, 2], 'int32'), 3) as unknown as tf.Tensor2D;
  const image = () => [seeded([2, 5, 4, 3], 'x')];
  const four = () => [seeded([4, 3], 'logits')];
  check([
    {
      name: 'softmax cross entropy',
      inputs: four,
      run: (x) => tf.losses.softmaxCrossEntropy(labels(), x as tf.Tensor2D),
    },
    { name: 'softmax', inputs: four, run: (x) => tf.softmax(x) },
    { name: 'log softmax', inputs: four, run: (x) => tf.logSoftmax(x) },
    { name: 'relu', inputs: image, run: (x) => tf.relu(x) },
    { name: 'relu6', inputs: image, run: (x) => tf.relu6(tf.mul(x, 5)) },
    { name: 'leaky relu', inputs: image, run: (x) => tf.leakyRelu(x) },
    { name: 'clip', inputs: image, run: (x) => tf.clipByValue(x, -1, 1) },
    { name: 'global average pooling', inputs: image, run: (x) => tf.mean(x, [1, 2]) },
    { name: 'flatten', inputs: image, run: (x) => tf.reshape(x, [2, 60]) },
    { name: 'clone', inputs: image, run: (x) => tf.square(tf.clone(x)) },
    {
      name: 'dense layer with bias',
      inputs: () => [seeded([4, 5], 'x'), seeded([5, 3], 'w'), seeded([3], 'b')],
      run: (x, w, b) => tf.add(tf.matMul(x, w), b),
    },
    {
      name: 'concat and slice',
      inputs: () => [seeded([2, 3], 'a'), seeded([2, 5], 'b')],
      run: (a, b) => tf.slice(tf.concat([a, b], 1), [0, 2], [2, 4]),
    },
    {
      name: "dropout's mask",
      inputs: image,
      run: (x) => tf.mul(x, tf.cast(tf.greater(seeded([2, 5, 4, 3], 'mask'), 0), 'float32')),
    },
    {
      name: 'local response normalization',
      inputs: image,
      run: (x) => tf.localResponseNormalization(x as tf.Tensor4D),
    },
    {
      name: 'squared weights (decay)',
      inputs: image,
      run: (x) => tf.sum(tf.square(x)),
    },
    {
      name: 'pad',
      inputs: image,
      run: (x) =>
        tf.pad(x, [
          [0, 0],
          [1, 2],
          [0, 1],
          [0, 2],
        ]),
    },
    {
      name: 'moments and batchNorm of TensorFlow.js',
      inputs: () => [...image(), seeded([3], 'gamma'), seeded([3], 'beta')],
      run: (x, gamma, beta) => {
        const { mean, variance } = tf.moments(x, [0, 1, 2]);
        const parts = [mean, variance, beta, gamma] as tf.Tensor1D[];
        return tf.batchNorm4d(x as tf.Tensor4D, parts[0], parts[1], parts[2], parts[3], 1e-3);
      },
    },
  ]);
});

describe('on wasm', () => {
  beforeEach(async () => {
    await useBackend({ prefer: 'wasm' });
  });

  test('a dilated convolution has a value, and its gradient is an error that says so', () => {
    tf.tidy(() => {
      const x = seeded([1, 7, 7, 2], 'x') as tf.Tensor4D;
      const filter = seeded([3, 3, 2, 3], 'f') as tf.Tensor4D;
      const run = (x: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, filter, 1, 'same', 'NHWC', 2);
      expect(run(x).shape).toEqual([1, 7, 7, 3]);
      expect(() => tf.grad(run)(x)).toThrow(/dilation/);
    });
  });

  test('a product of one matrix with a batch, which TensorFlow.js has no gradient for', async () => {
    const run = () =>
      tf.tidy(() => tf.matMul(seeded([3, 4, 5], 'a'), seeded([1, 5, 6], 'b')).dataSync());
    const found = run();
    await useBackend({ prefer: 'cpu' });
    expect(relativeError(found, run())).toBeLessThan(tolerance);
  });

  test('every kernel of @hbnn/wasm that stands in for another is in its place', () => {
    const stock = /wasm[A-Z]|cwrap/; // the stock kernels call functions of the backend's own module
    for (const row of kernelTable) {
      if (!('replaces' in row)) continue;
      const kernel = tf.getKernel(row.replaces.kernel, 'wasm');
      expect(kernel, row.name).toBeDefined();
      expect(String(kernel.kernelFunc), row.name).not.toMatch(stock);
    }
  });

  test('a clone outlives its original, and both are freed', () => {
    const before = tf.memory().numTensors;
    const x = tf.tensor1d([1, 2, 3]);
    const y = tf.clone(x);
    x.dispose();
    expect([...y.dataSync()]).toEqual([1, 2, 3]);
    y.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
