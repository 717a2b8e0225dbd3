import { type IntegerWeights, type PlaneWeights, weightValues } from '@hbnn/model';
import { rowLength } from './window.ts';

/** The largest magnitude of int8 weights. */
const maxInt8 = 127;

/** A product's weights as its kernels take them: whole numbers over a divisor for each output. */
export interface ProductWeights {
  readonly layer: IntegerWeights;
  readonly outputs: number;
  /** A common divisor of each output's weights, which goes into the factor of its sum. */
  readonly divisors: Int32Array;
  /** Whether all weights over their divisors fit into int8. */
  readonly fit: boolean;
  /** About the mean of |w| over its divisor. */
  readonly mean: number;
  /** The weights, not divided, row-major. */
  values(): Int16Array;
}

/** Look through a product's weights. @param pack they are many: look at their scales alone where those tell enough */
export function productWeights(layer: IntegerWeights, pack: boolean): ProductWeights {
  let values: Int16Array | undefined;
  const valuesOnce = () => {
    values ??= weightValues(layer);
    return values;
  };
  if (pack && layer.kind === 'planes' && layer.multiples.length > 0) {
    const scales = dividedScales(layer);
    if (scales.fit) return { ...scales, layer, values: valuesOnce };
  }
  const outputs = layer.shape[0];
  return { ...divided(valuesOnce(), outputs), layer, outputs, values: valuesOnce };
}

/** Divide each output's weights by the greatest common divisor of its scales: all planes can be divided by it. */
function dividedScales({ multiples, shape }: PlaneWeights) {
  const outputs = shape[0];
  const divisors = new Int32Array(outputs);
  let fit = true;
  let mean = 0;
  for (let o = 0; o < outputs; o++) {
    const scales = multiples.map((plane) => plane[plane.length === 1 ? 0 : o]);
    divisors[o] = scales.reduce(greatestDivisor, 0) || 1;
    if (scales.reduce((sum, k) => sum + k, 0) / divisors[o] > maxInt8) fit = false;
    // Later planes add and take away about as often.
    mean += Math.max(...scales) / divisors[o] / outputs;
  }
  return { outputs, divisors, fit, mean };
}

/** Divide each output's weights by their greatest common divisor, which is 1 where all are 0. */
function divided(values: Int16Array, outputs: number) {
  const row = values.length / outputs;
  const divisors = new Int32Array(outputs);
  let fit = true;
  let mean = 0;
  for (let o = 0; o < outputs; o++) {
    let divisor = 0;
    let largest = 0;
    let sum = 0;
    for (let i = o * row; i < (o + 1) * row; i++) {
      const w = Math.abs(values[i]);
      if (w > largest) largest = w;
      sum += w;
      if (divisor !== 1 && w !== 0) divisor = greatestDivisor(w, divisor);
    }
    divisors[o] = divisor || 1;
    mean += sum / divisors[o] / values.length;
    if (largest / divisors[o] > maxInt8) fit = false;
  }
  return { divisors, fit, mean };
}

export function greatestDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** Inputs of a product in the order that its kernel takes them: kernel positions, then channels, four to a place. */
export interface InputOrder {
  readonly positions: number;
  /** Channels in order; those that never add anything may be left out. */
  readonly channels: Int32Array;
}

/** Groups of four channels at each position. */
export const rowsOf = ({ channels }: InputOrder): number => Math.ceil(channels.length / 4);

/** All inputs one after the other, whatever their positions. */
export function flatOrder(weights: IntegerWeights): InputOrder {
  return { positions: 1, channels: Int32Array.from({ length: rowLength(weights) }, (_, i) => i) };
}

/** Weights over their divisors as quads: int8 [outputs / 4][rows][position][4 outputs][4 channels]. */
export function quadsOf(
  { values: valuesOf, outputs, divisors }: ProductWeights,
  order: InputOrder,
): Int8Array<ArrayBuffer> {
  const values = valuesOf();
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
      const at = to + position * 16;
      for (let n = 0; n < channels.length; n++)
        quads[at + (n >> 2) * positions * 16 + (n & 3)] = values[from + channels[n]] / divisor;
    }
  }
  return quads;
}
