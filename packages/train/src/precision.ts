import {
  averageBits,
  checkMix,
  checkOptions,
  chosenName,
  distFromAverage,
  HbnnError,
  heuristics,
  kindOf,
  type MapPer,
  type Mix,
  maxBitwidth,
  parseMapPer,
  parseMix,
  parseScaleForm,
  parseScalePer,
  type ScaleForm,
  type ScalePer,
  type Select,
} from '@hbnn/core';
import { checkNumbers } from './fitting.ts';
import type { Method } from './quantizers/methods.ts';

/**
 * How training chooses which weight gets how many bits: a rule of core's, or `curvature`, which is core's `gain` with each
 * weight counted by its `Curvature`.
 */
type WeightSelect = Select | 'curvature';

/** How the weights of one layer are binarized in the forward pass. */
export interface WeightPrecision {
  /** Fractions of each bitwidth; its average is what `gain`, `curvature` and `optimal` are given. */
  readonly mix: Mix;
  readonly select: WeightSelect;
  readonly mapPer: MapPer;
  readonly scalePer: ScalePer;
  /** Choose the map anew every so many training steps; 0: once, at the first step. */
  readonly renewEvery: number;
  /** Values the scales may take; left out: any. */
  readonly scaleForm?: ScaleForm;
  /** Inputs per group of a balanced map; left out: the whole layer is one. */
  readonly balance?: number;
  /** The fewest bits of a weight, for `gain` and `curvature`. */
  readonly minBits?: number;
  /** Keep the map from this share of the training's steps on, 0 … 1; left out: never. */
  readonly freezeAt?: number;
  /**
   * Keep the map that `importMaps` gave, from the first training step on; with `optimal` its scales too. `quantize` makes
   * such layers.
   */
  readonly keepMap?: boolean;
}

/**
 * How the inputs (activations) of one layer are binarized.
 *
 * `dynamic`: the map and the scales are chosen per sample, the paper's reading. `static`: one map per
 * feature from running statistics of the training, with constant scales at inference: what hardware can
 * build. The map of a static one is per `element` of the feature map, per spatial `position` (all its
 * channels alike) or per `channel` (all its positions alike).
 */
export interface InputPrecision {
  readonly mix: Mix;
  readonly select: Exclude<Select, 'gain' | 'optimal'>;
  readonly map: 'dynamic' | 'static';
  readonly mapPer: InputMapPer;
  /** Keep a static map from this share of the training's steps on, 0 … 1; left out: never. */
  readonly freezeAt?: number;
}

type InputMapPer = 'element' | 'position' | 'channel';

/** `undefined` is float: no binarization. */
export interface Precision {
  readonly weights?: WeightPrecision;
  readonly inputs?: InputPrecision;
  /** Another paper's method in place of both. */
  readonly method?: Method;
}

/** One precision for every binarized layer, or one per layer in order (layer-level mixes). */
export type NetworkPrecision = Precision | readonly Precision[];

/**
 * Read a bitwidth as people write it: `float`, an average (`1`, `1.4`, `2`) or a mix
 * (`0.7/0.2/0.1` of 1, 2, 3 bits).
 *
 * @returns the mix, or undefined for `float`
 * @throws HbnnError when the text is none of these
 */
export function parseBits(text: string | number, where: string): Mix | undefined {
  if (text === 'float') return undefined;
  if (typeof text === 'string' && (text.includes('/') || text.includes(':')))
    return parseMix(text, where);
  const average = typeof text === 'number' ? text : Number(text);
  if (!Number.isFinite(average) || `${text}`.trim() === '') {
    throw new HbnnError(
      `${where}: expected 'float', an average such as 1.4, or a mix such as 0.7/0.2/0.1, got '${text}'; write it in one of these forms`,
    );
  }
  return distFromAverage(average, where);
}

const weightSelects: readonly WeightPrecision['select'][] = [
  ...heuristics,
  'gain',
  'curvature',
  'optimal',
];
const inputMaps: readonly InputPrecision['map'][] = ['dynamic', 'static'];
const inputMapUnits: readonly InputPrecision['mapPer'][] = ['element', 'position', 'channel'];

const weightOptions = [
  'select',
  'mapPer',
  'scalePer',
  'renewEvery',
  'scaleForm',
  'balance',
  'minBits',
  'freezeAt',
  'keepMap',
] as const satisfies readonly (keyof WeightPrecision)[];

const inputOptions = [
  'select',
  'map',
  'mapPer',
  'freezeAt',
] as const satisfies readonly (keyof InputPrecision)[];

/**
 * Check how weights are binarized.
 *
 * @returns the mix, its bitwidths ascending
 * @throws HbnnError naming the option, what it may be and what it is
 */
function checkWeightPrecision(mix: Mix, options: Partial<Omit<WeightPrecision, 'mix'>>): Mix {
  const where = 'weightPrecision';
  checkOptions(where, options, weightOptions);
  const { select, mapPer, scalePer, scaleForm, balance, minBits, freezeAt, keepMap } = options;
  if (select !== undefined) chosenName(select, weightSelects, `${where}: select`);
  if (mapPer !== undefined) parseMapPer(mapPer, `${where}: mapPer`);
  if (scalePer !== undefined) parseScalePer(scalePer, `${where}: scalePer`);
  if (scaleForm !== undefined) parseScaleForm(scaleForm, `${where}: scaleForm`);
  checkNumbers(where, options, { renewEvery: 'not negative whole' });
  checkRange(where, 'balance', balance, 2, Number.MAX_SAFE_INTEGER, true);
  checkRange(where, 'minBits', minBits, 0, maxBitwidth, true);
  checkRange(where, 'freezeAt', freezeAt, 0, 1);
  if (keepMap !== undefined && typeof keepMap !== 'boolean')
    throw new HbnnError(
      `${where}: expected true or false as keepMap, got ${kindOf(keepMap)}; give one or leave it out`,
    );
  return checkMix(mix, where);
}

/**
 * Check how inputs are binarized.
 *
 * @returns the mix, its bitwidths ascending
 * @throws HbnnError naming the option, what it may be and what it is
 */
function checkInputPrecision(mix: Mix, options: Partial<Omit<InputPrecision, 'mix'>>): Mix {
  const where = 'inputPrecision';
  checkOptions(where, options, inputOptions);
  const { select, map, mapPer, freezeAt } = options;
  if (select !== undefined) chosenName(select, heuristics, `${where}: select`);
  if (map !== undefined) chosenName(map, inputMaps, `${where}: map`);
  if (mapPer !== undefined) chosenName(mapPer, inputMapUnits, `${where}: mapPer`);
  checkRange(where, 'freezeAt', freezeAt, 0, 1);
  return checkMix(mix, where);
}

function checkRange(
  where: string,
  name: string,
  value: unknown,
  least: number,
  largest: number,
  whole = false,
): void {
  if (value === undefined) return;
  const right =
    typeof value === 'number' &&
    value >= least &&
    value <= largest &&
    (!whole || Number.isSafeInteger(value));
  if (right) return;
  const range =
    largest === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${largest}`;
  const got = typeof value === 'number' ? value : kindOf(value);
  throw new HbnnError(
    `${where}: expected a ${whole ? 'whole ' : ''}number ${range} as ${name}, got ${got}; give one or leave it out`,
  );
}

/**
 * Binarize weights the paper's way unless told otherwise: middle-out, per element, per tensor, each step.
 *
 * @throws HbnnError naming an option that is unknown or out of its range, or the fault of the mix
 */
export function weightPrecision(
  mix: Mix,
  options: Partial<Omit<WeightPrecision, 'mix'>> = {},
): WeightPrecision {
  return {
    mix: checkWeightPrecision(mix, options),
    select: options.select ?? 'middle-out',
    mapPer: options.mapPer ?? 'element',
    scalePer: options.scalePer ?? 'tensor',
    renewEvery: options.renewEvery ?? 1,
    ...(options.scaleForm !== undefined && { scaleForm: options.scaleForm }),
    ...(options.balance !== undefined && { balance: options.balance }),
    ...(options.minBits !== undefined && { minBits: options.minBits }),
    ...(options.freezeAt !== undefined && { freezeAt: options.freezeAt }),
    ...(options.keepMap !== undefined && { keepMap: options.keepMap }),
  };
}

/**
 * Binarize inputs the paper's way unless told otherwise: middle-out, dynamic, per element.
 *
 * @throws HbnnError naming an option that is unknown or out of its range, or the fault of the mix
 */
export function inputPrecision(
  mix: Mix,
  options: Partial<Omit<InputPrecision, 'mix'>> = {},
): InputPrecision {
  return {
    mix: checkInputPrecision(mix, options),
    select: options.select ?? 'middle-out',
    map: options.map ?? 'dynamic',
    mapPer: options.mapPer ?? 'element',
    ...(options.freezeAt !== undefined && { freezeAt: options.freezeAt }),
  };
}

/** Whether a layer's inputs are binarized or quantized. */
export const quantizesInputs = ({ inputs, method }: Precision): boolean =>
  inputs !== undefined || method?.quantizesInputs === true;

/** The precision of the i-th binarized layer of a network. */
export function precisionOfLayer(
  precision: NetworkPrecision,
  index: number,
  layers: number,
): Precision {
  if (!Array.isArray(precision)) return precision as Precision;
  if (precision.length !== layers) {
    throw new HbnnError(
      `precision (layerBits, --layer-bits): expected one entry for each of the ${layers} binarized layers, got ${precision.length}; give as many, or one precision for all`,
    );
  }
  return precision[index] as Precision;
}

/** Describe a precision in a few words, for tables and logs. */
export function describePrecision(precision: Precision): string {
  if (precision.method !== undefined) return `quantizer ${precision.method.name}`;
  const bits = (mix: Mix | undefined): string =>
    mix === undefined ? 'float' : `${Number(averageBits(mix).toFixed(3))}-bit`;
  return `weights ${bits(precision.weights?.mix)}, inputs ${bits(precision.inputs?.mix)}`;
}
