import { type CheckedLayer, type DepthwiseLayer, featureCount, weightValues } from '@hbnn/model';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { roundUp } from './regions.ts';
import type { Step } from './step.ts';
import { shapeWords, windowOf } from './window.ts';

/** Padded planes take at most this many bytes. */
const maxPaddedBytes = 2 ** 22;

export function depthwiseStep(
  index: number,
  plan: CheckedLayer<DepthwiseLayer>,
  input: MapLayout,
  batch: number,
): Step {
  const { layer } = plan;
  const window = windowOf(layer, plan.input);
  const output = mapLayout(plan.output, 'int32', batch);
  const values = weightValues(layer.weights);
  const outputs = plan.output[2];
  const shape = shapeWords(window, input, output);
  const common = {
    layer: index,
    kernel: 'depthwise',
    input,
    output,
    macs: featureCount(plan.output) * layer.weights.shape[1] * layer.weights.shape[2],
  } as const;
  const padded = input.form === 'int16' ? paddedPlane(plan) : undefined;
  if (padded === undefined) {
    const name = input.form === 'int32' ? 'depthwise32' : 'depthwise16';
    return {
      ...common,
      scratchBytes: 0,
      constants: [shape, Int32Array.from(values)],
      bind: (raw, at) => (images) =>
        raw[name](at.constants[0], at.input, at.constants[1], at.output, images, outputs),
    };
  }
  const { rows, pitch, offsets, bytes } = padded;
  const pairs = offsets.length / 2;
  return {
    ...common,
    scratchBytes: bytes,
    constants: [shape, offsets, pairedWeights(values, outputs, pairs)],
    bind: (raw, { input: from, output: to, scratch, constants }) => {
      const [words, taps, weights] = constants;
      const sizes = [scratch, rows, pitch];
      return (images) =>
        raw.depthwisePairs(words, from, taps, pairs, weights, to, images, outputs, ...sizes);
    },
  };
}

/** Lay an input plane between zeros, as assembly/inference/depthwise.ts reads it; undefined where that would be large. */
function paddedPlane({ layer, input, output }: CheckedLayer<DepthwiseLayer>) {
  const [, kernelH, kernelW] = layer.weights.shape;
  const [strideH, strideW] = layer.strides;
  const [top, left] = layer.padding;
  if (strideW > 2) return undefined;
  const rows = Math.max((output[0] - 1) * strideH + kernelH, input[0] + top);
  // Eight values are read and written at a time.
  const columns = Math.max((output[1] - 1) * strideW + kernelW, input[1] + left);
  const pitch = roundUp(Math.ceil(columns / strideW) + 16, 8);
  const bytes = 2 * strideW * rows * pitch + 64;
  if (!(bytes <= maxPaddedBytes)) return undefined;
  const taps = kernelH * kernelW;
  const offsets = new Int32Array(roundUp(taps, 2));
  for (let i = 0; i < kernelH; i++)
    for (let j = 0; j < kernelW; j++) {
      const row = (j % strideW) * rows + i;
      offsets[i * kernelW + j] = 2 * (row * pitch + Math.floor(j / strideW));
    }
  return { rows, pitch, offsets, bytes };
}

/** Weights as int16 [outputs][pairs][2], filled up with 0. */
function pairedWeights(values: Int16Array, outputs: number, pairs: number): Int16Array {
  const taps = values.length / outputs;
  const paired = new Int16Array(outputs * pairs * 2);
  for (let o = 0; o < outputs; o++)
    paired.set(values.subarray(o * taps, (o + 1) * taps), o * pairs * 2);
  return paired;
}
