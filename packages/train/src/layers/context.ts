import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';

/** What a training loop tells the layers of a model through `model.apply(x, context)`. */
export interface CallContext {
  /** Batch statistics and renewed maps (true), or the frozen ones (false, the default). */
  readonly training?: boolean;
  /** Training step, counted from 0: decides whether a bit map is due for renewal. */
  readonly step?: number;
  /** The share of the training's steps already done, 0 … 1: decides whether maps are still renewed. */
  readonly done?: number;
  /**
   * Recalibration: the k-th batch (from 1) of a pass that replaces running statistics by their plain
   * average over the pass.
   */
  readonly recalibrate?: number;
}

/** Read the context out of the keyword arguments that TensorFlow.js hands to `call`. */
export function callContext(kwargs: unknown): CallContext {
  return (kwargs ?? {}) as CallContext;
}

/** The single input of a layer, which TensorFlow.js gives as a tensor or as a list of one. */
export function singleInput(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(inputs) ? (inputs[0] as tf.Tensor) : inputs;
}

/** The single input shape, which TensorFlow.js gives as a shape or as a list of one. */
export function singleShape(shape: tfl.Shape | tfl.Shape[]): tfl.Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as tfl.Shape;
}

/** The tf.Variable behind a layer's weight: `LayerVariable` keeps it protected but has no other way to it. */
export function variableOf(weight: tfl.LayerVariable): tf.Variable {
  return (weight as unknown as { val: tf.Variable }).val;
}

/** Weight of the newest batch in a running average: 1 − momentum, or 1/k while recalibrating. */
export function newestShare(context: CallContext, momentum: number): number {
  return context.recalibrate === undefined ? 1 - momentum : 1 / context.recalibrate;
}

/**
 * Whether a map that is kept from the share `freezeAt` of the training on may still change: the first step
 * chooses it in any case, and what comes after the training finds it as it was left.
 */
export function mapIsFree(freezeAt: number | undefined, context: CallContext): boolean {
  if (freezeAt === undefined) return true;
  if (!context.training || context.recalibrate !== undefined) return false;
  return context.step === 0 || (context.done ?? 0) < freezeAt;
}
