import { HbnnError } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { checkClass, configOf, type LayerConfig } from './layerConfig.ts';
import { checkKnownFields } from './layerForms.ts';
import {
  BinarizedConv2D,
  BinarizedDense,
  BinarizedDepthwiseConv2D,
  BinarizedLayer,
  type BinarizedLayerConfig,
  type ZeroPadding,
} from './layers/binarized.ts';
import { variableOf } from './layers/context.ts';
import type { KeptProperties } from './layers/keptProperties.ts';
import type { Precision, WeightPrecision } from './precision.ts';

/** What a layer becomes in a copy: a row of layers, the first of which takes its inputs. */
export interface LayerCopy {
  readonly row: readonly tfl.layers.Layer[];
  /** The layer and the name there of each of the original's weights that has another place or name. */
  readonly moved?: Readonly<Record<string, readonly [layer: number, name: string]>>;
}

/** Whether a layer of tf.layers gets a binarized counterpart. */
export const isBinarizable = (layer: tfl.layers.Layer): boolean =>
  binarizable[layer.getClassName()] !== undefined;

export interface CopyOptions {
  readonly precision: Precision;
  /** Zeros that a ZeroPadding2D before the layer puts around its inputs, and that the copy shall put there itself. */
  readonly zeros?: ZeroPadding | undefined;
  readonly seed: number | undefined;
  /** A name that no layer has: the wished one, or with a number behind it. */
  readonly freshName: (wished: string) => string;
}

/** A layer of the same class and configuration, with weights of its own. */
export function plainCopy(layer: tfl.layers.Layer): LayerCopy {
  const type = layer.constructor as typeof tfl.layers.Layer & {
    fromConfig(cls: unknown, config: LayerConfig): tfl.layers.Layer;
  };
  return { row: [type.fromConfig(type, configOf(layer))] };
}

/** Whether a layer is one of this project's that could binarize its weights and leaves them float. */
export const isFloatLayer = (layer: tfl.layers.Layer): layer is BinarizedLayer =>
  layer instanceof BinarizedLayer && layer.precision.weights === undefined;

/** The same layer of this project with its weights binarized. */
export function reweighted(layer: BinarizedLayer, weights: WeightPrecision): LayerCopy {
  const type = layer.constructor as new (config: BinarizedLayerConfig) => BinarizedLayer;
  const precision = { ...layer.precision, weights };
  return { row: [new type({ ...(configOf(layer) as object), precision })] };
}

/**
 * The binarized counterpart of a convolution or a dense layer, a plain copy of what has no kernel.
 *
 * @throws HbnnError naming a layer that has a kernel and no counterpart
 */
export function binarizedCopy(
  layer: tfl.layers.Layer,
  inputRank: number,
  o: CopyOptions,
): LayerCopy {
  const kind = layer.getClassName();
  const build = binarizable[kind];
  if (build === undefined) {
    if (withoutCounterpart.test(kind))
      throw refused(layer.name, `is a ${kind}, which has no binarized counterpart`);
    return plainCopy(layer);
  }
  checkClass(layer, 'binarize');
  const config = configOf(layer);
  checkKnownFields(layer.name, kind, config, 'binarize');
  refuse(layer.name, config);
  const common = {
    name: layer.name,
    precision: o.precision,
    seed: o.seed,
    useBias: config.useBias !== false,
    trainable: layer.trainable,
    ...keptWith(config, 'kernel'),
    ...keptWith(config, 'bias'),
  };
  const copy = build(config, common, { inputRank, freshName: o.freshName, zeros: o.zeros });
  for (const part of copy.row) part.setFastWeightInitDuringBuild(true);
  const { activation } = config;
  if (activation === null || activation === undefined || activation === 'linear') return copy;
  const name = o.freshName(`${layer.name}_activation`);
  const last = tfl.layers.activation({ activation: activation as 'relu', name });
  return { ...copy, row: [...copy.row, last] };
}

interface Surroundings {
  readonly inputRank: number;
  readonly freshName: CopyOptions['freshName'];
  readonly zeros: ZeroPadding | undefined;
}

const window = (config: LayerConfig, zeroPadding: ZeroPadding | undefined) => ({
  kernelSize: config.kernelSize as [number, number],
  strides: config.strides as [number, number],
  padding: config.padding as 'same' | 'valid',
  zeroPadding,
});

/** Initializer, regularizer and constraint of one of the original's weights, for kernel or bias. */
function keptWith(config: LayerConfig, from: string, to = from): KeptProperties {
  return Object.fromEntries(
    ['Initializer', 'Regularizer', 'Constraint'].map((what) => [
      `${to}${what}`,
      config[`${from}${what}`] ?? undefined,
    ]),
  );
}

/** The binarized counterpart of each kind of layer, by class name. */
const binarizable: Readonly<
  Record<
    string,
    | ((config: LayerConfig, common: BinarizedLayerConfig, around: Surroundings) => LayerCopy)
    | undefined
  >
> = {
  Conv2D: (config, common, { zeros }) => ({
    row: [
      new BinarizedConv2D({
        ...common,
        ...window(config, zeros),
        filters: config.filters as number,
      }),
    ],
  }),
  DepthwiseConv2D: (config, common, { zeros }) => ({
    row: [
      new BinarizedDepthwiseConv2D({
        ...common,
        ...keptWith(config, 'depthwise', 'kernel'),
        ...window(config, zeros),
      }),
    ],
  }),
  SeparableConv2D: (config, common, { freshName, zeros }) => ({
    row: [
      new BinarizedDepthwiseConv2D({
        ...common,
        ...keptWith(config, 'depthwise', 'kernel'),
        ...window(config, zeros),
        name: freshName(`${common.name}_depthwise`),
        useBias: false,
      }),
      new BinarizedConv2D({
        ...common,
        ...keptWith(config, 'pointwise', 'kernel'),
        filters: config.filters as number,
        kernelSize: 1,
      }),
    ],
    moved: { pointwise_kernel: [1, 'kernel'], bias: [1, 'bias'] },
  }),
  Dense: (config, common, { inputRank, zeros }) => ({
    // On a feature map a dense layer works on each place alike: a 1×1 convolution.
    row: [
      inputRank === 4
        ? new BinarizedConv2D({
            ...common,
            filters: config.units as number,
            kernelSize: 1,
            zeroPadding: zeros,
          })
        : new BinarizedDense({ ...common, units: config.units as number }),
    ],
  }),
};

/** Layers of tf.layers whose kernels binarize has no counterpart for. */
const withoutCounterpart =
  /^(Conv1D|Conv3D|Conv2DTranspose|Conv3DTranspose|SimpleRNN|GRU|LSTM|RNN|ConvLSTM2D|Bidirectional|TimeDistributed|Embedding)$/;

const refused = (name: string, cause: string): HbnnError =>
  new HbnnError(`binarize: layer '${name}' ${cause}; name it in skip`);

/** What our layers have not, so that nothing is dropped silently. */
function refuse(name: string, config: LayerConfig): void {
  const dilated = [config.dilationRate].flat().some((rate) => typeof rate === 'number' && rate > 1);
  const { padding = 'valid' } = config;
  const causes: readonly [boolean, string][] = [
    [dilated, 'dilation'],
    [config.dataFormat === 'channelsFirst', 'channels first'],
    [Number(config.depthMultiplier ?? 1) > 1, 'a depth multiplier above 1'],
    [padding !== 'valid' && padding !== 'same', `padding '${String(padding)}'`],
  ];
  const cause = causes.find(([present]) => present);
  if (cause !== undefined) throw refused(name, `has ${cause[1]}, which binarized layers have not`);
}

const shortName = (weight: tfl.LayerVariable): string =>
  weight.originalName.split('/').at(-1) as string;

/**
 * Give a copy the weights of its original, as they are, and whether training changes each of them. By name, since
 * a frozen weight changes its place in a layer's list.
 */
export function copyWeights(from: tfl.layers.Layer, { row, moved }: LayerCopy): void {
  const names = from.weights.map(shortName);
  const unique = new Set(names).size === names.length;
  const pairs = from.weights.map((weight, i) => {
    const [at, name] = moved?.[names[i]] ?? [0, names[i]];
    const { weights } = row[at];
    const to = unique ? weights.find((other) => shortName(other) === name) : weights[i];
    if (to === undefined)
      throw new HbnnError(
        `binarize: layer '${from.name}' has a weight '${name}' that its copy has not; name it in skip`,
      );
    return { weight, to };
  });
  for (const { weight, to } of pairs) {
    // Past the constraint, which would change starting values that do not keep to it yet.
    tf.tidy(() => variableOf(to).assign(tf.reshape(weight.read(), to.shape as number[])));
    to.trainable = weight.trainable;
  }
}
