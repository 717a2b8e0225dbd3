import { type CheckedLayer, type CheckedModel, checkModel } from './checkModel.ts';
import {
  type AddLayer,
  type ConcatLayer,
  type ConvLayer,
  type DenseLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type MaxPoolLayer,
  type RequantizeLayer,
  type SumPoolLayer,
  type ThresholdLayer,
  weightValues,
} from './integerModel.ts';
import { countImages } from './pixels.ts';

/** Values of one feature map, int32, row-major, channels fastest. */
export interface Feature {
  readonly shape: FeatureShape;
  readonly values: Int32Array;
}

/** Called with each layer's output, for one image. */
export type Watch = (layer: Pick<IntegerLayer, 'name' | 'kind'>, output: Feature) => void;

/** A model made ready to be interpreted. */
export interface Interpreter {
  readonly model: CheckedModel;
  /** Scores of each image, [count, classes]. */
  run(pixels: Uint8Array, watch?: Watch): Int32Array;
}

/**
 * Interpret an integer model: slow, obvious, the one that others are judged by.
 *
 * @throws HbnnError from `run`, when the pixels are no whole number of images
 */
export function interpreter(model: CheckedModel): Interpreter {
  const planned = checkModel(model).checkedLayers;
  const steps = planned.map((plan) => layerStep(plan));
  const { shape, zeros } = model.input;
  const size = featureCount(shape);
  const classes = model.scoreOffsets.length;
  return {
    model,
    run(pixels, watch) {
      const count = countImages(pixels, shape);
      const scores = new Int32Array(count * classes);
      for (let n = 0; n < count; n++) {
        const image = pixels.subarray(n * size, (n + 1) * size);
        const first = Int32Array.from(image, (p, i) => p - zeros[i % shape[2]]);
        const outputs: Int32Array<ArrayBuffer>[] = [];
        steps.forEach((step, i) => {
          const values = step(...planned[i].sources.map((source) => outputs[source] ?? first));
          outputs.push(values);
          watch?.(planned[i].layer, { shape: planned[i].output, values });
        });
        scores.set(
          outputs[outputs.length - 1].map((value, k) => value + model.scoreOffsets[k]),
          n * classes,
        );
      }
      return scores;
    },
  };
}

export type LayerStep = (...inputs: readonly Int32Array[]) => Int32Array<ArrayBuffer>;

/** One layer as the interpreter computes it: from the values of its inputs, in their order, to those of its output. */
export function layerStep({
  layer,
  input,
  output,
}: Pick<CheckedLayer, 'layer' | 'input' | 'output'>): LayerStep {
  switch (layer.kind) {
    case 'conv':
      return convStep(layer, input, output);
    case 'depthwise':
      return depthwiseStep(layer, input, output);
    case 'dense':
      return denseStep(layer);
    case 'maxPool':
      return maxPoolStep(layer, input, output);
    case 'sumPool':
      return sumPoolStep(layer, input, output);
    case 'threshold':
      return thresholdStep(layer, input);
    case 'requantize':
      return requantizeStep(layer, input);
    case 'add':
      return addStep(layer, input);
    case 'concat':
      return concatStep(layer, output);
    default:
      return layer satisfies never;
  }
}

function convStep(layer: ConvLayer, input: FeatureShape, output: FeatureShape): LayerStep {
  const weights = weightValues(layer.weights);
  const [outputs, kh, kw, channels] = layer.weights.shape;
  const [height, width] = input;
  const [top, left] = layer.padding;
  const [strideY, strideX] = layer.strides;
  return (values) => {
    const out = new Int32Array(featureCount(output));
    let to = 0;
    for (let y = 0; y < output[0]; y++)
      for (let x = 0; x < output[1]; x++)
        for (let o = 0; o < outputs; o++) {
          let sum = 0;
          for (let i = 0; i < kh; i++)
            for (let j = 0; j < kw; j++) {
              const inY = y * strideY + i - top;
              const inX = x * strideX + j - left;
              if (inY < 0 || inY >= height || inX < 0 || inX >= width) continue;
              const at = (inY * width + inX) * channels;
              const from = ((o * kh + i) * kw + j) * channels;
              for (let c = 0; c < channels; c++) sum += weights[from + c] * values[at + c];
            }
          out[to++] = sum;
        }
    return out;
  };
}

function depthwiseStep(
  layer: DepthwiseLayer,
  input: FeatureShape,
  output: FeatureShape,
): LayerStep {
  const weights = weightValues(layer.weights);
  const [outputs, kh, kw] = layer.weights.shape;
  const [height, width, channels] = input;
  const each = outputs / channels;
  const [top, left] = layer.padding;
  const [strideY, strideX] = layer.strides;
  return (values) => {
    const out = new Int32Array(featureCount(output));
    let to = 0;
    for (let y = 0; y < output[0]; y++)
      for (let x = 0; x < output[1]; x++)
        for (let o = 0; o < outputs; o++) {
          const c = Math.floor(o / each);
          let sum = 0;
          for (let i = 0; i < kh; i++)
            for (let j = 0; j < kw; j++) {
              const inY = y * strideY + i - top;
              const inX = x * strideX + j - left;
              if (inY < 0 || inY >= height || inX < 0 || inX >= width) continue;
              sum += weights[(o * kh + i) * kw + j] * values[(inY * width + inX) * channels + c];
            }
          out[to++] = sum;
        }
    return out;
  };
}

function denseStep(layer: DenseLayer): LayerStep {
  const weights = weightValues(layer.weights);
  const [outputs, inputs] = layer.weights.shape;
  return (values) =>
    Int32Array.from({ length: outputs }, (_, o) => {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += weights[o * inputs + i] * values[i];
      return sum;
    });
}

function maxPoolStep(layer: MaxPoolLayer, input: FeatureShape, output: FeatureShape): LayerStep {
  const [height, width, channels] = input;
  const [top, left] = layer.padding;
  return (values) => {
    const out = new Int32Array(featureCount(output));
    let to = 0;
    for (let y = 0; y < output[0]; y++)
      for (let x = 0; x < output[1]; x++)
        for (let c = 0; c < channels; c++) {
          let max = -(2 ** 31);
          for (let i = 0; i < layer.size[0]; i++)
            for (let j = 0; j < layer.size[1]; j++) {
              const inY = y * layer.strides[0] + i - top;
              const inX = x * layer.strides[1] + j - left;
              if (inY < 0 || inY >= height || inX < 0 || inX >= width) continue;
              max = Math.max(max, values[(inY * width + inX) * channels + c]);
            }
          out[to++] = max;
        }
    return out;
  };
}

function sumPoolStep(layer: SumPoolLayer, input: FeatureShape, output: FeatureShape): LayerStep {
  const [, width, channels] = input;
  return (values) => {
    const out = new Int32Array(featureCount(output));
    let to = 0;
    for (let y = 0; y < output[0]; y++)
      for (let x = 0; x < output[1]; x++)
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let i = 0; i < layer.size[0]; i++)
            for (let j = 0; j < layer.size[1]; j++) {
              const inY = y * layer.strides[0] + i;
              const inX = x * layer.strides[1] + j;
              sum += values[(inY * width + inX) * channels + c];
            }
          out[to++] = sum;
        }
    return out;
  };
}

function thresholdStep(layer: ThresholdLayer, input: FeatureShape): LayerStep {
  const { bits, multiples, thresholds, flips } = layer;
  const channels = input[2];
  const nodes = 2 ** multiples.length - 1;
  return (values) =>
    Int32Array.from(values, (value, i) => {
      const c = i % channels;
      let node = 1;
      let sum = 0;
      for (let n = 0; n < bits[i]; n++) {
        const met = value >= thresholds[c * nodes + node - 1];
        const bit = met !== (flips[c] === 1);
        sum += bit ? multiples[n] : -multiples[n];
        node = 2 * node + (bit ? 1 : 0);
      }
      return sum;
    });
}

function requantizeStep(layer: RequantizeLayer, input: FeatureShape): LayerStep {
  const { multipliers, offsets, shifts, minimum, maximum } = layer;
  const channels = input[2];
  return (values) =>
    Int32Array.from(values, (value, i) => {
      const c = i % channels;
      // Below 2^53 whole, and division by a power of two is exact.
      const scaled = Math.floor((value * multipliers[c] + offsets[c]) / 2 ** shifts[c]);
      return Math.min(maximum, Math.max(minimum, scaled));
    });
}

function addStep({ multipliers }: AddLayer, input: FeatureShape): LayerStep {
  const channels = input[2];
  return (...inputs) =>
    Int32Array.from({ length: featureCount(input) }, (_, i) =>
      inputs.reduce((sum, values, k) => sum + multipliers[k][i % channels] * values[i], 0),
    );
}

function concatStep({ inputs: names }: ConcatLayer, output: FeatureShape): LayerStep {
  const places = output[0] * output[1];
  return (...inputs) => {
    if (inputs.length !== names.length) throw new Error(`concat of ${inputs.length} inputs`);
    const out = new Int32Array(featureCount(output));
    let to = 0;
    for (let place = 0; place < places; place++)
      for (const values of inputs) {
        const channels = values.length / places;
        out.set(values.subarray(place * channels, (place + 1) * channels), to);
        to += channels;
      }
    return out;
  };
}
