import { type IntegerWeights, type PlaneWeights, weightValues } from '@hbnn/core';
import type { PlannedProduct } from './valueSteps.ts';
import { windowOf } from './window.ts';

/** Inputs of a product in the order that its kernel takes them: kernel positions, then channels, four to a place. */
export interface InputOrder {
  readonly positions: number;
  /** Channels in order; those that never add anything may be left out. */
  readonly channels: Int32Array;
}

/** Groups of four channels at each position. */
export const rowsOf = ({ channels }: InputOrder): number => Math.ceil(channels.length / 4);

/** All channels of a product's inputs as they come. */
export function plainOrder(plan: PlannedProduct): InputOrder {
  const [kernelH, kernelW] = windowOf(plan.layer, plan.input).kernel;
  const channels = Int32Array.from({ length: plan.input[2] }, (_, c) => c);
  return { positions: kernelH * kernelW, channels };
}

/** All inputs one after the other, whatever their positions. */
export function flatOrder(plan: PlannedProduct): InputOrder {
  const row = plan.layer.weights.shape.slice(1).reduce((product, n) => product * n, 1);
  return { positions: 1, channels: Int32Array.from({ length: row }, (_, i) => i) };
}

/** The largest magnitude of a quad's weights. */
const mostQuad = 127;

/** Weights as whole numbers and the greatest common divisor of each output's; 1 where all are 0. */
export interface DividedWeights {
  readonly values: Int16Array;
  readonly outputs: number;
  readonly divisors: Int32Array;
  /** Whether all fit into quads. */
  readonly fit: boolean;
  /** The mean of |w| over the divisor. */
  readonly mean: number;
}

export function dividedWeights(weights: IntegerWeights): DividedWeights {
  const values = weightValues(weights);
  const [outputs] = weights.shape;
  const row = values.length / outputs;
  const divisors = new Int32Array(outputs);
  let fit = true;
  let mean = 0;
  for (let o = 0; o < outputs; o++) {
    let divisor = 0;
    let most = 0;
    let sum = 0;
    for (let i = o * row; i < (o + 1) * row; i++) {
      const w = Math.abs(values[i]);
      if (w > most) most = w;
      sum += w;
      for (let rest = w; divisor !== 1 && rest !== 0; ) [divisor, rest] = [rest, divisor % rest];
    }
    divisors[o] = divisor || 1;
    mean += sum / divisors[o] / values.length;
    if (most / divisors[o] > mostQuad) fit = false;
  }
  return { values, outputs, divisors, fit, mean };
}

function greatestDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** The same weights over the greatest common divisor of each output's scales, which all their planes can be divided by. */
export function dividedPlanes(
  { multiples }: PlaneWeights,
  { values, outputs, mean }: DividedWeights,
): DividedWeights {
  const divisors = new Int32Array(outputs);
  let fit = true;
  for (let o = 0; o < outputs; o++) {
    const scales = multiples.map((plane) => plane[plane.length === 1 ? 0 : o]);
    divisors[o] = scales.reduce(greatestDivisor, 0) || 1;
    if (scales.reduce((sum, k) => sum + k, 0) / divisors[o] > mostQuad) fit = false;
  }
  return { values, outputs, divisors, fit, mean };
}

/** int8 [outputs / 4][position][rows][4 outputs][4 channels], less the divisors. */
export function quadsOf(
  { values, outputs, divisors }: DividedWeights,
  order: InputOrder,
): Int8Array<ArrayBuffer> {
  const rows = rowsOf(order);
  const { positions, channels } = order;
  const inputs = values.length / outputs / positions;
  const places = positions * rows;
  const quads = new Int8Array(Math.ceil(outputs / 4) * places * 16);
  for (let o = 0; o < outputs; o++) {
    const divisor = divisors[o];
    const to = (o >> 2) * places * 16 + (o & 3) * 4;
    for (let position = 0; position < positions; position++) {
      const from = (o * positions + position) * inputs;
      const at = to + position * rows * 16;
      for (let n = 0; n < channels.length; n++)
        quads[at + (n >> 2) * 16 + (n & 3)] = values[from + channels[n]] / divisor;
    }
  }
  return quads;
}
