import type { MapPer, ScalePer } from '@hbnn/core';

/** Height, width and channels; values are row-major, channels fastest. */
export type FeatureShape = readonly [height: number, width: number, channels: number];

/**
 * Weights of 0 to 8 bits each: w = Σ_{n ≤ bits} ±k_n, with whole multiples k_n per plane, for all outputs or
 * for each.
 */
export interface PlaneWeights {
  readonly kind: 'planes';
  /** [outputs, kernelH, kernelW, inputs] of a convolution, [outputs, inputs] of a dense layer. */
  readonly shape: readonly number[];
  /** Bits of each weight, row-major. */
  readonly bits: Uint8Array;
  /** Bit n − 1 is the sign in plane n: 1 means +k_n, 0 means −k_n; 0 where there is no such plane. */
  readonly signs: Uint8Array;
  /** k_n, [plane][1 or outputs], 0 … 255; 0 is a plane that adds nothing. */
  readonly multiples: readonly Uint8Array[];
  readonly scalePer: ScalePer;
  /** What shared a bitwidth when the map was chosen. */
  readonly mapPer: MapPer;
}

/** Weights of 8 bits, −127 … 127. */
export interface Int8Weights {
  readonly kind: 'int8';
  readonly shape: readonly number[];
  readonly values: Int8Array;
}

export type IntegerWeights = PlaneWeights | Int8Weights;

interface Named {
  readonly name: string;
}

/** A layer that reads the outputs of one other. */
interface Reader extends Named {
  /** The layer that it reads; by default the one before it. The first layer reads the pixels. */
  readonly from?: string;
}

/** A layer at which branches meet. */
interface Join extends Named {
  /** The layers that it reads, two or more, all of them before it. */
  readonly inputs: readonly string[];
}

/** Where a window is laid: [top, left, bottom, right] zeros around the input. */
export type Padding4 = readonly [top: number, left: number, bottom: number, right: number];
export type Pair = readonly [height: number, width: number];

/**
 * acc[y, x, o] = Σ_{i, j, c} w[o, i, j, c] · in[y·sh + i − top, x·sw + j − left, c]; beyond the edges in is 0.
 */
export interface ConvLayer extends Reader {
  readonly kind: 'conv';
  readonly strides: Pair;
  readonly padding: Padding4;
  readonly weights: IntegerWeights;
}

/** Like a convolution, but output o sees channel floor(o / (outputs / channels)) alone: weights [outputs, h, w, 1]. */
export interface DepthwiseLayer extends Reader {
  readonly kind: 'depthwise';
  readonly strides: Pair;
  readonly padding: Padding4;
  readonly weights: IntegerWeights;
}

/** acc[o] = Σ_i w[o, i] · in[i], the input read in memory order. */
export interface DenseLayer extends Reader {
  readonly kind: 'dense';
  readonly weights: IntegerWeights;
}

/** The largest value of each window, channel by channel; places beyond the edges do not take part. */
export interface MaxPoolLayer extends Reader {
  readonly kind: 'maxPool';
  readonly size: Pair;
  readonly strides: Pair;
  readonly padding: Padding4;
}

/** The sum over each window, channel by channel: an average whose division has gone into what follows. */
export interface SumPoolLayer extends Reader {
  readonly kind: 'sumPool';
  readonly size: Pair;
  readonly strides: Pair;
}

/**
 * Residual binarization of accumulators by comparisons. Node 1 is the first; at node m of channel c
 * bit = (in ≥ thresholds[c, m − 1]) ≠ flips[c], and the next plane's node is 2m + bit. An element of b bits
 * takes b planes, and its value is Σ_{n ≤ b} (bit_n ? +k_n : −k_n).
 */
export interface ThresholdLayer extends Reader {
  readonly kind: 'threshold';
  /** Bits of each element of the feature map, 0 … 8. */
  readonly bits: Uint8Array;
  /** k_n, one per plane, 0 … 255. */
  readonly multiples: Uint8Array;
  /** [channels, 2^planes − 1]; 2147483647 is met by none, −2147483648 by every value. */
  readonly thresholds: Int32Array;
  /** 1 turns a channel's comparisons round. */
  readonly flips: Uint8Array;
}

/**
 * out = clamp(floor((in · multipliers[c] + offsets[c]) / 2^shifts[c]), minimum, maximum): batch norm, ReLU and
 * rounding to 8 bits. The numerator stays below 2^53 in magnitude.
 */
export interface RequantizeLayer extends Reader {
  readonly kind: 'requantize';
  /** −32768 … 32767, [channels]. */
  readonly multipliers: Int16Array;
  /** Whole numbers, [channels]. */
  readonly offsets: Float64Array;
  /** 0 … 46, [channels]. */
  readonly shifts: Uint8Array;
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * out = Σ_k multipliers[k][c] · in_k: the sum of feature maps of one shape. The multipliers bring the scales of the
 * branches together, so that nothing is rounded.
 */
export interface AddLayer extends Join {
  readonly kind: 'add';
  /** −32767 … 32767, [inputs][channels]. */
  readonly multipliers: readonly Int16Array[];
}

/** The channels of one input after those of the other: feature maps of one height and width. */
export interface ConcatLayer extends Join {
  readonly kind: 'concat';
}

export type IntegerLayer =
  | ConvLayer
  | DepthwiseLayer
  | DenseLayer
  | MaxPoolLayer
  | SumPoolLayer
  | ThresholdLayer
  | RequantizeLayer
  | AddLayer
  | ConcatLayer;

/**
 * A network in whole numbers, layer after layer. Each layer reads the one before it, or those that it names. The input is
 * an image of 8-bit pixels p; the first layer sees p − zeros[c], and the last one's outputs are the scores. Every executor
 * computes the same scores, int32, bit for bit.
 */
export interface IntegerModel {
  readonly name: string;
  readonly input: { readonly shape: FeatureShape; readonly zeros: Int32Array };
  readonly layers: readonly IntegerLayer[];
  /** Added to the last layer's outputs, one per score. */
  readonly scoreOffsets: Int32Array;
  /** A score times this is what the trained network gives, nearly; not part of the computation. */
  readonly scoreFactor: number;
  readonly classes: readonly string[];
}

/** The number of values of a feature map. */
export const featureCount = (shape: FeatureShape): number => shape[0] * shape[1] * shape[2];

/** The weights of one output: the length of a row. */
export const rowLength = (shape: readonly number[]): number =>
  shape.slice(1).reduce((product, n) => product * n, 1);

/** The nodes of a tree of thresholds, one path of which makes the bits of so many planes. */
export const treeSize = (planes: number): number => 2 ** planes - 1;

/** The thresholds of a channel, node m at m − 1. */
export function channelThresholds(
  { multiples, thresholds }: Pick<ThresholdLayer, 'multiples' | 'thresholds'>,
  channel: number,
): Int32Array {
  const nodes = treeSize(multiples.length);
  return thresholds.subarray(channel * nodes, (channel + 1) * nodes);
}

/** The number of weights of a model's layers, whatever their bits. */
export const weightCount = (model: IntegerModel): number =>
  model.layers.reduce(
    (sum, layer) =>
      sum + ('weights' in layer ? layer.weights.shape.reduce((product, n) => product * n, 1) : 0),
    0,
  );

/** The weights as whole numbers, row-major, outputs first. */
export function weightValues(weights: IntegerWeights): Int16Array {
  if (weights.kind === 'int8') return Int16Array.from(weights.values);
  const { bits, signs, multiples, scalePer, shape } = weights;
  const values = new Int16Array(bits.length);
  const row = bits.length / shape[0];
  const planes = multiples.length;
  let table = new Int16Array(0);
  for (let o = 0, i = 0; o < shape[0]; o++) {
    if (o === 0 || scalePer !== 'tensor') table = codeValues(weights, o);
    for (const end = (o + 1) * row; i < end; i++) values[i] = table[(bits[i] << planes) | signs[i]];
  }
  return values;
}

/** What an output's weights of each bitwidth and signs stand for: [bitwidth][signs], 2^planes signs each. */
export function codeValues(
  { multiples, scalePer }: PlaneWeights,
  output: number,
): Int16Array<ArrayBuffer> {
  const planes = multiples.length;
  const group = scalePer === 'tensor' ? 0 : output;
  const values = new Int16Array((planes + 1) << planes);
  for (let width = 1; width <= planes; width++)
    for (let signs = 0; signs < 1 << width; signs++) {
      const k = multiples[width - 1][group];
      const before = values[((width - 1) << planes) | (signs & ((1 << (width - 1)) - 1))];
      values[(width << planes) | signs] = before + ((signs >> (width - 1)) & 1 ? k : -k);
    }
  return values;
}
