import type { FloatTensor, ResidualTensor } from '@hbnn/core';
import type { FeatureShape, Padding4, Pair } from './integerModel.ts';

/** The largest magnitude of whole weights: what 8 planes hold, 128 + 64 + … + 1. */
export const maxWeightCode = 255;

/**
 * Whole numbers that weights were quantized to before: weight i of output o is scales[o] · values[i]. Lowering takes them
 * as they are.
 */
export interface WeightCodes {
  /** Outputs first. */
  readonly shape: readonly number[];
  /** −255 … 255, row-major. */
  readonly values: Int16Array;
  /**
   * Bits of each value, 1 … 8. Values of up to 4 bits, −2^(bits − 1) … 2^(bits − 1), or −1 … 1 of 1 bit, become planes;
   * others become weights of 8 bits up to ±127, and 8 planes beyond that, as int8's −128 and a zero point need them.
   */
  readonly bits: number;
  /** One for each output, of any sign. */
  readonly scales: Float64Array;
}

/** Weights as trained, outputs first: floats, binarized ones, or whole numbers with scales. */
export type TrainedWeights =
  | { readonly kind: 'float'; readonly tensor: FloatTensor }
  | { readonly kind: 'residual'; readonly residual: ResidualTensor }
  | { readonly kind: 'codes'; readonly codes: WeightCodes };

interface Measured {
  readonly name: string;
  /**
   * The largest magnitude of its outputs over sample images: where lowering rounds them, it counts on twice that, and not
   * on the most that any image could bring about.
   */
  readonly largest?: number;
}

interface Named extends Measured {
  /** The layer that it reads; by default the one before it. The first layer reads the pixels. */
  readonly from?: string;
}

/** A layer at which branches meet. */
interface Join extends Measured {
  /** The layers that it reads, two or more, all of them before it. */
  readonly inputs: readonly string[];
}

interface Windowed extends Named {
  readonly strides: Pair;
  readonly padding: Padding4;
  /** [outputs, kernelH, kernelW, inputs]; of a depthwise convolution [outputs, kernelH, kernelW, 1]. */
  readonly weights: TrainedWeights;
}

/** One layer of a trained network at inference; features are [height, width, channels]. */
export type TrainedLayer =
  | ({ readonly kind: 'conv' } & Windowed)
  | ({ readonly kind: 'depthwise' } & Windowed)
  /** Weights [outputs, inputs] on the input in memory order. */
  | ({ readonly kind: 'dense'; readonly weights: TrainedWeights } & Named)
  | ({
      readonly kind: 'maxPool';
      readonly size: Pair;
      readonly strides: Pair;
      readonly padding: Padding4;
    } & Named)
  | ({
      readonly kind: 'averagePool';
      readonly size: Pair;
      readonly strides: Pair;
      /** By how much windows hang over the edges; what they find there does not count. Default: none do. */
      readonly padding?: Padding4;
    } & Named)
  | ({ readonly kind: 'flatten' } & Named)
  /** y = scales[c] · x + offsets[c]: batch norm at inference, a bias, a learned scale. */
  | ({
      readonly kind: 'affine';
      readonly scales: Float64Array;
      readonly offsets: Float64Array;
    } & Named)
  /** max(x, 0); `ceiling`: the largest value it gave on sample images, or a bound it has. */
  | ({
      readonly kind: 'relu';
      readonly ceiling?: number;
      /** The largest value of each channel over sample images, for channels that are small beside the largest. */
      readonly channelCeilings?: readonly number[];
    } & Named)
  /**
   * A continuous function of straight pieces on each value: slopes[k] is the slope from knots[k − 1] to knots[k], and
   * `atZero` what 0 becomes. There is one slope more than there are knots, which ascend.
   */
  | ({
      readonly kind: 'piecewise';
      readonly knots: readonly number[];
      readonly slopes: readonly number[];
      readonly atZero: number;
    } & Named)
  /** x · min(max(x + 3, 0), 6) / 6 on each value. */
  | ({ readonly kind: 'hardSwish' } & Named)
  /** Residual binarization with one map for all images and constant scales, one per plane. */
  | ({
      readonly kind: 'binarize';
      readonly map: 'static';
      readonly bits: Uint8Array;
      readonly scales: Float32Array;
    } & Named)
  /** The paper's reading: map and scales from each sample; it has no fixed circuit. */
  | ({ readonly kind: 'binarize'; readonly map: 'dynamic' } & Named)
  /** The sum of feature maps of one shape. */
  | ({ readonly kind: 'add' } & Join)
  /** The channels of one input after those of the other. */
  | ({ readonly kind: 'concat' } & Join);

/** A trained network without its framework. The input is pixels: (p / 255 − mean[c]) / deviation[c]. */
export interface TrainedModel {
  readonly name: string;
  readonly input: {
    readonly shape: FeatureShape;
    readonly mean: readonly number[];
    readonly deviation: readonly number[];
  };
  readonly layers: readonly TrainedLayer[];
  readonly classes: readonly string[];
}
