import {
  type CheckedLayer,
  type ConvLayer,
  type DenseLayer,
  rowLength,
  weightValues,
} from '@hbnn/model';
import { type MapLayout, mapLayout, roundUp } from './featureMap.ts';
import type { Step } from './step.ts';
import { macsOf, shapeWords, windowOf } from './window.ts';

export type PlannedProduct = CheckedLayer<ConvLayer | DenseLayer>;

/** Gathered windows worked on together, so that they stay in the second-level cache. */
export const gatheredBytes = 2 ** 18;

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
    ...{ name: 'pairs', gather: 'gatherPairs', multiply: 'multiplyPairs', tile: 8 },
    ...{ fold: 2, foldBytes: 4 },
    pack: (values, outputs, row) =>
      packed(new Int16Array(roundUp(outputs, 4) * roundUp(row, 2)), values, outputs, row, 2),
  },
  wide: {
    ...{ name: 'wide', gather: 'gather32', multiply: 'multiply32', tile: 8 },
    ...{ fold: 1, foldBytes: 4 },
    pack: (values, outputs, row) =>
      packed(new Int32Array(roundUp(outputs, 4) * row), values, outputs, row, 1),
  },
};

/** [ceil(outputs / 4)][ceil(row / fold)][4][fold], filled up with zeros. */
function packed<T extends Int16Array | Int32Array>(
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
  const row = rowLength(layer.weights.shape);
  const output = mapLayout(plan.output, 'int32', batch);
  const folds = Math.ceil(row / kernel.fold);
  const pixels = plan.output[0] * plan.output[1];
  const most = Math.max(16, Math.floor(gatheredBytes / (folds * kernel.foldBytes) / 16) * 16);
  const width = Math.min(most, roundUp(batch * pixels, kernel.tile));
  return {
    ...{ layer: index, kernel: name, input, output, macs: macsOf(plan) },
    scratchBytes: width * folds * kernel.foldBytes,
    constants: [
      shapeWords(windowOf(layer, plan.input), input, output),
      kernel.pack(weightValues(layer.weights), outputs, row),
    ],
    bind: (raw, { input: from, output: to, scratch, constants: [shape, weights] }) => {
      const gather = raw[kernel.gather];
      const multiply = raw[kernel.multiply];
      return (images) => {
        const end = images * pixels;
        for (let first = 0; first < end; first += width) {
          const last = Math.min(end, first + width);
          const wide = roundUp(last - first, kernel.tile);
          gather(shape, from, first, last, scratch, wide);
          multiply(scratch, folds, wide, weights, outputs, to + first * 4, output.stride);
        }
      };
    },
  };
}
