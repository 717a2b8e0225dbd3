import { rowLength } from '@hbnn/model';
import type { ProductWeights } from './productWeights.ts';
import type { PlannedProduct } from './valueSteps.ts';

/** Inputs of a product in the order that its kernel takes them: kernel positions, then channels, four to a place. */
export interface InputOrder {
  readonly positions: number;
  /** Channels in order; those that never add anything may be left out. */
  readonly channels: Int32Array;
}

/** Groups of four channels at each position. */
export const rowsOf = ({ channels }: InputOrder): number => Math.ceil(channels.length / 4);

/** All inputs one after the other, whatever their positions. */
export function flatOrder(plan: PlannedProduct): InputOrder {
  const row = rowLength(plan.layer.weights.shape);
  return { positions: 1, channels: Int32Array.from({ length: row }, (_, i) => i) };
}

/** int8 [outputs / 4][position][rows][4 outputs][4 channels], less the divisors. */
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
      const at = to + position * rows * 16;
      for (let n = 0; n < channels.length; n++)
        quads[at + (n >> 2) * 16 + (n & 3)] = values[from + channels[n]] / divisor;
    }
  }
  return quads;
}
