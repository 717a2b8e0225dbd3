import * as tf from '@tensorflow/tfjs-core';

/** Zeros around a map: [[top, bottom], [left, right]]. */
export type ZeroPadding = readonly [readonly [number, number], readonly [number, number]];

/** Inputs with the zeros of a layer's own around them. */
export function padded(x: tf.Tensor, zeros: ZeroPadding | undefined): tf.Tensor4D {
  if (zeros === undefined) return x as tf.Tensor4D;
  const [rows, columns] = zeros.map(([before, after]): [number, number] => [before, after]);
  return tf.pad4d(x as tf.Tensor4D, [[0, 0], rows, columns, [0, 0]]);
}

/** A feature map's sizes with the zeros of a layer's own around it. */
export const paddedSizes = (
  feature: readonly (number | null)[],
  zeros: ZeroPadding | undefined,
): (number | null)[] =>
  feature.map((size, axis) =>
    size === null || axis > 1 ? size : size + (zeros?.[axis][0] ?? 0) + (zeros?.[axis][1] ?? 0),
  );
