import type { RawKernels } from '../webAssembly.ts';
import { tablesOf } from './codesStep.ts';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { chunk } from './loadingKernels.ts';
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
  const sums = rowSums(weights);
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
  const { layer, divisors, loops } = weights;
  if (layer.kind !== 'planes') throw new Error('byteCodesStep: weights are no planes');
  const constants = [loops.codes(layer), tablesOf(layer, divisors)];
  return byteStep(index, plan, weights, input, batch, loops.planeSums(layer), constants, {
    kernel: 'byteCodes',
    multiply: 'multiplyByteCodes',
    rowBytes: roundUp(rowLength(layer), chunk),
    outputBytes: roundUp(rowLength(layer), chunk) / 2,
    together: chunk,
  });
}

/** The sum of each output's weights. */
function rowSums({ divided, divisors, outputs, loops }: ProductWeights): Int32Array {
  const sums = loops.products(divided(), outputs, Int16Array.of(1));
  return sums.map((sum, o) => Math.imul(sum, divisors[o]));
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
