import { HbnnError } from '@hbnn/core';
import {
  type ConvShape,
  kernelTable,
  type TrainingKernelRow,
  type TrainingKernels,
  type WindowShape,
} from '@hbnn/wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { WasmHeap } from './wasmHeap.ts';

type Inputs = Record<string, tf.TensorInfo>;
type Attributes = Record<string, unknown>;
type Stock = (inputs: Inputs, attrs: Attributes) => tf.TensorInfo;
/** A kernel that may hand what it does not do to the stock one. */
type Kernel = (inputs: Inputs, attrs: Attributes, stock: Stock) => tf.TensorInfo;
type Window = number | [number, number];
type Padding = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;
type Shape4 = [number, number, number, number];

/**
 * Put our kernels in place of those the WASM backend lacks (filter and depthwise gradients), gets wrong
 * (MaxPoolGrad, which loses the gradient of windows without a positive value), or does slowly. The rows of
 * `kernelTable` say which of TensorFlow.js's kernels each one replaces, and what it reads and writes.
 */
export function registerStandardKernels(heap: WasmHeap, kernels: TrainingKernels): void {
  for (const row of kernelTable)
    if ('replaces' in row) replaceKernel(row.replaces.kernel, kernelOf(row, heap, kernels));
  replaceKernel(tf.Identity, ({ x }, attrs, stock) => {
    if (x.dtype === 'string') return stock({ x }, attrs);
    // Shares the values, as the cpu backend does; the stock kernel copies them.
    heap.backend.incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  });
}

type ReplacingRow = Extract<TrainingKernelRow, { readonly replaces: object }>;
type RowOf<Sizes extends ReplacingRow['sizes']> = Extract<ReplacingRow, { readonly sizes: Sizes }>;

/** A row's kernel as TensorFlow.js calls it. */
function kernelOf(row: ReplacingRow, heap: WasmHeap, kernels: TrainingKernels): Kernel {
  switch (row.sizes) {
    case 'matMul':
      return matMulKernel(row, heap, kernels);
    case 'conv':
      return convKernel(row, heap, kernels);
    case 'depthwise':
      return depthwiseKernel(row, heap, kernels);
    case 'pool':
      return poolKernel(row, heap, kernels);
    default:
      return row satisfies never;
  }
}

function convKernel(row: RowOf<'conv'>, heap: WasmHeap, kernels: TrainingKernels): Kernel {
  const [first, second] = row.replaces.inputs;
  return (inputs, attrs, stock) => {
    const { x, filter } = shapesOf(inputs, attrs);
    const info = convInfo(x, filter, attrs, row.result === 'output' ? 'conv2d' : 'conv2d gradient');
    if (!info) return stock(inputs, attrs);
    const result = heap.output(resultShape(row.result, info));
    const [a, b] = [inputs[first], inputs[second]].map(heap.offset);
    kernels[row.name](a, b, heap.offset(result), flatten(convShape(info)));
    return result;
  };
}

function depthwiseKernel(
  row: RowOf<'depthwise'>,
  heap: WasmHeap,
  kernels: TrainingKernels,
): Kernel {
  const [first, second] = row.replaces.inputs;
  return (inputs, attrs) => {
    const { x, filter } = shapesOf(inputs, attrs);
    const info = depthwiseInfo(x, filter, attrs);
    const result = heap.output(resultShape(row.result, info));
    const [a, b] = [inputs[first], inputs[second]].map(heap.offset);
    const multiplier = info.outChannels / info.inChannels;
    kernels[row.name](a, b, heap.offset(result), windowShape(info), multiplier);
    return result;
  };
}

function poolKernel(row: RowOf<'pool'>, heap: WasmHeap, kernels: TrainingKernels): Kernel {
  const [x, output, gradient] = row.replaces.inputs;
  return (inputs, attrs) => {
    const info = tf.backend_util.computePool2DInfo(
      inputs[x].shape as Shape4,
      attrs.filterSize as Window,
      attrs.strides as Window,
      1,
      attrs.pad as Padding,
      attrs.dimRoundingMode as 'floor',
    );
    const result = heap.output(inputs[x].shape);
    const [a, b, c] = [inputs[x], inputs[output], inputs[gradient]].map(heap.offset);
    kernels[row.name](a, b, c, heap.offset(result), windowShape(info));
    return result;
  };
}

function matMulKernel(row: RowOf<'matMul'>, heap: WasmHeap, kernels: TrainingKernels): Kernel {
  const [first, second] = row.replaces.inputs;
  return (inputs, attrs, stock) => {
    const { transposeA, transposeB } = attrs as { transposeA: boolean; transposeB: boolean };
    const [a, b] = [inputs[first], inputs[second]];
    const leading = a.shape.slice(0, -2);
    const sameBatch = `${leading}` === `${b.shape.slice(0, -2)}`;
    if (!sameBatch || a.dtype !== 'float32' || b.dtype !== 'float32') return stock(inputs, attrs);
    const [rowsA, colsA] = a.shape.slice(-2);
    const [rowsB, colsB] = b.shape.slice(-2);
    const [m, k] = transposeA ? [colsA, rowsA] : [rowsA, colsA];
    const n = transposeB ? rowsB : colsB;
    const result = heap.output([...leading, m, n]);
    const [atA, atB, to] = [a, b, result].map(heap.offset);
    for (let i = 0; i < tf.util.sizeFromShape(leading); i++)
      kernels[row.name](atA + i * m * k * 4, atB + i * k * n * 4, to + i * m * n * 4, {
        m,
        n,
        k,
        transposeA,
        transposeB,
      });
    return result;
  };
}

/** Shapes of a convolution's input and filter: those of tensors, or, for a gradient, what TensorFlow.js says of them. */
function shapesOf({ x, filter }: Inputs, { inputShape, filterShape }: Attributes) {
  return {
    x: x?.shape ?? (inputShape as number[]),
    filter: filter?.shape ?? (filterShape as number[]),
  };
}

function resultShape(result: 'input' | 'filter' | 'output', info: ConvInfo): number[] {
  return { input: info.inShape, filter: info.filterShape, output: info.outShape }[result];
}

/** Registers a kernel of the WASM backend over the stock one, which it may still call. */
function replaceKernel(kernelName: string, kernel: Kernel): void {
  const found = tf.getKernel(kernelName, 'wasm');
  if (found) tf.unregisterKernel(kernelName, 'wasm');
  const stock: Stock = (inputs, attrs) => {
    if (!found) throw new Error(`the wasm backend has no ${kernelName}`);
    return found.kernelFunc({
      inputs,
      attrs: attrs as tf.NamedAttrMap,
      backend: tf.backend(),
    }) as tf.TensorInfo;
  };
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    setupFunc: found?.setupFunc,
    kernelFunc: ({ inputs, attrs }) => kernel(inputs as Inputs, (attrs ?? {}) as Attributes, stock),
  });
}

type ConvInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/** Sizes of a convolution our kernels can do; nothing where only the stock kernel can (dilation, NCHW). */
function convInfo(
  inShape: readonly number[],
  filterShape: readonly number[],
  attrs: Attributes,
  where: string,
): ConvInfo | undefined {
  const dilations = (attrs.dilations ?? 1) as Window;
  const dilated = [dilations].flat().some((d) => d !== 1);
  const channelsFirst = attrs.dataFormat === 'NCHW';
  if (where !== 'conv2d' && (dilated || channelsFirst))
    throw new HbnnError(
      `${where}: expected dilations of 1 and NHWC, got dilations ${dilations} and ${attrs.dataFormat}; the wasm backend has no gradient for those`,
    );
  if (dilated || channelsFirst) return undefined;
  return tf.backend_util.computeConv2DInfo(
    inShape as Shape4,
    filterShape as Shape4,
    attrs.strides as Window,
    1,
    attrs.pad as Padding,
    attrs.dimRoundingMode as 'floor',
  );
}

function depthwiseInfo(
  inShape: readonly number[],
  filterShape: readonly number[],
  attrs: Attributes,
): ConvInfo {
  const dilations = (attrs.dilations ?? 1) as Window;
  if ([dilations].flat().some((d) => d !== 1))
    throw new HbnnError(
      `depthwiseConv2d gradient: expected dilations of 1, got ${dilations}; the wasm backend has no gradient for others`,
    );
  return tf.backend_util.computeConv2DInfo(
    inShape as Shape4,
    filterShape as Shape4,
    attrs.strides as Window,
    1,
    attrs.pad as Padding,
    attrs.dimRoundingMode as 'floor',
    true,
  );
}

function convShape(info: ConvInfo): ConvShape {
  return { ...common(info), inputs: info.inChannels, outputs: info.outChannels };
}

function windowShape(info: ConvInfo): WindowShape {
  return { ...common(info), channels: info.inChannels };
}

function common(info: ConvInfo) {
  return {
    batch: info.batchSize,
    inH: info.inHeight,
    inW: info.inWidth,
    kernelH: info.effectiveFilterHeight,
    kernelW: info.effectiveFilterWidth,
    strideH: info.strideHeight,
    strideW: info.strideWidth,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
    outH: info.outHeight,
    outW: info.outWidth,
  };
}

/** A 1x1 convolution of stride 1 takes every position alike: one long row instead of many short ones. */
function flatten(s: ConvShape): ConvShape {
  const pointwise = s.kernelH * s.kernelW === 1 && s.strideH * s.strideW === 1;
  if (!pointwise || s.padTop + s.padLeft > 0 || s.outH !== s.inH || s.outW !== s.inW) return s;
  const width = s.inH * s.inW;
  return { ...s, inH: 1, inW: width, outH: 1, outW: width };
}
