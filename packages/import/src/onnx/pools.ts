import { HbnnError } from '@hbnn/core';
import type { Pair } from '../assemble/layerSpec.ts';
import type { Feature } from './feature.ts';
import { axisFrom } from './foldConstants.ts';
import { type NodeContext, type Operator, optionalConstant } from './node.ts';
import { isPadded, isSame, mapAt, mapFrom, type Window, windowOf, zeroPadded } from './windows.ts';

/** Zeros behind the map that a window of ceil_mode reaches into; the window must begin on the map or its padding. */
function ceiled(context: NodeContext, window: Window): Window {
  if (context.attributes.int('ceil_mode', 0) === 0) return window;
  const along = (axis: 0 | 1, [before, after]: Window['rows']): Window['rows'] => {
    const reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1;
    const stride = window.strides[axis];
    const size = window.map.shape[axis + 1];
    const whole = size + before + after;
    let steps = Math.ceil((whole - reach) / stride);
    if (steps * stride >= size + before) steps--;
    return [before, Math.max(after, after + steps * stride + reach - whole)];
  };
  return { ...window, rows: along(0, window.rows), columns: along(1, window.columns) };
}

function checkPool(context: NodeContext, { dilation }: Window): void {
  const { attributes, where, node, graph } = context;
  attributes.ignore('storage_order');
  if (dilation.some((rate) => rate !== 1))
    throw new HbnnError(
      `${where}: expected a pool without dilation, got [${dilation.join(', ')}]; pool without it`,
    );
  if (node.output.slice(1).some((name) => name !== '' && graph.consumers(name).length > 0))
    throw new HbnnError(
      `${where}: expected the pooled values alone, got their places too; such a network cannot be imported`,
    );
}

/** A pool whose windows reach beyond the map, where they see nothing. */
function reaching(
  context: NodeContext,
  kind: 'paddedMaxPool' | 'paddedAveragePool',
  { map, kernel: size, strides, rows, columns }: Window,
): Feature {
  checkReach(context, size, rows, columns);
  return mapFrom(context.add({ kind, size, strides, rows, columns }, map.value), map.nonNegative);
}

/** @throws HbnnError for windows that may lie wholly beyond the map */
function checkReach(context: NodeContext, size: Pair, rows: Pair, columns: Pair): void {
  if (Math.max(...rows) < size[0] && Math.max(...columns) < size[1]) return;
  throw new HbnnError(
    `${context.where}: expected padding that is less than the window of ${size.join('×')}, got rows [${rows.join(', ')}] and columns [${columns.join(', ')}]; pool with less padding`,
  );
}

export const maxPool: Operator = (context) => {
  const window = ceiled(context, windowOf(context));
  checkPool(context, window);
  const { kernel: size, strides, map } = window;
  const pool = { kind: 'maxPool', size, strides } as const;
  if (!isPadded(window))
    return mapFrom(context.add({ ...pool, padding: 'valid' }, map.value), map.nonNegative);
  if (isSame(window))
    return mapFrom(context.add({ ...pool, padding: 'same' }, map.value), map.nonNegative);
  // Behind a ReLU a zero changes no maximum, so that TensorFlow.js's own layers serve.
  if (!map.nonNegative) return reaching(context, 'paddedMaxPool', window);
  const padded = zeroPadded(context, window);
  return mapFrom(context.add({ ...pool, padding: 'valid' }, padded.value), map.nonNegative);
};

export const averagePool: Operator = (context) => {
  const given = windowOf(context);
  const window = ceiled(context, given);
  checkPool(context, window);
  const countsZeros = context.attributes.int('count_include_pad', 0) === 1;
  const { kernel: size, strides, map } = window;
  const pool = { kind: 'averagePool', size, strides } as const;
  if (!isPadded(window))
    return mapFrom(context.add({ ...pool, padding: 'valid' }, map.value), map.nonNegative);
  // Padding 'same' of TensorFlow.js averages over the values of the map alone.
  if (!countsZeros && isSame(window))
    return mapFrom(context.add({ ...pool, padding: 'same' }, map.value), map.nonNegative);
  if (!countsZeros) return reaching(context, 'paddedAveragePool', window);
  const padded = isPadded(given) ? zeroPadded(context, given) : map;
  // What ceil_mode adds counts neither as a value nor as a zero.
  const rows: Pair = [0, window.rows[1] - given.rows[1]];
  const columns: Pair = [0, window.columns[1] - given.columns[1]];
  if (rows[1] + columns[1] > 0)
    return reaching(context, 'paddedAveragePool', { ...window, map: padded, rows, columns });
  return mapFrom(context.add({ ...pool, padding: 'valid' }, padded.value), map.nonNegative);
};

function pooled(
  context: NodeContext,
  kind: 'globalMaxPool' | 'globalAveragePool',
  keepDims: boolean,
): Feature {
  const map = mapAt(context);
  const value = context.add({ kind, keepDims: false }, map.value);
  const [channels] = map.shape;
  const { nonNegative } = map;
  return keepDims
    ? {
        kind: 'feature',
        value,
        shape: [channels, 1, 1],
        axes: [2, 0, 1],
        pooled: true,
        nonNegative,
      }
    : { kind: 'feature', value, shape: [channels], axes: [0], nonNegative };
}

export const globalAveragePool: Operator = (context) => pooled(context, 'globalAveragePool', true);
export const globalMaxPool: Operator = (context) => pooled(context, 'globalMaxPool', true);

/** A mean or maximum over height and width is a global pool. */
export const reduction =
  (kind: 'globalMaxPool' | 'globalAveragePool'): Operator =>
  (context) => {
    const { attributes, where, inputs } = context;
    const [input] = inputs;
    const rank = input?.kind === 'feature' ? input.shape.length + 1 : 0;
    const given = attributes.ints('axes') ?? optionalConstant(context, 1, 'the axes')?.data;
    attributes.only('noop_with_empty_axes', 0, 'export the network without it');
    const axes = [...(given ?? [])].map((axis) => axisFrom(axis, rank, where));
    const spatial =
      input?.kind === 'feature'
        ? input.axes.flatMap((axis, i) => (axis < 2 ? [i + 1] : [])).sort((a, b) => a - b)
        : [];
    if (rank !== 4 || axes.sort((a, b) => a - b).join() !== spatial.join())
      throw new HbnnError(
        `${where}: expected a reduction over height and width, got one over the axes [${axes.join(', ')}]; use a global pool`,
      );
    const keepDims = attributes.int('keepdims', 1) === 1;
    if (keepDims && input?.kind === 'feature' && input.axes[0] !== 2)
      throw new HbnnError(
        `${where}: expected keepdims 0 with channels last, got 1; use a global pool`,
      );
    return pooled(context, kind, keepDims);
  };
