import { allowedMultiples, approximate, HbnnError, nearestMultiples } from '@hbnn/core';
import { lastBound, outputShapeOf, checkModel } from '../checkModel.ts';
import {
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerModel,
} from '../integerModel.ts';
import type { TrainedLayer, TrainedModel, TrainedWeights } from '../trainedModel.ts';
import { lowerThresholds } from './lowerThresholds.ts';
import { inputOf, type LinearLayer, lowerFloats, lowerPlanes } from './lowerWeights.ts';
import { requantized } from './requantize.ts';

export interface LowerOptions {
  /** Bits of the whole numbers that scales become, 2 … 8; default 4. */
  readonly scaleBits?: number;
}

/** What lowering did to one layer's weights or scales. */
export interface LoweredLayer {
  readonly name: string;
  readonly what: 'weights of 8 bits' | 'weight scales' | 'input scales';
  /** ‖lowered − trained‖ / ‖trained‖, of the layer's weights, or of the scales weighted by their members. */
  readonly error: number;
  /** k_n of each plane, of the first group of scales. */
  readonly multiples?: readonly number[];
}

export interface Lowered {
  readonly model: IntegerModel;
  readonly layers: readonly LoweredLayer[];
}

/**
 * What the whole numbers between two layers stand for: real = slopes[c] · whole + offsets[c], with one slope
 * and offset per channel (of the feature map, or of its flattening).
 */
export interface Meaning {
  readonly slopes: Float64Array;
  readonly offsets: Float64Array;
}

interface State {
  readonly layers: IntegerLayer[];
  readonly report: LoweredLayer[];
  readonly start: FeatureShape;
  readonly zeros: Int32Array;
  shape: FeatureShape;
  meaning: Meaning;
}

const same = (values: Float64Array): boolean => values.every((value) => value === values[0]);
const fill = (n: number, value: number): Float64Array => new Float64Array(n).fill(value);

/**
 * Turn a trained model into the integer model that every executor computes alike.
 *
 * Weight scales and input scales become whole multiples of one factor each (`nearestMultiples`); factors, batch norm,
 * biases and the scales' factor go into the thresholds of the binarization that follows, or into its rounding to 8
 * bits where floats follow. Float weights become 8-bit ones, with a factor per output (one for all in the last layer).
 *
 * @throws HbnnError naming the layer for what has no integer form (maps chosen per sample, a ReLU whose largest value
 * is unknown), with the way out
 */
export function lower(trained: TrainedModel, o: LowerOptions = {}): Lowered {
  const scaleBits = o.scaleBits ?? 4;
  if (!Number.isInteger(scaleBits) || scaleBits < 2 || scaleBits > 8)
    throw new HbnnError(`lower: expected 2 to 8 scale bits, got ${scaleBits}`);
  const state = startState(trained);
  const last = trained.layers.findLastIndex((layer) => isLinear(layer));
  if (last < 0) throw new HbnnError(`${trained.name}: expected a convolution or a dense layer`);
  trained.layers.forEach((layer, i) => {
    lowerLayer(state, layer, i === last, scaleBits);
  });
  const model = finish(state, trained);
  checkModel(model);
  return { model, layers: state.report };
}

const isLinear = (layer: TrainedLayer): layer is LinearLayer =>
  layer.kind === 'conv' || layer.kind === 'depthwise' || layer.kind === 'dense';

/** Pixels with their mean taken off, to the nearest whole number: what is left of it is an offset. */
function startState({ input }: TrainedModel): State {
  const zeros = Int32Array.from(input.mean, (mean) => Math.round(255 * mean));
  const slopes = Float64Array.from(input.deviation, (deviation) => 1 / (255 * deviation));
  const offsets = Float64Array.from(zeros, (zero, c) => (zero - 255 * input.mean[c]) * slopes[c]);
  const meaning = { slopes, offsets };
  return { layers: [], report: [], start: input.shape, shape: input.shape, meaning, zeros };
}

function lowerLayer(s: State, layer: TrainedLayer, last: boolean, scaleBits: number): void {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
      lowerLinear(s, layer, last, scaleBits);
      return;
    case 'maxPool':
      if (!s.meaning.slopes.every((slope) => slope > 0))
        throw new HbnnError(
          `${layer.name}: expected max pooling before batch norm, got it after one with a gamma of 0 or below; pool first`,
        );
      push(s, { ...layer });
      return;
    case 'averagePool': {
      const { name, size, strides } = layer;
      push(s, { kind: 'sumPool', name, size, strides });
      const { slopes, offsets } = s.meaning;
      s.meaning = { slopes: slopes.map((slope) => slope / (size[0] * size[1])), offsets };
      return;
    }
    case 'flatten':
      // Whole numbers stay where they are; a channel's meaning goes on by position in memory.
      return;
    case 'affine':
      applyAffine(s, layer);
      return;
    case 'relu':
      lowerRelu(s, layer);
      return;
    case 'binarize':
      lowerBinarization(s, layer, scaleBits);
      return;
    default:
      layer satisfies never;
  }
}

/** Add a layer and take over its output shape. */
function push(s: State, layer: IntegerLayer): void {
  s.shape = outputShapeOf(layer, s.shape);
  s.layers.push(layer);
}

function lowerLinear(s: State, layer: LinearLayer, last: boolean, scaleBits: number): void {
  const { name, weights: trained } = layer;
  if (s.layers.length > 0 && s.meaning.offsets.some((offset) => offset !== 0)) throw bare(name);
  if (trained.kind === 'residual') uniformInput(s, name);
  const { slopes, offsets } = s.meaning;
  const lowered =
    trained.kind === 'residual'
      ? lowerPlanes(trained.residual, scaleBits, name)
      : lowerFloats(trained.tensor, slopes, !last);
  const slope = trained.kind === 'residual' ? slopes[0] : 1;
  const { weights, error, multiples } = lowered;
  const sums = offsetSums(trained, offsets);
  if (layer.kind === 'dense') push(s, { kind: 'dense', name, weights });
  else {
    const { kind, strides, padding } = layer;
    push(s, { kind, name, strides, padding, weights });
  }
  s.meaning = { slopes: lowered.factors.map((factor) => factor * slope), offsets: sums };
  const what = trained.kind === 'residual' ? 'weight scales' : 'weights of 8 bits';
  s.report.push({ name, what, error, ...(multiples && { multiples }) });
}

const bare = (name: string): HbnnError =>
  new HbnnError(
    `${name}: expected a ReLU or a binarization between it and the layer with weights before, got none; add one`,
  );

/**
 * Binarized weights add up inputs that mean the same in every channel. Pixels do not (each channel has its own
 * deviation): they are brought to one scale of 8 bits first.
 */
function uniformInput(s: State, name: string): void {
  if (same(s.meaning.slopes) && s.meaning.offsets.every((offset) => offset === 0)) return;
  if (s.layers.length > 0) throw bare(name);
  const { slopes, offsets } = s.meaning;
  // Signed pixels lie in −zero … 255 − zero.
  const most = slopes.reduce((largest, slope, c) => {
    const ends = [-s.zeros[c], 255 - s.zeros[c]].map((x) => Math.abs(slope * x + offsets[c]));
    return Math.max(largest, ...ends);
  }, 0);
  const step = most / 127;
  const scaled = (values: Float64Array): Float64Array => values.map((value) => value / step);
  const range = { minimum: -127, maximum: 127 };
  push(s, requantized('input_scale', scaled(slopes), scaled(offsets), range));
  s.meaning = { slopes: fill(s.shape[2], step), offsets: fill(s.shape[2], 0) };
}

/** Σ w · offset over a window that lies wholly inside: what the inputs' offsets add to each output. */
function offsetSums(trained: TrainedWeights, offsets: Float64Array): Float64Array {
  const { shape, data } = trained.kind === 'float' ? trained.tensor : approximate(trained.residual);
  const sums = new Float64Array(shape[0]);
  if (offsets.every((offset) => offset === 0)) return sums;
  const row = data.length / shape[0];
  data.forEach((w, i) => {
    sums[Math.floor(i / row)] += w * offsets[inputOf(shape, offsets.length, i)];
  });
  return sums;
}

function applyAffine(s: State, layer: Extract<TrainedLayer, { kind: 'affine' }>): void {
  const { slopes, offsets } = s.meaning;
  const given = layer.scales.length;
  const features = featureCount(s.shape);
  if (given !== slopes.length && given !== 1 && given !== features)
    throw new HbnnError(
      `${layer.name}: expected ${slopes.length} scales, one per channel, got ${given}`,
    );
  // After a flattening each element may have a scale of its own: then it is a channel of its own.
  if (given > slopes.length) s.shape = [1, 1, features];
  const count = Math.max(given, slopes.length);
  const at = (values: Float64Array, i: number): number => values[i % values.length];
  const index = Array.from({ length: count }, (_, i) => i);
  s.meaning = {
    slopes: Float64Array.from(index, (i) => at(layer.scales, i) * at(slopes, i)),
    offsets: Float64Array.from(
      index,
      (i) => at(layer.scales, i) * at(offsets, i) + at(layer.offsets, i),
    ),
  };
}

function lowerRelu(s: State, layer: Extract<TrainedLayer, { kind: 'relu' }>): void {
  const { name, ceiling } = layer;
  if (ceiling === undefined)
    throw new HbnnError(
      `${name}: expected the largest value of this ReLU, which sets its 8-bit scale, got none; give sample images`,
    );
  const step = (ceiling > 0 ? ceiling : 1) / 255;
  const { slopes, offsets } = s.meaning;
  const scaled = (values: Float64Array): Float64Array => values.map((value) => value / step);
  push(s, requantized(name, scaled(slopes), scaled(offsets), { minimum: 0, maximum: 255 }));
  s.meaning = { slopes: fill(s.shape[2], step), offsets: fill(s.shape[2], 0) };
}

function lowerBinarization(
  s: State,
  layer: Extract<TrainedLayer, { kind: 'binarize' }>,
  scaleBits: number,
): void {
  const { name } = layer;
  if (layer.map === 'dynamic')
    throw new HbnnError(
      `${name}: expected a map fixed for all images, got one chosen for each (dynamic), which has no integer form; train with static input maps (--input-map static)`,
    );
  const { bits } = layer;
  const scales = [...layer.scales].slice(
    0,
    bits.reduce((most, width) => Math.max(most, width), 0),
  );
  const counts = scales.map((_, n) => bits.reduce((sum, width) => sum + (width > n ? 1 : 0), 0));
  const found = nearestMultiples(scales, counts, allowedMultiples(`integers:${scaleBits}`));
  const { slopes, offsets } = s.meaning;
  const { thresholds, flips } = lowerThresholds(slopes, offsets, scales);
  const multiples = Uint8Array.from(found.multiples);
  push(s, { kind: 'threshold', name, bits: bits.slice(), multiples, thresholds, flips });
  const factor = found.factor > 0 ? found.factor : 1;
  s.meaning = { slopes: fill(s.shape[2], factor), offsets: fill(s.shape[2], 0) };
  const weighted = (of: (n: number) => number): number =>
    Math.sqrt(scales.reduce((sum, _, n) => sum + counts[n] * of(n) ** 2, 0));
  const norm = weighted((n) => scales[n]);
  const error =
    norm === 0 ? 0 : weighted((n) => scales[n] - found.factor * found.multiples[n]) / norm;
  s.report.push({ name, what: 'input scales', error, multiples: found.multiples });
}

/** Scores must mean the same in every class, a larger one more. */
function finish(s: State, trained: TrainedModel): IntegerModel {
  const { slopes, offsets } = s.meaning;
  if (!same(slopes) || !(slopes[0] > 0)) rescaleScores(s);
  const [slope] = s.meaning.slopes;
  const scores = featureCount(s.shape);
  const perScore = Array.from({ length: scores }, (_, k) => s.meaning.offsets[k % offsets.length]);
  return {
    name: trained.name,
    input: { shape: trained.input.shape, zeros: s.zeros },
    layers: s.layers,
    scoreOffsets: Int32Array.from(perScore, (offset) => Math.round(offset / slope)),
    scoreFactor: slope,
    classes: trained.classes,
  };
}

/** Bring scores of unlike or negative slopes to 16 bits of one scale. */
function rescaleScores(s: State): void {
  const { slopes, offsets } = s.meaning;
  const zeros = s.zeros;
  const bound = lastBound(s.layers, s.start, zeros);
  const most = slopes.reduce(
    (largest, slope, c) => Math.max(largest, Math.abs(slope) * bound + Math.abs(offsets[c])),
    0,
  );
  const step = most > 0 ? most / 32767 : 1;
  const scaled = (values: Float64Array): Float64Array => values.map((value) => value / step);
  const range = { minimum: -32768, maximum: 32767 };
  push(s, requantized('score_scale', scaled(slopes), scaled(offsets), range));
  s.meaning = { slopes: fill(slopes.length, step), offsets: fill(slopes.length, 0) };
}
