import type { CheckedLayer, ThresholdLayer } from '@hbnn/model';
import { type NibblePlane, nibbleLayout } from './featureMap.ts';
import { productOnce } from './productOnce.ts';
import type { ProductWeights } from './productWeights.ts';
import { type InputOrder, rowsOf } from './quads.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { windowOf } from './window.ts';

/** Planes that assembly/model/nibbles.ts knows. */
const mostPlanes = 3;

/** A product's inputs as planes of bits. */
export interface BinaryInputs {
  readonly threshold: ThresholdLayer;
  readonly order: InputOrder;
  /** Those that add something. */
  readonly planes: readonly NibblePlane[];
}

/** A product's inputs as planes of bits; undefined where there are too many planes. */
export function binaryInputs(
  plan: PlannedProduct,
  before: CheckedLayer<ThresholdLayer>,
): BinaryInputs | undefined {
  if (before.layer.multiples.length > mostPlanes) return undefined;
  const [kernelH, kernelW] = windowOf(plan.layer, plan.input).kernel;
  const { planes, order: channels } = nibbleLayout(before, 1);
  return {
    threshold: before.layer,
    order: { positions: kernelH * kernelW, channels },
    planes: planes.filter(({ rows }) => rows > 0),
  };
}

/** Where a product of planes of bits starts: C of assembly/model/lookup.ts. */
export interface StartMap {
  /** int32, [outputs][pixels of an image], or, the same for all pixels, [outputs]. */
  readonly values: Int32Array;
  readonly each: boolean;
}

/** −C of assembly/model/lookup.ts, less `also` for each output. */
export async function startMap(
  plan: PlannedProduct,
  { threshold }: BinaryInputs,
  weights: ProductWeights,
  also: Int32Array,
): Promise<StartMap> {
  const sums: number[] = [0];
  for (const multiple of threshold.multiples) sums.push(sums[sums.length - 1] + multiple);
  const pixels = plan.output[0] * plan.output[1];
  const largest = Int16Array.from(threshold.bits, (width) => -sums[width]);
  const { kernel, padding } = windowOf(plan.layer, plan.input);
  const whole = padding.every((n) => n === 0) && kernel.every((n, i) => n === plan.input[i]);
  const values = whole ? oneWindow(weights, largest) : await productOnce(plan, largest);
  const each = values.some((value, i) => value !== values[i - (i % pixels)]);
  const starts = each ? values : values.filter((_, i) => i % pixels === 0);
  const length = starts.length / weights.outputs;
  return { values: starts.map((value, i) => value - also[Math.floor(i / length)]), each };
}

/** Sums of a window that lies on the whole input. */
function oneWindow(weights: ProductWeights, inputs: Int16Array): Int32Array<ArrayBuffer> {
  const values = weights.values();
  const row = inputs.length;
  const sums = new Int32Array(weights.outputs);
  for (let o = 0; o < sums.length; o++) {
    let sum = 0;
    for (let i = 0, k = o * row; i < row; i++, k++) sum += values[k] * inputs[i];
    sums[o] = sum;
  }
  return sums;
}

/** Groups of four channels at each position, those of all planes. */
export const rowsFor = ({ order }: BinaryInputs): number => rowsOf(order);
