import { HbnnError } from '@hbnn/core';
import type { ConvShape, TrainingKernels, WindowShape } from '@hbnn/wasm';
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
 * (MaxPoolGrad, which loses the gradient of windows without a positive value), or does slowly.
 */
export function registerStandardKernels(heap: WasmHeap, kernels: TrainingKernels): void {
  const at = heap.offset;
  const rows: Record<string, Kernel> = {
    [tf.Identity]: ({ x }, attrs, stock) => {
      if (x.dtype === 'string') return stock({ x }, attrs);
      // Shares the values, as the cpu backend does; the stock kernel copies them.
      heap.backend.incRef(x.dataId);
      return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
    },
    [tf.Conv2D]: ({ x, filter }, attrs, stock) => {
      const info = convInfo(x.shape, filter.shape, attrs, 'conv2d');
      if (!info) return stock({ x, filter }, attrs);
      const out = heap.output(info.outShape);
      kernels.conv2d(at(x), at(filter), at(out), flatten(convShape(info)));
      return out;
    },
    [tf.Conv2DBackpropInput]: ({ dy, filter }, attrs) => {
      const shape = attrs.inputShape as number[];
      const info = required(convInfo(shape, filter.shape, attrs, 'conv2d gradient'));
      const dx = heap.output(info.inShape);
      kernels.conv2dBackpropInput(at(dy), at(filter), at(dx), flatten(convShape(info)));
      return dx;
    },
    [tf.Conv2DBackpropFilter]: ({ x, dy }, attrs) => {
      const shape = attrs.filterShape as number[];
      const info = required(convInfo(x.shape, shape, attrs, 'conv2d gradient'));
      const dFilter = heap.output(info.filterShape);
      kernels.conv2dBackpropFilter(at(x), at(dy), at(dFilter), flatten(convShape(info)));
      return dFilter;
    },
    [tf.DepthwiseConv2dNativeBackpropInput]: ({ dy, filter }, attrs) => {
      const info = depthwiseInfo(attrs.inputShape as number[], filter.shape, attrs);
      const dx = heap.output(info.inShape);
      const multiplier = info.outChannels / info.inChannels;
      kernels.depthwiseBackpropInput(at(dy), at(filter), at(dx), windowShape(info), multiplier);
      return dx;
    },
    [tf.DepthwiseConv2dNativeBackpropFilter]: ({ x, dy }, attrs) => {
      const info = depthwiseInfo(x.shape, attrs.filterShape as number[], attrs);
      const dFilter = heap.output(info.filterShape);
      const multiplier = info.outChannels / info.inChannels;
      kernels.depthwiseBackpropFilter(at(x), at(dy), at(dFilter), windowShape(info), multiplier);
      return dFilter;
    },
    [tf.MaxPoolGrad]: ({ dy, input, output }, attrs) => {
      const info = tf.backend_util.computePool2DInfo(
        input.shape as Shape4,
        attrs.filterSize as Window,
        attrs.strides as Window,
        1,
        attrs.pad as Padding,
        attrs.dimRoundingMode as 'floor',
      );
      const dx = heap.output(input.shape);
      kernels.maxPoolGrad(at(input), at(output), at(dy), at(dx), windowShape(info));
      return dx;
    },
    [tf.BatchMatMul]: ({ a, b }, attrs, stock) => {
      const { transposeA, transposeB } = attrs as { transposeA: boolean; transposeB: boolean };
      const batch = tf.util.sizeFromShape(a.shape.slice(0, -2));
      const sameBatch = `${a.shape.slice(0, -2)}` === `${b.shape.slice(0, -2)}`;
      if (!sameBatch || a.dtype !== 'float32' || b.dtype !== 'float32')
        return stock({ a, b }, attrs);
      const [rowsA, colsA] = a.shape.slice(-2);
      const [rowsB, colsB] = b.shape.slice(-2);
      const [m, k] = transposeA ? [colsA, rowsA] : [rowsA, colsA];
      const n = transposeB ? rowsB : colsB;
      const out = heap.output([...a.shape.slice(0, -2), m, n]);
      for (let i = 0; i < batch; i++)
        kernels.matMul(at(a) + i * m * k * 4, at(b) + i * k * n * 4, at(out) + i * m * n * 4, {
          ...{ m, n, k },
          ...{ transposeA, transposeB },
        });
      return out;
    },
  };
  for (const [kernelName, kernel] of Object.entries(rows)) replaceKernel(kernelName, kernel);
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

function required(info: ConvInfo | undefined): ConvInfo {
  if (!info) throw new Error('convInfo gave no sizes for a gradient');
  return info;
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
