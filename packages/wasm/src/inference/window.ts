import {
  type CheckedLayer,
  type ConvLayer,
  type DenseLayer,
  type DepthwiseLayer,
  type FeatureShape,
  type MaxPoolLayer,
  type Padding4,
  type Pair,
  rowLength,
  type SumPoolLayer,
} from '@hbnn/model';
import type { MapLayout } from './featureMap.ts';

/** A sliding window between two feature maps. A dense layer's is as large as its input. */
export interface Window {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padding: Padding4;
}

type WindowLayer = ConvLayer | DepthwiseLayer | DenseLayer | MaxPoolLayer | SumPoolLayer;

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
const mostStride = 2 ** 25;

/** The words of a shape in the order of `field` in assembly/model/gather.ts. */
export function shapeWords(
  { kernel, strides, padding }: Window,
  input: MapLayout,
  output: MapLayout,
  channels = input.shape[2],
): Int32Array {
  const [inH, inW] = input.shape;
  const [outH, outW] = output.shape;
  const [strideH, strideW] = strides.map((stride) => Math.min(stride, mostStride));
  return Int32Array.of(
    ...[inH, inW, input.stride, outH, outW, output.stride],
    ...[strideH, strideW, padding[0], padding[1], channels, kernel[0], kernel[1]],
  );
}

/** Multiply-adds of one image, all windows whole. */
export function macsOf({ layer, output }: CheckedLayer): number {
  if (!('weights' in layer)) return 0;
  const row = rowLength(layer.weights.shape);
  return output[0] * output[1] * layer.weights.shape[0] * row;
}
