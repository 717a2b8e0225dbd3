import { distFromAverage, HbnnError, type Mix } from '@hbnn/core';
import type * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {
  BinarizedConv2D,
  BinarizedDense,
  BinarizedDepthwiseConv2D,
  type BinarizedLayer,
} from './layers/binarized.ts';
import {
  type InputPrecision,
  inputPrecision,
  type Precision,
  type WeightPrecision,
  weightPrecision,
} from './precision.ts';

export interface BinarizeOptions {
  /** Average bits, a mix, or all details; left out, weights stay float. */
  readonly weights?: number | Mix | WeightPrecision;
  /** The same for the inputs of binarized layers. */
  readonly inputs?: number | Mix | InputPrecision;
  /** Names of layers to leave as they are, such as the first and the last. */
  readonly skip?: readonly string[];
  /** For random maps. */
  readonly seed?: number;
}

/**
 * Copy a model with its convolutions (dense, depthwise, pointwise) and dense layers binarized: same
 * architecture, same float weights, which are kept and can be fine-tuned. Other layers are copied as
 * they are; the model itself is left alone.
 *
 * @example
 * const small = binarize(model, { weights: 1.4, skip: ['conv1', 'logits'] });
 * await fineTune(small, train, { epochs: 2, learningRate: 0.01 });
 * const { top1 } = await evaluate(small, test);
 *
 * @throws HbnnError naming a layer that cannot be binarized as it is (dilation, channels first, a
 *   depth multiplier, a constraint), or a name in `skip` that the model has not
 */
export function binarizeModel(model: tfl.LayersModel, options: BinarizeOptions): tfl.LayersModel {
  const skip = new Set(options.skip ?? []);
  for (const name of skip) {
    if (!model.layers.some((layer) => layer.name === name)) {
      throw new HbnnError(
        `binarize: skip names a layer '${name}' that the model has not; its layers are ` +
          model.layers.map((layer) => layer.name).join(', '),
      );
    }
  }
  const precision = precisionFrom(options);
  const copies = new Map<tfl.layers.Layer, tfl.layers.Layer>();
  const outputs = new Map<string, tfl.SymbolicTensor[]>();
  const copyOf = (layer: tfl.layers.Layer): tfl.layers.Layer => {
    const made =
      copies.get(layer) ?? copyLayer(layer, skip.has(layer.name), precision, options.seed);
    copies.set(layer, made);
    return made;
  };
  const convert = (x: tfl.SymbolicTensor): tfl.SymbolicTensor => {
    const key = `${x.sourceLayer.id} ${x.nodeIndex}`;
    const known = outputs.get(key);
    if (known !== undefined) return known[x.outputTensorIndex ?? 0];
    const made =
      x.inputs.length === 0 ? inputLike(x) : applyTo(copyOf(x.sourceLayer), x.inputs.map(convert));
    outputs.set(key, made);
    return made[x.outputTensorIndex ?? 0];
  };
  const inputs = model.inputs.map(convert);
  const copy = tfl.model({ inputs, outputs: model.outputs.map(convert), name: model.name });
  for (const [from, to] of copies) to.setWeights(from.getWeights());
  return copy;
}

function precisionFrom({ weights, inputs }: BinarizeOptions): Precision {
  const isMix = (value: object): value is Mix => 'fractions' in value;
  const mixOf = (value: number | Mix): Mix =>
    typeof value === 'number' ? distFromAverage(value) : value;
  return {
    weights:
      typeof weights === 'object' && !isMix(weights)
        ? weights
        : weights !== undefined
          ? weightPrecision(mixOf(weights))
          : undefined,
    inputs:
      typeof inputs === 'object' && !isMix(inputs)
        ? inputs
        : inputs !== undefined
          ? inputPrecision(mixOf(inputs))
          : undefined,
  };
}

function inputLike(x: tfl.SymbolicTensor): tfl.SymbolicTensor[] {
  return [tfl.input({ batchShape: x.shape, dtype: x.dtype, name: x.sourceLayer.name })];
}

function applyTo(layer: tfl.layers.Layer, inputs: tfl.SymbolicTensor[]): tfl.SymbolicTensor[] {
  const y = layer.apply(inputs.length === 1 ? inputs[0] : inputs) as
    | tfl.SymbolicTensor
    | tfl.SymbolicTensor[];
  return Array.isArray(y) ? y : [y];
}

/** A layer and, where it had one, the activation that follows it. */
class Activated extends tfl.layers.Layer {
  static readonly className = 'HbnnActivated';
  private readonly inner: BinarizedLayer;
  private readonly activation: tfl.layers.Layer;

  constructor(inner: BinarizedLayer, activation: tfl.layers.Layer) {
    super({ name: inner.name } as object);
    this.inner = inner;
    this.activation = activation;
  }

  override apply(
    inputs: tf.Tensor | tf.Tensor[] | tfl.SymbolicTensor | tfl.SymbolicTensor[],
  ): tf.Tensor | tf.Tensor[] | tfl.SymbolicTensor | tfl.SymbolicTensor[] {
    return this.activation.apply(this.inner.apply(inputs));
  }

  override setWeights(weights: tf.Tensor[]): void {
    this.inner.setWeights(weights);
  }
}

function copyLayer(
  layer: tfl.layers.Layer,
  asItIs: boolean,
  precision: Precision,
  seed: number | undefined,
): tfl.layers.Layer {
  const build = binarizable[layer.getClassName()];
  const config = layer.getConfig();
  if (asItIs || build === undefined) {
    const type = layer.constructor as typeof tfl.layers.Layer & {
      fromConfig(cls: unknown, config: tf.serialization.ConfigDict): tfl.layers.Layer;
    };
    return type.fromConfig(type, config);
  }
  refuse(layer.name, config);
  const binarized = build(config, {
    name: layer.name,
    precision,
    seed,
    useBias: config.useBias !== false,
  });
  const activation = config.activation;
  if (activation === null || activation === undefined || activation === 'linear') return binarized;
  const name = `${layer.name}_activation`;
  return new Activated(
    binarized,
    tfl.layers.activation({ activation: activation as 'relu', name }),
  );
}

type Config = tf.serialization.ConfigDict;
type Common = { name: string; precision: Precision; seed: number | undefined; useBias: boolean };

const window = (config: Config) => ({
  kernelSize: config.kernelSize as [number, number],
  strides: config.strides as [number, number],
  padding: config.padding as 'same' | 'valid',
});

/** The binarized counterpart of each kind of layer, by class name. */
const binarizable: Readonly<
  Record<string, ((config: Config, common: Common) => BinarizedLayer) | undefined>
> = {
  Conv2D: (config, common) =>
    new BinarizedConv2D({ ...common, ...window(config), filters: config.filters as number }),
  DepthwiseConv2D: (config, common) =>
    new BinarizedDepthwiseConv2D({ ...common, ...window(config) }),
  Dense: (config, common) => new BinarizedDense({ ...common, units: config.units as number }),
};

/** What our layers have not, so that nothing is dropped silently. */
function refuse(name: string, config: Config): void {
  const dilated = [config.dilationRate].flat().some((rate) => typeof rate === 'number' && rate > 1);
  const causes: readonly [boolean, string][] = [
    [dilated, 'dilation'],
    [config.dataFormat === 'channelsFirst', 'channels first'],
    [Number(config.depthMultiplier ?? 1) > 1, 'a depth multiplier above 1'],
    [Boolean(config.kernelConstraint ?? config.depthwiseConstraint), 'a kernel constraint'],
  ];
  const cause = causes.find(([present]) => present);
  if (cause !== undefined) {
    throw new HbnnError(
      `binarize: layer '${name}' has ${cause[1]}, which binarized layers have not; name it in skip`,
    );
  }
}
