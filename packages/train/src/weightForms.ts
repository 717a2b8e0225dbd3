import { HbnnError, outputsFirst } from '@hbnn/core';
import type { TrainedLayer } from '@hbnn/model';
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { type Place, paddingOf, pair } from './place.ts';

/** A layer's weights by their own names: in their order, frozen ones come last. */
export function weightsOf(layer: tfl.layers.Layer): Record<string, tf.Tensor> {
  return Object.fromEntries(
    layer.weights.map((weight) => [weight.originalName.replace(/^.*\//, ''), weight.read()]),
  );
}

const floats = (t: tf.Tensor): Float32Array => t.dataSync() as Float32Array;

/** A convolution of tf.layers without its bias. */
export function convolution(place: Place): TrainedLayer {
  return convOf(place, place.name, weightsOf(place.layer).kernel);
}

function convOf(place: Place, name: string, kernel: tf.Tensor): TrainedLayer {
  const strides = pair(place.config.strides);
  const padding = paddingOf(place, kernel.shape, strides);
  const tensor = outputsFirst({ shape: kernel.shape, data: floats(kernel) });
  return { kind: 'conv', name, strides, padding, weights: { kind: 'float', tensor } };
}

/** A depthwise convolution of tf.layers, or the first part of a separable one, without its bias. */
export function depthwise(place: Place, name: string): TrainedLayer {
  const { depthwise_kernel: kernel } = weightsOf(place.layer);
  const [height, width, inputs, multiplier] = kernel.shape;
  const strides = pair(place.config.strides);
  const padding = paddingOf(place, [height, width], strides);
  // A depthwise kernel [kh, kw, inputs, multiplier] has output inputs · multiplier in that memory order.
  const shape = [height, width, 1, inputs * multiplier];
  const tensor = outputsFirst({ shape, data: floats(kernel) });
  return { kind: 'depthwise', name, strides, padding, weights: { kind: 'float', tensor } };
}

/** The two layers of a separable convolution: filters channel by channel, then a 1×1 convolution with the bias. */
export function separable(place: Place): TrainedLayer[] {
  const { pointwise_kernel: kernel, bias } = weightsOf(place.layer);
  const pointwise: TrainedLayer = {
    kind: 'conv',
    name: place.name,
    strides: [1, 1],
    padding: [0, 0, 0, 0],
    weights: { kind: 'float', tensor: outputsFirst({ shape: kernel.shape, data: floats(kernel) }) },
  };
  const both = [depthwise(place, `${place.name}_depthwise`), pointwise];
  return bias === undefined ? both : [...both, biasOf(place.name, floats(bias))];
}

/** A dense layer without its bias. On a feature map it works on each place alike: it is a 1×1 convolution. */
export function dense({ layer, name, input }: Place): TrainedLayer {
  const { kernel } = weightsOf(layer);
  if (input.length === 1) {
    const tensor = outputsFirst({ shape: kernel.shape, data: floats(kernel) });
    return { kind: 'dense', name, weights: { kind: 'float', tensor } };
  }
  const tensor = outputsFirst({ shape: [1, 1, ...kernel.shape], data: floats(kernel) });
  const weights = { kind: 'float', tensor } as const;
  return { kind: 'conv', name, strides: [1, 1], padding: [0, 0, 0, 0], weights };
}

/** A layer, and behind it the bias that its original adds, if there is one. */
export function withBias({ layer, name }: Place, made: TrainedLayer): TrainedLayer[] {
  const { bias } = weightsOf(layer);
  return bias === undefined ? [made] : [made, biasOf(name, floats(bias))];
}

/** A bias as a layer of its own. */
export const biasOf = (name: string, bias: Float32Array): TrainedLayer => ({
  kind: 'affine',
  name: `${name}_bias`,
  scales: new Float64Array(bias.length).fill(1),
  offsets: Float64Array.from(bias),
});

/** y = γ (x − mean) / √(variance + ε) + β as one scale and offset per channel. */
export function normOf({ layer, name, output }: Place, epsilon: number): TrainedLayer {
  const channels = output.at(-1) ?? 0;
  const weights = weightsOf(layer);
  const of = (weight: string, otherwise: number): Float64Array =>
    weights[weight] === undefined
      ? new Float64Array(channels).fill(otherwise)
      : Float64Array.from(weights[weight].dataSync());
  const [gamma, beta] = [of('gamma', 1), of('beta', 0)];
  const [mean, variance] = [of('moving_mean', 0), of('moving_variance', 1)];
  const negative = variance.findIndex((value) => !(value + epsilon > 0));
  if (negative >= 0)
    throw new HbnnError(
      `layer '${name}': exportModel expected variances of at least 0, got ${variance[negative]} as moving variance of channel ${negative}; recalibrate the model on training images, or mend the weights it was loaded with`,
    );
  const scales = gamma.map((g, c) => g / Math.sqrt(variance[c] + epsilon));
  const offsets = beta.map((b, c) => b - scales[c] * mean[c]);
  return { kind: 'affine', name, scales, offsets };
}
