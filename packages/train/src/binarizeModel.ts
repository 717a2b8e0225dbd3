import {
  checkCallback,
  checkOptions,
  distFromAverage,
  HbnnError,
  kindOf,
  type Mix,
} from '@hbnn/core';
import * as tfl from '@tensorflow/tfjs-layers';
import {
  binarizedCopy,
  type CopyOptions,
  copyWeights,
  isBinarizable,
  isFloatLayer,
  type LayerCopy,
  plainCopy,
  reweighted,
} from './copyLayer.ts';
import { integerForms } from './exportModel.ts';
import { checkFiniteWeights } from './finiteWeights.ts';
import { checkModelBuilt, checkNumbers } from './fitting.ts';
import { checkClass, configOf, isModel } from './layerConfig.ts';
import { binarizedLayers } from './layers/binarized.ts';
import type { ZeroPadding } from './layers/zeroPadding.ts';
import {
  type InputPrecision,
  inputPrecision,
  type Precision,
  type WeightPrecision,
  weightPrecision,
} from './precision.ts';
import { setWeightGrids, weightGridsOf } from './weightGrids.ts';
import { checkWindowsFit } from './windowsFit.ts';

export interface BinarizeOptions {
  /** Average bits, a mix, or all details; left out, weights stay float. */
  readonly weights?: number | Mix | WeightPrecision;
  /** The same for the inputs of binarized layers. */
  readonly inputs?: number | Mix | InputPrecision;
  /** Weights of single layers by name, in place of `weights`. */
  readonly layers?: Readonly<Record<string, number | Mix | WeightPrecision>>;
  /** Names of layers to leave as they are, such as the first and the last. */
  readonly skip?: readonly string[];
  /** For random maps. */
  readonly seed?: number;
  /**
   * Called with a sentence about each layer that `exportModel` will refuse, so that it is known before a training, and
   * where nothing is binarized; default console.warn.
   */
  readonly onNote?: (note: string) => void;
}

/**
 * Copy a model with its convolutions (dense, depthwise, pointwise, separable ones as their two layers)
 * and dense layers binarized: same architecture, same float weights, which are kept and can be
 * fine-tuned. What is frozen stays frozen; initializers, regularizers and constraints are kept. Models
 * inside the model are opened. Other layers are copied as they are; the model itself is left alone.
 *
 * @example
 * const small = binarize(model, { weights: 1.4, skip: ['conv1', 'logits'] });
 * await fineTune(small, train, { epochs: 2, learningRate: 0.01 });
 * const { top1 } = await evaluate(small, test);
 *
 * @throws HbnnError naming a layer that cannot be binarized as it is (dilation, channels first, a
 *   depth multiplier, a transposed or recurrent layer), a kernel or pool larger than its map, weights that are not
 *   finite, or a name in `skip` that the model has not
 */
export function binarizeModel(model: tfl.LayersModel, options: BinarizeOptions): tfl.LayersModel {
  const copy = binarizedModel(model, options);
  const note = options.onNote ?? ((text: string): void => console.warn(text));
  if (!isBinarized(copy))
    note(
      `${copy.name}: nothing is binarized, since ${options.weights === undefined && options.inputs === undefined && options.layers === undefined ? 'neither weights nor inputs have bits' : 'every layer with weights is in skip'}; give weights, such as 1.4, and name fewer layers in skip`,
    );
  noteFaults(copy, note);
  return copy;
}

/** Whether any layer's weights or inputs are binarized. */
const isBinarized = (model: tfl.LayersModel): boolean =>
  binarizedLayers(model).some(
    ({ precision }) => precision.weights !== undefined || precision.inputs !== undefined,
  );

/** Say of each layer that `exportModel` will refuse why, and what to do. */
export function noteFaults(model: tfl.LayersModel, note: (text: string) => void): void {
  for (const fault of faultsOf(model))
    note(`the network can be trained, and not exported as an integer model: ${fault}`);
}

/** Copy a model as `binarizeModel` does, without a word. */
export function binarizedModel(model: tfl.LayersModel, options: BinarizeOptions): tfl.LayersModel {
  checkOptions('binarize', options, optionNames);
  checkNumbers('binarize', options, { seed: 'seed' });
  checkCallback('binarize', 'onNote', options.onNote);
  const layers = layersOf(model);
  checkSkip(layers, options.skip ?? []);
  checkLayers(layers, options);
  checkWindowsFit(model, 'binarize');
  checkFiniteWeights(
    layers.filter((layer) => !isModel(layer)),
    'binarize',
  );
  const copier = new Copier(layers, options);
  const scope = new Map<number, tfl.SymbolicTensor>();
  const inputs = model.inputs.map((x) => copier.convert(x, scope));
  const outputs = model.outputs.map((x) => copier.convert(x, scope));
  const copy = tfl.model({ inputs, outputs, name: model.name });
  // The whole model's flag sets those of all weights, which are then copied one by one.
  if (!model.trainable) copy.trainable = false;
  copier.copyWeights();
  setWeightGrids(copy, weightGridsOf(model));
  return copy;
}

const optionNames: readonly (keyof BinarizeOptions)[] = [
  'weights',
  'inputs',
  'layers',
  'skip',
  'seed',
  'onNote',
];

/** Why `exportModel` will refuse a network, layer by layer. */
function faultsOf(model: tfl.LayersModel): string[] {
  try {
    return integerForms(model).flatMap(({ fault }) => fault ?? []);
  } catch (error) {
    if (error instanceof HbnnError) return [error.message];
    throw error;
  }
}

/** All layers of a model: those of models inside it too, and these models themselves. */
function layersOf(model: tfl.LayersModel): tfl.layers.Layer[] {
  checkModelBuilt(model, 'binarize');
  const inside = model.layers.flatMap((layer) =>
    isModel(layer) ? [layer, ...layersOf(layer)] : [layer],
  );
  return [...new Set(inside)];
}

function checkSkip(layers: readonly tfl.layers.Layer[], skip: readonly string[]): void {
  if (!Array.isArray(skip))
    throw new HbnnError(
      `binarize: expected skip as a list of layer names, got ${kindOf(skip)}; write it as ['conv1']`,
    );
  for (const name of skip)
    if (!layers.some((layer) => layer.name === name))
      throw new HbnnError(
        `binarize: skip names a layer '${name}' that the model has not; its layers are ` +
          layers.map((layer) => layer.name).join(', '),
      );
}

/** @throws HbnnError naming a layer that is given bits and is not there, is skipped, or has no float weights */
function checkLayers(
  layers: readonly tfl.layers.Layer[],
  { layers: given, skip = [] }: BinarizeOptions,
): void {
  if (given === undefined) return;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new HbnnError(
      `binarize: expected layers as bits by layer name, got ${kindOf(given)}; write it as { conv1: 1.4 }`,
    );
  const binarized = layers.filter((layer) => isBinarizable(layer) || isFloatLayer(layer));
  for (const name of Object.keys(given)) {
    if (skip.includes(name))
      throw new HbnnError(
        `binarize: expected '${name}' in layers or in skip, got it in both; leave it out of one`,
      );
    if (!binarized.some((layer) => layer.name === name))
      throw new HbnnError(
        `binarize: layers names '${name}', expected layers with weights to binarize (${binarized.map((layer) => layer.name).join(', ')}); name some of these`,
      );
  }
}

/** Symbolic tensors of an original by id, and what they became in the copy. */
type Scope = Map<number, tfl.SymbolicTensor>;

/** Copies a graph of layers, each layer once, models inside models opened. */
class Copier {
  private readonly skip = new Set<tfl.layers.Layer>();
  private readonly options: CopyOptions;
  private readonly weightsOf = new Map<string, WeightPrecision | undefined>();
  private readonly copies = new Map<tfl.layers.Layer, LayerCopy>();

  constructor(layers: readonly tfl.layers.Layer[], options: BinarizeOptions) {
    for (const layer of layers) {
      if (!options.skip?.includes(layer.name)) continue;
      for (const inner of isModel(layer) ? layersOf(layer) : [layer]) this.skip.add(inner);
    }
    const taken = namesOf(layers);
    const freshName = (wished: string): string => {
      let name = wished;
      for (let n = 2; taken.has(name); n++) name = `${wished}_${n}`;
      taken.add(name);
      return name;
    };
    this.options = { precision: precisionFrom(options), seed: options.seed, freshName };
    for (const [name, given] of Object.entries(options.layers ?? {}))
      this.weightsOf.set(name, precisionOf('layers', given, weightPrecision));
  }

  /** The copy's tensor in the place of an original's. */
  convert(x: tfl.SymbolicTensor, scope: Scope): tfl.SymbolicTensor {
    const made = scope.get(x.id);
    if (made !== undefined) return made;
    const { sourceLayer: layer } = x;
    const outputs = x.inputs.length === 0 ? inputLike(x) : this.outputsOf(x, scope);
    const originals = x.inputs.length === 0 ? [x] : layer.inboundNodes[x.nodeIndex].outputTensors;
    originals.forEach((original, i) => {
      scope.set(original.id, outputs[i]);
    });
    return scope.get(x.id) as tfl.SymbolicTensor;
  }

  /** What the copy of a tensor's layer gives. */
  private outputsOf({ sourceLayer, inputs }: tfl.SymbolicTensor, scope: Scope) {
    const converted = inputs.map((input) => this.convert(input, scope));
    const behind = this.zerosBehind(sourceLayer, converted);
    if (behind !== undefined) return behind;
    const { from, zeros } = this.zerosBefore(sourceLayer, converted);
    return this.apply(sourceLayer, from, zeros);
  }

  /**
   * What a layer's copy takes its inputs from. A binarized input is never 0, so zeros around it are put by the layer
   * that binarizes, behind the binarization: a ZeroPadding2D before such a layer becomes part of its copy. It is looked
   * for among the copies, where models inside the model are open.
   */
  private zerosBefore(
    layer: tfl.layers.Layer,
    inputs: tfl.SymbolicTensor[],
  ): { from: tfl.SymbolicTensor[]; zeros?: ZeroPadding } {
    const binarizesInputs = this.options.precision.inputs !== undefined && !this.skip.has(layer);
    if (!binarizesInputs || !isBinarizable(layer) || layer.inboundNodes.length > 1)
      return { from: inputs };
    const { from, zeros } = unpadded(inputs[0]);
    return zeros === undefined ? { from: inputs } : { from: [from], zeros };
  }

  /**
   * Put zeros around the outputs of a layer that a ZeroPadding2D has put around its inputs: where 0 stays 0 that is the
   * same, and the padding comes to lie before the next layer, which may binarize its inputs.
   *
   * @returns undefined for another layer, or one without such padding
   */
  private zerosBehind(
    layer: tfl.layers.Layer,
    inputs: tfl.SymbolicTensor[],
  ): tfl.SymbolicTensor[] | undefined {
    if (this.options.precision.inputs === undefined || !keepsZeros(layer)) return undefined;
    const { from, zeros, name } = unpadded(inputs[0]);
    if (zeros === undefined) return undefined;
    const outputs = this.apply(layer, [from], undefined);
    const padding = tfl.layers.zeroPadding2d({
      name: this.options.freshName(name),
      padding: [[...zeros[0]], [...zeros[1]]],
    });
    return [padding.apply(outputs[0]) as tfl.SymbolicTensor];
  }

  private apply(
    layer: tfl.layers.Layer,
    inputs: tfl.SymbolicTensor[],
    zeros: ZeroPadding | undefined,
  ): tfl.SymbolicTensor[] {
    if (isModel(layer)) {
      const scope: Scope = new Map(layer.inputs.map((x, i) => [x.id, inputs[i]]));
      return layer.outputs.map((x) => this.convert(x, scope));
    }
    const copy = this.copies.get(layer) ?? this.copyOf(layer, inputs[0].rank, zeros);
    this.copies.set(layer, copy);
    return copy.row.reduce(
      (x, part) => [part.apply(x.length === 1 ? x[0] : x)].flat() as tfl.SymbolicTensor[],
      inputs,
    );
  }

  private copyOf(
    layer: tfl.layers.Layer,
    inputRank: number,
    zeros: ZeroPadding | undefined,
  ): LayerCopy {
    if (this.skip.has(layer)) return plainCopy(layer);
    const { inputs, weights: common } = this.options.precision;
    const weights = this.weightsOf.get(layer.name) ?? common;
    if (isFloatLayer(layer))
      return weights === undefined ? plainCopy(layer) : reweighted(layer, weights);
    return binarizedCopy(layer, inputRank, {
      ...this.options,
      precision: { weights, inputs },
      zeros,
    });
  }

  copyWeights(): void {
    for (const [layer, copy] of this.copies) copyWeights(layer, copy);
  }
}

/** What a ZeroPadding2D, or several, put zeros around, and how many; the tensor itself where there is none. */
function unpadded(x: tfl.SymbolicTensor): {
  readonly from: tfl.SymbolicTensor;
  readonly zeros?: ZeroPadding;
  readonly name: string;
} {
  let from = x;
  const zeros: [[number, number], [number, number]] = [
    [0, 0],
    [0, 0],
  ];
  while (from.sourceLayer.getClassName() === 'ZeroPadding2D') {
    checkClass(from.sourceLayer, 'binarize');
    const { padding, dataFormat } = configOf(from.sourceLayer);
    if (dataFormat === 'channelsFirst') break;
    const more = padding as unknown as ZeroPadding;
    for (const axis of [0, 1]) for (const end of [0, 1]) zeros[axis][end] += more[axis][end];
    [from] = from.inputs;
  }
  const { name } = x.sourceLayer;
  return from === x ? { from, name } : { from, zeros, name };
}

const zeroAtZero = /^(linear|relu|relu6|elu|selu|tanh|softsign|swish|gelu|gelu_new|mish)$/;

/** Whether a layer works on each value by itself, and gives 0 for 0. */
function keepsZeros(layer: tfl.layers.Layer): boolean {
  const kind = layer.getClassName();
  if (kind === 'Activation') return zeroAtZero.test(String(configOf(layer).activation));
  return /^(ReLU|LeakyReLU|ThresholdedReLU|ELU|HbnnHardSwish)$|Dropout$|Noise$|^ActivityRegularization$/.test(
    kind,
  );
}

/** The names of all layers. @throws HbnnError where two have one name, which a model of both cannot have */
function namesOf(layers: readonly tfl.layers.Layer[]): Set<string> {
  const names = new Set<string>();
  for (const layer of layers) {
    if (isModel(layer) || layer.getClassName() === 'InputLayer') continue;
    if (names.has(layer.name))
      throw new HbnnError(
        `binarize: expected each layer name once, models inside the model included, got '${layer.name}' twice; rename one of them`,
      );
    names.add(layer.name);
  }
  return names;
}

function precisionFrom({ weights, inputs }: BinarizeOptions): Precision {
  return {
    weights: precisionOf('weights', weights, weightPrecision),
    inputs: precisionOf('inputs', inputs, inputPrecision),
  };
}

/** Details of a precision, made of an average or a mix where they are not given. */
function precisionOf<Details extends WeightPrecision | InputPrecision>(
  what: 'weights' | 'inputs' | 'layers',
  given: number | Mix | Details | undefined,
  detailed: (mix: Mix, options?: Partial<Omit<Details, 'mix'>>) => Details,
): Details | undefined {
  if (given === undefined) return undefined;
  if (typeof given === 'number') return detailed(distFromAverage(given, `binarize: ${what}`));
  if (typeof given === 'object' && given !== null) {
    if ('fractions' in given) return detailed(given);
    if ('mix' in given) {
      const { mix, ...details } = given;
      return detailed(mix, details);
    }
  }
  throw new HbnnError(
    `binarize: expected ${what} as average bits, a mix or what ${detailed.name} gives, got ${kindOf(given)}; give a number such as 1.4`,
  );
}

function inputLike(x: tfl.SymbolicTensor): tfl.SymbolicTensor[] {
  return [tfl.input({ batchShape: x.shape, dtype: x.dtype, name: x.sourceLayer.name })];
}
