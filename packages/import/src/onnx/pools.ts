import { HbnnError } from '@hbnn/core';
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

/** Whether zeros around a map give the same as no values: nothing is below 0 there, or a ReLU behind it cuts it off. */
function zerosAreNothing({ node, graph }: NodeContext, map: Feature): boolean {
  if (map.nonNegative) return true;
  const next = graph.consumers(node.output[0]);
  return graph.soleConsumer(node.output[0]) !== undefined && next[0].op_type === 'Relu';
}

/**
 * Whether the places at which windows begin, and the values that each sees, are among those of padding 'same' with
 * strides of 1.
 */
function isCentred({ map, kernel, strides, rows, columns }: Window): boolean {
  return [rows, columns].every(([before, after], axis) => {
    const whole = map.shape[axis + 1] + before + after;
    const last = Math.floor((whole - kernel[axis]) / strides[axis]) * strides[axis];
    return before === Math.floor((kernel[axis] - 1) / 2) && last < map.shape[axis + 1];
  });
}

/** Pool at every place with padding 'same', and take each of the strides' places of it: no zero is seen. */
function centred(
  context: NodeContext,
  { map, kernel: size, strides }: Window,
  kind: 'maxPool' | 'averagePool',
): Feature {
  const everywhere = context.add({ kind, size, strides: [1, 1], padding: 'same' }, map.value);
  if (strides.every((stride) => stride === 1)) return mapFrom(everywhere, map.nonNegative);
  const some = { kind: 'maxPool', size: [1, 1], strides, padding: 'valid' } as const;
  return mapFrom(context.add(some, everywhere), map.nonNegative);
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

export const maxPool: Operator = (context) => {
  const window = ceiled(context, windowOf(context));
  checkPool(context, window);
  const { kernel: size, strides, map } = window;
  const pool = { kind: 'maxPool', size, strides } as const;
  if (!isPadded(window))
    return mapFrom(context.add({ ...pool, padding: 'valid' }, map.value), map.nonNegative);
  if (isSame(window))
    return mapFrom(context.add({ ...pool, padding: 'same' }, map.value), map.nonNegative);
  // Zeros around values that may be below 0 have no integer form, whatever a ReLU behind the pool cuts off.
  if (!map.nonNegative && isCentred(window)) return centred(context, window, 'maxPool');
  if (!zerosAreNothing(context, map))
    throw new HbnnError(
      `${context.where}: expected padding [${[window.rows[0], window.columns[0], window.rows[1], window.columns[1]].join(', ')}] behind a ReLU, got values that may be below 0, for which TensorFlow.js has no such padding; put the ReLU before the pool, or pool without padding`,
    );
  const padded = zeroPadded(context, window);
  return mapFrom(context.add({ ...pool, padding: 'valid' }, padded.value), map.nonNegative);
};

export const averagePool: Operator = (context) => {
  const plainWindow = windowOf(context);
  const window = ceiled(context, plainWindow);
  checkPool(context, window);
  const countsZeros = context.attributes.int('count_include_pad', 0) === 1;
  const { kernel: size, strides, map } = window;
  const grown =
    window.rows[1] !== plainWindow.rows[1] || window.columns[1] !== plainWindow.columns[1];
  const pool = { kind: 'averagePool', size, strides } as const;
  if (!isPadded(window))
    return mapFrom(context.add({ ...pool, padding: 'valid' }, map.value), map.nonNegative);
  // Padding 'same' of TensorFlow.js averages over the values of the map alone.
  if (!countsZeros && isSame(window))
    return mapFrom(context.add({ ...pool, padding: 'same' }, map.value), map.nonNegative);
  if (!countsZeros && isCentred(window)) return centred(context, window, 'averagePool');
  if (!countsZeros || grown)
    throw new HbnnError(
      `${context.where}: expected no padding, padding of equal sides or count_include_pad without ceil_mode, got rows [${window.rows.join(', ')}] and columns [${window.columns.join(', ')}]; pool without padding`,
    );
  const padded = zeroPadded(context, window);
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
