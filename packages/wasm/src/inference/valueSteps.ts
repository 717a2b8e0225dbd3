import { type CheckedLayer, type ConvLayer, type DenseLayer, weightValues } from '@hbnn/model';
import type { RawKernels } from '../webAssembly.ts';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { flatOrder, type ProductWeights, quadsOf } from './productWeights.ts';
import { roundUp } from './regions.ts';
import { gatherOnce, sharedRange, whole } from './share.ts';
import {
  gatheredBytes,
  type Places,
  type RunStep,
  type Step,
  scratchOverrunBytes,
} from './step.ts';
import { macsOf, rowLength, shapeWords, windowOf } from './window.ts';

export type PlannedProduct = CheckedLayer<ConvLayer | DenseLayer>;

/** How a product over whole values goes about its work. */
interface ValueKernel {
  readonly name: 'pairs' | 'wide';
  readonly gather: string;
  readonly multiply: string;
  /** Pixels come in multiples of this. */
  readonly tile: number;
  /** Input values that go together, and the bytes they take for one pixel. */
  readonly fold: number;
  readonly foldBytes: number;
  pack(values: Int16Array, outputs: number, row: number): Int16Array | Int32Array;
}

const kernels: Readonly<Record<ValueKernel['name'], ValueKernel>> = {
  pairs: {
    name: 'pairs',
    gather: 'gatherPairs',
    multiply: 'multiplyPairs',
    tile: 8,
    fold: 2,
    foldBytes: 4,
    pack: (values, outputs, row) =>
      inFours(new Int16Array(roundUp(outputs, 4) * roundUp(row, 2)), values, outputs, row, 2),
  },
  wide: {
    name: 'wide',
    gather: 'gather32',
    multiply: 'multiply32',
    tile: 8,
    fold: 1,
    foldBytes: 4,
    pack: (values, outputs, row) =>
      inFours(new Int32Array(roundUp(outputs, 4) * row), values, outputs, row, 1),
  },
};

/** Weights as [ceil(outputs / 4)][ceil(row / fold)][4][fold], filled up with zeros. */
function inFours<T extends Int16Array | Int32Array>(
  into: T,
  values: Int16Array,
  outputs: number,
  row: number,
  fold: number,
): T {
  const length = roundUp(row, fold);
  for (let o = 0; o < outputs; o++) {
    const base = Math.floor(o / 4) * 4 * length + (o % 4) * fold;
    for (let k = 0; k < row; k++)
      into[base + Math.floor(k / fold) * 4 * fold + (k % fold)] = values[o * row + k];
  }
  return into;
}

/** A convolution or dense layer over whole values: int16 inputs in `pairs`, int32 in `wide`. */
export function valueStep(
  index: number,
  plan: PlannedProduct,
  input: MapLayout,
  batch: number,
  name: ValueKernel['name'],
): Step {
  const kernel = kernels[name];
  const { layer } = plan;
  const [outputs] = layer.weights.shape;
  const row = rowLength(layer.weights);
  const output = mapLayout(plan.output, 'int32', batch);
  const folds = Math.ceil(row / kernel.fold);
  const pixels = plan.output[0] * plan.output[1];
  const cached = Math.max(16, Math.floor(gatheredBytes / (folds * kernel.foldBytes) / 16) * 16);
  const width = Math.min(cached, roundUp(batch * pixels, kernel.tile));
  return {
    layer: index,
    kernel: name,
    input,
    output,
    macs: macsOf(plan),
    scratchBytes: width * folds * kernel.foldBytes,
    constants: [
      shapeWords(windowOf(layer, plan.input), input, output),
      kernel.pack(weightValues(layer.weights), outputs, row),
    ],
    bind: (raw, { input: from, output: to, scratch, constants: [shape, weights] }) => {
      const gather = raw[kernel.gather];
      const multiply = raw[kernel.multiply];
      const { stride } = output;
      return (images, share = whole) => {
        const end = images * pixels;
        const [begin, endOutput] = sharedRange(outputs, share, 4);
        for (let first = 0; first < end; first += width) {
          const last = Math.min(end, first + width);
          const wide = roundUp(last - first, kernel.tile);
          gather(shape, from, first, last, scratch, wide);
          const part = [weights + (begin / 4) * folds * 16, endOutput - begin];
          multiply(scratch, folds, wide, ...part, to + (begin * stride + first) * 4, stride);
        }
      };
    },
  };
}

/** Sizes of a step of `dot`. */
interface DotSizes {
  /** Outputs, four to a group. */
  readonly groups: number;
  /** Inputs of one output, four to a place. */
  readonly places: number;
  /** Output pixels of one image. */
  readonly pixels: number;
  /** Pixels worked on together. */
  readonly width: number;
  readonly outStride: number;
}

/** A convolution or dense layer over int16 values, with 8-bit weights. */
export function dotStep(
  index: number,
  plan: PlannedProduct,
  weights: ProductWeights,
  input: MapLayout,
  batch: number,
): Step {
  const { outputs, divisors } = weights;
  const groups = Math.ceil(outputs / 4);
  const output = mapLayout(plan.output, 'int32', batch);
  const places = Math.ceil(rowLength(plan.layer.weights) / 4);
  const pixels = plan.output[0] * plan.output[1];
  const width = Math.max(4, Math.min(batch * pixels, Math.floor(gatheredBytes / (places * 8))));
  const sizes = { groups, places, pixels, width, outStride: output.stride };
  const factors = new Int32Array(groups * 4);
  factors.set(divisors);
  return {
    layer: index,
    kernel: 'dot',
    input,
    output,
    macs: macsOf(plan),
    scratchBytes: width * places * 8 + scratchOverrunBytes,
    constants: [
      shapeWords(windowOf(plan.layer, plan.input), input, output),
      quadsOf(weights, flatOrder(plan.layer.weights)),
      factors,
    ],
    bind: (raw, at) => bindDot(raw, at, sizes),
  };
}

function bindDot(raw: RawKernels, at: Places, sizes: DotSizes): RunStep {
  const { groups, places, pixels, width, outStride } = sizes;
  const { common } = at;
  const [shape, quads, factors] = at.constants;
  return (images, share = whole) => {
    const end = images * pixels;
    const [group, endGroup] = sharedRange(groups, share);
    for (let first = 0; first < end; first += width) {
      const count = Math.min(end - first, width);
      gatherOnce(share, first > 0, () =>
        raw.gatherRows(shape, at.input, first, first + count, common, places * 4),
      );
      const out = at.output + (4 * group * outStride + first) * 4;
      const weights = [quads + group * places * 16, endGroup - group, factors + 16 * group];
      raw.multiplyQuads(common, places, count, ...weights, out, outStride);
    }
  };
}
