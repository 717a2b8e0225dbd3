import {
  type BatchSource,
  checkCallback,
  checkOptions,
  distFromAverage,
  HbnnError,
  type Mix,
} from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import '../backend/samePadding.ts';
import { binarizedModel, noteFaults } from '../binarizeModel.ts';
import { recalibrate } from '../evaluate.ts';
import { checkFits, checkNumbers } from '../fitting.ts';
import { type BinarizedLayer, binarizedLayers } from '../layers/binarized.ts';
import { pauser } from '../pause.ts';
import { type InputPrecision, type WeightPrecision, weightPrecision } from '../precision.ts';
import type { NamedArray } from '../tensorFile.ts';
import { type Sensitivity, shareBudget } from './budget.ts';
import { blocksOf, Calibration, floatLayers, isDepthwise, meansOf } from './calibration.ts';
import { type CarriedWeights, carryErrors, type InputBlock, weightsBehind } from './carryErrors.ts';
import { columnsOf, type ScaleGroupView } from './layerColumns.ts';
import { type BitRange, type ChosenLevels, chooseLevels } from './levels.ts';

export interface QuantizeOptions {
  /** Average bits per binarized weight, 1 to 4. */
  readonly weights: number;
  /** Bits of the inputs of the layers that are binarized; left out, as the model has them. */
  readonly inputs?: number | Mix | InputPrecision;
  /** Names of layers to leave as they are. */
  readonly skip?: readonly string[];
  /**
   * Names of layers whose kernels have zeros in place of groups or dilation: these zeros get no bits and stay 0, and
   * averages are over the other weights. Zeros of other layers are binarized as all weights.
   */
  readonly keepZeros?: readonly string[];
  /** Calibration images, all of the data set where it has fewer; default 512. The result says how many there were. */
  readonly images?: number;
  readonly seed?: number;
  /**
   * Called before work begins with a sentence about each layer that `exportModel` will refuse, and with one where the
   * data set has fewer images than `images` asks for; default console.warn.
   */
  readonly onNote?: (note: string) => void;
  /** Called before each layer is measured and before each is binarized. */
  readonly onLayer?: (layer: string, done: number, all: number) => void;
}

/** One row of the table of sensitivity. */
export interface LayerSensitivity {
  readonly layer: string;
  readonly weights: number;
  /** What the error of the network's outputs was with this layer alone binarized, by average bits. */
  readonly errors: readonly { readonly average: number; readonly error: number }[];
  /** Average bits that the layer got. */
  readonly average: number;
  /** The relative squared error of the layer's own outputs in the binarized network. */
  readonly outputError: number;
}

export interface QuantizedModel {
  readonly model: tfl.LayersModel;
  readonly layers: readonly LayerSensitivity[];
  /** Average bits over the weights of all binarized layers. */
  readonly average: number;
  readonly images: number;
  /** Average bits that each layer was given, for `quantizedCopy`. */
  readonly kept: Readonly<Record<string, number>>;
}

const optionNames: readonly (keyof QuantizeOptions)[] = [
  'weights',
  'inputs',
  'skip',
  'keepZeros',
  'images',
  'seed',
  'onNote',
  'onLayer',
];
const [minAverage, maxAverage] = [1, 4];
/** Averages at which each layer is measured. */
const measuredAverages: readonly number[] = [1, 1.2, 1.5, 2, 2.5, 3, 4];

/**
 * Binarize a trained float model with a set of images and no training. Bits are shared among layers under one budget, by
 * the error of the network's outputs that each layer causes alone; within a layer bits and scales follow the second
 * moments of its inputs; errors are carried over to weights that are not binarized yet, as GPTQ does; scales are fitted to
 * the layer's outputs; and batch norm statistics are computed anew. The model itself is left alone; the result can be
 * fine-tuned and exported.
 *
 * @throws HbnnError when the images do not fit the model, no layer can be binarized, the average is not between 1 and 4,
 *   or as `binarize`
 */
export async function quantizeModel(
  model: tfl.LayersModel,
  source: BatchSource,
  options: QuantizeOptions,
): Promise<QuantizedModel> {
  checkQuantize(model, source, options);
  const { images = 512, seed = 1 } = options;
  const { inputs, skip = [], keepZeros = [], onNote } = options;
  const work = binarizedModel(model, { inputs, skip });
  const say = onNote ?? ((text: string): void => console.warn(text));
  noteFaults(work, say);
  const layers = layersToBinarize(work, skip);
  checkKeepZeros(work, keepZeros);
  const calibration = await Calibration.from(source, images, seed);
  if (options.images !== undefined && calibration.images < images)
    say(fewerImages(source.name, calibration.images, images));
  const pass = { images, batch: 64, seed };
  try {
    if (binarizedLayers(work).some(({ precision }) => precision.inputs !== undefined))
      await recalibrate(work, source, pass);
    const quantizer = new Quantizer(work, layers, calibration, {
      keepZeros,
      onLayer: options.onLayer,
    });
    const table = await quantizer.measure();
    const averages = shareBudget(table, options.weights);
    const results = await quantizer.binarize(averages);
    const bits = Object.fromEntries(results.map(({ layer, average }) => [layer.name, average]));
    const quantized = quantizedCopy(work, { layers: bits, skip });
    for (const result of results) restore(quantized, result);
    await recalibrate(quantized, source, pass);
    return { ...summary(quantized, table, results, calibration.images), kept: bits };
  } finally {
    calibration.dispose();
    work.dispose();
  }
}

/** Say that a data set has fewer calibration images than were asked for. */
export const fewerImages = (data: string, count: number, asked: number): string =>
  `${data}: has ${count} images to calibrate with, where ${asked} were asked for; all ${count} are used`;

function checkQuantize(
  model: tfl.LayersModel,
  source: BatchSource,
  options: QuantizeOptions,
): void {
  checkFits(model, source, 'quantize');
  checkOptions('quantize', options, optionNames);
  checkNumbers('quantize', options, { images: 'positive whole', seed: 'seed' });
  checkCallback('quantize', 'onLayer', options.onLayer);
  checkCallback('quantize', 'onNote', options.onNote);
  const { weights } = options;
  if (!(typeof weights === 'number' && weights >= minAverage && weights <= maxAverage))
    throw new HbnnError(
      `quantize: expected weights as average bits from ${minAverage} to ${maxAverage}, got ${String(weights)}; give a number such as 1.4`,
    );
}

function layersToBinarize(work: tfl.LayersModel, skip: readonly string[]): BinarizedLayer[] {
  const layers = floatLayers(work).filter(({ name }) => !skip.includes(name));
  if (layers.length > 0) return layers;
  throw new HbnnError(
    `quantize: expected ${work.name} to have a layer with float weights that skip does not name, got none; name fewer layers in skip, or give a network whose weights are float`,
  );
}

/** @throws HbnnError naming a layer that is not there, or whose kernel has no zero or nothing else */
function checkKeepZeros(work: tfl.LayersModel, names: readonly string[]): void {
  const layers = floatLayers(work);
  for (const name of names) {
    const layer = layers.find((found) => found.name === name);
    if (layer === undefined)
      throw new HbnnError(
        `quantize: keepZeros names '${name}', expected layers with float weights (${layers.map((found) => found.name).join(', ')}); name some of these`,
      );
    const zeros = kernelOf(layer).filter((weight) => weight === 0).length;
    if (zeros > 0 && zeros < kernelOf(layer).length) continue;
    throw new HbnnError(
      `quantize: keepZeros names '${name}', expected a kernel with some zeros, got ${zeros === 0 ? 'none' : 'zeros alone'}; leave it out`,
    );
  }
}

/** What `quantizedCopy` needs to build a quantized model again. */
export interface QuantizedShape {
  /** Average bits by layer. */
  readonly layers: Readonly<Record<string, number>>;
  readonly inputs?: QuantizeOptions['inputs'];
  readonly skip?: readonly string[];
}

/**
 * Build the model that `quantize` gives, without its bits: weights, maps and scales are read into it from a file.
 *
 * @throws HbnnError as `binarize`
 */
export function quantizedCopy(model: tfl.LayersModel, o: QuantizedShape): tfl.LayersModel {
  const float = binarizedModel(model, { inputs: o.inputs, skip: o.skip ?? [] });
  const names = floatLayers(float).map(({ name }) => name);
  const unknown = Object.keys(o.layers).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new HbnnError(
      `quantize: expected layers with float weights (${names.join(', ')}), got '${unknown}'; quantize the network again`,
    );
  const layers = Object.fromEntries(
    Object.entries(o.layers).map(([name, average]) => [name, precisionAt(average)]),
  );
  const others = float.layers.filter(({ name }) => !(name in layers)).map(({ name }) => name);
  const copy = binarizedModel(float, { layers, skip: others });
  float.dispose();
  return copy;
}

/** Rounded down, so that what a file keeps gives the same number of planes. */
const storedAverage = (average: number): number => Math.floor(average * 1e4 + 1e-6) / 1e4;

const precisionAt = (average: number): WeightPrecision =>
  weightPrecision(distFromAverage(average), {
    select: 'optimal',
    scalePer: 'output',
    keepMap: true,
  });

/** As core's `optimal` has it, which reads the planes. */
const rangeAt = (average: number): BitRange => ({
  minBits: 1,
  maxBits: Math.max(3, Math.ceil(average) + 1),
});

interface LayerInputs {
  readonly view: ScaleGroupView;
  readonly blocks: readonly InputBlock[];
  readonly importance: Float64Array;
  readonly means: Float64Array;
}

interface LayerResult {
  readonly layer: BinarizedLayer;
  readonly average: number;
  readonly levels: ChosenLevels;
  readonly carried: CarriedWeights;
  /** The kernel that gives these values and that fine-tuning starts from. */
  readonly behind: Float32Array;
}

/** Measures and binarizes the layers of a float model, whose kernels it replaces one by one. */
class Quantizer {
  private readonly work: tfl.LayersModel;
  private readonly layers: readonly BinarizedLayer[];
  private readonly calibration: Calibration;
  private readonly keepZeros: readonly string[];
  private readonly onLayer: QuantizeOptions['onLayer'];
  private readonly pause = pauser();

  constructor(
    work: tfl.LayersModel,
    layers: readonly BinarizedLayer[],
    calibration: Calibration,
    { keepZeros = [], onLayer }: Pick<QuantizeOptions, 'keepZeros' | 'onLayer'>,
  ) {
    this.work = work;
    this.layers = layers;
    this.calibration = calibration;
    this.keepZeros = keepZeros;
    this.onLayer = onLayer;
  }

  /** The error of the network's outputs with each layer alone binarized, at several averages. */
  async measure(): Promise<Sensitivity[]> {
    const right = this.calibration.outputs(this.work);
    const measured: Sensitivity[] = [];
    for (const [i, layer] of this.layers.entries()) {
      this.onLayer?.(layer.name, i, 2 * this.layers.length);
      const weights = kernelOf(layer);
      const inputs = this.inputsOf(layer);
      const absent = this.absentOf(layer, weights);
      const errors: number[] = [];
      for (const average of measuredAverages) {
        await this.pause();
        layer.replaceKernel(binarizedAt(weights, inputs, average, absent).carried.values);
        errors.push(relativeError(right, this.calibration.outputs(this.work)));
      }
      layer.replaceKernel(weights);
      const averages = measuredAverages;
      measured.push({ layer: layer.name, weights: presentOf(absent), averages, errors });
    }
    return measured;
  }

  /** Binarize layer after layer; each sees the inputs that the binarized ones before it leave. */
  async binarize(averages: readonly number[]): Promise<LayerResult[]> {
    const { layers } = this;
    const results: LayerResult[] = [];
    for (const [i, layer] of layers.entries()) {
      this.onLayer?.(layer.name, layers.length + i, 2 * layers.length);
      await this.pause();
      const weights = kernelOf(layer);
      const inputs = this.inputsOf(layer);
      const average = storedAverage(averages[i]);
      const absent = this.absentOf(layer, weights);
      const { levels, carried } = binarizedAt(weights, inputs, average, absent);
      layer.replaceKernel(carried.values, meanShift(weights, carried.values, inputs));
      const behind = weightsBehind(inputs.view, weights, levels.bits, carried);
      results.push({ layer, average, levels, carried, behind });
    }
    return results;
  }

  /** 1 for each weight that stays 0 and gets no bits. */
  private absentOf(layer: BinarizedLayer, weights: Float32Array): Uint8Array {
    const keeps = this.keepZeros.includes(layer.name);
    return Uint8Array.from(weights, (weight) => (keeps && weight === 0 ? 1 : 0));
  }

  private inputsOf(layer: BinarizedLayer): LayerInputs {
    const { values } = layer.trainedKernel();
    const outputs = values.shape[values.shape.length - 1];
    const view = columnsOf(values.data.length, outputs, isDepthwise(layer));
    const rows = this.calibration.rows(this.work, layer, view);
    const blocks = blocksOf(rows, view);
    return { view, blocks, importance: importanceOf(view, blocks), means: meansOf(rows) };
  }
}

/** How many weights may have bits. */
const presentOf = (absent: Uint8Array): number =>
  absent.reduce((count, isAbsent) => count + 1 - isAbsent, 0);

/** A copy of the kernel's values. */
const kernelOf = (layer: BinarizedLayer): Float32Array =>
  Float32Array.from(layer.trainedKernel().values.data);

function binarizedAt(
  weights: Float32Array,
  { view, blocks, importance }: LayerInputs,
  average: number,
  absent: Uint8Array,
): { levels: ChosenLevels; carried: CarriedWeights } {
  const levels = chooseLevels(view, weights, importance, average, rangeAt(average), absent);
  return { levels, carried: carryErrors(view, weights, levels, blocks) };
}

/** The diagonal of the second moments: what an error of each weight counts. */
function importanceOf(view: ScaleGroupView, blocks: readonly InputBlock[]): Float64Array {
  const { inputs, outputs, depthwise } = view;
  const importance = new Float64Array(depthwise ? inputs * outputs : inputs);
  for (const { from, size, output, moments } of blocks)
    for (let j = 0; j < size; j++)
      importance[output === undefined ? from + j : j * outputs + output] = moments[j * size + j];
  return importance;
}

/** What each output's mean loses by the binarization: Σ_j E[x_j]·(w_j − ŵ_j). */
function meanShift(
  weights: Float32Array,
  values: Float32Array,
  { view, means }: LayerInputs,
): Float32Array {
  const shift = new Float64Array(view.outputs);
  for (let i = 0; i < weights.length; i++)
    shift[i % view.outputs] += means[view.importanceAt(i)] * (weights[i] - values[i]);
  return Float32Array.from(shift);
}

/** Σ (y − ŷ)² relative to Σ (y − mean y)². */
function relativeError(right: Float32Array, changed: Float32Array): number {
  const mean = right.reduce((sum, value) => sum + value, 0) / right.length;
  let error = 0;
  let spread = 0;
  for (let i = 0; i < right.length; i++) {
    error += (right[i] - changed[i]) ** 2;
    spread += (right[i] - mean) ** 2;
  }
  return spread > 0 ? error / spread : 0;
}

/** Give a layer of the copy its binarized values, map and scales. */
function restore(model: tfl.LayersModel, { layer, levels, carried, behind }: LayerResult): void {
  const copy = model.getLayer(layer.name) as BinarizedLayer;
  const { shape } = layer.trainedKernel().values;
  copy.replaceKernel(behind);
  const arrays: NamedArray[] = [
    ...copy.exportMaps(),
    { name: `${layer.name}/map`, shape: [...shape], data: levels.bits },
    ...carried.scales.map((data, n) => ({
      name: `${layer.name}/scales${n + 1}`,
      shape: [data.length],
      data,
    })),
  ];
  copy.importMaps(new Map(arrays.map((array) => [array.name, array])), 'quantize');
}

function summary(
  model: tfl.LayersModel,
  table: readonly Sensitivity[],
  results: readonly LayerResult[],
  images: number,
): Omit<QuantizedModel, 'kept'> {
  const layers = table.map(({ layer, weights, averages, errors }, i) => ({
    layer,
    weights,
    errors: averages.map((average, k) => ({ average, error: errors[k] })),
    average: sumOf(results[i].levels.bits) / weights,
    outputError: results[i].carried.error,
  }));
  const weights = layers.reduce((sum, row) => sum + row.weights, 0);
  const bits = layers.reduce((sum, row) => sum + row.weights * row.average, 0);
  return { model, layers, average: bits / weights, images };
}

const sumOf = (bits: Uint8Array): number => bits.reduce((sum, b) => sum + b, 0);
