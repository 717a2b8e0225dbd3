import {
  type BatchSource,
  HbnnError,
  outputsFirst,
  type Padding4,
  residualOutputsFirst,
  type TrainedLayer,
  type TrainedModel,
  type TrainedWeights,
} from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { checkImagesFit } from './fitting.ts';
import { BatchNorm } from './layers/batchNorm.ts';
import { BinarizedLayer } from './layers/binarized.ts';
import type { CallContext } from './layers/context.ts';
import { ScalarScale } from './layers/scalarScale.ts';

type Source = BatchSource;

export interface ExportOptions {
  /** Images to find the largest value of each ReLU on; default 500. */
  readonly sampleImages?: number;
}

/**
 * Take a trained network out of its framework, as inference computes it: what `lower` turns into whole numbers.
 * A chain of layers: convolutions, dense layers, batch norm, ReLU, pooling, flattening, a learned scale.
 *
 * @param source the training images: their normalization becomes part of the model, and some of them give the largest
 *   value of each ReLU, which sets its 8-bit scale
 * @throws HbnnError naming a layer that has no such form (a branch, another activation), or data that are not 8-bit images
 */
export async function exportModel(
  model: tfl.LayersModel,
  source: Source,
  o: ExportOptions = {},
): Promise<TrainedModel> {
  checkImagesFit(model, source, 'exportModel');
  const { normalization } = source;
  if (normalization === undefined)
    throw new HbnnError(
      `${source.name}: expected 8-bit images with a normalization, got other data; an integer model takes pixels`,
    );
  const chain = chainOf(model);
  const ceilings = await reluCeilings(model, chain, source, o.sampleImages ?? 500);
  return {
    name: model.name,
    input: { shape: [...source.shape], ...normalization },
    layers: chain.flatMap((layer) => layersOf(layer, ceilings.get(layer))),
    classes: [...source.classes],
  };
}

/** The layers from input to output, each with one before and one after it. */
function chainOf(model: tfl.LayersModel): tfl.layers.Layer[] {
  const chain: tfl.layers.Layer[] = [];
  let at = model.outputs[0];
  while (at.inputs.length > 0) {
    if (at.inputs.length > 1 || model.outputs.length > 1)
      throw new HbnnError(
        `${at.sourceLayer.name}: expected a chain of layers, got one with ${at.inputs.length} inputs; an integer model has no branches`,
      );
    chain.unshift(at.sourceLayer);
    [at] = at.inputs;
  }
  return chain;
}

const isRelu = (layer: tfl.layers.Layer): boolean =>
  layer.getClassName() === 'ReLU' ||
  (layer.getClassName() === 'Activation' && layer.getConfig().activation === 'relu') ||
  layer.getConfig().activation === 'relu';

/** The largest output of each ReLU over some images. */
async function reluCeilings(
  model: tfl.LayersModel,
  chain: readonly tfl.layers.Layer[],
  source: Source,
  images: number,
): Promise<Map<tfl.layers.Layer, number>> {
  const relus = chain.filter((layer) => isRelu(layer));
  const ceilings = new Map(relus.map((layer) => [layer, 0]));
  if (relus.length === 0) return ceilings;
  const outputs = relus.map((layer) => layer.output as tfl.SymbolicTensor);
  const probe = tfl.model({ inputs: model.inputs, outputs });
  let seen = 0;
  for await (const part of source.batches({ batch: 50, shuffle: true, seed: 0, epoch: 0 })) {
    const largest = tf.tidy(() => {
      const x = tf.tensor(part.images, [part.count, ...source.shape]);
      const found = probe.apply(x, { training: false } satisfies CallContext);
      return tf.stack([found].flat().map((t) => tf.max(t as tf.Tensor)));
    });
    const values = await largest.data();
    largest.dispose();
    relus.forEach((layer, i) => {
      ceilings.set(layer, Math.max(ceilings.get(layer) ?? 0, values[i]));
    });
    seen += part.count;
    if (seen >= images) break;
  }
  return ceilings;
}

type Config = tf.serialization.ConfigDict;

/** What one framework layer comes to. */
function layersOf(layer: tfl.layers.Layer, ceiling: number | undefined): TrainedLayer[] {
  if (layer instanceof BinarizedLayer) return binarizedOf(layer);
  if (layer instanceof BatchNorm) return [normOf(layer, layer.getConfig().epsilon as number)];
  const { name } = layer;
  if (layer instanceof ScalarScale) {
    const scales = Float64Array.from(layer.getWeights()[0].dataSync());
    return [{ kind: 'affine', name, scales, offsets: new Float64Array(1) }];
  }
  const build = exporters[layer.getClassName()];
  if (build === undefined)
    throw new HbnnError(
      `${name}: expected a layer with an integer form (${Object.keys(exporters).join(', ')}), got ${layer.getClassName()}`,
    );
  const made = build(layer, layer.getConfig());
  const { activation } = layer.getConfig();
  const plain = activation === undefined || activation === null || activation === 'linear';
  if (plain && layer.getClassName() !== 'ReLU') return made;
  if (!isRelu(layer))
    throw new HbnnError(`${name}: expected ReLU or no activation, got ${String(activation)}`);
  return [...made, { kind: 'relu', name: made.length > 0 ? `${name}_relu` : name, ceiling }];
}

const exporters: Readonly<
  Record<string, ((layer: tfl.layers.Layer, config: Config) => TrainedLayer[]) | undefined>
> = {
  Conv2D: (layer, config) => withBias(layer, windowedOf(layer, config, 'conv')),
  DepthwiseConv2D: (layer, config) => withBias(layer, windowedOf(layer, config, 'depthwise')),
  Dense: (layer) => {
    const [kernel] = layer.getWeights();
    const tensor = outputsFirst({ shape: kernel.shape, data: floats(kernel) });
    return withBias(layer, { kind: 'dense', name: layer.name, weights: { kind: 'float', tensor } });
  },
  BatchNormalization: (layer, config) => [normOf(layer, config.epsilon as number)],
  ReLU: () => [],
  Activation: () => [],
  Dropout: () => [],
  Flatten: ({ name }) => [{ kind: 'flatten', name }],
  MaxPooling2D: (layer, config) => [
    { kind: 'maxPool', name: layer.name, ...poolOf(layer, config) },
  ],
  AveragePooling2D: (layer, config) => {
    const { size, strides, padding } = poolOf(layer, config);
    if (padding.some((n) => n > 0))
      throw new HbnnError(`${layer.name}: expected average pooling without padding`);
    return [{ kind: 'averagePool', name: layer.name, size, strides }];
  },
  GlobalAveragePooling2D: (layer) => {
    const [, height, width] = featureOf(layer);
    return [
      { kind: 'averagePool', name: layer.name, size: [height, width], strides: [height, width] },
    ];
  },
};

const floats = (t: tf.Tensor): Float32Array => t.dataSync() as Float32Array;

/** The shape of a layer's input, [batch, height, width, channels]. */
function featureOf(layer: tfl.layers.Layer): number[] {
  return (layer.input as tfl.SymbolicTensor).shape as number[];
}

/** Zeros that TensorFlow's 'same' puts around an input; more at the end where they are odd. */
function paddingOf(
  padding: unknown,
  feature: readonly number[],
  size: readonly number[],
  strides: readonly number[],
): Padding4 {
  if (padding !== 'same') return [0, 0, 0, 0];
  const along = (axis: 0 | 1): [number, number] => {
    const n = feature[axis + 1];
    const out = Math.ceil(n / strides[axis]);
    const total = Math.max(0, (out - 1) * strides[axis] + size[axis] - n);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  const [top, bottom] = along(0);
  const [left, right] = along(1);
  return [top, left, bottom, right];
}

const pair = (value: unknown): [number, number] =>
  typeof value === 'number' ? [value, value] : [...(value as [number, number])];

function poolOf(layer: tfl.layers.Layer, config: Config) {
  const size = pair(config.poolSize);
  const strides = pair(config.strides);
  return { size, strides, padding: paddingOf(config.padding, featureOf(layer), size, strides) };
}

function windowedOf(
  layer: tfl.layers.Layer,
  config: Config,
  kind: 'conv' | 'depthwise',
): TrainedLayer {
  const [kernel] = layer.getWeights();
  const [kh, kw, inputs, last] = kernel.shape;
  const strides = pair(config.strides);
  if ([config.dilationRate].flat().some((rate) => typeof rate === 'number' && rate > 1))
    throw new HbnnError(`${layer.name}: expected no dilation, which integer models have not`);
  // A depthwise kernel [kh, kw, inputs, multiplier] has output inputs · multiplier in that memory order.
  const shape = kind === 'conv' ? [kh, kw, inputs, last] : [kh, kw, 1, inputs * last];
  const tensor = outputsFirst({ shape, data: floats(kernel) });
  const padding = paddingOf(config.padding, featureOf(layer), [kh, kw], strides);
  return { kind, name: layer.name, strides, padding, weights: { kind: 'float', tensor } };
}

function withBias(layer: tfl.layers.Layer, made: TrainedLayer): TrainedLayer[] {
  const [, bias] = layer.getWeights();
  return bias === undefined ? [made] : [made, biasOf(layer.name, floats(bias))];
}

const biasOf = (name: string, bias: Float32Array): TrainedLayer => ({
  kind: 'affine',
  name: `${name}_bias`,
  scales: new Float64Array(bias.length).fill(1),
  offsets: Float64Array.from(bias),
});

/** y = γ (x − mean) / √(variance + ε) + β as one scale and offset per channel. */
function normOf(layer: tfl.layers.Layer, epsilon: number): TrainedLayer {
  const channels = ((layer.output as tfl.SymbolicTensor).shape.at(-1) ?? 0) as number;
  const values = new Map(
    layer.weights.map((w) => [
      w.originalName.replace(/^.*\//, ''),
      Float64Array.from(w.read().dataSync()),
    ]),
  );
  const of = (name: string, otherwise: number): Float64Array =>
    values.get(name) ?? new Float64Array(channels).fill(otherwise);
  const [gamma, beta] = [of('gamma', 1), of('beta', 0)];
  const [mean, variance] = [of('moving_mean', 0), of('moving_variance', 1)];
  const scales = gamma.map((g, c) => g / Math.sqrt(variance[c] + epsilon));
  const offsets = beta.map((b, c) => b - scales[c] * mean[c]);
  return { kind: 'affine', name: layer.name, scales, offsets };
}

function binarizedOf(layer: BinarizedLayer): TrainedLayer[] {
  const { name } = layer;
  const inputs = layer.inputMap();
  const before: TrainedLayer[] =
    inputs === undefined
      ? []
      : inputs === 'dynamic'
        ? [{ kind: 'binarize', name: `${name}_input`, map: 'dynamic' }]
        : [{ kind: 'binarize', name: `${name}_input`, map: 'static', ...inputs }];
  const bias = layer.trainedBias();
  const after = bias === undefined ? [] : [biasOf(name, bias)];
  return [...before, productOf(layer), ...after];
}

function productOf(layer: BinarizedLayer): TrainedLayer {
  const { name } = layer;
  const config = layer.getConfig();
  const { values, binarized } = layer.trainedKernel();
  const weights: TrainedWeights =
    binarized === undefined
      ? { kind: 'float', tensor: outputsFirst(values) }
      : { kind: 'residual', residual: residualOutputsFirst(binarized) };
  if (layer.getClassName() === 'HbnnDense') return { kind: 'dense', name, weights };
  const size = pair(config.kernelSize);
  const strides = pair(config.strides);
  const padding = paddingOf(config.padding, featureOf(layer), size, strides);
  const kind = layer.getClassName() === 'HbnnConv2D' ? 'conv' : 'depthwise';
  return { kind, name, strides, padding, weights };
}
