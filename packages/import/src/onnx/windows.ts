import { HbnnError } from '@hbnn/core';
import type { Pair } from '../assemble/layerSpec.ts';
import { channelsLast, type Feature } from './feature.ts';
import { featureAt, type NodeContext } from './node.ts';

/** A window over a map: what its zeros or empty margins are. */
export interface Window {
  readonly map: Feature;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilation: Pair;
  readonly rows: Pair;
  readonly columns: Pair;
}

/** A map of images with channels last. @throws HbnnError for values of other axes */
export function mapAt(context: NodeContext): Feature {
  const feature = featureAt(context);
  if (feature.shape.length === 3) return channelsLast(feature, context.add);
  throw new HbnnError(
    `${context.where}: expected a map of [channels, height, width], got [${feature.shape.join(', ')}]; only networks of two-dimensional images can be imported`,
  );
}

function pairFrom(context: NodeContext, name: string, otherwise: Pair | undefined): Pair {
  const value = context.attributes.ints(name) ?? otherwise;
  if (value?.length === 2 && value.every((n) => Number.isSafeInteger(n) && n > 0))
    return value as unknown as Pair;
  throw new HbnnError(
    `${context.where}: expected ${name} as two whole numbers, got ${value === undefined ? 'none' : `[${value.join(', ')}]`}; only networks of two-dimensional images can be imported`,
  );
}

/** What padding 'same' of TensorFlow adds before and after. */
function samePadding(size: number, kernel: number, stride: number, dilation: number): Pair {
  const reach = (kernel - 1) * dilation + 1;
  const whole = Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0);
  return [Math.floor(whole / 2), Math.ceil(whole / 2)];
}

/** Read kernel, strides, dilations and padding of a node. */
export function windowOf(context: NodeContext, kernelShape?: Pair): Window {
  const map = mapAt(context);
  const kernel = pairFrom(context, 'kernel_shape', kernelShape);
  const strides = pairFrom(context, 'strides', [1, 1]);
  const dilation = pairFrom(context, 'dilations', [1, 1]);
  const auto = context.attributes.text('auto_pad', 'NOTSET');
  const pads = context.attributes.ints('pads') ?? [0, 0, 0, 0];
  if (pads.length !== 4 || pads.some((n) => n < 0))
    throw new HbnnError(
      `${context.where}: expected four paddings of 0 or more, got [${pads.join(', ')}]; crop the images before the network instead`,
    );
  const along = (axis: 0 | 1): Pair => {
    const size = map.shape[axis + 1];
    const [less, more] = samePadding(size, kernel[axis], strides[axis], dilation[axis]);
    if (auto === 'SAME_UPPER') return [less, more];
    if (auto === 'SAME_LOWER') return [more, less];
    return auto === 'VALID' ? [0, 0] : [pads[axis], pads[axis + 2]];
  };
  if (!['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'].includes(auto))
    throw new HbnnError(
      `${context.where}: expected auto_pad NOTSET, SAME_UPPER, SAME_LOWER or VALID, got ${auto}; export the network again`,
    );
  return { map, kernel, strides, dilation, rows: along(0), columns: along(1) };
}

export const isPadded = ({ rows, columns }: Window): boolean =>
  [...rows, ...columns].some((n) => n > 0);

/** Whether a padding is what TensorFlow calls 'same'. */
export function isSame({ map, kernel, strides, dilation, rows, columns }: Window): boolean {
  return [rows, columns].every(([before, after], axis) => {
    const size = map.shape[axis + 1];
    const same = samePadding(size, kernel[axis], strides[axis], dilation[axis]);
    return before === same[0] && after === same[1];
  });
}

/** The map with zeros around it. */
export const zeroPadded = (context: NodeContext, { map, rows, columns }: Window): Feature => ({
  ...map,
  value: context.add({ kind: 'zeroPadding', rows, columns }, map.value),
  shape: [map.shape[0], map.shape[1] + rows[0] + rows[1], map.shape[2] + columns[0] + columns[1]],
});

/** Padding of a layer, and the map that it takes: zeros of a layer before it where 'same' is something else. */
export function placed(
  context: NodeContext,
  window: Window,
): { readonly map: Feature; readonly padding: 'same' | 'valid' } {
  if (!isPadded(window)) return { map: window.map, padding: 'valid' };
  if (isSame(window)) return { map: window.map, padding: 'same' };
  return { map: zeroPadded(context, window), padding: 'valid' };
}

/** A map that a layer gave, as ONNX sees it. */
export function mapFrom(value: Feature['value'], nonNegative: boolean): Feature {
  const [height, width, channels] = value.shape.slice(1) as number[];
  const shape = [channels, height, width];
  return { kind: 'feature', value, shape, axes: [2, 0, 1], nonNegative };
}
