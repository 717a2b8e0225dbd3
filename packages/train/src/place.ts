import { HbnnError } from '@hbnn/core';
import type { FeatureShape, Padding4 } from '@hbnn/model';
import type { Link } from './modelChain.ts';

/** A layer where it lies: `map` is the feature map in memory, whatever shape the framework gives it. */
export interface Place extends Link {
  readonly name: string;
  readonly map: FeatureShape;
  /** Zeros that padding layers before have put around the map. */
  readonly zeros: Padding4;
  /** Whether no value is below 0, so that zeros around it are no maximum. */
  readonly nonNegative: boolean;
}

/** Whether two shapes are the same. */
export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, axis) => n === b[axis]);

/** A size or stride that is given once for height and width, or for each. */
export const pair = (value: unknown): [number, number] =>
  typeof value === 'number' ? [value, value] : [...(value as [number, number])];

/** The zeros of two paddings on each side of the map. */
export const sum4 = (a: Padding4, b: Padding4): Padding4 => [
  a[0] + b[0],
  a[1] + b[1],
  a[2] + b[2],
  a[3] + b[3],
];

/** The zeros that a padding layer adds. */
export function zerosOf({ layer, config }: Link): Padding4 {
  if (layer.getClassName() !== 'ZeroPadding2D') return [0, 0, 0, 0];
  return zerosIn(config.padding);
}

/** Zeros as [[top, bottom], [left, right]] in the order of the integer model; none where nothing is given. */
export function zerosIn(given: unknown): Padding4 {
  if (given === undefined) return [0, 0, 0, 0];
  const [[top, bottom], [left, right]] = given as [[number, number], [number, number]];
  return [top, left, bottom, right];
}

/** Zeros that TensorFlow's 'same' puts around an input, more at the end where they are odd, and those before. */
export function paddingOf(
  { config, input, zeros }: Place,
  size: readonly number[],
  strides: readonly number[],
): Padding4 {
  if (config.padding !== 'same') return zeros;
  const along = (axis: 0 | 1): [number, number] => {
    const n = input[axis];
    const out = Math.ceil(n / strides[axis]);
    const total = Math.max(0, (out - 1) * strides[axis] + size[axis] - n);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  const [top, bottom] = along(0);
  const [left, right] = along(1);
  return sum4(zeros, [top, left, bottom, right]);
}

/** The error of a layer that cannot take over the zeros which padding layers before it have put around the map. */
export const unpadded = (name: string, kind: string): HbnnError =>
  new HbnnError(
    `${name}: exportModel expected a convolution or max pooling behind zero padding, got ${kind}; put the padding right before the convolution`,
  );
