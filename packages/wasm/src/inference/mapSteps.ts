import {
  type CheckedLayer,
  type MaxPoolLayer,
  type RequantizeLayer,
  type SumPoolLayer,
  type ThresholdLayer,
  treeSize,
} from '@hbnn/model';
import { type MapLayout, mapLayout, nibbleLayout, roundUp } from './featureMap.ts';
import type { Step } from './step.ts';
import { shapeWords, windowOf } from './window.ts';

/** Change a map of whole numbers to int16 or int32; none where it is so already. */
export function convertStep(
  layer: number,
  input: MapLayout,
  form: 'int16' | 'int32',
  batch: number,
): Step[] {
  if (input.form === form) return [];
  const output = mapLayout(input.shape, form, batch);
  const kernel = form === 'int16' ? 'narrow' : 'widen';
  const count = roundUp(input.shape[2], 4) * input.stride;
  return [
    {
      ...{ layer, kernel, input, output, scratchBytes: 0, constants: [] },
      bind: (raw, at) => () => raw[kernel](at.input, at.output, count),
    },
  ];
}

export function poolStep(
  index: number,
  plan: CheckedLayer<MaxPoolLayer | SumPoolLayer>,
  input: MapLayout,
  batch: number,
): Step {
  const { layer } = plan;
  const wide = input.form === 'int32';
  const sum = layer.kind === 'sumPool';
  const output = mapLayout(plan.output, wide || sum ? 'int32' : 'int16', batch);
  const window = windowOf(layer, plan.input);
  const [kernelH, kernelW] = window.kernel;
  const name = `${layer.kind}${wide ? 32 : 16}`;
  return {
    ...{ layer: index, kernel: layer.kind, input, output, scratchBytes: 4 * plan.input[1] + 16 },
    constants: [shapeWords(window, input, output)],
    bind: (raw, at) => (images) =>
      raw[name](
        ...[at.constants[0], at.input, at.output, images],
        ...[plan.output[2], kernelH, kernelW, at.scratch],
      ),
  };
}

export function thresholdStep(
  index: number,
  plan: CheckedLayer<ThresholdLayer>,
  input: MapLayout,
  batch: number,
): Step {
  const { layer } = plan;
  const [height, width, channels] = plan.input;
  const pixels = height * width;
  const output = mapLayout(plan.output, 'int16', batch);
  const bits = Uint8Array.from(layer.bits, (_, i) => {
    const c = Math.floor(i / pixels);
    return layer.bits[(i % pixels) * channels + c];
  });
  const nodes = treeSize(layer.multiples.length);
  const name = `threshold${input.form === 'int32' ? 32 : 16}`;
  return {
    ...{ layer: index, kernel: 'threshold', input, output, scratchBytes: 0 },
    constants: [bits, Int32Array.from(layer.multiples), layer.thresholds, layer.flips],
    bind: (raw, at) => (images) =>
      raw[name](
        ...[at.input, at.output, ...at.constants],
        ...[images, pixels, channels, input.stride, nodes],
      ),
  };
}

/** Thresholds of at most three planes to nibbles, from int32. */
export function nibbleStep(
  index: number,
  plan: CheckedLayer<ThresholdLayer>,
  input: MapLayout,
  batch: number,
): Step {
  const { layer } = plan;
  const [height, width, channels] = plan.input;
  const pixels = height * width;
  const output = nibbleLayout(plan, batch);
  const { stride, planes = [] } = output;
  const uniform = layer.bits.every((bits, i) => bits === layer.bits[i % channels]);
  // Of the whole batch, so that one vector loop runs over all its images.
  const members = new Uint8Array(uniform ? 0 : channels * stride);
  for (let c = 0; c < channels && !uniform; c++)
    for (let i = 0; i < batch * pixels; i++)
      members[c * stride + i] = layer.bits[(i % pixels) * channels + c];
  const nodes = treeSize(layer.multiples.length);
  return {
    ...{ layer: index, kernel: 'nibbles', input, output, scratchBytes: 0 },
    constants: [layer.thresholds, layer.flips, members, ...planes.map((plane) => plane.channels)],
    bind:
      (raw, { input: from, output: to, constants: [thresholds, flips, bits, ...lists] }) =>
      (images) =>
        planes.forEach((plane, n) => {
          raw.thresholdNibbles(
            ...[from, stride, images * pixels, n, lists[n], plane.channels.length],
            ...[thresholds, nodes, flips, uniform ? 0 : bits, to + plane.firstRow * stride],
          );
        }),
  };
}

export function requantizeStep(
  index: number,
  plan: CheckedLayer<RequantizeLayer>,
  input: MapLayout,
  batch: number,
): Step {
  const { layer } = plan;
  const [height, width, channels] = plan.input;
  const output = mapLayout(plan.output, 'int16', batch);
  const name = `requantize${input.form === 'int32' ? 32 : 16}`;
  return {
    ...{ layer: index, kernel: 'requantize', input, output, scratchBytes: 0 },
    constants: [
      Float64Array.from(layer.multipliers),
      layer.offsets,
      Float64Array.from(layer.shifts, (shift) => 2 ** -shift),
    ],
    bind: (raw, at) => (images) =>
      raw[name](
        ...[at.input, at.output, ...at.constants, layer.minimum, layer.maximum],
        ...[images * height * width, channels, input.stride],
      ),
  };
}
