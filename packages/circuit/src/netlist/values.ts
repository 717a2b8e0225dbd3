import type { RequantizeLayer } from '@hbnn/model';
import { addValue, BitHeap, bitLength, type HeapSum } from './bitHeap.ts';
import type { AdderStyle } from './fabrics.ts';
import { constantOne, constantZero, inverse, type Literal, type Netlist } from './netlist.ts';
import { type Form, planesForm, type Value } from './value.ts';

/** A number as base + 2^shift · unsigned bits. */
function binary(net: Netlist, value: Value, style: AdderStyle): HeapSum {
  const { base, weights, high } = value.form;
  const ascending = weights.every((weight, i) => weight === weights[0] * 2 ** i);
  const shift = Math.log2(weights[0] ?? 1);
  if (ascending && Number.isInteger(shift)) return { base: BigInt(base), shift, bits: value.bits };
  const heap = new BitHeap();
  addValue(heap, value, 1);
  return heap.sum(net, style, BigInt(high));
}

/** Whether unsigned bits are at least a constant. */
function bitsAtLeast(net: Netlist, bits: readonly Literal[], least: bigint): Literal {
  if (least <= 0n) return constantOne;
  if (bitLength(least) > bits.length) return constantZero;
  return bits.reduce(
    (met, bit, i) => ((least >> BigInt(i)) & 1n ? net.and(bit, met) : net.or(bit, met)),
    constantOne,
  );
}

/** Make value >= threshold. */
export function atLeast(net: Netlist, value: Value, threshold: number, style: AdderStyle): Literal {
  if (threshold <= value.form.low) return constantOne;
  if (threshold > value.form.high) return constantZero;
  const { base, shift, bits } = binary(net, value, style);
  // ceil((threshold − base) / 2^shift)
  const least = -((base - BigInt(threshold)) >> BigInt(shift));
  return bitsAtLeast(net, bits, least);
}

/** How one element is binarized. */
export interface ElementThresholds {
  /** k_n of the element's own planes. */
  readonly multiples: readonly number[];
  /** 2^planes − 1 thresholds, node m at m − 1. */
  readonly thresholds: ArrayLike<number>;
  readonly flip: boolean;
}

/** Residual binarization: one comparison per node of the tree, the bits before choosing among those of a plane. */
export function thresholdBits(
  net: Netlist,
  value: Value,
  o: ElementThresholds,
  style: AdderStyle,
): Value {
  const reaches = (node: number): Literal => atLeast(net, value, o.thresholds[node], style);
  const flip = o.flip ? constantOne : constantZero;
  const bits = planeBits(net, o.multiples.length, reaches, flip);
  const counted = o.multiples.map((k, n) => ({ k, n })).filter(({ k }) => k !== 0);
  return { form: planesForm(counted.map(({ k }) => k)), bits: counted.map(({ n }) => bits[n]) };
}

/**
 * The bits of some planes: those before a plane choose among its comparisons.
 *
 * @param reaches whether the value reaches the threshold of a node, counted from 0
 */
export function planeBits(
  net: Netlist,
  planes: number,
  reaches: (node: number) => Literal,
  flip: Literal,
): Literal[] {
  const bits: Literal[] = [];
  for (let n = 0; n < planes; n++) {
    let nodes = Array.from({ length: 2 ** n }, (_, i) => reaches(2 ** n + i - 1));
    for (let before = n - 1; before >= 0; before--)
      nodes = Array.from({ length: nodes.length / 2 }, (_, i) =>
        net.mux(bits[before], nodes[2 * i + 1], nodes[2 * i]),
      );
    bits.push(net.xor(nodes[0], flip));
  }
  return bits;
}

/** Make the largest of some numbers. */
export function maximumOf(net: Netlist, values: readonly Value[], style: AdderStyle): Value {
  let left = comparable(net, values, style);
  while (left.length > 1) {
    const next: Value[] = [];
    for (let i = 0; i + 1 < left.length; i += 2) next.push(larger(net, left[i], left[i + 1]));
    if (left.length % 2 === 1) next.push(left[left.length - 1]);
    left = next;
  }
  return left[0];
}

/**
 * Choose the largest of some codes of equal length, bit by bit from the most significant one, which is the first. A bit
 * of the result is 1 where one of the codes that are still the largest has a 1 there.
 */
export function largestPlanes(
  net: Netlist,
  codes: readonly (readonly Literal[])[],
): readonly Literal[] {
  let led: readonly Literal[] = codes.map(() => constantOne);
  return codes[0].map((_, n) => {
    const any = anyOf(
      net,
      codes.map((code, i) => net.and(led[i], code[n])),
    );
    led = led.map((leads, i) => net.and(leads, net.or(codes[i][n], inverse(any))));
    return any;
  });
}

function anyOf(net: Netlist, bits: readonly Literal[]): Literal {
  if (bits.length <= 2) return net.or(bits[0], bits[1] ?? constantZero);
  const half = Math.ceil(bits.length / 2);
  return net.or(anyOf(net, bits.slice(0, half)), anyOf(net, bits.slice(half)));
}

const sameForm = (a: Form, b: Form): boolean =>
  a.base === b.base && a.weights.join() === b.weights.join();

/** Bits that compare like numbers: each weighs at least what all lighter ones do together. */
function ordered({ weights }: Form): boolean {
  const falling = [...weights].sort((a, b) => b - a);
  let rest = falling.reduce((sum, weight) => sum + weight, 0);
  return falling.every((weight) => {
    rest -= weight;
    return weight >= rest && weight > 0;
  });
}

function comparable(net: Netlist, values: readonly Value[], style: AdderStyle): Value[] {
  const [{ form }] = values;
  if (values.every((value) => sameForm(value.form, form)) && ordered(form)) return [...values];
  const low = values.reduce((least, value) => Math.min(least, value.form.low), Infinity);
  const high = values.reduce((max, value) => Math.max(max, value.form.high), -Infinity);
  return values.map((value) => {
    const bits = unsignedFrom(net, binary(net, value, style), BigInt(low), BigInt(high), style);
    const weights = bits.map((_, i) => 2 ** i);
    return { form: { ...value.form, base: low, weights }, bits };
  });
}

function larger(net: Netlist, a: Value, b: Value): Value {
  const order = a.form.weights
    .map((_, i) => i)
    .sort((i, j) => a.form.weights[i] - a.form.weights[j]);
  let first: Literal = constantOne;
  for (const i of order) first = net.mux(net.xor(a.bits[i], b.bits[i]), a.bits[i], first);
  const [low, high] = [Math.max(a.form.low, b.form.low), Math.max(a.form.high, b.form.high)];
  const single = order.length === 1;
  const bits = a.bits.map((bit, i) =>
    single ? net.or(bit, b.bits[i]) : net.mux(first, bit, b.bits[i]),
  );
  return { form: { ...a.form, low, high }, bits };
}

/** Make the sum of some numbers. */
export function sumOfValues(net: Netlist, values: readonly Value[], style: AdderStyle): Value {
  const low = values.reduce((sum, { form }) => sum + form.low, 0);
  const high = values.reduce((sum, { form }) => sum + form.high, 0);
  return sumWithin(net, values, { low, high }, style);
}

/** Make Σ weights[i] · values[i] by shifts and adders, no product. */
export function weightedSum(
  net: Netlist,
  values: readonly Value[],
  weights: readonly number[],
  style: AdderStyle,
): Value {
  const heap = new BitHeap();
  let [low, high] = [0, 0];
  values.forEach((value, i) => {
    const ends = [weights[i] * value.form.low, weights[i] * value.form.high];
    low += Math.min(...ends);
    high += Math.max(...ends);
    addValue(heap, value, weights[i]);
  });
  const { base, shift, bits } = heap.sum(net, style, BigInt(high));
  return {
    form: { base: Number(base), weights: bits.map((_, j) => 2 ** (shift + j)), low, high },
    bits,
  };
}

/** Make the sum of some numbers that is known to be in a range. */
export function sumWithin(
  net: Netlist,
  values: readonly Value[],
  { low, high }: Pick<Form, 'low' | 'high'>,
  style: AdderStyle,
): Value {
  const heap = new BitHeap();
  for (const value of values) addValue(heap, value, 1);
  const { base, shift, bits } = heap.sum(net, style, BigInt(high));
  const weights = bits.map((_, j) => 2 ** (shift + j));
  return { form: { base: Number(base), weights, low, high }, bits };
}

/** Make a number less `from` in two's complement or, where it cannot be negative, unsigned: bits for up to `high`. */
export function unsignedFrom(
  net: Netlist,
  { base, shift, bits }: HeapSum,
  from: bigint,
  high: bigint,
  style: AdderStyle,
): Literal[] {
  return plusConstant(net, { shift, bits }, base - from, bitLength(high - from), style);
}

/** Make 2^shift · bits + constant modulo 2^width. */
export function plusConstant(
  net: Netlist,
  { shift, bits }: Pick<HeapSum, 'shift' | 'bits'>,
  constant: bigint,
  width: number,
  style: AdderStyle,
): Literal[] {
  const added = BigInt.asUintN(width, constant);
  const at = (i: number): Literal => bits[i - shift] ?? constantZero;
  const constantAt = (i: number): Literal =>
    (added >> BigInt(i)) & 1n ? constantOne : constantZero;
  // Below the bits the constant stands alone, and below its lowest 1 nothing is carried.
  let first = 0;
  while (first < width && (constantAt(first) === constantZero || at(first) === constantZero))
    first++;
  const low = Array.from({ length: first }, (_, i) =>
    at(i) === constantZero ? constantAt(i) : at(i),
  );
  if (first === width) return low;
  const places = Array.from({ length: width - first }, (_, i) => first + i);
  if (style === 'xc7' && bits.length > 3) {
    const rows = places.flatMap((i) => [at(i), constantAt(i), constantZero]);
    return [...low, ...net.cell('add3', [...rows, constantZero, constantZero], places.length)];
  }
  let carry: Literal = constantZero;
  const sums = places.map((i) => {
    const [a, b] = [at(i), constantAt(i)];
    const sum = net.xor3(a, b, carry);
    carry = net.majority(a, b, carry);
    return sum;
  });
  return [...low, ...sums];
}

/** A channel's constants of a requantize layer. */
export interface ElementRequantize {
  readonly multiplier: number;
  readonly offset: number;
  readonly shift: number;
  readonly minimum: number;
  readonly maximum: number;
}

export const requantizeOf = (layer: RequantizeLayer, channel: number): ElementRequantize => ({
  multiplier: layer.multipliers[channel],
  offset: layer.offsets[channel],
  shift: layer.shifts[channel],
  minimum: layer.minimum,
  maximum: layer.maximum,
});

/** Make clamp(floor((value · multiplier + offset) / 2^shift), minimum, maximum): shifts and adds, no product. */
export function requantized(
  net: Netlist,
  value: Value,
  o: ElementRequantize,
  style: AdderStyle,
): Value {
  const ends = [value.form.low, value.form.high].map(
    (end) => BigInt(end) * BigInt(o.multiplier) + BigInt(o.offset),
  );
  const [least, max] = ends[0] <= ends[1] ? ends : [ends[1], ends[0]];
  const clamp = (n: bigint): number =>
    Number(n < BigInt(o.minimum) ? o.minimum : n > BigInt(o.maximum) ? o.maximum : n);
  const [low, high] = [clamp(least >> BigInt(o.shift)), clamp(max >> BigInt(o.shift))];
  if (low === high) return { form: { base: low, weights: [], low, high }, bits: [] };
  const heap = new BitHeap();
  addValue(heap, value, o.multiplier);
  heap.base += BigInt(o.offset);
  return scaledDown(net, heap, { least, max, low, high, shift: o.shift }, style);
}

/** What a heap is scaled down to: its ends, those of the result, and by what power of two it is divided. */
interface Scaling {
  readonly least: bigint;
  readonly max: bigint;
  readonly low: number;
  readonly high: number;
  readonly shift: number;
}

/** Make clamp(floor(heap / 2^shift), low, high). */
function scaledDown(
  net: Netlist,
  heap: BitHeap,
  { least, max, low, high, shift }: Scaling,
  style: AdderStyle,
): Value {
  // Less the smallest result: negative exactly where that is what comes out.
  const from = BigInt(low) << BigInt(shift);
  const width = bitLength(max - from) + (least < from ? 1 : 0);
  const room = least < from && bitLength(from - least) + 1 > width;
  const whole = room ? bitLength(from - least) + 1 : width;
  const sum = heap.sum(net, style, max);
  const bits = plusConstant(net, sum, sum.base - from, whole, style);
  const below = least < from ? bits[bits.length - 1] : constantZero;
  const magnitude = bits.slice(shift, least < from ? -1 : undefined);
  return clamped(net, magnitude, below, low, high);
}

/**
 * Make clamp(floor((value · multiplier + offset) / 2^shift), low, high) for a multiplier and an offset that are numbers in
 * the circuit too.
 *
 * @param value an unsigned number in binary
 * @param ends of value · multiplier + offset, together as they come
 */
export function scaledBy(
  net: Netlist,
  value: Value,
  multiplier: Value,
  offset: Value,
  ends: Scaling,
  style: AdderStyle,
): Value {
  const heap = new BitHeap();
  // The multiplier is a constant and, above it, bits: each of them adds the value, shifted, or nothing.
  addValue(heap, value, multiplier.form.base);
  multiplier.bits.forEach((on, j) => {
    value.bits.forEach((bit, i) => {
      heap.add(
        BigInt(multiplier.form.weights[j]) * BigInt(value.form.weights[i]),
        net.and(on, bit),
      );
    });
  });
  addValue(heap, offset, 1);
  return scaledDown(net, heap, ends, style);
}

function clamped(
  net: Netlist,
  magnitude: readonly Literal[],
  below: Literal,
  low: number,
  high: number,
): Value {
  const range = BigInt(high - low);
  const above = bitsAtLeast(net, magnitude, range + 1n);
  const bits = Array.from({ length: bitLength(range) }, (_, i) => {
    const bit = magnitude[i] ?? constantZero;
    const limited = (range >> BigInt(i)) & 1n ? net.or(above, bit) : net.and(inverse(above), bit);
    return net.and(inverse(below), limited);
  });
  return { form: { base: low, weights: bits.map((_, i) => 2 ** i), low, high }, bits };
}

/** A score in two's complement, as wide as it has to be: the value plus an offset. */
export function scoreBits(
  net: Netlist,
  value: Value,
  offset: number,
  style: AdderStyle,
): Literal[] {
  const sum = binary(net, value, style);
  const [low, high] = [value.form.low + offset, value.form.high + offset];
  const largestMagnitude = BigInt(Math.max(high, -low - 1, 0));
  // The sign bit is there even where it is always 0.
  const width = bitLength(largestMagnitude) + 1;
  const bits = plusConstant(net, sum, sum.base + BigInt(offset), width, style);
  return low < 0 ? bits : [...bits.slice(0, -1), constantZero];
}

/** Two's complement of so many bits. */
export const extendedBits = (bits: readonly Literal[], width: number): Literal[] =>
  Array.from({ length: width }, (_, i) => bits[i] ?? bits[bits.length - 1]);

/** Make the number of the largest unsigned code, the first of equal ones, and the code itself: least significant bit first. */
export function largestCode(
  net: Netlist,
  codes: readonly (readonly Literal[])[],
): { readonly index: Literal[]; readonly code: readonly Literal[] } {
  const bits = Math.max(1, Math.ceil(Math.log2(codes.length)));
  let left = codes.map((code, k) => ({
    code,
    index: Array.from({ length: bits }, (_, i): Literal => (k >> i) & 1),
  }));
  while (left.length > 1) {
    const next: typeof left = [];
    for (let k = 0; k < left.length; k += 2) {
      const [a, b] = [left[k], left[k + 1]];
      if (b === undefined) {
        next.push(a);
        continue;
      }
      const first = a.code.reduce(
        (met, bit, i) => net.mux(net.xor(bit, b.code[i]), bit, met),
        constantOne,
      );
      const chosen = (x: readonly Literal[], y: readonly Literal[]): Literal[] =>
        x.map((bit, i) => net.mux(first, bit, y[i]));
      next.push({ code: chosen(a.code, b.code), index: chosen(a.index, b.index) });
    }
    left = next;
  }
  return left[0];
}
