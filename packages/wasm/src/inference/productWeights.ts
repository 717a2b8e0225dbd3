import { type IntegerWeights, type PlaneWeights, weightValues } from '@hbnn/model';
import type { LoadingKernels, QuadOrder, RowFacts } from './loadingKernels.ts';
import { areCoded, greatestDivisor } from './weightCodes.ts';
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
  /** Loops over the weights. */
  readonly loops: LoadingKernels;
  /** The weights over their divisors, row-major, where they fit. */
  divided(): Int8Array;
}

/** Look through a product's weights. @param pack they are many: look at their scales alone where those tell enough */
export function productWeights(
  layer: IntegerWeights,
  pack: boolean,
  loops: LoadingKernels,
): ProductWeights {
  const outputs = layer.shape[0];
  const found =
    pack && layer.kind === 'planes' && layer.multiples.length > 0
      ? dividedScales(layer)
      : undefined;
  const { divisors, fit, mean } = found?.fit ? found : dividedWeights(layer, outputs, loops);
  let values: Int8Array | undefined;
  const divided = (): Int8Array => {
    values ??= dividedValues(layer, divisors, loops);
    return values;
  };
  return { layer, outputs, divisors, fit, mean, loops, divided };
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
  return { divisors, fit, mean };
}

/** Divide each output's weights by their greatest common divisor, which is 1 where all are 0. */
function dividedWeights(layer: IntegerWeights, outputs: number, loops: LoadingKernels) {
  const count = outputs * rowLength(layer);
  const { sums, largest, divisors: common } = rowFacts(layer, outputs, loops);
  const divisors = common.map((divisor) => divisor || 1);
  let fit = true;
  let mean = 0;
  for (let o = 0; o < outputs; o++) {
    mean += sums[o] / divisors[o] / count;
    if (largest[o] / divisors[o] > maxInt8) fit = false;
  }
  return { divisors, fit, mean };
}

function rowFacts(layer: IntegerWeights, outputs: number, loops: LoadingKernels): RowFacts {
  if (layer.kind === 'int8') return loops.byteFacts(layer.values, outputs);
  return areCoded(layer) ? loops.planeFacts(layer) : factsOfValues(weightValues(layer), outputs);
}

function factsOfValues(values: Int16Array, outputs: number): RowFacts {
  const row = values.length / outputs;
  const sums = new Float64Array(outputs);
  const largest = new Int32Array(outputs);
  const divisors = new Int32Array(outputs);
  for (let o = 0, i = 0; o < outputs; o++)
    for (const end = (o + 1) * row; i < end; i++) {
      const w = Math.abs(values[i]);
      sums[o] += w;
      if (w > largest[o]) largest[o] = w;
      if (divisors[o] !== 1 && w !== 0) divisors[o] = greatestDivisor(w, divisors[o]);
    }
  return { sums, largest, divisors };
}

function dividedValues(
  layer: IntegerWeights,
  divisors: Int32Array,
  loops: LoadingKernels,
): Int8Array {
  const isWhole = divisors.every((divisor) => divisor === 1);
  if (layer.kind === 'int8' && isWhole) return layer.values;
  if (layer.kind === 'planes' && areCoded(layer)) return loops.dividedValues(layer, divisors);
  const row = rowLength(layer);
  const values = layer.kind === 'int8' ? layer.values : weightValues(layer);
  return Int8Array.from(values, (value, i) => value / divisors[Math.floor(i / row)]);
}

/** Inputs of a product in the order that its kernel takes them: kernel positions, then channels, four to a place. */
export type InputOrder = QuadOrder;

/** Groups of four channels at each position. */
export const rowsOf = ({ channels }: InputOrder): number => Math.ceil(channels.length / 4);

/** All inputs one after the other, whatever their positions. */
export function flatOrder(weights: IntegerWeights): InputOrder {
  return { positions: 1, channels: Int32Array.from({ length: rowLength(weights) }, (_, i) => i) };
}

/** Weights over their divisors as quads: int8 [outputs / 4][rows][position][4 outputs][4 channels]. */
export const quadsOf = (
  { divided, outputs, loops }: ProductWeights,
  order: InputOrder,
): Int8Array<ArrayBuffer> => loops.quads(divided(), outputs, order);

/** The most bytes that four outputs of a product may take, as weights or quads in any order. */
export function groupBytes(weights: IntegerWeights, positions: number): number {
  const row = rowLength(weights);
  return 16 * Math.max(Math.ceil(row / 4), positions * Math.ceil(row / positions / 4));
}
