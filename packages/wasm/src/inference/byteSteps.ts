import { codeValues, type PlaneWeights } from '@hbnn/model';
import type { RawKernels } from '../webAssembly.ts';
import { chunk, codesOf, eachByte, type PlaneWords, planeWords, tablesOf } from './codesStep.ts';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { flatOrder, type ProductWeights, quadsOf } from './productWeights.ts';
import { roundUp } from './regions.ts';
import { gatherOnce, sharedRange, whole } from './share.ts';
import {
  type Constant,
  gatheredBytes,
  type Places,
  type RunStep,
  type Step,
  scratchOverrunBytes,
} from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, rowLength, shapeWords, windowOf } from './window.ts';

/** Inputs of at most this magnitude and their bound together fit into seven bits. */
export const maxByteBound = 63;

/** The low half of a byte, which kernels take as an argument. */
const codeMask = 15;

/** Sizes of a step over bytes. */
interface ByteSizes {
  readonly kernel: 'byteDot' | 'byteCodes';
  readonly multiply: 'multiplyByteQuads' | 'multiplyByteCodes';
  /** Bytes of one pixel's inputs: whole places or chunks. */
  readonly rowBytes: number;
  /** Bytes of the weights of one output. */
  readonly outputBytes: number;
  /** Inputs of a place or chunk. */
  readonly together: number;
}

/** A convolution or dense layer over inputs of seven bits, with 8-bit weights. */
export const byteDotStep = (
  index: number,
  plan: PlannedProduct,
  weights: ProductWeights,
  input: MapLayout,
  batch: number,
): Step => {
  const row = rowLength(plan.layer.weights);
  const sums = rowSums(weights.values(), weights.outputs);
  const constants = [quadsOf(weights, flatOrder(plan.layer.weights))];
  return byteStep(index, plan, weights, input, batch, sums, constants, {
    kernel: 'byteDot',
    multiply: 'multiplyByteQuads',
    rowBytes: roundUp(row, 4),
    outputBytes: roundUp(row, 4),
    together: 4,
  });
};

/** The same with weights of at most three planes as codes of four bits. */
export function byteCodesStep(
  index: number,
  plan: PlannedProduct,
  weights: ProductWeights,
  input: MapLayout,
  batch: number,
): Step {
  const { layer, outputs, divisors } = weights;
  if (layer.kind !== 'planes') throw new Error('byteCodesStep: weights are no planes');
  const constants = [codesOf(layer, outputs), tablesOf(layer, divisors)];
  return byteStep(index, plan, weights, input, batch, planeSums(layer, outputs), constants, {
    kernel: 'byteCodes',
    multiply: 'multiplyByteCodes',
    rowBytes: roundUp(rowLength(layer), chunk),
    outputBytes: roundUp(rowLength(layer), chunk) / 2,
    together: chunk,
  });
}

/** The sum of each output's weights. */
function rowSums(values: Int16Array, outputs: number): Int32Array {
  const row = values.length / outputs;
  const sums = new Int32Array(outputs);
  for (let o = 0, i = 0; o < outputs; o++) for (let k = 0; k < row; k++) sums[o] += values[i++];
  return sums;
}

/** The same of weights in planes, which are not written out. */
export function planeSums(weights: PlaneWeights, outputs: number): Int32Array {
  const words = planeWords(weights, outputs);
  return words === undefined ? sumsByKind(weights, outputs) : sumsByPlane(weights, outputs, words);
}

/** By counting each kind of weight. */
function sumsByKind(weights: PlaneWeights, outputs: number): Int32Array {
  const { bits, signs, multiples } = weights;
  const row = bits.length / outputs;
  const planes = multiples.length;
  const sums = new Int32Array(outputs);
  const counts = new Int32Array((planes + 1) << planes);
  for (let o = 0, i = 0; o < outputs; o++) {
    counts.fill(0);
    for (const end = (o + 1) * row; i < end; i++) counts[(bits[i] << planes) | signs[i]]++;
    for (const [kind, value] of codeValues(weights, o).entries()) sums[o] += counts[kind] * value;
  }
  return sums;
}

/** Words whose bytes count together before they would overflow. */
const countedWords = 255;

/** By counting each plane's members and those of sign +1, four weights at a time. */
function sumsByPlane(
  { multiples }: PlaneWeights,
  outputs: number,
  { bits, signs }: PlaneWords,
): Int32Array {
  const row = bits.length / outputs;
  const sums = new Int32Array(outputs);
  /** Members of each plane, then those of sign +1. */
  const counts = new Int32Array(6);
  for (let o = 0; o < outputs; o++) {
    counts.fill(0);
    for (let i = o * row; i < (o + 1) * row; i += countedWords)
      countMembers(bits, signs, i, Math.min(i + countedWords, (o + 1) * row), counts);
    multiples.forEach((plane, n) => {
      sums[o] += plane[plane.length === 1 ? 0 : o] * (2 * counts[3 + n] - counts[n]);
    });
  }
  return sums;
}

/** Count some words' members, in each byte on its own until the end. */
function countMembers(
  bits: Int32Array,
  signs: Int32Array,
  first: number,
  end: number,
  counts: Int32Array,
): void {
  let a = 0;
  let b = 0;
  let c = 0;
  let p = 0;
  let q = 0;
  let r = 0;
  for (let i = first; i < end; i++) {
    const low = bits[i] & eachByte;
    const second = (bits[i] >>> 1) & eachByte;
    const some = low | second;
    const third = low & second;
    // Sums of 32 bits, whose four bytes are the counts.
    a = (a + some) | 0;
    b = (b + second) | 0;
    c = (c + third) | 0;
    p = (p + (signs[i] & some)) | 0;
    q = (q + ((signs[i] >>> 1) & second)) | 0;
    r = (r + ((signs[i] >>> 2) & third)) | 0;
  }
  const each = [a, b, c, p, q, r];
  for (let n = 0; n < 6; n++)
    counts[n] +=
      (each[n] & 255) + ((each[n] >>> 8) & 255) + ((each[n] >>> 16) & 255) + (each[n] >>> 24);
}

function byteStep(
  index: number,
  plan: PlannedProduct,
  { outputs, divisors }: ProductWeights,
  input: MapLayout,
  batch: number,
  sums: Int32Array,
  packed: readonly Constant[],
  sizes: ByteSizes,
): Step {
  const { rowBytes } = sizes;
  const groups = Math.ceil(outputs / 4);
  const output = mapLayout(plan.output, 'int32', batch);
  const pixels = plan.output[0] * plan.output[1];
  const width = Math.max(4, Math.min(batch * pixels, Math.floor(gatheredBytes / rowBytes)));
  const factors = new Int32Array(groups * 4);
  factors.set(divisors);
  const starts = new Int32Array(groups * 4);
  starts.set(sums.map((sum) => Math.imul(-plan.inputBound, sum)));
  const window = shapeWords(windowOf(plan.layer, plan.input), input, output);
  return {
    layer: index,
    kernel: sizes.kernel,
    input,
    output,
    macs: macsOf(plan),
    scratchBytes: width * rowBytes + scratchOverrunBytes,
    constants: [window, factors, starts, ...packed],
    bind: (raw, at) =>
      bindBytes(raw, at, { ...sizes, groups, pixels, width, outStride: output.stride }, plan),
  };
}

interface BoundSizes extends ByteSizes {
  readonly groups: number;
  /** Output pixels of one image. */
  readonly pixels: number;
  /** Pixels worked on together. */
  readonly width: number;
  readonly outStride: number;
}

function bindBytes(
  raw: RawKernels,
  at: Places,
  sizes: BoundSizes,
  { inputBound }: PlannedProduct,
): RunStep {
  const { rowBytes, together, groups, pixels, width, outStride } = sizes;
  const { common } = at;
  const [shape, factors, starts, ...packed] = at.constants;
  const multiply = raw[sizes.multiply];
  const [weights, ...tables] = packed;
  return (images, share = whole) => {
    const end = images * pixels;
    const [group, endGroup] = sharedRange(groups, share);
    for (let first = 0; first < end; first += width) {
      const count = Math.min(end - first, width);
      gatherOnce(share, first > 0, () =>
        raw.gatherBytes(shape, at.input, first, first + count, common, rowBytes, inputBound),
      );
      const inputs = [common, rowBytes / together, count];
      const own = [
        weights + group * 4 * sizes.outputBytes,
        ...tables.map((table) => table + group * 64),
      ];
      const sums = [factors + 16 * group, starts + 16 * group];
      const out = at.output + (group * 4 * outStride + first) * 4;
      multiply(...inputs, ...own, endGroup - group, ...sums, out, outStride, codeMask);
    }
  };
}
