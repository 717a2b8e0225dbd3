import { approximate, binarize, parseMix, selectBits } from '@hbnn/core';
import { binarizer } from '@hbnn/core/binarizer';
import * as tf from '@tensorflow/tfjs-core';
import type { BackendName } from '../src/backend/names.ts';
import { batchNormInfer, batchNormTrain } from '../src/ops/batchNorm.ts';
import { binarizeInputs } from '../src/ops/binarizeInputs.ts';
import { binarizeWeights } from '../src/ops/binarizeWeights.ts';
import { seeded } from './gradientCheck.ts';
import * as reference from './reference.ts';

/** One operation with inputs of seeded normal numbers: as a backend does it, and in float64. */
export interface GradientCase {
  readonly name: string;
  readonly shapes: readonly number[][];
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly reference: reference.Operation;
  /** Backends whose TensorFlow.js kernels refuse it, and how. */
  readonly refused?: Partial<Record<BackendName, RegExp>>;
  /**
   * For binarized layers: what the operation sees of its inputs. The gradient is the operation's there, where
   * |x| <= 1, else 0.
   */
  readonly sees?: (index: number, x: Float32Array, shape: number[]) => Float32Array;
}

const epsilon = 1e-3;
const mix = parseMix('0.7/0.2/0.1');
const select = 'middle-out';

const explicit = [2, 0, 1, 1] as const;
const tfPad = (pad: reference.Pad): 'same' | 'valid' | tf.backend_util.ExplicitPadding =>
  typeof pad === 'string'
    ? pad
    : [
        [0, 0],
        [pad[0], pad[1]],
        [pad[2], pad[3]],
        [0, 0],
      ];

type Conv = readonly [
  kernel: number,
  stride: number,
  pad: reference.Pad,
  inputs: number,
  outputs: number,
];
const convolutions: readonly Conv[] = [
  [1, 1, 'same', 3, 5],
  [1, 2, 'valid', 7, 1],
  [2, 2, 'same', 1, 3],
  [3, 1, 'same', 3, 8],
  [3, 1, 'valid', 5, 7],
  [3, 2, 'same', 1, 5],
  [3, 1, explicit, 3, 3],
  [5, 1, 'same', 3, 1],
  [5, 3, 'valid', 1, 9],
];

const convCase = ([kernel, stride, pad, inputs, outputs]: Conv): GradientCase => ({
  name: `convolution ${kernel}x${kernel}, stride ${stride}, ${pad}, ${inputs} to ${outputs}`,
  shapes: [
    [2, 7, 6, inputs],
    [kernel, kernel, inputs, outputs],
  ],
  run: (x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, tfPad(pad)),
  reference: reference.conv2d(stride, pad),
  ...(pad === explicit && { refused: { tensorflow: /only 'valid' and 'same' padding/ } }),
});

const depthwiseCases: GradientCase[] = (
  [
    [1, 1, 'same', 1],
    [3, 1, 'same', 1],
    [3, 2, 'same', 1],
    [3, 1, 'valid', 2],
    [5, 2, 'valid', 1],
  ] as const
).map(([kernel, stride, pad, multiplier]) => ({
  name: `depthwise ${kernel}x${kernel}, stride ${stride}, ${pad}, ${multiplier} per channel`,
  shapes: [
    [2, 7, 6, 5],
    [kernel, kernel, 5, multiplier],
  ],
  run: (x, f) => tf.depthwiseConv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, pad),
  reference: reference.depthwise(stride, pad),
}));

const poolCases: GradientCase[] = (
  [
    [2, 2, 'valid'],
    [3, 2, 'same'],
    [3, 2, 'valid'],
    [3, 1, 'same'],
  ] as const
).flatMap(([size, stride, pad]) => {
  const shapes = [[2, 7, 6, 5]];
  const name = `pool ${size}x${size}, stride ${stride}, ${pad}`;
  return [
    {
      name: `max ${name}`,
      shapes,
      run: (x) => tf.maxPool(x as tf.Tensor4D, size, stride, pad),
      reference: reference.pool('max', size, stride, pad),
    },
    {
      name: `max ${name}, values below 0`,
      shapes,
      run: (x) => tf.maxPool(tf.sub(x, 9) as tf.Tensor4D, size, stride, pad),
      reference: (x) =>
        reference.pool('max', size, stride, pad)(reference.each((value) => value - 9)(x)),
    },
    {
      name: `average ${name}`,
      shapes,
      run: (x) => tf.avgPool(x as tf.Tensor4D, size, stride, pad),
      reference: reference.pool('average', size, stride, pad),
    },
  ] satisfies GradientCase[];
});

const denseCases: GradientCase[] = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
].map(([transposeA, transposeB]) => ({
  name: `dense, transposes ${transposeA} ${transposeB}`,
  shapes: [transposeA ? [9, 4] : [4, 9], transposeB ? [7, 9] : [9, 7]],
  run: (x, w) => tf.matMul(x, w, transposeA, transposeB),
  reference: reference.matMul(transposeA, transposeB),
}));

const statistics = (name: string): Float32Array =>
  seeded([7], name).dataSync().map(Math.abs) as Float32Array;

const normCases: GradientCase[] = [
  ...[
    [2, 4, 5, 7],
    [33, 7],
    [3, 2, 7],
  ].map(
    (shape): GradientCase => ({
      name: `batch norm in training, x [${shape}]`,
      shapes: [shape, [7], [7]],
      run: (x, gamma, beta) =>
        batchNormTrain(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon).y,
      reference: reference.batchNormTrain(epsilon),
    }),
  ),
  {
    name: 'batch norm at inference',
    shapes: [[2, 4, 5, 7], [7], [7]],
    run: (x, gamma, beta) => {
      const [mean, variance] = ['mean', 'variance'].map((name) => tf.tensor1d(statistics(name)));
      return batchNormInfer(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, mean, variance, epsilon);
    },
    reference: (...inputs) =>
      reference.batchNormInfer(
        epsilon,
        Float64Array.from(statistics('mean')),
        Float64Array.from(statistics('variance')),
      )(...inputs),
  },
];

const labels = [0, 2, 1, 2];
const otherCases: GradientCase[] = [
  {
    name: 'relu',
    shapes: [[2, 5, 4, 3]],
    run: (x) => tf.relu(x),
    reference: reference.each((x) => Math.max(0, x)),
  },
  {
    name: 'global average pooling',
    shapes: [[2, 5, 4, 3]],
    run: (x) => tf.mean(x, [1, 2]),
    reference: reference.globalAverage,
  },
  {
    name: 'flatten',
    shapes: [[2, 5, 4, 3]],
    run: (x) => tf.reshape(x, [2, 60]),
    reference: ({ data }) => ({ shape: [2, 60], data }),
  },
  {
    name: 'bias',
    shapes: [[4, 5], [5]],
    run: (x, b) => tf.add(x, b),
    reference: reference.withVector((x, b) => x + b),
  },
  {
    name: 'scale by one learned number',
    shapes: [[4, 5], [1]],
    run: (x, s) => tf.mul(x, s),
    reference: reference.withVector((x, s) => x * s),
  },
  {
    name: 'softmax cross-entropy',
    shapes: [[4, 3]],
    run: (x) => {
      const oneHot = tf.oneHot(tf.tensor1d(labels, 'int32'), 3) as unknown as tf.Tensor2D;
      return tf.losses.softmaxCrossEntropy(oneHot, x as tf.Tensor2D);
    },
    reference: reference.crossEntropy(labels),
  },
];

/** B(x) as core has it: each sample of the inputs with a map of its own, the weights with one. */
function binarized(index: number, x: Float32Array, shape: number[]): Float32Array {
  const samples = index === 0 ? shape[0] : 1;
  const size = x.length / samples;
  const out = new Float32Array(x.length);
  for (let i = 0; i < samples; i++) {
    const sample = { shape: [size], data: x.subarray(i * size, (i + 1) * size) };
    const map = selectBits(sample, { mix, select });
    out.set(approximate(binarize(sample, map)).data, i * size);
  }
  return out;
}

/** A layer's operation on binarized inputs and weights. */
function binarizedCase(plain: GradientCase): GradientCase {
  const map = { kind: 'dynamic', mix, select } as const;
  return {
    ...plain,
    name: `binarized ${plain.name}`,
    run: (x, w) => {
      const b = binarizer({ shape: [...w.shape], layout: 'outputs-last', select, mix });
      return plain.run(binarizeInputs(x, map).y, binarizeWeights(w, b, { renew: true }));
    },
    sees: binarized,
  };
}

/** Every kind of layer and what stands between them. */
export const gradientCases: readonly GradientCase[] = [
  ...convolutions.map(convCase),
  ...depthwiseCases,
  ...poolCases,
  ...denseCases,
  ...normCases,
  ...otherCases,
  ...[convCase(convolutions[3]), depthwiseCases[1], denseCases[0]].map(binarizedCase),
];
