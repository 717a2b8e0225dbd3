import {
  channelThresholds,
  type FeatureShape,
  type RequantizeLayer,
  type ThresholdLayer,
} from '@hbnn/model';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { type Literal, Netlist } from '../netlist/netlist.ts';
import { digitCount } from '../netlist/signedDigits.ts';
import { type Form, planesForm } from '../netlist/value.ts';
import { atLeast, planeBits, requantizeOf, scaledBy, sumWithin } from '../netlist/values.ts';
import { channelPlanes, type OrderedStep, stepLayer } from '../unrolled/steps.ts';
import {
  baseless,
  channelValue,
  placedNumbers,
  type StreamLogic,
  tableValues,
} from './beatLogic.ts';
import { baseAt, beatWidth, placedVectors, type Stream, streamOf } from './stream.ts';
import type { GatherUnit } from './units.ts';

/** What reads a layer's sums group by group: thresholds, scaling to 8 bits, or the scores of a network with many classes. */
export type GroupReader = ThresholdLayer | RequantizeLayer | 'scores';

/** A network with this many classes or more gives out a few scores per beat: all scores would be thousands of bits. */
export const manyClasses = 64;

/**
 * What could read the sums of a step group by group, so that logic for the channels of one group is enough: thresholds that
 * nothing else reads, with the same planes of a channel at all places, scaling to 8 bits, or many scores.
 */
export function groupReader(steps: readonly OrderedStep[], at: number): GroupReader | undefined {
  const { layer, output } = stepLayer(steps[at]);
  if (layer.kind !== 'conv' && layer.kind !== 'depthwise' && layer.kind !== 'dense')
    return undefined;
  if (at === steps.length - 1) return output[2] >= manyClasses ? 'scores' : undefined;
  const readers = steps.filter(({ sources }) => sources.includes(at));
  const [reader] = readers;
  if (readers.length !== 1 || reader.kind === 'codePool') return undefined;
  const { layer: next } = stepLayer(reader);
  if (next.kind === 'requantize') return hasOneShift(next) ? next : undefined;
  return next.kind === 'threshold' && hasPlanesByChannel(next) ? next : undefined;
}

function hasPlanesByChannel(layer: ThresholdLayer): boolean {
  const planes = channelPlanes(layer);
  // Some channel has to keep a bit, or there is nothing to gather.
  const hasBits = planes.some((n) => layer.multiples.subarray(0, n).some((k) => k !== 0));
  return hasBits && layer.bits.every((bits, i) => bits === planes[i % planes.length]);
}

/** By how many bits more a channel may be shifted than another: the multipliers of others are that much longer. */
const maxShifts = 6;

/** Whether channels are divided by about the same power of two, so that all can be divided by the largest. */
function hasOneShift({ shifts, multipliers, offsets }: RequantizeLayer): boolean {
  const most = Math.max(...shifts);
  const isExact = (n: number, c: number): boolean =>
    Number.isSafeInteger(n * 2 ** (most - shifts[c]));
  return (
    shifts.every((shift) => most - shift <= maxShifts) &&
    [...multipliers].every(isExact) &&
    [...offsets].every(isExact)
  );
}

/** LUTs of comparing a bit of a number with a constant, and of choosing between two comparisons, as Yosys builds them. */
const lutsPer = { constantBit: 0.19, choice: 1.5 } as const;
/** The words of which a LUT6 stores one bit each. Of half as many words it stores two bits each. */
const lutWords = 64;

/** Words of a memory of look-up tables for each bit: how many tables that takes. */
const romLuts = (groups: number): number =>
  groups <= lutWords / 2 ? 0.5 : Math.ceil(groups / lutWords);

const digitsOf = ({ forms }: Stream): number =>
  forms.reduce((most, { weights }) => Math.max(most, weights.length), 0);

/**
 * Whether logic takes fewer LUTs if each group of channels goes through the same, with its constants from a memory, than if
 * each channel has logic of its own.
 */
export const groupsPay = (
  layer: ThresholdLayer | RequantizeLayer,
  sums: Stream,
  pe: number,
): boolean =>
  layer.kind === 'threshold' ? thresholdsPay(layer, sums, pe) : scalingPays(layer, sums, pe);

/**
 * LUTs of scaling: for each signed digit of a constant multiplier and bit of a sum, for each bit of a multiplier from a memory
 * and bit of a sum, and of limiting a number to 8 bits. Measured in two layers of 64 channels of a MobileNetV2.
 */
const scalingLuts = { digit: 0.8, bit: 1.65, limits: 10 } as const;

function scalingPays(layer: RequantizeLayer, sums: Stream, pe: number): boolean {
  const channels = layer.multipliers.length;
  const apart = [...layer.multipliers].reduce(
    (luts, multiplier, c) =>
      luts +
      scalingLuts.digit * digitCount(multiplier) * (sums.forms[c].weights.length + 2) +
      scalingLuts.limits,
    0,
  );
  const { shift, multiplier, offset } = scalesOf(layer);
  const starts = multiplier.map((m, c) => offset[c] + m * sums.forms[c].base);
  // A memory has the starts of a PE's channels above the least of them.
  const isExact = [...Array(pe).keys()].every((p) => {
    const own = starts.filter((_, c) => c % pe === p);
    return own.every(Number.isSafeInteger) && Number.isSafeInteger(spanOf(own));
  });
  const hasBits = sums.forms.some(({ low, high }, c) => {
    const ends = endsOf({ low, high }, multiplier[c], offset[c]);
    const [one, other] = ends.map((end) => limited(layer, end >> BigInt(shift)));
    return one !== other;
  });
  if (!isExact || !hasBits) return false;
  const longest = (numbers: readonly number[]): number => Math.ceil(Math.log2(1 + spanOf(numbers)));
  const [bits, more] = [longest(multiplier), longest(offset)];
  const digits = digitsOf(sums);
  const { bit, limits } = scalingLuts;
  const each = bit * bits * digits + more + limits + romLuts(channels / pe) * (bits + more);
  return pe * each < apart;
}

const spanOf = (numbers: readonly number[]): number =>
  numbers.reduce((most, n) => Math.max(most, n), Number.NEGATIVE_INFINITY) -
  numbers.reduce((least, n) => Math.min(least, n), Number.POSITIVE_INFINITY);

/** A number within the least and the largest that a layer gives. */
function limited(layer: RequantizeLayer, n: bigint): number {
  const { minimum, maximum } = requantizeOf(layer, 0);
  return Number(n < BigInt(minimum) ? minimum : n > BigInt(maximum) ? maximum : n);
}

/** The ends of a value times its multiplier, and its offset. */
const endsOf = (
  { low, high }: Pick<Form, 'low' | 'high'>,
  multiplier: number,
  offset: number,
): bigint[] => [low, high].map((end) => BigInt(end) * BigInt(multiplier) + BigInt(offset));

/** Multipliers and offsets of all channels for the largest shift. */
function scalesOf({ multipliers, offsets, shifts }: RequantizeLayer): {
  readonly shift: number;
  readonly multiplier: readonly number[];
  readonly offset: readonly number[];
} {
  const shift = Math.max(...shifts);
  const scaled = (n: number, c: number): number => n * 2 ** (shift - shifts[c]);
  return { shift, multiplier: [...multipliers].map(scaled), offset: [...offsets].map(scaled) };
}

function thresholdsPay(layer: ThresholdLayer, sums: Stream, pe: number): boolean {
  const planes = channelPlanes(layer);
  const groups = planes.length / pe;
  const nodes = (n: number): number => 2 ** n - 1;
  const apart = planes.reduce(
    (luts, n, c) =>
      luts +
      nodes(n) * lutsPer.constantBit * sums.forms[c].weights.length +
      Math.max(0, nodes(n) - n) * lutsPer.choice,
    0,
  );
  const digits = digitsOf(sums) + 1;
  const perBit = romLuts(groups);
  let together = 0;
  for (let p = 0; p < pe; p++) {
    const most = maxPlanes(planes, pe, p);
    together += nodes(most) * digits * (1 + perBit) + Math.max(0, nodes(most) - most);
  }
  return together < apart;
}

/** The most planes that a channel of PE p has. */
const maxPlanes = (planes: readonly number[], pe: number, p: number): number =>
  planes.reduce((most, n, c) => (c % pe === p ? Math.max(most, n) : most), 0);

/** Logic for a group of channels, and how the groups' bits become a pixel. */
export interface GroupedLogic extends StreamLogic {
  /** As `GatherUnit` has them. */
  readonly gathered: GatherUnit['bits'];
}

/**
 * Thresholds of groups of channels. For sums of W bits, a memory has 2^W − t for each threshold t of a channel: a sum
 * reaches t where both together reach 2^W, which is one carry.
 *
 * @param input sums, one group of channels in a beat
 * @param shape of the layer's output
 */
export function groupedThresholds(
  layer: ThresholdLayer,
  input: Stream,
  shape: FeatureShape,
  style: AdderStyle,
): GroupedLogic {
  const { multiples, flips } = layer;
  const [, groups, pe] = input.shape;
  const planes = channelPlanes(layer);
  const most = input.forms.map((_, p) => maxPlanes(planes, pe, p));
  const kept = (n: number): number[] =>
    [...multiples.keys()].slice(0, n).filter((i) => multiples[i] !== 0);
  const digits = input.forms[0].weights.length;
  const carry = 2 ** digits;
  const placed = placedVectors([1, groups, pe], (group) =>
    most.flatMap((count, p) => {
      const c = group * pe + p;
      const thresholds = channelThresholds(layer, c);
      const base = baseAt(input, group, p);
      return [
        flips[c],
        ...Array.from({ length: 2 ** count - 1 }, (_, node) =>
          node < 2 ** planes[c] - 1
            ? carry - Math.min(carry, Math.max(0, thresholds[node] - base))
            : 0,
        ),
      ];
    }),
  );
  const fromZero = most.flatMap((count) => [false, ...new Array(2 ** count - 1).fill(true)]);
  const { table, forms } = placedNumbers(placed, fromZero);
  const from = beatWidth(input);
  const net = new Netlist(from + table.width);
  const stored = tableValues(net, forms, from);
  const gathered: number[][] = Array.from({ length: groups }, () => []);
  const output = streamOf(
    shape,
    planes.map((n): Form => planesForm(kept(n).map((i) => multiples[i]))),
    'planes',
  );
  let at = 0;
  most.forEach((count, p) => {
    const [flip, ...added] = stored.slice(at, at + 2 ** count);
    at += 2 ** count;
    const sum = { form: baseless(input.forms[p]), bits: channelValue(net, input, p).bits };
    const reaches = (node: number): Literal => {
      const { form } = added[node];
      const both = { low: 0, high: sum.form.high + form.high };
      return atLeast(net, sumWithin(net, [sum, added[node]], both, style), carry, style);
    };
    const bits = planeBits(net, count, reaches, flip.bits[0] ?? flip.form.base);
    for (const n of kept(count)) {
      net.outputs.push(bits[n]);
      gathered.forEach((own, group) => {
        const c = group * pe + p;
        own.push(n < planes[c] ? output.offsets[c] + kept(n).length : -1);
      });
    }
  });
  return { net, output, gathered, ...(table.width > 0 && { table }) };
}

/**
 * Scaling of groups of channels to 8 bits. A memory has the multiplier and the offset of each channel, for one shift.
 *
 * @param input sums, one group of channels in a beat
 * @param shape of the layer's output
 */
export function groupedScaling(
  layer: RequantizeLayer,
  input: Stream,
  shape: FeatureShape,
  style: AdderStyle,
): GroupedLogic {
  const [, groups, pe] = input.shape;
  const { shift, multiplier, offset } = scalesOf(layer);
  const bases = multiplier.map((_, c) => baseAt(input, Math.floor(c / pe), c % pe));
  const placed = placedVectors([1, groups, pe], (group) =>
    input.forms.flatMap((_, p) => {
      const c = group * pe + p;
      return [multiplier[c], offset[c] + bases[c] * multiplier[c]];
    }),
  );
  const { table, forms } = placedNumbers(placed);
  const from = beatWidth(input);
  const net = new Netlist(from + table.width);
  const stored = tableValues(net, forms, from);
  const values = input.forms.map((form, p) => {
    const own = multiplier.map((_, c) => c).filter((c) => c % pe === p);
    const { whole = [] } = input;
    const ends = own.flatMap((c) => endsOf(whole[c], multiplier[c], offset[c]));
    ends.sort((a, b) => (a < b ? -1 : 1));
    const [least, max] = [ends[0], ends[ends.length - 1]];
    const [low, high] = [least, max].map((end) => limited(layer, end >> BigInt(shift)));
    if (low === high) return { form: { base: low, weights: [], low, high }, bits: [] };
    const sum = { form: baseless(form), bits: channelValue(net, input, p).bits };
    const [times, plus] = stored.slice(2 * p, 2 * p + 2);
    return scaledBy(net, sum, times, plus, { least, max, low, high, shift }, style);
  });
  for (const { bits } of values) net.outputs.push(...bits);
  const output = streamOf(
    shape,
    multiplier.map((_, c) => values[c % pe].form),
    'number',
  );
  const gathered = Array.from({ length: groups }, (_, group) =>
    values.flatMap(({ bits }, p) => bits.map((__, j) => output.offsets[group * pe + p] + j)),
  );
  return { net, output, gathered, ...(table.width > 0 && { table }) };
}
