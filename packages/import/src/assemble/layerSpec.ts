import type { WeightGrids } from '@hbnn/train';

/** A weight as it was read: float32 values in row-major order. */
export interface WeightArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type Pair = readonly [vertical: number, horizontal: number];

/** Activations that files and TensorFlow.js define alike. */
export const activations = [
  'linear',
  'relu',
  'relu6',
  'sigmoid',
  'softmax',
  'logSoftmax',
  'tanh',
  'elu',
  'selu',
  'softplus',
  'softsign',
  'swish',
] as const;
export type ActivationName = (typeof activations)[number];

/** Where a window moves: channels last. */
export interface WindowSpec {
  readonly strides: Pair;
  readonly padding: 'same' | 'valid';
}

interface EndSpec {
  readonly bias?: WeightArray;
  /** How the kernel was quantized in the file, of one that was. */
  readonly grid?: WeightGrids[string];
  readonly activation?: ActivationName;
}

/** What a layer computes, with its weights, in the orders of TensorFlow.js. */
export type LayerSpec =
  | ({
      readonly kind: 'conv2d';
      /** [height, width, inputs, outputs] */
      readonly kernel: WeightArray;
      readonly dilation: Pair;
    } & WindowSpec &
      EndSpec)
  | ({
      readonly kind: 'depthwiseConv2d';
      /** [height, width, inputs, multiplier] */
      readonly kernel: WeightArray;
      readonly dilation: Pair;
    } & WindowSpec &
      EndSpec)
  | ({
      readonly kind: 'separableConv2d';
      readonly depthwise: WeightArray;
      readonly pointwise: WeightArray;
      readonly dilation: Pair;
    } & WindowSpec &
      EndSpec)
  | ({
      readonly kind: 'dense';
      /** [inputs, outputs] */
      readonly kernel: WeightArray;
    } & EndSpec)
  | {
      readonly kind: 'batchNorm';
      readonly gamma?: WeightArray;
      readonly beta?: WeightArray;
      readonly mean: WeightArray;
      readonly variance: WeightArray;
      readonly epsilon: number;
      readonly momentum?: number;
    }
  | { readonly kind: 'relu'; readonly maxValue?: number }
  | { readonly kind: 'leakyRelu'; readonly slope: number }
  | { readonly kind: 'activation'; readonly activation: ActivationName }
  | ({ readonly kind: 'maxPool' | 'averagePool'; readonly size: Pair } & WindowSpec)
  /** Windows that reach beyond the map by these numbers of rows and columns, where there are no values. */
  | {
      readonly kind: 'paddedMaxPool' | 'paddedAveragePool';
      readonly size: Pair;
      readonly strides: Pair;
      readonly rows: Pair;
      readonly columns: Pair;
    }
  | { readonly kind: 'globalMaxPool' | 'globalAveragePool'; readonly keepDims: boolean }
  | {
      readonly kind: 'zeroPadding';
      readonly rows: Pair;
      readonly columns: Pair;
    }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'reshape'; readonly shape: readonly number[] }
  /** The axes of the input in the order of the output, counted from 1. */
  | { readonly kind: 'permute'; readonly axes: readonly number[] }
  | { readonly kind: 'dropout'; readonly rate: number }
  | { readonly kind: 'rescaling'; readonly scale: number; readonly offset: number }
  /** x · min(max(x + 3, 0), 6) / 6 */
  | { readonly kind: 'hardSwish' }
  | { readonly kind: 'add' }
  /** A product of values; an axis of size 1 is that of the other. */
  | { readonly kind: 'multiply' }
  | { readonly kind: 'concat'; readonly axis: number };
