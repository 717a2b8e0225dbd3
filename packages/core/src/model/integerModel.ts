import { HbnnError } from '../error.ts';
import type { MapPer, ScalePer } from '../granularity.ts';
import { maxBitwidth } from '../mix.ts';

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

/** Where a window is laid: [top, left, bottom, right] zeros around the input. */
export type Padding4 = readonly [top: number, left: number, bottom: number, right: number];
export type Pair = readonly [height: number, width: number];

/**
 * acc[y, x, o] = Σ_{i, j, c} w[o, i, j, c] · in[y·sh + i − top, x·sw + j − left, c]; beyond the edges in is 0.
 */
export interface ConvLayer extends Named {
  readonly kind: 'conv';
  readonly strides: Pair;
  readonly padding: Padding4;
  readonly weights: IntegerWeights;
}

/** Like a convolution, but output o sees channel floor(o / (outputs / channels)) alone: weights [outputs, h, w, 1]. */
export interface DepthwiseLayer extends Named {
  readonly kind: 'depthwise';
  readonly strides: Pair;
  readonly padding: Padding4;
  readonly weights: IntegerWeights;
}

/** acc[o] = Σ_i w[o, i] · in[i], the input read in memory order. */
export interface DenseLayer extends Named {
  readonly kind: 'dense';
  readonly weights: IntegerWeights;
}

/** The largest value of each window, channel by channel; places beyond the edges do not take part. */
export interface MaxPoolLayer extends Named {
  readonly kind: 'maxPool';
  readonly size: Pair;
  readonly strides: Pair;
  readonly padding: Padding4;
}

/** The sum over each window, channel by channel: an average whose division has gone into what follows. */
export interface SumPoolLayer extends Named {
  readonly kind: 'sumPool';
  readonly size: Pair;
  readonly strides: Pair;
}

/**
 * Residual binarization of accumulators by comparisons. Node 1 is the first; at node m of channel c
 * bit = (in ≥ thresholds[c, m − 1]) ≠ flips[c], and the next plane's node is 2m + bit. An element of b bits
 * takes b planes, and its value is Σ_{n ≤ b} (bit_n ? +k_n : −k_n).
 */
export interface ThresholdLayer extends Named {
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
export interface RequantizeLayer extends Named {
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

export type IntegerLayer =
  | ConvLayer
  | DepthwiseLayer
  | DenseLayer
  | MaxPoolLayer
  | SumPoolLayer
  | ThresholdLayer
  | RequantizeLayer;

/**
 * A network in whole numbers, layer after layer. The input is an image of 8-bit pixels p; the first layer
 * sees p − zeros[c]. Every executor computes the same scores, int32, bit for bit.
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

/** Sums stay below 2^31 − 1, so that a threshold of that value is never met. */
const mostSum = 2 ** 31 - 2;
/** The most elements of one feature map. */
export const mostFeatures = 2 ** 22;
const mostLayers = 4096;

/** A layer with the shapes it goes between and the most its inputs and outputs can come to. */
export interface PlannedLayer {
  readonly layer: IntegerLayer;
  readonly input: FeatureShape;
  readonly output: FeatureShape;
  /** Bounds of the values, from weights and inputs: |out| ≤ outputBound. */
  readonly inputBound: number;
  readonly outputBound: number;
}

export const featureCount = (shape: FeatureShape): number => shape[0] * shape[1] * shape[2];
const text = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/**
 * Check a model and work out each layer's shapes and bounds.
 *
 * @throws HbnnError naming the layer: shapes that do not fit, values out of range, sums beyond int32
 */
export function planModel(model: IntegerModel): PlannedLayer[] {
  const { input, layers } = model;
  if (layers.length < 1 || layers.length > mostLayers)
    throw new HbnnError(`model: expected 1 to ${mostLayers} layers, got ${layers.length}`);
  checkFeature(input.shape, 'model input');
  expectLength('model input', 'zeros', input.zeros.length, input.shape[2]);
  if (!input.zeros.every((zero) => zero >= 0 && zero <= 255))
    throw new HbnnError('model input: expected zeros from 0 to 255; they are pixel values');
  const planned = planLayers(layers, input.shape, input.zeros);
  const { output: shape, outputBound: bound } = planned[planned.length - 1];
  const scores = featureCount(shape);
  expectLength('model', 'score offsets', model.scoreOffsets.length, scores);
  expectLength('model', 'class names', model.classes.length, scores);
  const most = model.scoreOffsets.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  if (bound + most > mostSum)
    throw new HbnnError('model: scores with their offsets could leave int32; use smaller scales');
  if (!Number.isFinite(model.scoreFactor) || model.scoreFactor <= 0)
    throw new HbnnError(`model: expected a score factor above 0, got ${model.scoreFactor}`);
  return planned;
}

/** The most that |out| of the last of some layers can be, for pixels of 8 bits. */
export function lastBound(
  layers: readonly IntegerLayer[],
  shape: FeatureShape,
  zeros: Int32Array,
): number {
  return planLayers(layers, shape, zeros)[layers.length - 1].outputBound;
}

function planLayers(
  layers: readonly IntegerLayer[],
  start: FeatureShape,
  zeros: Int32Array,
): PlannedLayer[] {
  let shape = start;
  let bound = zeros.reduce((most, zero) => Math.max(most, zero, 255 - zero), 0);
  const names = new Set<string>();
  return layers.map((layer): PlannedLayer => {
    if (names.has(layer.name))
      throw new HbnnError(`${layer.name}: expected each layer name once; rename one of them`);
    names.add(layer.name);
    const output = outputShapeOf(layer, shape);
    checkFeature(output, layer.name);
    const outputBound = boundOf(layer, shape, bound);
    if (!(outputBound <= mostSum))
      throw new HbnnError(
        `${layer.name}: its sums could come to ${outputBound}, beyond int32; use smaller scales or fewer inputs`,
      );
    const result = { layer, input: shape, output, inputBound: bound, outputBound };
    shape = output;
    bound = outputBound;
    return result;
  });
}

function checkFeature(shape: readonly number[], where: string): void {
  const fits =
    shape.length === 3 &&
    shape.every((n) => Number.isSafeInteger(n) && n >= 1 && n <= mostFeatures) &&
    shape[0] * shape[1] * shape[2] <= mostFeatures;
  if (!fits)
    throw new HbnnError(
      `${where}: expected a feature map of 1 to ${mostFeatures} values, got ${text(shape)}`,
    );
}

function expectLength(where: string, what: string, got: number, expected: number): void {
  if (got !== expected) throw new HbnnError(`${where}: expected ${expected} ${what}, got ${got}`);
}

/** A layer's output shape. @throws HbnnError when layer and input do not fit */
export function outputShapeOf(layer: IntegerLayer, input: FeatureShape): FeatureShape {
  const [, , channels] = input;
  switch (layer.kind) {
    case 'conv': {
      const [outputs, kh, kw, inputs] = checkWeights(layer, 4);
      if (inputs !== channels) throw unfit(layer, input);
      return windowed(layer, [kh, kw], layer.strides, layer.padding, input, outputs);
    }
    case 'depthwise': {
      const [outputs, kh, kw, one] = checkWeights(layer, 4);
      if (one !== 1 || outputs % channels !== 0) throw unfit(layer, input);
      return windowed(layer, [kh, kw], layer.strides, layer.padding, input, outputs);
    }
    case 'dense': {
      const [outputs, inputs] = checkWeights(layer, 2);
      if (inputs !== featureCount(input)) throw unfit(layer, input);
      return [1, 1, outputs];
    }
    case 'maxPool': {
      const output = windowed(layer, layer.size, layer.strides, layer.padding, input, channels);
      const [top, left, bottom, right] = layer.padding;
      if (Math.max(top, bottom) >= layer.size[0] || Math.max(left, right) >= layer.size[1])
        throw new HbnnError(`${layer.name}: expected padding below the window's size`);
      return output;
    }
    case 'sumPool':
      return windowed(layer, layer.size, layer.strides, [0, 0, 0, 0], input, channels);
    case 'threshold':
      checkThreshold(layer, input);
      return input;
    case 'requantize':
      checkRequantize(layer, input);
      return input;
    default:
      return layer satisfies never;
  }
}

function unfit(layer: ConvLayer | DepthwiseLayer | DenseLayer, input: FeatureShape): HbnnError {
  return new HbnnError(
    `${layer.name}: weights of shape ${text(layer.weights.shape)} do not fit inputs of shape ${text(input)}`,
  );
}

function windowed(
  { name }: Named,
  size: Pair,
  strides: Pair,
  padding: Padding4,
  input: FeatureShape,
  channels: number,
): FeatureShape {
  const whole = (n: number, least: number): boolean => Number.isSafeInteger(n) && n >= least;
  if (!size.every((n) => whole(n, 1)) || !strides.every((n) => whole(n, 1)))
    throw new HbnnError(`${name}: expected sizes and strides of at least 1`);
  if (padding.length !== 4 || !padding.every((n) => whole(n, 0) && n <= mostFeatures))
    throw new HbnnError(`${name}: expected padding of four whole numbers`);
  const [top, left, bottom, right] = padding;
  const along = (n: number, k: number, stride: number): number => Math.floor((n - k) / stride) + 1;
  return [
    along(input[0] + top + bottom, size[0], strides[0]),
    along(input[1] + left + right, size[1], strides[1]),
    channels,
  ];
}

function checkWeights(
  layer: ConvLayer | DepthwiseLayer | DenseLayer,
  dimensions: number,
): readonly number[] {
  const { weights, name } = layer;
  const { shape } = weights;
  const sizes = shape.every((n) => Number.isSafeInteger(n) && n >= 1);
  if (shape.length !== dimensions || !sizes)
    throw new HbnnError(
      `${name}: expected weights of ${dimensions} dimensions of at least 1, got ${text(shape)}`,
    );
  const count = shape.reduce((product, n) => product * n, 1);
  if (weights.kind === 'int8') {
    expectLength(name, 'weights', weights.values.length, count);
    if (weights.values.includes(-128))
      throw new HbnnError(`${name}: expected weights from −127 to 127, got −128`);
  } else checkPlanes(weights, count, name);
  return shape;
}

function checkPlanes(weights: PlaneWeights, count: number, name: string): void {
  const { bits, signs, multiples, scalePer, shape } = weights;
  expectLength(name, 'bitwidths', bits.length, count);
  expectLength(name, 'sign bytes', signs.length, count);
  const planes = multiples.length;
  if (planes > maxBitwidth)
    throw new HbnnError(`${name}: expected at most ${maxBitwidth} planes, got ${planes}`);
  const each = scalePer === 'tensor' ? 1 : shape[0];
  for (const plane of multiples) expectLength(name, 'multiples per plane', plane.length, each);
  for (let i = 0; i < count; i++)
    if (bits[i] > planes || signs[i] >> bits[i] !== 0)
      throw new HbnnError(
        `${name}: expected bitwidths up to ${planes} and no signs beyond them, got ${bits[i]} bits with signs ${signs[i]} at weight ${i}`,
      );
}

function checkThreshold(layer: ThresholdLayer, input: FeatureShape): void {
  const { name, bits, multiples, thresholds, flips } = layer;
  const planes = multiples.length;
  if (planes > maxBitwidth)
    throw new HbnnError(`${name}: expected at most ${maxBitwidth} planes, got ${planes}`);
  expectLength(name, 'bitwidths', bits.length, featureCount(input));
  expectLength(name, 'thresholds', thresholds.length, input[2] * (2 ** planes - 1));
  expectLength(name, 'flips', flips.length, input[2]);
  const bad = bits.findIndex((width) => width > planes);
  if (bad >= 0)
    throw new HbnnError(
      `${name}: expected bitwidths up to its ${planes} planes, got ${bits[bad]} at element ${bad}`,
    );
  if (!flips.every((flip) => flip <= 1)) throw new HbnnError(`${name}: expected flips of 0 or 1`);
}

function checkRequantize(layer: RequantizeLayer, input: FeatureShape): void {
  const { name, multipliers, offsets, shifts, minimum, maximum } = layer;
  for (const [what, list] of Object.entries({ multipliers, offsets, shifts }))
    expectLength(name, what, list.length, input[2]);
  // 2^52 leaves room for |in · multiplier| < 2^47 beside it.
  if (!offsets.every((offset) => Number.isSafeInteger(offset) && Math.abs(offset) <= 2 ** 52))
    throw new HbnnError(`${name}: expected whole offsets up to 2^52`);
  if (!shifts.every((shift) => shift <= 46))
    throw new HbnnError(`${name}: expected shifts from 0 to 46`);
  const whole = Number.isInteger(minimum) && Number.isInteger(maximum);
  if (!whole || minimum > maximum || minimum < -32768 || maximum > 32767)
    throw new HbnnError(
      `${name}: expected a minimum and a maximum within 16 bits, got ${minimum} and ${maximum}`,
    );
}

/** The most that |out| can be when |in| is at most `bound`. */
function boundOf(layer: IntegerLayer, input: FeatureShape, bound: number): number {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
      return bound * largestRowSum(layer.weights);
    case 'maxPool':
      return bound;
    case 'sumPool':
      return bound * Math.min(layer.size[0], input[0]) * Math.min(layer.size[1], input[1]);
    case 'threshold':
      return layer.multiples.reduce((sum, multiple) => sum + multiple, 0);
    case 'requantize':
      return Math.max(Math.abs(layer.minimum), Math.abs(layer.maximum));
    default:
      return layer satisfies never;
  }
}

/** max over outputs of Σ |w|, the factor by which sums can grow. */
function largestRowSum(weights: IntegerWeights): number {
  const [outputs] = weights.shape;
  const values = weightValues(weights);
  const row = values.length / outputs;
  let most = 0;
  for (let o = 0; o < outputs; o++) {
    let sum = 0;
    for (let i = o * row; i < (o + 1) * row; i++) sum += Math.abs(values[i]);
    most = Math.max(most, sum);
  }
  return most;
}

/** The weights as whole numbers, row-major, outputs first. */
export function weightValues(weights: IntegerWeights): Int16Array {
  if (weights.kind === 'int8') return Int16Array.from(weights.values);
  const { bits, signs, multiples, scalePer, shape } = weights;
  const values = new Int16Array(bits.length);
  const row = bits.length / shape[0];
  for (let o = 0, i = 0; o < shape[0]; o++) {
    const group = scalePer === 'tensor' ? 0 : o;
    for (const end = (o + 1) * row; i < end; i++) {
      let value = 0;
      for (let n = 0; n < bits[i]; n++) {
        const k = multiples[n][group];
        value += (signs[i] >> n) & 1 ? k : -k;
      }
      values[i] = value;
    }
  }
  return values;
}
