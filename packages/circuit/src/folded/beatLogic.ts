import {
  channelThresholds,
  type FeatureShape,
  type MaxPoolLayer,
  type RequantizeLayer,
  type SumPoolLayer,
  type ThresholdLayer,
} from '@hbnn/model';
import { bitLength } from '../netlist/bitHeap.ts';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { inverse, Netlist } from '../netlist/netlist.ts';
import { type Form, planesForm, type Value } from '../netlist/value.ts';
import {
  extendedBits,
  largestCode,
  largestPlanes,
  maximumOf,
  requantized,
  requantizeOf,
  scoreBits,
  sumOfValues,
  sumWithin,
  thresholdBits,
} from '../netlist/values.ts';
import { type CodePoolStep, channelPlanes } from '../unrolled/steps.ts';
import {
  baseAt,
  beatWidth,
  type PlacedVectors,
  placedVectors,
  type Stream,
  streamOf,
} from './stream.ts';

/** Logic of one beat: its inputs are a beat's bits and, above them, those of a table by places. */
export interface BeatLogic {
  readonly net: Netlist;
  readonly table?: PlacedBits;
}

/** Words that differ from place to place. */
export interface PlacedBits {
  readonly placed: PlacedVectors;
  readonly width: number;
  /** The word of each vector. */
  readonly words: readonly bigint[];
}

/** Bits of unsigned numbers, each of its own width, the first one lowest. */
function packed(numbers: readonly number[], widths: readonly number[]): bigint {
  let [word, at] = [0n, 0n];
  numbers.forEach((number, i) => {
    word |= BigInt(number) << at;
    at += BigInt(widths[i]);
  });
  return word;
}

export const widthOf = (most: number): number => bitLength(BigInt(most));

/** A channel's bits in a beat that starts at input `from`. */
export function channelValue(net: Netlist, { forms, offsets }: Stream, c: number, from = 0): Value {
  const form = forms[c];
  const bits = form.weights.map((_, j) => net.input(from + offsets[c] + j));
  return { form, bits };
}

/**
 * Vectors by place as numbers above their least, and what logic sees of them.
 *
 * @param fromZero which numbers, none of them below 0, are stored as they are
 */
export function placedNumbers(
  placed: PlacedVectors,
  fromZero: readonly boolean[] = [],
): {
  readonly table: PlacedBits;
  readonly forms: readonly Form[];
} {
  const { vectors } = placed;
  const lows = vectors[0].map((_, i) =>
    fromZero[i] === true ? 0 : Math.min(...vectors.map((vector) => vector[i])),
  );
  const highs = vectors[0].map((_, i) => Math.max(...vectors.map((vector) => vector[i])));
  const widths = lows.map((low, i) => widthOf(highs[i] - low));
  const width = widths.reduce((sum, one) => sum + one, 0);
  const words = vectors.map((vector) =>
    packed(
      vector.map((n, i) => n - lows[i]),
      widths,
    ),
  );
  const forms = lows.map((low, i) => ({
    base: low,
    low,
    high: highs[i],
    weights: Array.from({ length: widths[i] }, (_, j) => 2 ** j),
  }));
  return { table: { placed, width, words }, forms };
}

/** Values of the table's forms, above a beat of so many bits. */
export function tableValues(net: Netlist, forms: readonly Form[], from: number): Value[] {
  let at = from;
  return forms.map((form) => ({ form, bits: form.weights.map(() => net.input(at++)) }));
}

export const baseless = (form: Form): Form => ({
  base: 0,
  weights: form.weights,
  low: 0,
  high: form.weights.reduce((sum, weight) => sum + weight, 0),
});

/** Logic with the stream that its beats make. */
export interface StreamLogic extends BeatLogic {
  readonly output: Stream;
}

const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const formsOf = (values: readonly Value[]): Form[] => values.map(({ form }) => form);

function put(net: Netlist, values: readonly Value[]): void {
  net.outputs.push(...values.flatMap(({ bits }) => bits));
}

/** Numbers of a stream whose bases differ from place to place: nothing that differs is left. */
export function numbersOf(input: Stream, style: AdderStyle): StreamLogic {
  const { shape } = input;
  const placed = placedVectors(shape, (place) =>
    counting(shape[2]).map((c) => baseAt(input, place, c)),
  );
  const { table, forms } = placedNumbers(placed);
  const from = beatWidth(input);
  const net = new Netlist(from + table.width);
  const bases = tableValues(net, forms, from);
  const values = input.forms.map((form, c): Value => {
    const value = { form: baseless(form), bits: channelValue(net, input, c).bits };
    return sumWithin(net, [value, bases[c]], form, style);
  });
  put(net, values);
  return { net, table, output: streamOf(shape, formsOf(values), 'number') };
}

/** A window's largest values or sums. Taps beyond the edges are bits of 0: the least value. */
export function poolLogic(
  layer: MaxPoolLayer | SumPoolLayer,
  input: Stream,
  shape: FeatureShape,
  style: AdderStyle,
): StreamLogic {
  const taps = layer.size[0] * layer.size[1];
  const width = beatWidth(input);
  const net = new Netlist(taps * width);
  const values = input.forms.map((_, c) => {
    const window = counting(taps).map((tap) => channelValue(net, input, c, tap * width));
    return layer.kind === 'maxPool'
      ? maximumOf(net, window, style)
      : sumOfValues(net, window, style);
  });
  put(net, values);
  const coding = layer.kind === 'maxPool' ? input.coding : 'number';
  return { net, output: streamOf(shape, formsOf(values), coding) };
}

/**
 * What a channel's sum is with one more pixel: the beat's bits and, above them, those of the sums so far. A pixel's bits
 * may be added as 2^shift · n + constant, with one constant for all pixels, which no register holds.
 */
export function accumulateLogic(input: Stream, style: AdderStyle): StreamLogic {
  const { shape, forms } = input;
  const pixels = shape[0] * shape[1];
  const sums = forms.map((_, c) => growingSum(input, c, style));
  const width = beatWidth(input);
  const net = new Netlist(width + sums.reduce((bits, { form }) => bits + form.weights.length, 0));
  const before = tableValues(
    net,
    sums.map(({ form }) => form),
    width,
  );
  const values = sums.map(({ form, constant }, c): Value => {
    const beat = { form: spanForm(input, c), bits: channelValue(net, input, c).bits };
    const next = sumWithin(net, [before[c], beat], { low: 0, high: form.high + constant }, style);
    const { low, high } = totalRange(input, c);
    const base = totalBase(input, c) + pixels * constant;
    return { form: { base, weights: form.weights, low, high }, bits: next.bits };
  });
  put(net, values);
  return { net, output: streamOf([1, 1, shape[2]], formsOf(values), 'number') };
}

/** A channel's bits alone, without what is added to them. */
function spanForm({ forms, bases }: Stream, c: number): Form {
  const form = baseless(forms[c]);
  // Where places differ in their bases, the range of a form says nothing of its bits.
  return bases === undefined ? { ...form, high: forms[c].high - forms[c].base } : form;
}

/** What is added to the bits of a channel, over all places. */
const totalBase = (input: Stream, c: number): number =>
  counting(input.shape[0] * input.shape[1]).reduce(
    (sum, place) => sum + baseAt(input, place, c),
    0,
  );

function totalRange(input: Stream, c: number): Pick<Form, 'low' | 'high'> {
  const { shape, forms, bases } = input;
  const pixels = shape[0] * shape[1];
  if (bases === undefined) return { low: pixels * forms[c].low, high: pixels * forms[c].high };
  const low = totalBase(input, c);
  return { low, high: low + pixels * spanForm(input, c).high };
}

/** The bits that hold a channel's sum from the first pixel to the last, and the constant that each pixel adds beside. */
function growingSum(
  input: Stream,
  c: number,
  style: AdderStyle,
): { readonly form: Form; readonly constant: number } {
  const span = spanForm(input, c);
  const { weights, high } = span;
  const trial = new Netlist(weights.length);
  const bits = weights.map((_, j) => trial.input(j));
  const pixel = sumWithin(trial, [{ form: span, bits }], { low: 0, high }, style).form;
  const constant = pixel.base;
  const largest = input.shape[0] * input.shape[1] * (high - constant);
  const shift = Math.log2(pixel.weights[0] ?? 1);
  const width = Math.max(0, widthOf(largest) - shift);
  const form = {
    base: 0,
    low: 0,
    high: largest,
    weights: Array.from({ length: width }, (_, j) => 2 ** (shift + j)),
  };
  return { form, constant };
}

/** Planes that some places of a channel have and others lack, and a table that says which. */
interface PlacedPlanes {
  /** The planes that each channel has at any place. */
  readonly planes: readonly number[];
  /** The planes of each channel that not all places have. */
  readonly varying: readonly (readonly number[])[];
  readonly table: PlacedBits;
  /** What is added to each element's bits, where places differ. */
  readonly bases?: Int32Array;
}

function placedPlanes(layer: ThresholdLayer, shape: FeatureShape): PlacedPlanes {
  const { multiples, bits } = layer;
  const [places, channels] = [shape[0] * shape[1], shape[2]];
  const planesAt = (place: number, c: number): number => bits[place * channels + c];
  const planes = channelPlanes(layer);
  const varying = planes.map((most, c) => {
    const least = counting(places).reduce((n, place) => Math.min(n, planesAt(place, c)), most);
    return counting(most).filter((n) => n >= least && multiples[n] !== 0);
  });
  const placed = placedVectors(shape, (place) =>
    varying.flatMap((own, c) => own.map((n) => (n < planesAt(place, c) ? 1 : 0))),
  );
  const width = varying.reduce((sum, own) => sum + own.length, 0);
  const words = placed.vectors.map((vector) =>
    packed(
      vector,
      vector.map(() => 1),
    ),
  );
  const table = { placed, width, words };
  if (width === 0) return { planes, varying, table };
  const baseOf = (place: number, c: number): number =>
    planesForm([...multiples.subarray(0, planesAt(place, c))]).base;
  const bases = Int32Array.from({ length: places * channels }, (_, i) =>
    baseOf(Math.floor(i / channels), i % channels),
  );
  return { planes, varying, table, bases };
}

/** Channels' planes with those cleared that a place lacks, as a stream. */
function planesStream(
  net: Netlist,
  { multiples }: ThresholdLayer,
  shape: FeatureShape,
  { planes, varying, table, bases }: PlacedPlanes,
  channelOf: (c: number) => Value,
): StreamLogic {
  let at = net.inputCount - table.width;
  const values = counting(shape[2]).map((c): Value => {
    const { form, bits } = channelOf(c);
    const kept = counting(planes[c]).filter((n) => multiples[n] !== 0);
    const masked = bits.map((bit, j) =>
      varying[c].includes(kept[j]) ? net.and(bit, net.input(at++)) : bit,
    );
    return { form, bits: masked };
  });
  put(net, values);
  const output = streamOf(shape, formsOf(values), 'planes', bases);
  return { net, output, ...(table.width > 0 && { table }) };
}

/** Planes of each channel: as many as any place has; bits of planes that a place lacks are 0. */
export function thresholdLogic(
  layer: ThresholdLayer,
  input: Stream,
  style: AdderStyle,
): StreamLogic {
  const { multiples, flips } = layer;
  const placed = placedPlanes(layer, input.shape);
  const net = new Netlist(beatWidth(input) + placed.table.width);
  return planesStream(net, layer, input.shape, placed, (c) =>
    thresholdBits(
      net,
      channelValue(net, input, c),
      {
        multiples: [...multiples.subarray(0, placed.planes[c])],
        thresholds: channelThresholds(layer, c),
        flip: flips[c] === 1,
      },
      style,
    ),
  );
}

/** The largest code of each channel's window, turned round where the thresholds are. Taps beyond the edges are codes of 0. */
export function codePoolLogic(
  { layer, threshold }: CodePoolStep,
  input: Stream,
  shape: FeatureShape,
): StreamLogic {
  const taps = counting(layer.size[0] * layer.size[1]);
  const width = beatWidth(input);
  const placed = placedPlanes(threshold, shape);
  const net = new Netlist(taps.length * width + placed.table.width);
  return planesStream(net, threshold, shape, placed, (c) => {
    const codes = taps.map((tap) => channelValue(net, input, c, tap * width).bits);
    const flip = threshold.flips[c] === 1;
    const bits = largestPlanes(net, codes).map((bit) => (flip ? inverse(bit) : bit));
    return { form: input.forms[c], bits };
  });
}

export function requantizeLogic(
  layer: RequantizeLayer,
  input: Stream,
  style: AdderStyle,
): StreamLogic {
  const net = new Netlist(beatWidth(input));
  const values = input.forms.map((_, c) =>
    requantized(net, channelValue(net, input, c), requantizeOf(layer, c), style),
  );
  put(net, values);
  return { net, output: streamOf(input.shape, formsOf(values), 'number') };
}

export interface ScoresLogic extends BeatLogic {
  /** Bits of a score that are not its sign again. */
  readonly width: number;
}

/**
 * Scores of a beat in 32 bits each and, above them, the number of the largest among them and, where an image has
 * several beats, the largest's bits with the sign turned round.
 */
export function scoresLogic(
  input: Stream,
  offsets: Int32Array,
  several: boolean,
  style: AdderStyle,
): ScoresLogic {
  const { shape } = input;
  const placed = placedVectors(shape, (place) =>
    counting(shape[2]).map((c) => baseAt(input, place, c) + offsets[place * shape[2] + c]),
  );
  const { table, forms } = placedNumbers(placed);
  const from = beatWidth(input);
  const net = new Netlist(from + table.width);
  const biases = tableValues(net, forms, from);
  const scores = input.forms.map((form, c) => {
    const bias = biases[c];
    const bits = channelValue(net, input, c).bits;
    const part = baseless(form);
    const [low, high] = [bias.form.low, bias.form.high + part.high];
    const value =
      bias.bits.length > 0
        ? sumWithin(net, [{ form: part, bits }, bias], { low, high }, style)
        : {
            form: {
              base: bias.form.base,
              weights: form.weights,
              low: form.low - form.base + bias.form.base,
              high: form.high - form.base + bias.form.base,
            },
            bits,
          };
    return scoreBits(net, value, 0, style);
  });
  const width = scores.reduce((most, bits) => Math.max(most, bits.length), 0);
  const codes = scores.map((bits) => {
    const wide = extendedBits(bits, width);
    return [...wide.slice(0, -1), wide[width - 1] ^ 1];
  });
  const { index, code } = largestCode(net, codes);
  net.outputs.push(...scores.flatMap((bits) => extendedBits(bits, 32)), ...index);
  if (several) net.outputs.push(...code);
  return { net, width, ...(table.width > 0 && { table }) };
}
