import { moduleOn, type RawKernels, type WasmMemory, type WasmModule } from '../webAssembly.ts';
import { mapLayout } from './featureMap.ts';
import type { ProductWeights } from './productWeights.ts';
import { roundUp } from './regions.ts';
import { sharedRange, whole } from './share.ts';
import {
  type Epilogue,
  type Places,
  type RunStep,
  type Step,
  scratchOverrunBytes,
} from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, rowLength, windowOf } from './window.ts';

/** How an engine's dot product takes bytes of eight bits, where it computes with all of them. */
type PixelDot = 'unsigned' | 'signed';

/** What is found out about kernels' code on this engine. */
export interface KernelTraits {
  /** Whether the code has relaxed SIMD. */
  readonly relaxed: boolean;
  /** Undefined where the dot product does not hold eight bits. */
  readonly pixelDot?: PixelDot;
}

/** Bytes and weights whose products and their sums leave 16 bits, and some of each sign. */
const probeBytes = [255, 255, 255, 255, 255, 255, 255, 255, 128, 127, 1, 0, 255, 0, 128, 254];
const probeWeights = [
  127, 127, 127, 127, -128, -128, -128, -128, 127, -128, -1, 5, 127, 127, -128, -1,
];

const probeSums = (value: (byte: number) => number): number[] =>
  [0, 4, 8, 12].map((lane) =>
    [0, 1, 2, 3].reduce((sum, i) => sum + probeWeights[lane + i] * value(probeBytes[lane + i]), 0),
  );

/** Try kernels' code out. @param memory of a page, which the code is put on */
export async function kernelTraits(module: WasmModule, memory: WasmMemory): Promise<KernelTraits> {
  const raw = await moduleOn(module, memory);
  const [from, to] = [64, 128];
  new Int8Array(memory.buffer, from, 32).set([...probeWeights, ...probeBytes]);
  raw.probeDot(from, to);
  const [a, b, c, d, relaxed] = new Int32Array(memory.buffer, to, 5);
  const is = (sums: readonly number[]): boolean => [a, b, c, d].every((sum, i) => sum === sums[i]);
  if (is(probeSums((byte) => byte))) return { relaxed: relaxed === 1, pixelDot: 'unsigned' };
  if (is(probeSums((byte) => byte - 256 * (byte >> 7))))
    return { relaxed: relaxed === 1, pixelDot: 'signed' };
  return { relaxed: relaxed === 1 };
}

/** Columns that are computed together. */
const tile = 4;
/** An image between borders takes at most this many bytes. */
const maxBorderedBytes = 2 ** 24;

/** An image between borders. */
interface Bordered {
  readonly rows: number;
  readonly pitch: number;
  readonly bytes: number;
  /** Bytes of a row that are the image's, and where they begin. */
  readonly copied: number;
  readonly left: number;
  readonly top: number;
}

/** The first layer's inputs. */
export interface PixelInputs {
  readonly zeros: Int32Array;
  readonly dot: PixelDot;
}

function bordered({ layer, input, output }: PlannedProduct): Bordered {
  const { kernel, strides, padding } = windowOf(layer, input);
  const reach = (axis: 0 | 1): number =>
    output[axis] === 1 ? kernel[axis] : (output[axis] - 1) * strides[axis] + kernel[axis];
  const [rows, columns] = [reach(0), reach(1)];
  const channels = input[2];
  const left = Math.min(padding[1], columns);
  const copied = Math.max(0, Math.min(input[1], columns - left));
  return {
    rows,
    pitch: columns * channels,
    bytes: rows * columns * channels,
    copied: copied * channels,
    left: left * channels,
    top: padding[0],
  };
}

/** Whether a convolution of pixels can be computed where they lie. */
export const fitsPixels = (plan: PlannedProduct, weights: ProductWeights): boolean =>
  weights.fit &&
  plan.layer.kind === 'conv' &&
  plan.output[1] >= tile &&
  bordered(plan).bytes <= maxBorderedBytes;

/** Weights over their divisors as int8 [groups][kernelH][fours][4 outputs][4], filled up with 0. */
function quadsOfRows(
  { divided, outputs }: ProductWeights,
  rows: number,
  rowBytes: number,
): Int8Array {
  const values = divided();
  const fours = Math.ceil(rowBytes / 4);
  const quads = new Int8Array(Math.ceil(outputs / 4) * rows * fours * 16);
  for (let o = 0, k = 0; o < outputs; o++)
    for (let row = 0; row < rows; row++) {
      const at = ((o >> 2) * rows + row) * fours * 16 + (o & 3) * 4;
      for (let i = 0; i < rowBytes; i++, k++) quads[at + (i >> 2) * 16 + (i & 3)] = values[k];
    }
  return quads;
}

/** What sums of bytes, each less `shift`, lack to those of pixels less their zeros. */
function pixelStarts(
  { divided, divisors, outputs }: ProductWeights,
  zeros: Int32Array,
  shift: number,
): Int32Array {
  const values = divided();
  const row = values.length / outputs;
  const starts = new Int32Array(roundUp(outputs, 4));
  for (let o = 0, i = 0; o < outputs; o++)
    for (let k = 0; k < row; k++, i++)
      starts[o] += values[i] * divisors[o] * (shift - zeros[k % zeros.length]);
  return starts;
}

/** Sizes of a step over pixels. */
interface PixelLayout {
  readonly plan: PlannedProduct;
  readonly border: Bordered;
  readonly groups: number;
  readonly outStride: number;
  /** What is taken from bytes: 0 or 128. */
  readonly shift: number;
}

/** A convolution of pixels where they lie, in place of reading them first. */
export function pixelStep(
  index: number,
  plan: PlannedProduct,
  weights: ProductWeights,
  { zeros, dot }: PixelInputs,
  batch: number,
): Step {
  const { shape } = plan.layer.weights;
  const border = bordered(plan);
  const output = mapLayout(plan.output, 'int32', batch);
  const shift = dot === 'signed' ? 128 : 0;
  const factors = new Int32Array(roundUp(weights.outputs, 4));
  factors.set(weights.divisors);
  const layout: PixelLayout = {
    plan,
    border,
    groups: Math.ceil(weights.outputs / 4),
    outStride: output.stride,
    shift,
  };
  const rowBytes = rowLength(plan.layer.weights) / shape[1];
  return {
    layer: index,
    kernel: 'pixelDot',
    input: mapLayout(plan.input, 'int16', batch),
    output,
    macs: macsOf(plan),
    scratchBytes: border.bytes + scratchOverrunBytes,
    constants: [
      Uint8Array.from({ length: border.pitch + 16 }, (_, i) => zeros[i % zeros.length]),
      quadsOfRows(weights, shape[1], rowBytes),
      factors,
      pixelStarts(weights, zeros, shift),
    ],
    bind: (raw, at) => bindPixels(raw, at, layout, at.output, 4, [0, 0, 0]),
    bindWith: (raw, at, next, epilogue) => withEpilogue(raw, at, layout, next, epilogue),
  };
}

function withEpilogue(
  raw: RawKernels,
  at: Places,
  layout: PixelLayout,
  next: Places,
  epilogue: Epilogue,
): RunStep | undefined {
  if (epilogue.kind !== 'requantize') return undefined;
  const { minimum, maximum } = epilogue;
  return bindPixels(raw, at, layout, next.output, 2, [next.constants[0], minimum, maximum]);
}

/**
 * @param to where the outputs go
 * @param valueBytes of one of them
 * @param requantize the last arguments of `multiplyPixels`
 */
function bindPixels(
  raw: RawKernels,
  at: Places,
  { plan, border, groups, outStride, shift }: PixelLayout,
  to: number,
  valueBytes: number,
  requantize: readonly number[],
): RunStep {
  const { pitch, copied, left, top } = border;
  const [inH, inW, channels] = plan.input;
  const [outH, outW] = plan.output;
  const { kernel, strides, padding } = windowOf(plan.layer, plan.input);
  const [zeros, quads, factors, starts] = at.constants;
  const inPitch = inW * channels;
  const inPlace = shift === 0 && padding.every((n) => n === 0);
  const line = inPlace ? inPitch : pitch;
  const steps = [strides[1] * channels, outH === 1 ? 0 : strides[0] * line];
  const sizes = [kernel[0], Math.ceil((kernel[1] * channels) / 4)];
  return (images, share = whole) => {
    const [first, end] = sharedRange(outH, share);
    if (first === end) return;
    // A share puts the rows that it reads between borders.
    const firstRow = first * strides[0];
    const rows = (end - 1 - first) * strides[0] + kernel[0];
    for (let image = 0; image < images; image++) {
      const from = at.input + image * inH * inPitch;
      const copy = [inH, inPitch, copied, top - firstRow, left, zeros, rows, pitch];
      if (!inPlace) raw.borderPixels(from, ...copy, at.scratch, shift);
      const weights = [quads, groups, factors, starts];
      const place = to + (image * outH + first) * outW * valueBytes;
      const out = [end - first, outW, place, outStride * valueBytes];
      const source = inPlace ? from + firstRow * line : at.scratch;
      raw.multiplyPixels(source, line, ...steps, ...sizes, ...weights, ...out, ...requantize);
    }
  };
}
