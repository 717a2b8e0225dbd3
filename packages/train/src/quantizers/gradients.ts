import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from '../ops/withGradient.ts';

type OneInput = (x: tf.Tensor) => tf.Tensor;

/** The straight-through estimator without a window: the gradient passes as it is. */
export const passThrough = (x: tf.Tensor, forward: OneInput): tf.Tensor =>
  withGradient(x, forward, (dy) => dy);

/** A number that the gradient does not see: a scale that is computed from the weights, say. */
export const asConstant = (x: tf.Tensor, forward: OneInput): tf.Tensor =>
  withGradient(x, forward, (_, x) => tf.zerosLike(x));

/** Where |x| <= 1: 1, else 0. */
export const insideWindow = (x: tf.Tensor): tf.Tensor =>
  tf.cast(tf.lessEqual(tf.abs(x), 1), 'float32');

/** Signs as −1 and 1; that of 0 is −1, as everywhere in this project. */
export const signs = (x: tf.Tensor): tf.Tensor =>
  tf.sub(tf.mul(tf.cast(tf.greater(x, 0), 'float32'), 2), 1);

/** The nearest whole number; of two as near, the even one. */
export const nearest = (x: tf.Tensor): tf.Tensor => tf.round(x);
