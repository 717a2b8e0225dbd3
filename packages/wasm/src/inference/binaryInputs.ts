import { type CheckedLayer, featureCount, type ThresholdLayer, weightValues } from '@hbnn/model';
import { kernelsOn, webAssembly } from '../webAssembly.ts';
import { mapLayout, type NibblePlane, nibbleLayout } from './featureMap.ts';
import { inferenceCode } from './inferenceCode.ts';
import { overrunBytes, pageBytes } from './placing.ts';
import { type InputOrder, type ProductWeights, rowsOf } from './productWeights.ts';
import { Regions } from './regions.ts';
import { type PlannedProduct, valueStep } from './valueSteps.ts';
import { windowOf } from './window.ts';

/** Planes that assembly/inference/nibbles.ts knows. */
const maxPlanes = 3;

/** A product's inputs as planes of bits. */
export interface BinaryInputs {
  readonly threshold: ThresholdLayer;
  readonly order: InputOrder;
  /** Whether all pixels have the bitwidths of the first one. */
  readonly uniform: boolean;
  /** The planes that add something. */
  readonly planes: readonly NibblePlane[];
}

/** A product's inputs as planes of bits; undefined where there are too many planes. */
export function binaryInputs(
  plan: PlannedProduct,
  before: CheckedLayer<ThresholdLayer>,
): BinaryInputs | undefined {
  if (before.layer.multiples.length > maxPlanes) return undefined;
  const [kernelH, kernelW] = windowOf(plan.layer, plan.input).kernel;
  const { planes, order: channels, uniform } = nibbleLayout(before, 1);
  return {
    threshold: before.layer,
    order: { positions: kernelH * kernelW, channels },
    uniform,
    planes: planes.filter(({ rows }) => rows > 0),
  };
}

/** Where a product of planes of bits starts: −C of assembly/inference/lookup.ts. */
export interface StartMap {
  /** int32, [outputs][pixels of an image], or, the same for all pixels, [outputs]. */
  readonly values: Int32Array;
  /** Whether pixels differ. */
  readonly each: boolean;
}

/** Compute −C of assembly/inference/lookup.ts, less `deductions` of each output. */
export async function startMap(
  plan: PlannedProduct,
  { threshold, uniform }: BinaryInputs,
  weights: ProductWeights,
  deductions: Int32Array,
): Promise<StartMap> {
  const sums: number[] = [0];
  for (const multiple of threshold.multiples) sums.push(sums[sums.length - 1] + multiple);
  const pixels = plan.output[0] * plan.output[1];
  const { kernel, padding } = windowOf(plan.layer, plan.input);
  const inside = padding.every((n) => n === 0);
  const [, , channels] = plan.input;
  if (inside && uniform) {
    // All windows see the same.
    const inputs = Int16Array.from(threshold.bits.subarray(0, channels), (width) => -sums[width]);
    const values = oneWindow(weights, inputs).map((value, o) => value - deductions[o]);
    return { values, each: false };
  }
  if (weights.fit && uniform) {
    const inputs = Int16Array.from(threshold.bits.subarray(0, channels), (width) => -sums[width]);
    return atEdges(plan, tapSums(weights, inputs, kernel[0] * kernel[1]), deductions);
  }
  const largest = Int16Array.from(threshold.bits, (width) => -sums[width]);
  const whole = inside && kernel.every((n, i) => n === plan.input[i]);
  const values = whole ? oneWindow(weights, largest) : await productOnce(plan, largest);
  const each = values.some((value, i) => value !== values[i - (i % pixels)]);
  const starts = each ? values : values.filter((_, i) => i % pixels === 0);
  const length = starts.length / weights.outputs;
  return { values: starts.map((value, i) => value - deductions[Math.floor(i / length)]), each };
}

/** The sums of a window that lies on the input, whose values are repeated where they are fewer. */
function oneWindow(weights: ProductWeights, inputs: Int16Array): Int32Array<ArrayBuffer> {
  const { fit, layer, outputs, divisors, loops, divided } = weights;
  if (fit) {
    const products = loops.products(divided(), outputs, inputs);
    return products.map((sum, o) => Math.imul(sum, divisors[o]));
  }
  const values = weightValues(layer);
  const row = values.length / outputs;
  const sums = new Int32Array(outputs);
  for (let o = 0, k = 0; o < sums.length; o++) {
    let sum = 0;
    for (const end = (o + 1) * row; k < end; )
      for (let i = 0; i < inputs.length; i++, k++) sum += values[k] * inputs[i];
    sums[o] = sum;
  }
  return sums;
}

/** The sums of each tap of a window, whose pixels are all the same: [outputs][taps]. */
function tapSums(weights: ProductWeights, inputs: Int16Array, taps: number): Int32Array {
  const { outputs, divisors, loops, divided } = weights;
  const products = loops.products(divided(), outputs * taps, inputs);
  return products.map((sum, i) => Math.imul(sum, divisors[Math.floor(i / taps)]));
}

/** The taps of a window from the first one to before the last one that lie on the input, at an output's place. */
interface TapRange {
  readonly first: number;
  readonly end: number;
}

/** Starts of windows that lie beyond the edges of an input whose pixels are all the same. */
function atEdges(plan: PlannedProduct, taps: Int32Array, deductions: Int32Array): StartMap {
  const { kernel, strides, padding } = windowOf(plan.layer, plan.input);
  const ranges = ([0, 1] as const).map((axis) =>
    Array.from({ length: plan.output[axis] }, (_, at): TapRange => {
      const from = at * strides[axis] - padding[axis];
      const first = Math.min(kernel[axis], Math.max(0, -from));
      return { first, end: Math.max(first, Math.min(kernel[axis], plan.input[axis] - from)) };
    }),
  );
  // Windows with the same taps have the same sum: most of them, which lie on the input whole.
  const kinds: (readonly [rows: TapRange, columns: TapRange])[] = [];
  const numbers = new Map<string, number>();
  const kindOf = ranges[0].flatMap((rows) =>
    ranges[1].map((columns) => {
      const key = [rows.first, rows.end, columns.first, columns.end].join();
      const kind = numbers.get(key) ?? kinds.push([rows, columns]) - 1;
      numbers.set(key, kind);
      return kind;
    }),
  );
  const size = kernel[0] * kernel[1];
  const outputs = taps.length / size;
  const pixels = kindOf.length;
  const starts = Array.from({ length: outputs }, (_, o) => {
    const own = taps.subarray(o * size, (o + 1) * size);
    return kinds.map((kind) => sumOfTaps(own, kernel[1], ...kind) - deductions[o]);
  });
  if (starts.every((sums) => sums.every((sum) => sum === sums[0])))
    return { values: Int32Array.from(starts, (sums) => sums[0]), each: false };
  const values = new Int32Array(outputs * pixels);
  for (let o = 0, i = 0; o < outputs; o++) {
    const sums = starts[o];
    for (let p = 0; p < pixels; p++, i++) values[i] = sums[kindOf[p]];
  }
  return { values, each: true };
}

function sumOfTaps(taps: Int32Array, pitch: number, rows: TapRange, columns: TapRange): number {
  let sum = 0;
  for (let y = rows.first; y < rows.end; y++)
    for (let x = columns.first; x < columns.end; x++) sum += taps[y * pitch + x];
  return sum;
}

/** Groups of four channels at each position, those of all planes. */
export const rowsFor = ({ order }: BinaryInputs): number => rowsOf(order);

/** Compute a product of one feature map, [height, width, channels], in a memory of its own: [outputs][pixels]. */
async function productOnce(
  plan: PlannedProduct,
  values: Int16Array,
): Promise<Int32Array<ArrayBuffer>> {
  const [, , channels] = plan.input;
  if (featureCount(plan.input) !== values.length)
    throw new Error(`productOnce: ${values.length} values are not a map of ${plan.input}`);
  const input = mapLayout(plan.input, 'int16', 1);
  const step = valueStep(0, plan, input, 1, 'pairs');
  const regions = new Regions(64);
  const constants = step.constants.map(({ byteLength }) => regions.place(byteLength));
  const from = regions.place(input.bytes);
  const to = regions.place(step.output.bytes);
  const scratch = regions.place(step.scratchBytes);
  const pages = Math.ceil((regions.end + overrunBytes) / pageBytes);
  const memory = new webAssembly.Memory({ initial: pages });
  const bytes = new Uint8Array(memory.buffer);
  step.constants.forEach(({ buffer, byteOffset, byteLength }, i) => {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), constants[i]);
  });
  const planar = new Int16Array(memory.buffer, from, input.bytes / 2);
  values.forEach((value, i) => {
    planar[(i % channels) * input.stride + Math.floor(i / channels)] = value;
  });
  const raw = await kernelsOn(inferenceCode(), memory);
  const places = { scratch, common: scratch, constants };
  step.bind(raw, { input: from, inputs: [from], output: to, ...places })(1);
  const [height, width, outputs] = plan.output;
  const { stride } = step.output;
  const padded = new Int32Array(memory.buffer, to, outputs * stride);
  const sums = new Int32Array(height * width * outputs);
  for (let o = 0; o < outputs; o++)
    sums.set(padded.subarray(o * stride, o * stride + height * width), o * height * width);
  return sums;
}
