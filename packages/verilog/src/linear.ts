import { type IntegerWeights, weightValues } from '@hbnn/core';
import { type AdderStyle, BitHeap, bitLength } from './bitHeap.ts';
import type { Netlist } from './netlist.ts';
import type { Form, Value } from './value.ts';

/** One row of ±1 and 0 over the inputs, which counts `multiple` times in output `output`. */
interface Row {
  readonly output: number;
  readonly multiple: number;
  readonly signs: Int8Array;
}

/** Inputs that a few rows all take, each with the same sign or the opposite one throughout: added up once for all. */
interface Class {
  readonly inputs: readonly number[];
  /** Signs of the inputs in the class's sum. */
  readonly signs: readonly number[];
  /** The rows that take it, and whether they add or subtract it. */
  readonly uses: readonly { readonly row: Row; readonly sign: number }[];
}

/** What one site of a layer adds up: some outputs' weights of some inputs, and how they are put together. */
export interface Matrix {
  readonly outputs: number;
  readonly inputs: number;
  /** [outputs, inputs]. */
  readonly values: Int16Array;
  readonly classes: readonly Class[];
  /** About how many adders it takes when each input is one bit. */
  readonly adders: number;
}

/** Which of a layer's weights a matrix has: outputs from one on, and places in each output's row. */
export interface Part {
  readonly from: number;
  readonly outputs: number;
  readonly taps: ArrayLike<number>;
}

/** Take a part of a layer's weights and find the grouping that leaves the fewest bits to add. */
export function matrixOf(weights: IntegerWeights, { from, outputs, taps }: Part): Matrix {
  const row = weights.shape.slice(1).reduce((product, n) => product * n, 1);
  const all = weightValues(weights);
  const inputs = taps.length;
  const values = new Int16Array(outputs * inputs);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) values[o * inputs + i] = all[(from + o) * row + taps[i]];
  const found = [grouped(digitPools(values, outputs, inputs))];
  if (weights.kind === 'planes') {
    const { multiples, bits, signs: bytes, scalePer } = weights;
    const pools = multiples.map((ks, n) =>
      Array.from({ length: outputs }, (_, o): Row => {
        const signs = new Int8Array(inputs);
        for (let i = 0; i < inputs; i++) {
          const at = (from + o) * row + taps[i];
          if (bits[at] > n) signs[i] = (bytes[at] >> n) & 1 ? 1 : -1;
        }
        return { output: o, multiple: ks[scalePer === 'tensor' ? 0 : from + o], signs };
      }).filter(({ multiple }) => multiple !== 0),
    );
    found.unshift(grouped(pools));
  }
  const { classes, cost } = found.reduce((a, b) => (b.cost < a.cost ? b : a));
  return { outputs, inputs, values, classes, adders: cost };
}

function grouped(pools: readonly (readonly Row[])[]): { classes: Class[]; cost: number } {
  const each = pools.filter((pool) => pool.length > 0).map(best);
  return {
    classes: each.flatMap(({ classes }) => classes),
    cost: each.reduce((sum, { cost }) => sum + cost, 0),
  };
}

/** Signed digits of whole weights, no two neighbours: one row per output and place. */
function digitPools(values: Int16Array, outputs: number, inputs: number): Row[][] {
  const places = 13;
  const pools: Row[][] = [];
  for (let place = 0; place < places; place++) {
    const pool: Row[] = [];
    for (let o = 0; o < outputs; o++) {
      const signs = new Int8Array(inputs);
      let members = 0;
      for (let i = 0; i < inputs; i++) {
        signs[i] = digitAt(values[o * inputs + i], place);
        if (signs[i] !== 0) members++;
      }
      if (members > 0) pool.push({ output: o, multiple: 2 ** place, signs });
    }
    if (pool.length > 0) pools.push(pool);
  }
  return pools;
}

/** Digit of the form without neighbouring digits: of v, those of 3v ^ v. */
function digitAt(value: number, place: number): number {
  const magnitude = Math.abs(value);
  const tripled = 3 * magnitude;
  const digit = (((tripled >> 1) & ~(magnitude >> 1)) >> place) & 1;
  const minus = (((magnitude >> 1) & ~(tripled >> 1)) >> place) & 1;
  return value < 0 ? minus - digit : digit - minus;
}

/** Digits of a multiple in a bit heap. */
function digitCount(multiple: number): number {
  const tripled = 3 * multiple;
  let differing = tripled ^ multiple;
  let count = 0;
  for (; differing !== 0; differing &= differing - 1) count++;
  return count;
}

const mostTogether = 5;

/** The grouping of a pool's rows that leaves the fewest bits to add, when each input is one bit. */
function best(pool: readonly Row[]): { readonly cost: number; readonly classes: Class[] } {
  let found = { cost: Number.POSITIVE_INFINITY, classes: [] as Class[] };
  for (let together = 1; together <= Math.min(mostTogether, pool.length); together++) {
    const classes: Class[] = [];
    for (let at = 0; at < pool.length; at += together)
      classes.push(...classesOf(pool.slice(at, at + together)));
    const cost = classes.reduce((sum, one) => sum + costOf(one), 0);
    if (cost < found.cost) found = { cost, classes };
  }
  return found;
}

/** Group inputs by their signs in the rows, up to a common sign. */
function classesOf(rows: readonly Row[]): Class[] {
  const byKey = new Map<number, number[]>();
  const inputs = rows[0].signs.length;
  for (let i = 0; i < inputs; i++) {
    let key = 0;
    let first = 0;
    for (const { signs } of rows) {
      if (first === 0) first = signs[i];
      key = 3 * key + 1 + signs[i] * first;
    }
    if (first === 0) continue;
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [i]);
    else list.push(i);
  }
  return [...byKey.values()].map((members): Class => {
    const at = members[0];
    const taking = rows.filter(({ signs }) => signs[at] !== 0);
    const sign = taking[0].signs[at];
    const uses = taking.map((row) => ({ row, sign: row.signs[at] * sign }));
    return { inputs: members, signs: members.map((i) => taking[0].signs[i]), uses };
  });
}

/** Whether a class is added up by itself, or bit by bit in each row. */
function isShared({ inputs, uses }: Class): boolean {
  // Two bits added make two bits.
  if (inputs.length < 3) return false;
  return uses.length > 1 || digitCount(uses[0].row.multiple) > 1;
}

/**
 * What a sum of its own costs beyond the bits that it takes away: the ends of its counters and of its carry chain. Of
 * 0 to 3 the value with the fewest LUTs on random layers of 144 inputs and 16 or 64 outputs.
 */
const ownSumCost = 3;

/** Bits to be added for a class and its rows: an adder takes one away. */
function costOf(one: Class): number {
  const digits = one.uses.reduce((sum, { row }) => sum + digitCount(row.multiple), 0);
  const count = one.inputs.length;
  if (!isShared(one)) return count * digits;
  const width = bitLength(BigInt(count));
  return count - width + width * digits + ownSumCost;
}

/**
 * Make the sums Σ_i w[o, i] · in[i] of every output.
 *
 * Rows of ±1 are taken a few at a time: their signs part the inputs into classes, each added up once and then
 * added to or subtracted from every row's sum. What no other row shares goes into the row's own heap.
 */
export function linearSums(
  net: Netlist,
  inputs: readonly Value[],
  matrix: Matrix,
  style: AdderStyle,
): Value[] {
  const heaps = Array.from({ length: matrix.outputs }, () => new BitHeap());
  for (const one of matrix.classes) {
    const sum = isShared(one) ? classSum(net, inputs, one, style) : undefined;
    for (const { row, sign } of one.uses) {
      const heap = heaps[row.output];
      if (sum !== undefined) {
        heap.base += BigInt(sign * row.multiple) * sum.base;
        sum.bits.forEach((bit, j) => {
          heap.add(sign * row.multiple * 2 ** (sum.shift + j), bit);
        });
      } else
        one.inputs.forEach((i, n) => {
          addValue(heap, inputs[i], sign * one.signs[n] * row.multiple);
        });
    }
  }
  return heaps.map((heap, o) => {
    const [low, high] = bounds(
      inputs.map(({ form }) => form),
      (i) => matrix.values[o * matrix.inputs + i],
    );
    net.notes.set(net.size, `sum ${o}`);
    const { base, shift, bits } = heap.sum(net, style, BigInt(high));
    const weights = bits.map((_, j) => 2 ** (shift + j));
    return { form: { base: Number(base), weights, low, high }, bits };
  });
}

function classSum(net: Netlist, inputs: readonly Value[], one: Class, style: AdderStyle) {
  const heap = new BitHeap();
  one.inputs.forEach((i, n) => {
    addValue(heap, inputs[i], one.signs[n]);
  });
  const forms = one.inputs.map((i) => inputs[i].form);
  const [, most] = bounds(forms, (n) => one.signs[n]);
  return heap.sum(net, style, BigInt(most));
}

/** Add `factor` times a number to a heap. */
export function addValue(heap: BitHeap, { form, bits }: Value, factor: number | bigint): void {
  const times = BigInt(factor);
  heap.base += times * BigInt(form.base);
  bits.forEach((bit, i) => {
    heap.add(times * BigInt(form.weights[i]), bit);
  });
}

function bounds(forms: readonly Form[], weight: (i: number) => number): [number, number] {
  let low = 0;
  let high = 0;
  forms.forEach((form, i) => {
    const w = weight(i);
    low += w * (w > 0 ? form.low : form.high);
    high += w * (w > 0 ? form.high : form.low);
  });
  return [low, high];
}
