import { HbnnError } from '@hbnn/core';
import {
  type Int8Weights,
  type IntegerWeights,
  type PlaneWeights,
  rowLength,
} from './integerModel.ts';

/** An engine's own loops over weights. */
export interface RowSumLoops {
  /**
   * max over outputs of Σ |w|. Undefined where the loops do not tell, as for weights with more bits than planes or signs
   * beyond their bits: a plain loop then looks, and names the weight.
   */
  largestRowSum?(weights: PlaneWeights): number | undefined;
}

/**
 * max over outputs of Σ |w|, the factor by which sums can grow.
 *
 * @throws HbnnError for bitwidths beyond the planes, or signs beyond the bitwidths
 */
export function largestRowSum(weights: IntegerWeights, name: string, loops?: RowSumLoops): number {
  const largest = weights.kind === 'planes' ? loops?.largestRowSum?.(weights) : undefined;
  if (largest !== undefined) return largest;
  const [outputs] = weights.shape;
  const row = rowLength(weights.shape);
  const sumOf = weights.kind === 'int8' ? int8RowSum(weights) : planesRowSum(weights, name);
  let max = 0;
  for (let o = 0; o < outputs; o++) max = Math.max(max, sumOf(o, o * row, (o + 1) * row));
  return max;
}

/** Σ |w| of an output's row, elements `from` … `to` − 1. */
type RowSum = (output: number, from: number, to: number) => number;

function int8RowSum({ values }: Int8Weights): RowSum {
  return (_, from, to) => {
    let sum = 0;
    for (let i = from; i < to; i++) sum += Math.abs(values[i]);
    return sum;
  };
}

/** Above every |Σ ±k_n|, 8 · 255 at most, so that a sum over a row with one such entry shows it. */
const unsound = 65535;

function planesRowSum(weights: PlaneWeights, name: string): RowSum {
  const { bits, signs, multiples, scalePer, shape } = weights;
  const planes = multiples.length;
  const row = bits.length / shape[0];
  // |Σ ±k_n| for each number of bits and pattern of signs.
  const table = new Uint16Array(2 ** 16).fill(unsound);
  const enter = (width: number, pattern: number, group: number): void => {
    let value = 0;
    for (let n = 0; n < width; n++)
      value += (pattern >> n) & 1 ? multiples[n][group] : -multiples[n][group];
    table[(width << 8) | pattern] = Math.abs(value);
  };
  const every = (group: number): void => {
    for (let width = 0; width <= planes; width++)
      for (let pattern = 0; pattern < 2 ** width; pattern++) enter(width, pattern, group);
  };
  // A short row has fewer entries than there could be.
  const own = (group: number, from: number, to: number): void => {
    for (let i = from; i < to; i++)
      if (bits[i] <= planes && signs[i] >> bits[i] === 0) enter(bits[i], signs[i], group);
  };
  if (scalePer === 'tensor') every(0);
  return (output, from, to) => {
    if (scalePer === 'output' && row > 2 ** planes) every(output);
    else if (scalePer === 'output') own(output, from, to);
    const sum = tableSum(bits, signs, table, from, to);
    if (sum < 0) throw unfitSigns(name, planes, bits, signs, from);
    return sum;
  };
}

/** Σ of a row's entries; −1 when one is unsound. Two at a time: a plain sum waits for each entry. */
function tableSum(
  bits: Uint8Array,
  signs: Uint8Array,
  table: Uint16Array,
  from: number,
  to: number,
): number {
  let even = 0;
  let odd = 0;
  let seen = 0;
  let i = from;
  for (; i + 1 < to; i += 2) {
    const first = table[(bits[i] << 8) | signs[i]];
    const second = table[(bits[i + 1] << 8) | signs[i + 1]];
    even += first;
    odd += second;
    seen |= first | second;
  }
  if (i < to) {
    const last = table[(bits[i] << 8) | signs[i]];
    even += last;
    seen |= last;
  }
  return seen === unsound ? -1 : even + odd;
}

function unfitSigns(
  name: string,
  planes: number,
  bits: Uint8Array,
  signs: Uint8Array,
  from: number,
): HbnnError {
  let i = from;
  while (bits[i] <= planes && signs[i] >> bits[i] === 0) i++;
  return new HbnnError(
    `${name}: expected bitwidths up to ${planes} and no signs beyond them, got ${bits[i]} bits with signs ${signs[i]} at weight ${i}; mend that weight or add planes`,
  );
}
