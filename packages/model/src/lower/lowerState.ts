import type { JoinLayer } from '../branches.ts';
import { checkLayers, outputShapeOf } from '../checkModel.ts';
import {
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerWeights,
  type PlaneWeights,
  rowLength,
  weightValues,
} from '../integerModel.ts';
import { inputOf } from './inputOf.ts';
import { type Limits, limitsFrom } from './limits.ts';
import { requantized } from './requantize.ts';

/** What lowering has made so far, and where in it the next layer goes. */
export interface LowerState extends LowerPosition {
  readonly layers: IntegerLayer[];
  /** The layers that each layer reads, by number; −1 is the pixels. */
  readonly sources: (readonly number[])[];
  readonly report: LoweredLayer[];
  /** Layers that rounded values which a binarization behind them reads. */
  readonly roundingLayers: Set<string>;
  /** How far zero padding can have moved each output of a layer, in its whole numbers: by the layer's number. */
  readonly borders: Map<number, Float64Array>;
  readonly start: FeatureShape;
  /** Names that a layer has or will have; a layer that lowering adds takes another one. */
  readonly names: Set<string>;
  /** Taken off the pixels, per channel. */
  zeros: Int32Array;
}

/** A place between two layers, and what the whole numbers there stand for. */
export interface LowerPosition {
  /** The layer whose outputs they are; −1 is the pixels. */
  at: number;
  /** The last layer up to here that other branches read too, which must stay as it is; undefined where there is none. */
  fork: number | undefined;
  shape: FeatureShape;
  meaning: Meaning;
  /** Whether a layer with weights lies behind. */
  weighted: boolean;
  /** Whether values are small whole numbers that a layer has rounded, not sums. */
  rounded: boolean;
  /** Whether the network has flattened the map, which still lies as a map here. */
  flat: boolean;
  /** What ReLUs that the next binarization takes in have cut off; undefined where there are none. */
  limits: Limits | undefined;
  /** The largest magnitude that sample images bring about here; undefined where that is not known. */
  measured: number | undefined;
  /** order[i]: where value i lay before `spreadOut`; undefined while values lie in memory order. */
  order: Uint32Array | undefined;
}

export function positionOf(s: LowerState): LowerPosition {
  const { at, fork, shape, meaning, weighted, rounded, flat, limits, measured, order } = s;
  return { at, fork, shape, meaning, weighted, rounded, flat, limits, measured, order };
}

/** The numbers of the layers from the last one back to where branches met, or to the pixels. */
export function layersBehind({ at, sources }: LowerState): number[] {
  const numbers: number[] = [];
  for (let i = at; i >= 0; [i] = sources[i]) {
    numbers.push(i);
    if (sources[i].length > 1) break;
  }
  return numbers;
}

/** The number of the last layer up to here that is none of some kinds; undefined where there is none. */
export const lastBut = (
  s: LowerState,
  ...kinds: readonly IntegerLayer['kind'][]
): number | undefined => layersBehind(s).find((i) => !kinds.includes(s.layers[i].kind));

/** Whether a layer up to here may be changed: no other branch reads it, or what comes before it here. */
export const isOwn = ({ fork }: LowerState, layer: number): boolean =>
  fork === undefined || layer > fork;

/** The most that |out| of the last layer up to here can be, for pixels of 8 bits. */
export const boundAt = ({ layers, start, zeros, at }: LowerState): number =>
  checkLayers(layers, start, zeros)[at].outputBound;

/** Whether all values are the same. */
export const allEqual = (values: Float64Array): boolean =>
  values.every((value) => value === values[0]);

export const filled = (n: number, value: number): Float64Array => new Float64Array(n).fill(value);

/** Add a layer and take over its output shape. */
export function push(s: LowerState, layer: Exclude<IntegerLayer, JoinLayer>): void {
  const { at, layers } = s;
  append(
    s,
    at === layers.length - 1 ? layer : { ...layer, from: layers[at].name },
    [at],
    [s.shape],
  );
}

/** Add a layer at which branches meet, from these positions. */
export function pushJoin(s: LowerState, layer: JoinLayer, inputs: readonly LowerPosition[]): void {
  const sources = inputs.map(({ at }) => at);
  const shapes = inputs.map(({ shape }) => shape);
  append(s, layer, sources, shapes);
}

function append(
  s: LowerState,
  layer: IntegerLayer,
  sources: readonly number[],
  shapes: readonly FeatureShape[],
): void {
  s.shape = outputShapeOf(layer, shapes);
  s.at = s.layers.push(layer) - 1;
  s.sources.push(sources);
}

/** A name for a layer that lowering adds: the wished one, or with a number behind it where it is taken. */
export function freshName(s: LowerState, wished: string): string {
  let name = wished;
  for (let n = 2; s.names.has(name); n++) name = `${wished}_${n}`;
  s.names.add(name);
  return name;
}

/** The least and the largest whole number that each channel can hold here. */
export function rangesOf(s: LowerState): (channel: number) => [least: number, largest: number] {
  if (s.at === -1) return (channel) => [-s.zeros[channel], 255 - s.zeros[channel]];
  const checked = checkLayers(s.layers, s.start, s.zeros);
  const moving = checked.map(({ layer }) => 'weights' in layer && movesOnly(layer.weights));
  const values = new Map<number, Int16Array>();
  const valuesAt = (at: number): Int16Array => {
    const { layer } = checked[at];
    const found =
      values.get(at) ?? ('weights' in layer ? weightValues(layer.weights) : new Int16Array(0));
    values.set(at, found);
    return found;
  };
  const rangeAt = (at: number, channel: number): [least: number, largest: number] => {
    const { layer, sources, outputBound } = checked[at];
    if (layer.kind === 'requantize') return [layer.minimum, layer.maximum];
    if (layer.kind === 'concat') {
      let c = channel;
      for (const source of sources) {
        const channels = checked[source].output[2];
        if (c < channels) return rangeAt(source, c);
        c -= channels;
      }
    }
    if (layer.kind === 'add')
      return sources.reduce<[number, number]>(
        ([least, largest], source, k) => {
          const m = layer.multipliers[k][channel];
          const ends = rangeAt(source, channel).map((end) => m * end);
          return [least + Math.min(...ends), largest + Math.max(...ends)];
        },
        [0, 0],
      );
    const [source] = sources;
    if (source < 0) return [-outputBound, outputBound];
    if (layer.kind === 'maxPool') return rangeAt(source, channel);
    if (layer.kind === 'sumPool') {
      const [least, largest] = rangeAt(source, channel);
      const values = layer.size[0] * layer.size[1];
      return [values * least, values * largest];
    }
    if (moving[at] && 'weights' in layer && layer.weights.kind === 'planes') {
      const [from, isNegated] = movedFrom(layer.weights, channel, checked[source].output[2]);
      const [least, largest] = rangeAt(source, from);
      return isNegated ? [-largest, -least] : [least, largest];
    }
    if (layer.kind === 'depthwise') {
      const row = rowLength(layer.weights.shape);
      const from = inputOf(layer.weights.shape, checked[source].output[2], channel * row);
      return windowRange(
        valuesAt(at).subarray(channel * row, (channel + 1) * row),
        rangeAt(source, from),
      );
    }
    return [-outputBound, outputBound];
  };
  return (channel) => rangeAt(s.at, channel);
}

/** The ends of Σ w · x over a window whose values lie between two numbers, or are 0 beyond the edge. */
function windowRange(
  weights: Int16Array,
  [least, largest]: readonly [number, number],
): [least: number, largest: number] {
  let [low, high] = [0, 0];
  for (const w of weights) {
    low += Math.min(0, w * least, w * largest);
    high += Math.max(0, w * least, w * largest);
  }
  return [low, high];
}

/** Whether each output is an input or its negative, as in layers that lowering adds to move values. */
export function movesOnly(weights: IntegerWeights): boolean {
  if (weights.kind !== 'planes' || weights.multiples.length !== 1) return false;
  const row = rowLength(weights.shape);
  return (
    weights.multiples[0].every((k) => k === 1) &&
    Array.from({ length: weights.shape[0] }, (_, o) =>
      weights.bits.subarray(o * row, (o + 1) * row).reduce((sum, bits) => sum + bits, 0),
    ).every((members) => members === 1)
  );
}

/** Find which channel of its input such a layer gives as an output, and whether it negates it. */
function movedFrom(
  { shape, bits, signs }: PlaneWeights,
  output: number,
  channels: number,
): [channel: number, isNegated: boolean] {
  const row = rowLength(shape);
  const i = bits.indexOf(1, output * row);
  return [inputOf(shape, channels, i), signs[i] === 0];
}

/** Round to whole numbers of one step, or of one for each channel: afterwards every value means step · whole. */
export function pushRequantized(
  s: LowerState,
  name: string,
  step: number | Float64Array,
  range: { minimum: number; maximum: number },
): void {
  spreadOut(s);
  const { slopes, offsets } = s.meaning;
  const steps = typeof step === 'number' ? filled(s.shape[2], step) : step;
  const scaled = (values: Float64Array): Float64Array =>
    values.map((value, c) => value / steps[c % steps.length]);
  push(s, requantized(name, scaled(slopes), scaled(offsets), range));
  s.meaning = { slopes: steps.slice(), offsets: filled(s.shape[2], 0) };
  s.rounded = true;
}

/** Values are rounded for as much more than sample images bring about; what is beyond is cut off. */
const headroom = 2;

/** How far values are to be rounded for, where no more than this can come. */
export const countedOn = ({ measured }: LowerState, most: number): number =>
  measured === undefined || measured === 0 ? most : Math.min(most, headroom * measured);

/** The step that brings values to ±largest: what sample images bring about, or without any all that can come. */
export const stepWithin = (s: LowerState, largest: number): number =>
  stepFor(s, Math.max(...furthestOf(s)), largest);

/** The same for each channel alone. */
export const stepsWithin = (s: LowerState, largest: number): Float64Array =>
  furthestOf(s).map((furthest) => stepFor(s, furthest, largest));

const stepFor = (s: LowerState, furthest: number, largest: number): number =>
  furthest > 0 ? countedOn(s, furthest) / largest : 1;

/** The largest magnitude that each channel can come to. */
function furthestOf(s: LowerState): Float64Array {
  const { slopes, offsets } = s.meaning;
  const rangeOf = rangesOf(s);
  return slopes.map((slope, c) =>
    Math.max(...rangeOf(c % s.shape[2]).map((x) => Math.abs(slope * x + offsets[c]))),
  );
}

/** Round to whole numbers in ±largest. */
export function pushSigned(s: LowerState, name: string, largest: number): void {
  const step = stepWithin(s, largest);
  pushRequantized(s, name, step, { minimum: -largest, maximum: largest });
}

/**
 * Make each value of a feature map a channel of its own where scales differ by position: batch norm behind a
 * flattening. A depthwise convolution over the whole map takes value by value out of each channel; its outputs lie
 * channel after channel, and `order` says where they lay before.
 */
export function spreadOut(s: LowerState): void {
  const [height, width, channels] = s.shape;
  const count = featureCount(s.shape);
  if (s.meaning.slopes.length <= channels) return;
  const places = height * width;
  const name = freshName(s, 'spread');
  push(s, {
    kind: 'depthwise',
    name,
    strides: [1, 1],
    padding: [0, 0, 0, 0],
    weights: oneEach([count, height, width, 1], (o) => o * places + (o % places)),
  });
  const order = Uint32Array.from(
    { length: count },
    (_, o) => (o % places) * channels + Math.floor(o / places),
  );
  const { slopes, offsets } = s.meaning;
  s.meaning = { slopes: reordered(slopes, order), offsets: reordered(offsets, order) };
  s.limits &&= limitsFrom(s.limits, order);
  s.order = order;
}

/** Weights that are +1 at one place per output and nothing elsewhere. */
export function oneEach(shape: readonly number[], place: (output: number) => number): PlaneWeights {
  const bits = new Uint8Array(shape.reduce((product, n) => product * n, 1));
  for (let o = 0; o < shape[0]; o++) bits[place(o)] = 1;
  return {
    kind: 'planes',
    shape,
    bits,
    signs: bits.slice(),
    multiples: [Uint8Array.of(1)],
    scalePer: 'tensor',
    mapPer: 'element',
  };
}

/** Values given in memory order, as they lie after `spreadOut`. */
export function reordered<T extends Float64Array | Uint8Array>(values: T, order: Uint32Array): T {
  return values.map((_, i) => values[order[i]]) as T;
}

/** What lowering did to one layer's weights or scales. */
export interface LoweredLayer {
  readonly name: string;
  readonly what:
    | 'weights of 8 bits'
    | 'weight scales'
    | 'weight codes'
    | 'input scales'
    | 'padded inputs'
    | 'branch scales'
    | 'rounded inputs';
  /**
   * ‖lowered − trained‖ / ‖trained‖, of the layer's weights, or of the scales weighted by their members; 0 of weight
   * codes, which stay as they were; for branches the
   * largest error of a scale, of the largest output; for rounded or padded inputs of a binarization how far rounding, or
   * padding by a whole pixel in place of the mean, can have moved a value, over the largest input scale.
   */
  readonly error: number;
  /** k_n of each plane, of the first group of scales. */
  readonly multiples?: readonly number[];
}

/**
 * What the whole numbers between two layers stand for: real = slopes[c] · whole + offsets[c], with one slope
 * and offset per channel (of the feature map, or of its flattening).
 */
interface Meaning {
  readonly slopes: Float64Array;
  readonly offsets: Float64Array;
}
