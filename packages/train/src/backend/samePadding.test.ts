import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { gradientsOn, relativeError, seeded } from '../../test/gradientCheck.ts';
import { useBackend } from './useBackend.ts';

/** Float32 sums of at most 27 products in different orders. */
const tolerance = 2e-5;

type Run = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor;
type Pair = [number, number];

interface Window {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: number;
}

/** Windows of every kernel and stride up to 4, those with a rest of the image behind the last one among them. */
const windows: Window[] = [];
for (const kernelH of [1, 2, 3])
  for (const kernelW of [1, 3])
    for (const strideH of [1, 2, 3, 4])
      for (const strideW of [1, 3])
        windows.push({ kernel: [kernelH, kernelW], strides: [strideH, strideW], dilations: 1 });
for (const kernel of [1, 2, 3])
  windows.push({ kernel: [kernel, kernel], strides: [1, 1], dilations: 2 });

/** A layer of each kind, its filter's channels behind height and width, and whether cpu has a gradient of it. */
const kinds: readonly [string, Pair, boolean, (window: Window) => Run][] = [
  [
    'conv2d',
    [3, 4],
    true,
    ({ strides, dilations }) =>
      (x, filter) =>
        tf.conv2d(x, filter, strides, 'same', 'NHWC', dilations),
  ],
  [
    'fused conv2d',
    [3, 4],
    false,
    ({ strides, dilations }) =>
      (x, filter) =>
        tf.fused.conv2d({ x, filter, strides, pad: 'same', dilations, activation: 'relu' }),
  ],
  [
    'depthwiseConv2d',
    [3, 2],
    true,
    ({ strides, dilations }) =>
      (x, filter) =>
        tf.depthwiseConv2d(x, filter, strides, 'same', 'NHWC', dilations),
  ],
  [
    'fused depthwiseConv2d',
    [3, 1],
    false,
    ({ strides, dilations }) =>
      (x, filter) =>
        tf.fused.depthwiseConv2d({
          x,
          filter,
          strides,
          pad: 'same',
          dilations,
          activation: 'relu',
        }),
  ],
  [
    'maxPool',
    [3, 1],
    true,
    ({ kernel, strides }) =>
      (x, filter) =>
        tf.add(tf.maxPool(x, kernel, strides, 'same'), tf.mul(tf.sum(filter), 0)),
  ],
  [
    'avgPool',
    [3, 1],
    true,
    ({ kernel, strides }) =>
      (x, filter) =>
        tf.add(tf.avgPool(x, kernel, strides, 'same'), tf.mul(tf.sum(filter), 0)),
  ],
];

const textOf = ({ kernel, strides, dilations }: Window): string =>
  `kernel ${kernel}, strides ${strides}, dilations ${dilations}`;

describe("padding 'same' on wasm is that of cpu", () => {
  for (const [name, channels, differentiable, of] of kinds)
    it.each([
      [7, 7],
      [5, 8],
    ])(`${name} on images of %i×%i`, async (height, width) => {
      for (const window of windows) {
        const run = of(window);
        const inputs = () => [
          seeded([2, height, width, 3], 'x'),
          seeded([...window.kernel, ...channels], 'filter'),
        ];
        const onBackend = async (backend: 'cpu' | 'wasm'): Promise<Float32Array[]> => {
          if (differentiable && window.dilations === 1)
            return gradientsOn(backend, inputs, run as (...xs: tf.Tensor[]) => tf.Tensor);
          await useBackend({ prefer: backend });
          return tf.tidy(() => {
            const [x, filter] = inputs() as tf.Tensor4D[];
            return [run(x, filter).dataSync() as Float32Array];
          });
        };
        const wanted = await onBackend('cpu');
        const found = await onBackend('wasm');
        found.forEach((values, i) => {
          const what = `${textOf(window)}, ${i === 0 ? 'value' : `gradient ${i - 1}`}`;
          expect(relativeError(values, wanted[i]), what).toBeLessThan(tolerance);
        });
      }
    });
});
