import {
  type Batch,
  type BatchSource,
  checkBatch,
  checkCallback,
  checkOptions,
  checkSource,
  HbnnError,
  outputsFirst,
  residualOutputsFirst,
} from '@hbnn/core';
import type { Padding4, TrainedLayer, TrainedModel, TrainedWeights } from '@hbnn/model';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import './backend/samePadding.ts';
import { checkFiniteWeights } from './finiteWeights.ts';
import { checkCount, checkFits, checkModelBuilt, checkNumbers } from './fitting.ts';
import { activationOf, isRelu, lastActive, leaveOut } from './lastActivation.ts';
import { formOf, isJoin } from './layerForms.ts';
import { BatchNorm } from './layers/batchNorm.ts';
import {
  BinarizedConv2D,
  BinarizedDense,
  BinarizedDepthwiseConv2D,
  BinarizedLayer,
} from './layers/binarized.ts';
import type { CallContext } from './layers/context.ts';
import { HardSwish } from './layers/hardSwish.ts';
import { QuantizedLayer } from './layers/quantized.ts';
import { ScalarScale } from './layers/scalarScale.ts';
import { chainOf, type Link } from './modelChain.ts';
import { type Place, paddingOf, pair, sum4, unpadded, zerosIn, zerosOf } from './place.ts';
import { tiesIn } from './ties.ts';
import { biasOf, normOf, weightsOf } from './weightForms.ts';
import { type WeightGrids, weightGridsOf, withCodes } from './weightGrids.ts';

type Source = BatchSource;

export interface ExportOptions {
  /** Images to find the largest outputs of each layer on; default 500. */
  readonly sampleImages?: number;
  /**
   * Called with a sentence about what was left out because it changes no class, and about sums that may be exactly 0 in
   * front of a binarization; default console.warn.
   */
  readonly onNote?: (note: string) => void;
}

/**
 * Take a trained network out of its framework, as inference computes it: what `lower` turns into whole numbers.
 * Convolutions, dense layers, batch norm, ReLU, pooling, padding, flattening, a learned scale, and branches that meet
 * in sums and concatenations.
 * A softmax or sigmoid at the end is left out, since the largest score is the same. Weights that were quantized before
 * they were imported keep their whole numbers, unless training has moved them.
 *
 * @param source the training images: their normalization becomes part of the model, and some of them give the largest
 *   value of each ReLU, which sets its 8-bit scale, and the largest outputs of the other layers
 * @throws HbnnError naming a layer that has no such form (another activation, a configuration field that
 *   nothing here reads, weights that are not finite), or data that are not 8-bit images
 */
export async function exportModel(
  model: tfl.LayersModel,
  source: Source,
  o: ExportOptions = {},
): Promise<TrainedModel> {
  checkModelBuilt(model, 'exportModel');
  checkSource(source, 'exportModel');
  checkOptions('exportModel', o, ['sampleImages', 'onNote']);
  checkNumbers('exportModel', o, { sampleImages: 'positive whole' });
  checkCallback('exportModel', 'onNote', o.onNote);
  const { normalization } = source;
  if (normalization === undefined)
    throw new HbnnError(
      `${source.name}: expected 8-bit images with a normalization, got other data; an integer model takes pixels`,
    );
  const chain = chainOf(model);
  if (chain.length === 0)
    throw new HbnnError(
      `${model.name}: exportModel expected at least one layer, got none; add layers to the model`,
    );
  checkFits(model, source, 'exportModel');
  checkFiniteWeights(
    chain.map(({ layer }) => layer),
    'exportModel',
  );
  const note = o.onNote ?? ((text: string): void => console.warn(text));
  // Layers are built before images are looked at, so that what cannot be exported is refused at once.
  const made = layersOf(chain, source, weightGridsOf(model), note);
  for (const tie of tiesIn(made.flatMap(({ layers }) => layers))) note(tie);
  const measured = await measureOutputs(chain, source, o.sampleImages ?? 500);
  // Outputs from an activation on that is left out are others than those of the model made here.
  const leftOut = chain.findIndex((link) => isLeftOut(activationOf(link)));
  for (const link of leftOut < 0 ? [] : chain.slice(leftOut)) measured.delete(link);
  return {
    name: model.name,
    input: { shape: [...source.shape], ...normalization },
    layers: made.flatMap(({ link, layers }) =>
      layers.map((layer, i) => withMeasured(layer, i === layers.length - 1, measured.get(link))),
    ),
    classes: [...source.classes],
  };
}

const isLeftOut = (activation: string | undefined): boolean =>
  activation !== undefined && !isRelu(activation);

/** What a layer's outputs come to over some images: the largest magnitude, and the largest value of each channel. */
interface Measured {
  readonly magnitude: number;
  readonly values: Float32Array;
}

/** A layer with what was measured of its outputs; only the last of those that a layer of the framework became has these. */
function withMeasured(layer: TrainedLayer, isLast: boolean, measured?: Measured): TrainedLayer {
  if (measured === undefined) return layer;
  const largest = isLast && { largest: measured.magnitude };
  return layer.kind === 'relu'
    ? {
        ...layer,
        ceiling: measured.values.reduce((most, value) => Math.max(most, value), 0),
        channelCeilings: Array.from(measured.values, (value) => Math.max(0, value)),
        ...largest,
      }
    : { ...layer, ...largest };
}

/**
 * What the outputs of each layer come to over some images.
 *
 * @throws HbnnError naming the first layer with outputs beyond float32
 */
async function measureOutputs(
  chain: readonly Link[],
  source: Source,
  images: number,
): Promise<Map<Link, Measured>> {
  const measured = new Map<Link, Measured>();
  let seen = 0;
  for await (const part of source.batches({ batch: 50, shuffle: true, seed: 0, epoch: 0 })) {
    checkBatch(part, source, 'exportModel');
    const found = await largestOutputs(chain, part, source);
    chain.forEach(({ layer }, i) => {
      if (Number.isFinite(found[i].magnitude)) return;
      throw new HbnnError(
        `layer '${layer.name}': exportModel expected finite outputs, got ${found[i].magnitude} for an image of ${source.name}; its weights are too large, train again with a lower learning rate`,
      );
    });
    chain.forEach((link, i) => {
      const { magnitude, values } = measured.get(link) ?? found[i];
      measured.set(link, {
        magnitude: Math.max(magnitude, found[i].magnitude),
        values: values.map((value, c) => Math.max(value, found[i].values[c])),
      });
    });
    seen += part.count;
    if (seen >= images) break;
  }
  if (seen === 0) checkCount('exportModel', source, seen);
  return measured;
}

/** For each layer of a chain, what its outputs come to for a batch. */
async function largestOutputs(
  chain: readonly Link[],
  { images, count }: Batch,
  { shape }: Source,
): Promise<Measured[]> {
  const largest = tf.tidy(() => {
    const pixels: tf.Tensor = tf.tensor(images, [count, ...shape]);
    const outputs: tf.Tensor[] = [];
    return chain.map(({ layer, sources }) => {
      const inputs = sources.map((source) => outputs[source] ?? pixels);
      const x = layer.apply(inputs.length === 1 ? inputs[0] : inputs, {
        training: false,
      } satisfies CallContext) as tf.Tensor;
      outputs.push(x);
      // What is no number is no largest one: summed, it stays.
      const magnitude = tf.add(tf.max(tf.abs(x)), tf.mul(tf.sum(x), 0));
      const channels = tf.max(x, [...x.shape.keys()].slice(0, -1));
      return tf.concat1d([tf.reshape(magnitude, [1]), tf.reshape(channels, [-1])]);
    });
  });
  try {
    const values = await Promise.all(largest.map((each) => each.data<'float32'>()));
    return values.map(([magnitude, ...channels]) => ({
      magnitude,
      values: Float32Array.from(channels),
    }));
  } finally {
    tf.dispose(largest);
  }
}

interface Made {
  readonly link: Link;
  readonly layers: readonly TrainedLayer[];
}

const noZeros: Padding4 = [0, 0, 0, 0];

/** Where a link leaves the values: in which map, and what the layer is called that gave them. */
interface End extends Pick<Place, 'map' | 'zeros' | 'nonNegative'> {
  /** Undefined for the pixels. */
  readonly name: string | undefined;
}

/** What the layers of a network come to, each with a name of its own. */
function layersOf(
  chain: readonly Link[],
  { shape }: Source,
  grids: WeightGrids,
  note: (text: string) => void,
): Made[] {
  const last = lastActive(chain);
  const taken = new Set(chain.map(({ layer }) => layer.name));
  const pixels: TrainedLayer[] = chain.some(isJoin) ? [pixelLayer(taken)] : [];
  const start: End = { map: shape, zeros: noZeros, nonNegative: false, name: pixels[0]?.name };
  const ends: End[] = [];
  let before = start.name;
  return chain.map((link, i) => {
    const sources = link.sources.map((source) => ends[source] ?? start);
    const place = placeOf(link, sources);
    const layers = [
      ...withCodes(formAt(place), place.name, grids, note),
      ...activationLayers(place, i === last, note),
    ].map((layer) => renamed(layer, place.name, taken));
    const end = after(
      place,
      layers.map(({ kind }) => kind),
    );
    const name = layers.at(-1)?.name ?? sources[0].name;
    ends.push({ ...end, name });
    if (i === chain.length - 1) checkEnd(place.name, end);
    const linked = layers.map((layer, k) => (k === 0 ? linkedTo(layer, sources, before) : layer));
    before = layers.at(-1)?.name ?? before;
    return { link, layers: i === 0 ? [...pixels, ...linked] : linked };
  });
}

/** @throws HbnnError where zeros lie around the outputs of the network */
function checkEnd(name: string, { zeros }: Pick<End, 'zeros'>): void {
  if (zeros.some((n) => n > 0)) throw unpadded(name, 'the end of the network');
}

/** What one layer of a float network becomes in an integer model. */
export interface IntegerForm {
  readonly layer: tfl.layers.Layer;
  /** The layers that it reads. */
  readonly reads: readonly string[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Kinds of layers of a trained model, none where the layer does nothing at inference. */
  readonly becomes: readonly TrainedLayer['kind'][];
  /** Why the layer has no integer form, and what to do; undefined where it has one. */
  readonly fault?: string;
}

/**
 * Say of each layer what `exportModel` makes of it, or why it refuses it. Nothing is computed.
 *
 * @throws HbnnError where the network has no order of layers: several inputs or outputs, a layer applied twice
 */
export function integerForms(model: tfl.LayersModel): IntegerForm[] {
  const chain = chainOf(model);
  const grids = weightGridsOf(model);
  const last = lastActive(chain);
  const shape = asMap(model.inputs[0].shape.slice(1) as number[]);
  const start: End = { map: shape, zeros: noZeros, nonNegative: false, name: undefined };
  const ends: End[] = [];
  return chain.map((link, i) => {
    const { layer, input, output } = link;
    const about = {
      layer,
      reads: link.sources.map((source) => chain[source]?.layer.name ?? 'input'),
      input,
      output,
    };
    try {
      const place = placeOf(
        link,
        link.sources.map((source) => ends[source] ?? start),
      );
      const activation = activationLayers(place, i === last, () => {});
      const becomes = [...kindsOf(place, grids), ...activation.map(({ kind }) => kind)];
      const end = after(place, becomes);
      if (i === chain.length - 1) checkEnd(layer.name, end);
      ends.push({ ...end, name: layer.name });
      return { ...about, becomes };
    } catch (error) {
      if (!(error instanceof HbnnError)) throw error;
      // The layers behind it are judged as if it had a form.
      ends.push({ ...start, map: asMap(output), name: layer.name });
      return { ...about, becomes: [], fault: error.message };
    }
  });
}

const asMap = (shape: readonly number[]): End['map'] => {
  const [height, width, channels] = shape.length === 3 ? shape : [1, 1, shape.at(-1) as number];
  return [height, width, channels];
};

/** A layer that changes nothing, so that the pixels have a name that branches can read. */
function pixelLayer(taken: Set<string>): TrainedLayer {
  const one = Float64Array.of(1);
  const layer = {
    kind: 'affine',
    name: 'pixels',
    scales: one,
    offsets: new Float64Array(1),
  } as const;
  return renamed(layer, '', taken);
}

/** Where a link lies, behind the ends of what it reads. */
function placeOf(link: Link, sources: readonly End[]): Place {
  const { name } = link.layer;
  const padded = sources.find(({ zeros }) => zeros.some((n) => n > 0));
  if (sources.length > 1 && padded !== undefined) throw unpadded(name, link.layer.getClassName());
  const [{ map, zeros }] = sources;
  return { ...link, name, map, zeros, nonNegative: sources.every((end) => end.nonNegative) };
}

/** A layer with the names of those that it reads, where it does not read the one before it. */
function linkedTo(
  layer: TrainedLayer,
  sources: readonly End[],
  before: string | undefined,
): TrainedLayer {
  const names = sources.map(({ name }) => name ?? '');
  if (layer.kind === 'add' || layer.kind === 'concat') return { ...layer, inputs: names };
  return sources[0].name === before ? layer : { ...layer, from: names[0] };
}

/** A layer that carries another name than the framework's gets one that nothing else has. */
function renamed(layer: TrainedLayer, own: string, taken: Set<string>): TrainedLayer {
  if (layer.name === own) return layer;
  let { name } = layer;
  for (let n = 2; taken.has(name); n++) name = `${layer.name}_${n}`;
  taken.add(name);
  return { ...layer, name };
}

/** Where the next layer lies. */
function after(
  place: Place,
  kinds: readonly TrainedLayer['kind'][],
): Pick<Place, 'map' | 'zeros' | 'nonNegative'> {
  const { map, output } = place;
  const nonNegative = kinds.reduce((so, kind) => {
    if (kind === 'relu') return true;
    return so && /^(maxPool|averagePool|flatten|add|concat)$/.test(kind);
  }, place.nonNegative);
  const moves = kinds.some((kind) => /^(conv|depthwise|dense|add|concat)$|Pool/.test(kind));
  if (!moves) return { map, zeros: sum4(place.zeros, zerosOf(place)), nonNegative };
  return { map: asMap(output), zeros: noZeros, nonNegative };
}

/** Whether a layer is of this very class: one made from it may compute anything. */
const isMadeBy = (layer: tfl.layers.Layer, type: unknown): boolean => layer.constructor === type;

/** What one framework layer comes to, but for its activation. */
function formAt(place: Place): TrainedLayer[] {
  const { layer, name } = place;
  if (layer instanceof BinarizedLayer) return binarizedOf(place, layer);
  if (layer instanceof QuantizedLayer)
    throw new HbnnError(
      `${name}: exportModel expected weights that are float or binarized by this project, got the quantizer '${layer.quantizer}', which has no integer form; train with --weights and --inputs in place of --quantizer`,
    );
  if (isMadeBy(layer, BatchNorm)) return [normOf(place, place.config.epsilon as number)];
  if (isMadeBy(layer, HardSwish)) return [{ kind: 'hardSwish', name }];
  if (!isMadeBy(layer, ScalarScale)) return formOf(place);
  const scales = Float64Array.from(weightsOf(layer).scale.dataSync());
  return [{ kind: 'affine', name, scales, offsets: new Float64Array(1) }];
}

function activationLayers(
  place: Place,
  last: boolean,
  note: (text: string) => void,
): TrainedLayer[] {
  const activation = activationOf(place);
  if (activation === undefined) return [];
  if (!isRelu(activation)) {
    note(leaveOut(place, last));
    return [];
  }
  const alone = /^(ReLU|Activation)$/.test(place.layer.getClassName());
  return [{ kind: 'relu', name: alone ? place.name : `${place.name}_relu` }];
}

/** @throws HbnnError where a layer that binarizes its inputs lies behind zero padding */
function checkUnpadded({ name, zeros }: Place): void {
  if (zeros.every((n) => n === 0)) return;
  throw new HbnnError(
    `${name}: exportModel expected no zero padding before a layer that binarizes its inputs, where 0 becomes −1, got some; give the layer itself the zeros as zeroPadding, as binarize does`,
  );
}

function binarizedOf(place: Place, layer: BinarizedLayer): TrainedLayer[] {
  const { name } = place;
  const inputs = layer.inputMap();
  if (inputs !== undefined) checkUnpadded(place);
  const before: TrainedLayer[] =
    inputs === undefined
      ? []
      : inputs === 'dynamic'
        ? [{ kind: 'binarize', name: `${name}_input`, map: 'dynamic' }]
        : [{ kind: 'binarize', name: `${name}_input`, map: 'static', ...inputs }];
  const bias = layer.trainedBias();
  const behind = bias === undefined ? [] : [biasOf(name, bias)];
  return [...before, productOf(place, layer), ...behind];
}

function productOf(place: Place, layer: BinarizedLayer): TrainedLayer {
  const { values, binarized } = layer.trainedKernel();
  const weights: TrainedWeights =
    binarized === undefined
      ? { kind: 'float', tensor: outputsFirst(values) }
      : { kind: 'residual', residual: residualOutputsFirst(binarized) };
  return { ...geometryOf(place, layer), weights };
}

type Geometry =
  | { readonly kind: 'dense'; readonly name: string }
  | {
      readonly kind: 'conv' | 'depthwise';
      readonly name: string;
      readonly strides: [number, number];
      readonly padding: Padding4;
    };

/** A binarized layer without its weights. @throws HbnnError for a class made from one */
function geometryOf(place: Place, layer: BinarizedLayer): Geometry {
  const { name, config } = place;
  if (isMadeBy(layer, BinarizedDense)) return { kind: 'dense', name };
  const convolution = isMadeBy(layer, BinarizedConv2D);
  if (!convolution && !isMadeBy(layer, BinarizedDepthwiseConv2D))
    throw new HbnnError(
      `${name}: exportModel expected one of the binarized layers of @hbnn/train, got ${layer.getClassName()}, a class made from them; use the layer itself`,
    );
  const strides = pair(config.strides);
  const own = zerosIn(config.zeroPadding);
  const [height, width, channels] = place.input;
  const input = [height + own[0] + own[2], width + own[1] + own[3], channels];
  const around = { ...place, input, zeros: sum4(place.zeros, own) };
  const padding = paddingOf(around, pair(config.kernelSize), strides);
  return { kind: convolution ? 'conv' : 'depthwise', name, strides, padding };
}

/** The kinds of layers that one becomes; the weights of a binarized one are left alone, since its bits take time. */
function kindsOf(place: Place, grids: WeightGrids): TrainedLayer['kind'][] {
  const { layer, name } = place;
  if (!(layer instanceof BinarizedLayer) || layer.precision.weights === undefined)
    return withCodes(formAt(place), name, grids, () => {}).map(({ kind }) => kind);
  const { inputs } = layer.precision;
  if (inputs !== undefined) checkUnpadded(place);
  const { kind } = geometryOf(place, layer);
  return [
    ...(inputs === undefined ? [] : (['binarize'] as const)),
    kind,
    ...(layer.trainedBias() === undefined ? [] : (['affine'] as const)),
  ];
}
