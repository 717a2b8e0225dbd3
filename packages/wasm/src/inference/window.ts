import type {
  CheckedLayer,
  ConvLayer,
  DenseLayer,
  DepthwiseLayer,
  FeatureShape,
  MaxPoolLayer,
  Padding4,
  Pair,
  SumPoolLayer,
} from '@hbnn/model';
import {
  CHANNELS,
  IN_H,
  IN_STRIDE,
  IN_W,
  KERNEL_H,
  KERNEL_W,
  OUT_H,
  OUT_STRIDE,
  OUT_W,
  PAD_LEFT,
  PAD_TOP,
  SHAPE_WORDS,
  STRIDE_H,
  STRIDE_W,
} from '../layout/shapeFields.ts';
import type { MapLayout } from './featureMap.ts';

/** A sliding window between two feature maps. A dense layer's is as large as its input. */
export interface Window {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padding: Padding4;
}

type WindowLayer = ConvLayer | DepthwiseLayer | DenseLayer | MaxPoolLayer | SumPoolLayer;

/** The window that a layer slides over its input. */
export function windowOf(layer: WindowLayer, input: FeatureShape): Window {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise': {
      const [, kernelH, kernelW] = layer.weights.shape;
      return { kernel: [kernelH, kernelW], strides: layer.strides, padding: layer.padding };
    }
    case 'dense':
      return { kernel: [input[0], input[1]], strides: [1, 1], padding: [0, 0, 0, 0] };
    case 'maxPool':
      return { kernel: layer.size, strides: layer.strides, padding: layer.padding };
    case 'sumPool':
      return { kernel: layer.size, strides: layer.strides, padding: [0, 0, 0, 0] };
    default:
      return layer satisfies never;
  }
}

/** A stride larger than this takes no second step in any feature map: int32 arithmetic holds it. */
const maxStride = 2 ** 25;

/** The words of a shape, which kernels read by src/layout/shapeFields.ts. */
export function shapeWords(
  { kernel, strides, padding }: Window,
  input: MapLayout,
  output: MapLayout,
  channels = input.shape[2],
): Int32Array {
  const [inH, inW] = input.shape;
  const [outH, outW] = output.shape;
  const [strideH, strideW] = strides.map((stride) => Math.min(stride, maxStride));
  const words = new Int32Array(SHAPE_WORDS);
  words[IN_H] = inH;
  words[IN_W] = inW;
  words[IN_STRIDE] = input.stride;
  words[OUT_H] = outH;
  words[OUT_W] = outW;
  words[OUT_STRIDE] = output.stride;
  words[STRIDE_H] = strideH;
  words[STRIDE_W] = strideW;
  words[PAD_TOP] = padding[0];
  words[PAD_LEFT] = padding[1];
  words[CHANNELS] = channels;
  words[KERNEL_H] = kernel[0];
  words[KERNEL_W] = kernel[1];
  return words;
}

/** Inputs of one output of a product. */
export const rowLength = (weights: { readonly shape: readonly number[] }): number =>
  weights.shape.slice(1).reduce((product, n) => product * n, 1);

/** Multiply-adds of one image, with every window counted whole. */
export function macsOf({ layer, output }: CheckedLayer): number {
  if (!('weights' in layer)) return 0;
  return output[0] * output[1] * layer.weights.shape[0] * rowLength(layer.weights);
}
