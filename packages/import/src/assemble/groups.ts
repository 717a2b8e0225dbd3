import { HbnnError } from '@hbnn/core';
import type { LayerSpec, WeightArray } from './layerSpec.ts';

type Convolution = Extract<LayerSpec, { kind: 'conv2d' }>;

/** A convolution in groups, as one layer of TensorFlow.js. */
export interface Grouped {
  readonly spec: LayerSpec;
  /** Whether zeros stand in the kernel, between groups or where dilation skips a value. */
  readonly hasZeros: boolean;
}

/**
 * Write a convolution in groups as TensorFlow.js has it: a depthwise one where each group has one input, else a
 * convolution whose kernel has zeros between groups.
 *
 * @param spec its kernel is [height, width, inputs of a group, outputs]
 * @param where what errors call the layer
 * @throws HbnnError where dilation makes a kernel that is too large
 */
export function groupedConvolution(spec: Convolution, groups: number, where: string): Grouped {
  if (groups === 1) return undilated(spec, where);
  const [height, width, inner, outputs] = spec.kernel.shape;
  if (inner === 1) {
    // Output c · multiplier + j sees input c alone, which is the order of memory of a depthwise kernel too.
    const kernel = { shape: [height, width, groups, outputs / groups], data: spec.kernel.data };
    return undilated({ ...spec, kind: 'depthwiseConv2d', kernel }, where);
  }
  const whole = undilated({ ...spec, kernel: blockDiagonal(spec.kernel, groups) }, where);
  return { ...whole, hasZeros: true };
}

/** A small file could ask for any size; this one is 256 MiB. */
const maxKernelValues = 2 ** 26;

/**
 * Write dilation as zeros in the kernel: TensorFlow.js ignores that of a depthwise layer, has none beside strides and no
 * gradient for any, and an integer layer has none either.
 *
 * @param where what errors call the layer
 * @throws HbnnError where that makes a kernel that is too large
 */
export function undilated(
  spec: Extract<LayerSpec, { kind: 'conv2d' | 'depthwiseConv2d' }>,
  where: string,
): Grouped {
  const [down, right] = spec.dilation;
  if (down === 1 && right === 1) return { spec, hasZeros: false };
  const [height, width, inputs, outputs] = spec.kernel.shape;
  const shape = [(height - 1) * down + 1, (width - 1) * right + 1, inputs, outputs];
  const values = shape.reduce((product, size) => product * size, 1);
  if (!(values <= maxKernelValues))
    throw new HbnnError(
      `${where}: expected a dilation whose kernel has at most ${maxKernelValues} values with the zeros between them, got [${down}, ${right}] for a kernel of ${height} × ${width}; export the network with a smaller one`,
    );
  const data = new Float32Array(values);
  const size = inputs * outputs;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * size;
      data.set(
        spec.kernel.data.subarray(from, from + size),
        (y * down * shape[1] + x * right) * size,
      );
    }
  return { spec: { ...spec, kernel: { shape, data }, dilation: [1, 1] }, hasZeros: true };
}

function blockDiagonal({ shape, data }: WeightArray, groups: number): WeightArray {
  const [height, width, inner, outputs] = shape;
  const inputs = inner * groups;
  const perGroup = outputs / groups;
  const whole = new Float32Array(height * width * inputs * outputs);
  for (let position = 0; position < height * width; position++)
    for (let i = 0; i < inner; i++)
      for (let o = 0; o < outputs; o++) {
        const input = Math.floor(o / perGroup) * inner + i;
        whole[(position * inputs + input) * outputs + o] =
          data[(position * inner + i) * outputs + o];
      }
  return { shape: [height, width, inputs, outputs], data: whole };
}
