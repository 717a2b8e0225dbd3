import { BitHeap, type HeapSum } from '../netlist/bitHeap.ts';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { constantOne, constantZero, inverse, type Literal, Netlist } from '../netlist/netlist.ts';
import type { Value } from '../netlist/value.ts';
import { plusConstant, sumWithin } from '../netlist/values.ts';
import { linearSums } from '../sums/linearSums.ts';
import { planSums } from '../sums/sumPlan.ts';
import type { SumMemo } from '../sums/sumShapes.ts';
import {
  type BeatLogic,
  baseless,
  channelValue,
  placedNumbers,
  tableValues,
  widthOf,
} from './beatLogic.ts';
import { choiceBits, type LanesAtOnce } from './lanesAtOnce.ts';
import type { MatrixTables } from './matrixTables.ts';
import { beatWidth, type PlacedVectors, type Stream, type WindowedMatrix } from './stream.ts';

/** The whole matrix at once, its weights constants: a window in, all outputs. */
export function constantMatrix(
  matrix: WindowedMatrix,
  input: Stream,
  placed: PlacedVectors,
  ranges: readonly { readonly low: number; readonly high: number }[],
  style: AdderStyle,
  memo: SumMemo,
): BeatLogic & { readonly values: readonly Value[] } {
  const { layer, outputs, inputs, kernel, tapOf, channelOf } = matrix;
  const taps = kernel[0] * kernel[1];
  const window = taps * beatWidth(input);
  const { table, forms } = placedNumbers(placed);
  const net = new Netlist(window + table.width);
  const valueAt = (tap: number, c: number): Value => {
    const value = channelValue(net, input, c, tap * beatWidth(input));
    return { form: baseless(value.form), bits: value.bits };
  };
  const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  let sums: Value[];
  if (layer.kind === 'depthwise') {
    const each = outputs / input.shape[2];
    sums = counting(input.shape[2]).flatMap((c) => {
      const part = { from: c * each, outputs: each, taps: counting(taps) };
      const own = counting(taps).map((tap) => valueAt(tap, c));
      return linearSums(net, own, planSums(layer.weights, part, style, memo), style);
    });
  } else {
    const values = counting(inputs).map((i) => valueAt(tapOf(i), channelOf(0, i)));
    const part = { from: 0, outputs, taps: counting(inputs) };
    sums = linearSums(net, values, planSums(layer.weights, part, style, memo), style);
  }
  const biases = tableValues(net, forms, window);
  const values = sums.map((sum, o): Value => {
    const { low, high } = ranges[o];
    const bias = biases[o];
    if (bias.bits.length > 0) return sumWithin(net, [sum, bias], { low, high }, style);
    return {
      form: { ...sum.form, base: sum.form.base + bias.form.base, low, high },
      bits: sum.bits,
    };
  });
  net.outputs.push(...values.flatMap(({ bits }) => bits));
  return { net, values, ...(table.width > 0 && { table }) };
}

/**
 * The product that one PE adds in one cycle, as a netlist. Its inputs are the operand and the signs of all lanes, then
 * member bits and the factor where the matrix has several.
 */
export function laneLogic(tables: MatrixTables, operandWidth: number, style: AdderStyle): Netlist {
  const { members, factors, width, schedule } = tables;
  const { simd } = schedule.fold;
  const factorBits = factors.length > 1 ? widthOf(factors[factors.length - 1]) : 0;
  if (schedule.atOnce !== undefined)
    return atOnceLogic(tables, schedule.atOnce, operandWidth, factorBits, style);
  const from = simd * (operandWidth + 1) + { all: 0, rows: 1, each: simd }[members];
  const net = new Netlist(from + factorBits);
  const most = simd * (2 ** operandWidth - 1);
  // The accumulator adds modulo 2^width: no more bits of the sum are needed.
  const places = Math.min(widthOf(most), width);
  const heap = new BitHeap();
  for (let i = 0; i < simd; i++) {
    const sign = net.input(simd * operandWidth + i);
    const member = members === 'each' ? net.input(simd * (operandWidth + 1) + i) : constantOne;
    for (let j = 0; j < Math.min(operandWidth, places); j++) {
      const bit = net.xor(net.input(i * operandWidth + j), inverse(sign));
      heap.add(2 ** j, net.and(member, bit));
    }
  }
  const sum = heap.sum(net, style, BigInt(Math.min(most, 2 ** places - 1)));
  const row = members === 'rows' ? net.input(simd * (operandWidth + 1)) : constantOne;
  const counted = Array.from({ length: places }, (_, i) =>
    net.and(row, sum.bits[i - sum.shift] ?? constantZero),
  );
  const factor = Array.from({ length: factorBits }, (_, i) => net.input(from + i));
  const bits = times(net, counted, factor, factors, style);
  const product = Array.from({ length: Math.min(width, bits.length) }, (_, i) => bits[i]);
  net.outputs.push(...product);
  return net;
}

/**
 * Makes the product that one PE adds in one cycle, where its lanes multiply all planes of the weights. The netlist's
 * inputs are the operand, the PE's word of signs and choices, and the factor where the inputs have several.
 */
function atOnceLogic(
  { factors, width, peBits, planeFactors = [] }: MatrixTables,
  { entries, planes }: LanesAtOnce,
  operandWidth: number,
  factorBits: number,
  style: AdderStyle,
): Netlist {
  const weights = entries * operandWidth;
  const from = weights + peBits;
  const net = new Netlist(from + factorBits);
  const bitsOf = (at: number, count: number): Literal[] =>
    Array.from({ length: count }, (_, i) => net.input(at + i));
  let inputs: (readonly Literal[])[] = Array.from({ length: entries }, (_, i) =>
    bitsOf(i * operandWidth, operandWidth),
  );
  const total = new BitHeap();
  let most = 0;
  planes.forEach((lanes, n) => {
    inputs = lanes.map(({ first, choices, choice }) =>
      chosenOf(
        net,
        inputs.slice(first, first + choices),
        bitsOf(weights + choice, choiceBits(choices)),
      ),
    );
    const sum = new BitHeap();
    // Bits of a plane whose factor is a power of two need no sum of their own.
    const isShift = Number.isInteger(Math.log2(planeFactors[n]));
    const heap = isShift ? total : sum;
    inputs.forEach((bits, lane) => {
      const minus = inverse(net.input(weights + lanes[lane].sign));
      bits.forEach((bit, j) => {
        heap.add((isShift ? planeFactors[n] : 1) * 2 ** j, net.xor(bit, minus));
      });
    });
    const maxOfPlane = lanes.length * (2 ** operandWidth - 1);
    most += planeFactors[n] * maxOfPlane;
    if (isShift) return;
    const counted = sum.sum(net, style, BigInt(maxOfPlane));
    counted.bits.forEach((bit, i) => {
      total.add(planeFactors[n] * 2 ** (counted.shift + i), bit);
    });
  });
  const counted = numberOf(net, total.sum(net, style, BigInt(most)), widthOf(most), style);
  const bits = times(net, counted, bitsOf(from, factorBits), factors, style);
  net.outputs.push(...bits.slice(0, width));
  return net;
}

/** One of several numbers, by a number in binary below their count: rounds of two-way choices, the lowest bit first. */
function chosenOf(
  net: Netlist,
  from: readonly (readonly Literal[])[],
  choice: readonly Literal[],
): readonly Literal[] {
  let left = from;
  for (const bit of choice)
    left = Array.from({ length: Math.ceil(left.length / 2) }, (_, i) =>
      2 * i + 1 === left.length
        ? left[2 * i]
        : left[2 * i].map((clear, j) => net.mux(bit, left[2 * i + 1][j], clear)),
    );
  return left[0];
}

/** The bits of a sum as a number. A sum in signed digits has a constant of its own. */
function numberOf(net: Netlist, sum: HeapSum, width: number, style: AdderStyle): Literal[] {
  if (sum.base !== 0n) return plusConstant(net, sum, sum.base, width, style);
  return Array.from({ length: width }, (_, i) => sum.bits[i - sum.shift] ?? constantZero);
}

/** A number times a factor, by shifts and additions alone. */
function times(
  net: Netlist,
  bits: readonly Literal[],
  factor: readonly Literal[],
  factors: readonly number[],
  style: AdderStyle,
): Literal[] {
  const largestFactor = factors[factors.length - 1] ?? 0;
  const most = (2 ** bits.length - 1) * largestFactor;
  const width = widthOf(most);
  const places = Array.from({ length: factor.length }, (_, i) => i);
  const power = (n: number): boolean => n === 0 || Number.isInteger(Math.log2(n));
  if (factor.length > 0 && factors.every(power))
    return Array.from({ length: width }, (_, to) =>
      places.reduce(
        (any, i) => net.or(any, net.and(factor[i], bits[to - i] ?? constantZero)),
        constantZero,
      ),
    );
  const heap = new BitHeap();
  bits.forEach((bit, j) => {
    if (factor.length === 0) heap.add(largestFactor * 2 ** j, bit);
    else for (const i of places) heap.add(2 ** (i + j), net.and(factor[i], bit));
  });
  return numberOf(net, heap.sum(net, style, BigInt(most)), width, 'gates');
}
