import type { Assembler, Value } from '../assemble/assembler.ts';
import type { LayerSpec } from '../assemble/layerSpec.ts';
import type { Constant } from './constant.ts';

/**
 * A value that depends on the input, as ONNX sees it and as it lies in TensorFlow.js. ONNX has channels first, the model
 * has channels last: instead of moving values, the order of the axes is kept here.
 */
export interface Feature {
  readonly kind: 'feature';
  readonly value: Value;
  /** Sizes without the batch, in ONNX's order. */
  readonly shape: readonly number[];
  /** For each of ONNX's axes its axis in the model, without the batch. */
  readonly axes: readonly number[];
  /** The map [height, width, channels] that a list lies in, where ONNX has it in the order of channels first. */
  readonly flat?: readonly [height: number, width: number, channels: number];
  /** Whether the model has only [channels], where ONNX has [channels, 1, 1] or [channels, 1]. */
  readonly pooled?: boolean;
  /** Whether no value is below 0. */
  readonly nonNegative: boolean;
}

export type OnnxValue = Constant | Feature;

/** Adds a layer behind a feature. */
export type AddLayer = (spec: LayerSpec, ...inputs: readonly Value[]) => Value;

/** What a layer is called that a node needs beside its own. */
const besides: Partial<
  Record<LayerSpec['kind'], { readonly suffix: string; readonly of: RegExp }>
> = {
  zeroPadding: { suffix: 'padding', of: /^Pad$/ },
  reshape: { suffix: 'map', of: /^(Reshape|Squeeze|Unsqueeze)$/ },
  permute: { suffix: 'order', of: /^Transpose$/ },
  flatten: { suffix: 'list', of: /^(Flatten|Reshape|Squeeze)$/ },
};

/** Adds the layers of a node. */
export const addTo =
  (assembler: Assembler, name: string, where: string, operator = ''): AddLayer =>
  (spec, ...inputs) => {
    const beside = besides[spec.kind];
    const own = beside === undefined || beside.of.test(operator);
    return assembler.add(own ? name : `${name}_${beside.suffix}`, spec, inputs, where);
  };

/** The axes of a map that ONNX has with channels first and the model with channels last. */
export const channelsFirst: readonly number[] = [2, 0, 1];

const isOrder = (axes: readonly number[], order: readonly number[]): boolean =>
  axes.length === order.length && axes.every((axis, i) => axis === order[i]);

/** Whether a value is a map that ONNX has with channels first and the model with channels last. */
export const isChannelsFirst = ({ axes, pooled }: Feature): boolean =>
  pooled !== true && isOrder(axes, channelsFirst);

/** Whether the values lie as ONNX counts them. */
export const isPlain = ({ axes, flat, pooled }: Feature): boolean =>
  flat === undefined && pooled !== true && axes.every((axis, i) => axis === i);

/** A pooled value as a map. */
export function asMap(feature: Feature, add: AddLayer): Feature {
  if (!feature.pooled) return feature;
  const isMap = feature.shape.length === 3;
  const shape = isMap ? [1, 1, feature.shape[0]] : feature.shape;
  const value = add({ kind: 'reshape', shape }, feature.value);
  const axes = isMap ? channelsFirst : shape.map((_, i) => i);
  return { ...feature, value, axes, pooled: false };
}

/** A map that ONNX has with channels first, with channels last in the model. */
export function channelsLast(feature: Feature, add: AddLayer): Feature {
  const map = asMap(feature, add);
  if (map.shape.length !== 3 || isOrder(map.axes, channelsFirst)) return map;
  const [channels, rows, columns] = map.axes;
  const axes = [rows + 1, columns + 1, channels + 1];
  return { ...map, value: add({ kind: 'permute', axes }, map.value), axes: channelsFirst };
}

/** Whether the model has the values in the order in which ONNX counts them: only axes of one element lie elsewhere. */
export function countsAlike({ axes, flat, shape }: Feature): boolean {
  const longer = axes.filter((_, i) => shape[i] > 1);
  return flat === undefined && longer.every((axis, i) => i === 0 || longer[i - 1] < axis);
}

/** The values in the order in which ONNX counts them. */
export function plain(feature: Feature, add: AddLayer): Feature {
  const map = asMap(feature, add);
  if (map.flat !== undefined) {
    const shaped = add({ kind: 'reshape', shape: map.flat }, map.value);
    const turned = add({ kind: 'permute', axes: [3, 1, 2] }, shaped);
    return { ...map, value: add({ kind: 'flatten' }, turned), flat: undefined };
  }
  if (isPlain(map)) return map;
  const axes = map.axes.map((axis) => axis + 1);
  const order = map.axes.map((_, i) => i);
  if (countsAlike(map)) {
    const value = add({ kind: 'reshape', shape: map.shape }, map.value);
    return { ...map, value, axes: order };
  }
  return { ...map, value: add({ kind: 'permute', axes }, map.value), axes: order };
}

/** A map as a list of its values. */
export function flattened(feature: Feature, add: AddLayer): Feature {
  const size = feature.shape.reduce((product, n) => product * n, 1);
  const list = { shape: [size], axes: [0], pooled: false };
  if (feature.pooled || feature.shape.length === 1) return { ...feature, ...list };
  const [channels, height, width] = feature.shape;
  const turned = isOrder(feature.axes, channelsFirst) && channels > 1 && height * width > 1;
  const straight = turned || isOrder(feature.axes, channelsFirst) ? feature : plain(feature, add);
  const value = add({ kind: 'flatten' }, straight.value);
  return { ...feature, ...list, value, flat: turned ? [height, width, channels] : undefined };
}

/** For each place of a list in the model, its place in ONNX. */
export function onnxPlaces({ shape, flat }: Feature): Int32Array {
  if (flat === undefined) return Int32Array.from({ length: shape[0] }, (_, i) => i);
  const [height, width, channels] = flat;
  return Int32Array.from({ length: shape[0] }, (_, i) => {
    const position = Math.floor(i / channels);
    return (i % channels) * height * width + position;
  });
}
