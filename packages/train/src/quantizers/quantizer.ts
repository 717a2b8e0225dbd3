import type * as tf from '@tensorflow/tfjs-core';

/** A number that training changes beside a layer's weights, such as a gate. */
export interface LearnedNumber {
  /** Its name among the layer's weights. */
  readonly name: string;
  readonly initial: number;
  /** Bounds that it is brought back to after each update. */
  readonly min: number;
  readonly max: number;
}

/** What a weight quantizer knows of the forward pass that it is called in. */
export interface QuantizerCall {
  /** Whether this is a step of training; inference and recalibration see the weights as they will be stored. */
  readonly training: boolean;
  /** The training step, counted from 0. */
  readonly step: number;
  /** The share of the training's steps already done, 0 … 1. */
  readonly done: number;
  /** The learned numbers in their order, each of shape [1]. */
  readonly learned: readonly tf.Tensor[];
}

/**
 * Turns a layer's float weights into those of its forward pass.
 *
 * Weights come as a matrix [inputs, outputs]: a column holds what one output (filter) sees. A convolution's kernel
 * [height, width, channels, filters] is one of [height · width · channels, filters], and each filter of a depthwise
 * one sees its own channel alone.
 */
export interface WeightQuantizer {
  readonly learned: readonly LearnedNumber[];
  /** Whether float weights are brought back to [−1, 1] after each update. */
  readonly clipped: boolean;
  /** @param w float32 [inputs, outputs]; @returns the quantized weights, same shape, with the method's gradient */
  quantize(w: tf.Tensor2D, call: QuantizerCall): tf.Tensor2D;
  /** What is added to the loss in a step of training; undefined for none. */
  penalty?(call: QuantizerCall): tf.Tensor | undefined;
  /** What was decided in the course of the training, changed in place: part of a checkpoint. */
  readonly state?: Float32Array;
  /** Bits per weight at inference: log2 of the number of values a weight can have. */
  bits(learned: readonly number[]): number;
}

/** Turns a layer's inputs into those of its forward pass. */
export interface InputQuantizer {
  readonly bits: number;
  /** Whether the layer's product is multiplied by XNOR-Net's scale map of the inputs. */
  readonly scaled: boolean;
  /** @param x float32 [batch, ...]; @returns the quantized inputs, same shape, with the method's gradient */
  quantize(x: tf.Tensor): tf.Tensor;
}

/** What a quantizer without learned numbers has. */
export const nothingLearned: { readonly learned: readonly LearnedNumber[] } = { learned: [] };
