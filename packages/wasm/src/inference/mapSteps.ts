import type {
  CheckedLayer,
  CheckedModel,
  MaxPoolLayer,
  RequantizeLayer,
  SumPoolLayer,
  ThresholdLayer,
} from '@hbnn/model';
import { type MapLayout, mapLayout, maxInt16, nibbleLayout } from './featureMap.ts';
import { roundUp } from './regions.ts';
import { sharedRange, whole } from './share.ts';
import type { Step } from './step.ts';
import { shapeWords, windowOf } from './window.ts';

/** Read the pixels of a batch, less each channel's zero. */
export function readStep({ input: { shape, zeros } }: CheckedModel, batch: number): Step {
  const output = mapLayout(shape, 'int16', batch);
  const [height, width, channels] = shape;
  return {
    layer: -1,
    kernel: 'readPixels',
    input: output,
    output,
    scratchBytes: 0,
    constants: [zeros],
    bind:
      (raw, at) =>
      (images, share = whole) => {
        const [first, end] = sharedRange(images * height * width, share, 16);
        const places = [at.input + first * channels, at.constants[0], at.output + 2 * first];
        raw.readPixels(...places, end - first, channels, output.stride);
      },
  };
}

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
  const bytes = form === 'int16' ? { from: 4, to: 2 } : { from: 2, to: 4 };
  return [
    {
      layer,
      kernel,
      input,
      output,
      scratchBytes: 0,
      constants: [],
      bind:
        (raw, at) =>
        (_, share = whole) => {
          const [first, end] = sharedRange(count, share, 16);
          const places = [at.input + first * bytes.from, at.output + first * bytes.to];
          raw[kernel](...places, end - first);
        },
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
    layer: index,
    kernel: layer.kind,
    input,
    output,
    scratchBytes: 4 * plan.input[1] + 64,
    constants: [shapeWords(window, input, output)],
    bind: (raw, at) => {
      const [shape] = at.constants;
      const from = input.stride * (wide ? 4 : 2);
      const to = output.stride * (output.form === 'int32' ? 4 : 2);
      return (images, share = whole) => {
        const [first, end] = sharedRange(plan.output[2], share);
        const places = [shape, at.input + first * from, at.output + first * to];
        raw[name](...places, images, end - first, kernelH, kernelW, at.scratch);
      };
    },
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
  const nodes = 2 ** layer.multiples.length - 1;
  const name = `threshold${input.form === 'int32' ? 32 : 16}`;
  return {
    layer: index,
    kernel: 'threshold',
    input,
    output,
    scratchBytes: 0,
    constants: [bits, Int32Array.from(layer.multiples), layer.thresholds, layer.flips],
    bind: (raw, { input: from, output: to, constants: [widths, multiples, thresholds, flips] }) => {
      const bytes = input.stride * (input.form === 'int32' ? 4 : 2);
      return (images, share = whole) => {
        const [first, end] = sharedRange(channels, share);
        const tree = [thresholds + 4 * first * nodes, flips + first];
        const places = [from + first * bytes, to + 2 * first * output.stride];
        const sizes = [images, pixels, end - first, input.stride, nodes];
        raw[name](...places, widths + first * pixels, multiples, ...tree, ...sizes);
      };
    },
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
  const { stride, planes, order, uniform } = output;
  // Bitwidths of the whole batch, so that one vector loop runs over all its images.
  const members = new Uint8Array(uniform ? 0 : channels * stride);
  for (let c = 0; c < channels && !uniform; c++)
    for (let i = 0; i < batch * pixels; i++)
      members[c * stride + i] = layer.bits[(i % pixels) * channels + c];
  const nodes = 2 ** layer.multiples.length - 1;
  return {
    layer: index,
    kernel: 'nibbles',
    input,
    output,
    scratchBytes: 0,
    constants: [
      layer.thresholds,
      layer.flips,
      order,
      Int32Array.from(planes.flatMap((plane) => [plane.channels.length, plane.firstRow])),
      members,
      ...planes.map((plane) => plane.channels),
    ],
    // Slots, planes and members are read by the step before or by this one.
    ...(uniform && { epilogue: { kind: 'nibbles', nodes, slots: order.length, stride } }),
    bind: (
      raw,
      { input: from, output: to, constants: [thresholds, flips, , , bits, ...lists] },
    ) => {
      const tree = [thresholds, nodes, flips, uniform ? 0 : bits];
      return (images, share = whole) =>
        planes.forEach((plane, n) => {
          const [first, end] = sharedRange(plane.channels.length, share, 4);
          const list = [n, lists[n] + 4 * first, end - first];
          const out = to + (plane.firstRow + first / 4) * stride;
          raw.thresholdNibbles(from, stride, images * pixels, ...list, ...tree, out);
        });
    },
  };
}

/** Numbers of a channel in the constants of `requantizeShort`. */
export const shortConstants = 5;

/** Multiply, add, shift and clamp: in int32 where that is exact, else in float64. */
export function requantizeStep(
  index: number,
  plan: CheckedLayer<RequantizeLayer>,
  input: MapLayout,
  batch: number,
): Step {
  const { layer } = plan;
  const [height, width, channels] = plan.input;
  const output = mapLayout(plan.output, 'int16', batch);
  const { minimum, maximum } = layer;
  const short = input.form === 'int32' ? shortRequantization(layer) : undefined;
  const each = short ? 4 * shortConstants : 8;
  const name = short ? 'requantizeShort' : `requantize${input.form === 'int32' ? 32 : 16}`;
  return {
    layer: index,
    kernel: 'requantize',
    input,
    output,
    scratchBytes: 0,
    constants: short
      ? [short]
      : [
          Float64Array.from(layer.multipliers),
          layer.offsets,
          Float64Array.from(layer.shifts, (shift) => 2 ** -shift),
        ],
    bind: (raw, at) => {
      const bytes = input.stride * (input.form === 'int32' ? 4 : 2);
      return (images, share = whole) => {
        const [first, end] = sharedRange(channels, share);
        const places = [at.input + first * bytes, at.output + 2 * first * output.stride];
        const constants = at.constants.map((constant) => constant + first * each);
        const sizes = [images * height * width, end - first, input.stride];
        raw[name](...places, ...constants, minimum, maximum, ...sizes);
      };
    },
    ...(short && { epilogue: { kind: 'requantize', minimum, maximum } }),
  };
}

/**
 * The constants of `requantizeShort`, of channels filled up to a multiple of four; undefined where some channel's numbers
 * leave int32. With a positive multiplier m, every input up to low gives less than the minimum, and every input from
 * high on gives more than the maximum. Between them in m + rest, which is in m + offset - minimum 2^shift, lies from -m to
 * (maximum - minimum + 1) 2^shift + m; it is computed modulo 2^32, as is rest. All numbers here are whole and below 2^53;
 * low and high are below 2^31, so that the rounding of their quotients is far smaller than 1 / m, by which quotients miss
 * whole numbers.
 */
function shortRequantization(layer: RequantizeLayer): Int32Array | undefined {
  const { multipliers, offsets, shifts, minimum, maximum } = layer;
  // The result less the minimum has to fit into int16.
  if (maximum - minimum > maxInt16) return undefined;
  const constants = new Int32Array(roundUp(multipliers.length, 4) * shortConstants);
  for (let c = 0; c < multipliers.length; c++) {
    const multiplier = multipliers[c];
    const divisor = 2 ** shifts[c];
    const range = (maximum - minimum + 1) * divisor + 2 * multiplier;
    if (multiplier <= 0 || range >= 2 ** 31) return undefined;
    const low = Math.ceil((minimum * divisor - offsets[c]) / multiplier) - 1;
    const high = Math.ceil(((maximum + 1) * divisor - offsets[c]) / multiplier);
    if (low < -(2 ** 31) || high >= 2 ** 31) return undefined;
    const rest = offsets[c] - minimum * divisor;
    const at = c * shortConstants;
    constants[at] = low;
    constants[at + 1] = high;
    constants[at + 2] = multiplier;
    constants[at + 3] = rest;
    constants[at + 4] = shifts[c];
  }
  return constants;
}
