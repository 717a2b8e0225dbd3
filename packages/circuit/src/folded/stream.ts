import {
  type ConvLayer,
  type DenseLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  noPadding,
  type Padding4,
  type Pair,
  windowTaps,
} from '@hbnn/model';
import { KeyNumbers } from '../netlist/keyNumbers.ts';
import type { Form } from '../netlist/value.ts';

/**
 * How pixels lie on a stream, one per beat: channel c at bits offsets[c] … offsets[c + 1] − 1. A channel's bits mean
 * the same at every place, but what is added to them may differ from place to place: `bases`.
 */
export interface Stream {
  readonly shape: FeatureShape;
  /** Per channel; weights are above 0, so that bits of 0 are the least value. */
  readonly forms: readonly Form[];
  /** The base of each element, in place of its form's, where places differ. */
  readonly bases?: Int32Array;
  readonly offsets: Int32Array;
  /** Bits are planes of ±k, taken one after the other, or digits of a number, taken together. */
  readonly coding: 'planes' | 'number';
  /** Beats of a pixel, where these are several: the shape is then pixels × beats of a pixel × channels of a beat. */
  readonly parts?: number;
  /** The forms of a whole pixel's channels, where it is several beats. */
  readonly whole?: readonly Form[];
}

/** The bits of a beat; one, always 0, where no channel has any. */
export const beatWidth = ({ offsets }: Pick<Stream, 'offsets'>): number =>
  Math.max(1, offsets[offsets.length - 1]);

export function streamOf(
  shape: FeatureShape,
  forms: readonly Form[],
  coding: Stream['coding'],
  bases?: Int32Array,
): Stream {
  const offsets = new Int32Array(forms.length + 1);
  forms.forEach(({ weights }, c) => {
    offsets[c + 1] = offsets[c] + weights.length;
  });
  return { shape, forms, offsets, coding, ...(bases !== undefined && { bases }) };
}

/** Whether bits are the digits of a number in binary, so that further digits of 0 change nothing. */
const isBinary = ({ weights }: Form): boolean => weights.every((weight, j) => weight === 2 ** j);

/** Whether a pixel can be several beats: its channels are numbers in binary that places share. */
export const canSplit = ({ forms, bases, parts }: Stream): boolean =>
  bases === undefined && parts === undefined && forms.every(isBinary);

/**
 * The same elements in the same order, `each` channels of a pixel in a beat. All beats have as many bits, and what is
 * added to them differs from beat to beat. The stream has to be one that `canSplit`.
 */
export function splitStream(stream: Stream, each: number): Stream {
  if (!canSplit(stream)) throw new Error('a stream that cannot be split');
  const { shape, forms } = stream;
  const [height, width, channels] = shape;
  const most = (of: (form: Form) => number): number =>
    forms.reduce((high, form) => Math.max(high, of(form)), -Infinity);
  const digits = Math.max(
    1,
    most(({ weights }) => weights.length),
  );
  const low = -most(({ base }) => -base);
  const high = low + most((form) => form.high - form.base);
  const weights = Array.from({ length: digits }, (_, j) => 2 ** j);
  const own = Array.from({ length: each }, (): Form => ({ base: low, low, high, weights }));
  const split = Int32Array.from(
    { length: height * width * channels },
    (_, i) => forms[i % channels].base,
  );
  const parts = channels / each;
  return { ...streamOf([height * width, parts, each], own, 'number', split), parts, whole: forms };
}

/** The channels of some streams of one height and width, one stream after the other. */
export function joinedStream(streams: readonly Stream[]): Stream {
  if (streams.length === 1) return streams[0];
  const [height, width] = streams[0].shape;
  const forms = streams.flatMap((stream) => stream.forms);
  const coding = streams.every((stream) => stream.coding === 'planes') ? 'planes' : 'number';
  const shape = [height, width, forms.length] as const;
  if (streams.every(({ bases }) => bases === undefined)) return streamOf(shape, forms, coding);
  const bases: number[] = [];
  for (let place = 0; place < height * width; place++)
    for (const stream of streams)
      for (let c = 0; c < stream.shape[2]; c++) bases.push(baseAt(stream, place, c));
  return streamOf(shape, forms, coding, Int32Array.from(bases));
}

/** What is added to the bits of channel c at a place. */
export function baseAt({ shape, forms, bases }: Stream, place: number, c: number): number {
  return bases === undefined ? forms[c].base : bases[place * shape[2] + c];
}

/**
 * The form of a channel in a beat. Where a pixel is several beats, those of the channel that it is: of its bits those that
 * it needs, the others are 0.
 */
export function formAt({ shape, forms, whole, parts = 1 }: Stream, place: number, c: number): Form {
  return whole === undefined ? forms[c] : whole[(place % parts) * shape[2] + c];
}

/** The value of a channel at a place. */
export function decodeAt(
  stream: Stream,
  place: number,
  c: number,
  bit: (i: number) => boolean,
): number {
  const { weights } = stream.forms[c];
  return weights.reduce(
    (sum, weight, i) => (bit(i) ? sum + weight : sum),
    baseAt(stream, place, c),
  );
}

/** Keys as numbers, in the order in which they are met. */
function numbered(keys: readonly string[]): number[] {
  const numbers = new KeyNumbers();
  return keys.map((key) => numbers.of(key));
}

/** Places of a feature map by classes: classes[rows[y]][columns[x]]. */
export interface PlaceTable {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly classes: readonly (readonly number[])[];
  readonly count: number;
}

/** Number places by what is said of them; rows, and columns, that agree everywhere are one. */
function placeTable(height: number, width: number, classOf: (place: number) => number): PlaceTable {
  const grid = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => classOf(y * width + x)),
  );
  const rows = numbered(grid.map((row) => row.join()));
  const columns = numbered(grid[0].map((_, x) => grid.map((row) => row[x]).join()));
  const count = 1 + grid.flat().reduce((most, one) => Math.max(most, one), 0);
  const first = (numbers: readonly number[]): number[] =>
    Array.from({ length: 1 + Math.max(...numbers) }, (_, n) => numbers.indexOf(n));
  const columnPlaces = first(columns);
  const classes = first(rows).map((y) => columnPlaces.map((x) => grid[y][x]));
  return { rows, columns, classes, count };
}

/** Vectors that differ from place to place: each once, and where it holds. */
export interface PlacedVectors {
  readonly table: PlaceTable;
  readonly vectors: readonly (readonly number[])[];
}

export function placedVectors(
  [height, width]: FeatureShape,
  vectorAt: (place: number) => readonly number[],
): PlacedVectors {
  const all = Array.from({ length: height * width }, (_, place) => vectorAt(place));
  const numbers = numbered(all.map((vector) => vector.join()));
  const vectors: (readonly number[])[] = [];
  numbers.forEach((number, place) => {
    vectors[number] ??= all[place];
  });
  return { table: placeTable(height, width, (place) => numbers[place]), vectors };
}

/** A layer with weights, seen as a matrix that is applied to the window of each place. */
export interface WindowedMatrix {
  readonly layer: ConvLayer | DepthwiseLayer | DenseLayer;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padding: Padding4;
  readonly outputs: number;
  /** Inputs of one output; input i of output o is channel channelOf(o, i) of tap tapOf(i). */
  readonly inputs: number;
  readonly tapOf: (i: number) => number;
  readonly channelOf: (o: number, i: number) => number;
}

export function windowedMatrix(
  layer: ConvLayer | DepthwiseLayer | DenseLayer,
  input: FeatureShape,
): WindowedMatrix {
  const channels = input[2];
  if (layer.kind === 'depthwise') {
    const [outputs, kh, kw] = layer.weights.shape;
    const each = outputs / channels;
    return {
      layer,
      kernel: [kh, kw],
      strides: layer.strides,
      padding: layer.padding,
      outputs,
      inputs: kh * kw,
      tapOf: (i) => i,
      channelOf: (o) => Math.floor(o / each),
    };
  }
  const dense = layer.kind === 'dense';
  const kernel: Pair = dense
    ? [input[0], input[1]]
    : [layer.weights.shape[1], layer.weights.shape[2]];
  return {
    layer,
    kernel,
    outputs: layer.weights.shape[0],
    inputs: kernel[0] * kernel[1] * channels,
    strides: dense ? [1, 1] : layer.strides,
    padding: dense ? noPadding : layer.padding,
    tapOf: (i) => Math.floor(i / channels),
    channelOf: (_, i) => i % channels,
  };
}

/** The input's place under each tap, −1 beyond the edges. */
function tapPlaces(matrix: WindowedMatrix, input: FeatureShape, y: number, x: number): Int32Array {
  const places = new Int32Array(matrix.kernel[0] * matrix.kernel[1]).fill(-1);
  for (const { tap, pixel } of windowTaps(matrix, input, y, x)) places[tap] = pixel;
  return places;
}

/**
 * What the bases of a window's elements add to each output, where they are: Σ w[o, i] · base over the taps within
 * the input. Bits beyond the edges, and of planes that an element lacks, are 0, so that these sums are all that
 * places differ in.
 */
export function baseSums(
  matrix: WindowedMatrix,
  values: Int16Array,
  input: Stream,
  output: FeatureShape,
): PlacedVectors {
  const { outputs, inputs, tapOf, channelOf } = matrix;
  const sums = (places: Int32Array): number[] =>
    Array.from({ length: outputs }, (_, o) => {
      let sum = 0;
      for (let i = 0; i < inputs; i++) {
        const place = places[tapOf(i)];
        if (place >= 0) sum += values[o * inputs + i] * baseAt(input, place, channelOf(o, i));
      }
      return sum;
    });
  // Where places do not differ in their bases, windows with the same taps outside have the same sums.
  const known = new Map<string, number[]>();
  return placedVectors(output, (place) => {
    const places = tapPlaces(matrix, input.shape, Math.floor(place / output[1]), place % output[1]);
    if (input.bases !== undefined) return sums(places);
    const key = Array.from(places, (at) => (at < 0 ? '0' : '1')).join('');
    const found = known.get(key) ?? sums(places);
    known.set(key, found);
    return found;
  });
}

/** The range of each output: taps may lie beyond the edges where there is padding. */
export function outputRanges(
  matrix: WindowedMatrix,
  values: Int16Array,
  input: Stream,
  padded: boolean,
): readonly { readonly low: number; readonly high: number }[] {
  const { outputs, inputs, channelOf } = matrix;
  return Array.from({ length: outputs }, (_, o) => {
    let [low, high] = [0, 0];
    for (let i = 0; i < inputs; i++) {
      const w = values[o * inputs + i];
      const form = input.forms[channelOf(o, i)];
      const [one, other] = [w * form.low, w * form.high];
      const [least, most] = one < other ? [one, other] : [other, one];
      low += padded && least > 0 ? 0 : least;
      high += padded && most < 0 ? 0 : most;
    }
    return { low, high };
  });
}

export const isPadded = ({ padding }: WindowedMatrix): boolean => padding.some((n) => n > 0);

/** Beats of one image. */
export const beats = ({ shape }: Stream): number => featureCount(shape) / shape[2];
