import {
  type CheckedLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  weightValues,
} from '@hbnn/model';
import type { RawKernels } from '../webAssembly.ts';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { roundUp } from './regions.ts';
import { sharedRange, whole } from './share.ts';
import type { Epilogue, Places, RunStep, Step } from './step.ts';
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
      bind:
        (raw, at) =>
        (images, { index } = whole) => {
          if (index > 0) return;
          raw[name](at.constants[0], at.input, at.constants[1], at.output, images, outputs);
        },
    };
  }
  const { rows, pitch, pairs, bytes } = padded;
  const channels = plan.input[2];
  const sizes: PairSizes = { rows, pitch, pairs, bytes, outputs, channels };
  return {
    ...common,
    scratchBytes: bytes + planeSumBytes(plan.output),
    constants: [shape, pairedWeights(values, outputs, layer.weights.shape)],
    bind: (raw, { input: from, output: to, scratch, constants: [words, weights] }) => {
      const place = [outputs / channels, scratch, rows, pitch];
      return (images, share = whole) => {
        const range = sharedRange(channels, share);
        raw.depthwisePairs(words, from, pairs, weights, to, images, ...place, ...range);
      };
    },
    ...(outputs === channels && {
      bindWith: (raw, at, next, epilogue) => bindNibbles(raw, at, next, epilogue, sizes),
    }),
  };
}

/** Sizes of a step that multiplies pairs of columns. */
interface PairSizes extends PaddedPlane {
  readonly outputs: number;
  readonly channels: number;
}

/** Bytes of an image's sums, which are written eight and read sixteen at a time. */
const planeSumBytes = ([height, width]: FeatureShape): number => 4 * height * width + 64;

/** Convolve, and write the thresholds' bits. */
function bindNibbles(
  raw: RawKernels,
  at: Places,
  next: Places,
  epilogue: Epilogue,
  { rows, pitch, pairs, bytes }: PairSizes,
): RunStep | undefined {
  if (epilogue.kind !== 'nibbles') return undefined;
  const { nodes, slots } = epilogue;
  const [shape, weights] = at.constants;
  const [thresholds, flips, order, planes] = next.constants;
  const place = [at.scratch, rows, pitch, at.scratch + bytes];
  const tree = [thresholds, nodes, flips];
  const planeCount = Math.log2(nodes + 1);
  return (images, share = whole) => {
    const source = [shape, at.input, pairs, weights, next.output, images];
    const range = sharedRange(slots, share, 4);
    raw.depthwiseNibbles(...source, ...place, order, planes, planeCount, ...tree, ...range);
  };
}

/** An input plane between zeros. */
interface PaddedPlane {
  readonly rows: number;
  readonly pitch: number;
  readonly bytes: number;
  /** Pairs of columns of a window. */
  readonly pairs: number;
}

/** Lay an input plane between zeros, as assembly/inference/depthwise.ts reads it; undefined where that would be large. */
function paddedPlane({
  layer,
  input,
  output,
}: CheckedLayer<DepthwiseLayer>): PaddedPlane | undefined {
  const [, kernelH, kernelW] = layer.weights.shape;
  const [strideH, strideW] = layer.strides;
  const [top, left] = layer.padding;
  if (strideW > 2) return undefined;
  const rows = Math.max((output[0] - 1) * strideH + kernelH, input[0] + top);
  const pairs = Math.ceil(kernelW / 2);
  // Eight values are read and written at a time.
  const columns = Math.max((output[1] - 1) * strideW + 2 * pairs, input[1] + left);
  const pitch = roundUp(columns + 24, 8);
  const bytes = roundUp(2 * rows * pitch + 64, 64);
  return bytes <= maxPaddedBytes ? { rows, pitch, bytes, pairs } : undefined;
}

/** Weights as int16 [outputs][kernelH][pairs][2], each row filled up with 0. */
function pairedWeights(values: Int16Array, outputs: number, shape: readonly number[]): Int16Array {
  const [, kernelH, kernelW] = shape;
  const row = roundUp(kernelW, 2);
  const paired = new Int16Array(outputs * kernelH * row);
  for (let i = 0, from = 0; i < outputs * kernelH; i++)
    for (let k = 0; k < kernelW; k++) paired[i * row + k] = values[from++];
  return paired;
}
