import { averageBits, HbnnError, type MapPer, parseScaleForm, type ScaleForm } from '@hbnn/core';
import { z } from 'zod';
import type { Augmentation } from './augment.ts';
import { configFault, type PlaceOf } from './configFault.ts';
import { type NetworkName, networkNames, takesWidthMultiplier } from './networks/registry.ts';
import {
  inputPrecision,
  type NetworkPrecision,
  type Precision,
  parseBits,
  weightPrecision,
} from './precision.ts';
import { methodNamed } from './quantizers/methods.ts';
import { schedules } from './schedule.ts';

const selects = [
  'middle-out',
  'top-down',
  'bottom-up',
  'random',
  'gain',
  'curvature',
  'optimal',
] as const;
/** A number written as text is that number, so that equal configurations are equal as JSON. */
const bits = z
  .union([z.number(), z.string()])
  .transform((value) => (/^\d+(\.\d+)?$/.test(`${value}`) ? Number(value) : value));
const positive = z.number().int().positive();
/** A larger multiplier is a slip: 16 already gives a network about 250 times its parameters. */
const maxWidthMultiplier = 16;

const imageSize = z.custom<number | [height: number, width: number]>(
  (value) => {
    const sides: unknown[] = Array.isArray(value) && value.length === 2 ? value : [value];
    return sides.every((side) => Number.isSafeInteger(side) && (side as number) > 0);
  },
  { message: 'expected a whole number above 0 such as 224, or two such as [120, 160]' },
);

const mapPer = z.custom<MapPer>(
  (value) =>
    typeof value === 'string' && /^(element|position|input|output|block:[1-9]\d*)$/.test(value),
  {
    message: 'expected element, position, input, output or block:K with K of at least 1',
    params: { names: ['element', 'position', 'input', 'output', 'block:K'] },
  },
);

const scaleForms = 'expected free, powers-of-two or integers:B with B from 2 to 8';

function isScaleForm(value: unknown): boolean {
  try {
    return typeof value === 'string' && parseScaleForm(value) === value;
  } catch {
    return false;
  }
}

/** `crop:4,flip` as people write it; an object in stored configurations. */
const augmentation = z.preprocess(
  (value) => (typeof value === 'string' ? parseAugmentation(value) : value),
  z.custom<Augmentation>(isAugmentation, {
    message: 'expected crop:N with N of at least 1, flip, or both, each once, as in crop:4,flip',
    params: { names: ['crop', 'flip'] },
  }),
);

function isAugmentation(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return (
    entries.length > 0 &&
    entries.every(([name, part]) =>
      name === 'crop' ? Number.isSafeInteger(part) && part > 0 : name === 'flip' && part === true,
    )
  );
}

function parseAugmentation(text: string): unknown {
  const entries = text.split(',').map((part): [string, unknown] => {
    const [name, ...value] = part.trim().split(':');
    return [name, value.length === 0 ? true : Number(value.join(':'))];
  });
  // If a change is given twice, nobody can tell which one was meant, so the text is refused.
  return new Map(entries).size === entries.length ? Object.fromEntries(entries) : text;
}

const earlyStop = z.strictObject({
  /** End when so many epochs have brought no better validation accuracy. */
  patience: positive,
  /** But not before so many epochs. */
  minEpochs: positive.optional(),
});

const schema = z.strictObject({
  /** Name of a data set. */
  data: z.string().default('fashion-mnist-subset'),
  /** A local folder or archive to read the data set from. */
  from: z.string().optional(),
  /** Use only the first so many training images (stratified where the data set is). */
  limit: positive.optional(),
  /** Use only the first so many test images. */
  testLimit: positive.optional(),
  /** Shrink images by averaging size×size pixels. */
  shrink: positive.optional(),
  /** What images of a folder are cropped to: the side of a square, or [height, width]. */
  size: imageSize.optional(),
  network: z.enum(networkNames as [NetworkName, ...NetworkName[]]).default('fcn4'),
  /** Widths and pooled layers of fcn4. */
  widths: z.array(positive).min(1).optional(),
  pools: z
    .array(z.number().int().nonnegative())
    .refine((layers) => new Set(layers).size === layers.length, {
      message: 'expected each layer once',
    })
    .optional(),
  /** What the channels of the other networks are multiplied by; 1 where left out, and never stored as 1. */
  widthMultiplier: z.number().positive().max(maxWidthMultiplier).optional(),
  /** Bits of the weights: float, an average or a mix. */
  weights: bits.default(1.4),
  /** Bits of each binarized layer's weights, instead of `weights`: a layer-level mix. */
  layerBits: z.array(bits).min(1).optional(),
  select: z.enum(selects).default('middle-out'),
  mapPer: mapPer.default('element'),
  scalePer: z.enum(['tensor', 'output']).default('tensor'),
  renewEvery: z.number().int().nonnegative().default(1),
  /** Inputs per group of a balanced map of the weights: in each group as many weights of each bitwidth. */
  balance: z.number().int().min(2).optional(),
  /** The fewest bits of a weight, for `gain` and `curvature`: 1, or 0 for an average below 1, where left out. */
  minBits: z.number().int().min(0).max(8).optional(),
  /** Values the weights' scales may take: free where left out. */
  scaleForm: z
    .custom<ScaleForm>(isScaleForm, {
      message: scaleForms,
      params: { names: ['free', 'powers-of-two', 'integers:B'] },
    })
    .optional(),
  /** Keep maps of weights and static maps of inputs from this share of the training on. */
  freezeMaps: z.number().min(0).max(1).optional(),
  /** Another paper's method in place of residual binarization; weights and inputs are float beside it. */
  quantizer: z.string().optional(),
  /** Bits of the inputs of binarized layers. */
  inputs: bits.default('float'),
  inputSelect: z.enum(['middle-out', 'top-down', 'bottom-up', 'random']).default('middle-out'),
  inputMap: z.enum(['dynamic', 'static']).default('dynamic'),
  inputMapPer: z.enum(['element', 'position', 'channel']).default('element'),
  epochs: positive.default(6),
  batch: positive.default(64),
  seed: z.number().int().nonnegative().default(1),
  learningRate: z.number().positive().default(0.01),
  schedule: z.enum(schedules).default('cosine'),
  momentum: z.number().min(0).lt(1).default(0.9),
  weightDecay: z.number().min(0).default(1e-4),
  /** Training images to recompute running statistics on before the final test; 0: keep the running ones. */
  recalibrate: z.number().int().nonnegative().default(1000),
  maxSteps: positive.optional(),
  /** Random crops (after padding by so many pixels) and flips of the training images. */
  augment: augmentation.optional(),
  /** Training images held out, stratified and drawn by the seed, to validate on after each epoch. */
  validation: positive.optional(),
  earlyStop: earlyStop.optional(),
  /** Leave out images of a folder that cannot be read. */
  skipBadImages: z.literal(true).optional(),
});

/** All that decides a training's outcome on a given backend. */
export type RunConfig = z.output<typeof schema>;
/** A configuration as people write it: everything has a default. */
export type RunConfigInput = z.input<typeof schema>;

/** The name of a field where the whole is called `where`: `config.epochs`. */
const fieldOf =
  (where: string): PlaceOf =>
  (field) =>
    field === '' ? where : `${where}.${field}`;

/**
 * Fill in defaults and check every field.
 *
 * @param where what errors call the configuration, or how they call each of its fields
 * @throws HbnnError naming the field, what it expects and what came
 */
export function runConfig(input: unknown, where: string | PlaceOf = 'config'): RunConfig {
  const placeOf = typeof where === 'string' ? fieldOf(where) : where;
  const parsed = schema.safeParse(floatBesideQuantizer(input));
  if (!parsed.success) {
    const fields = Object.keys(schema.shape);
    throw configFault(parsed.error.issues[0], input, placeOf, fields);
  }
  if (parsed.data.earlyStop !== undefined && parsed.data.validation === undefined) {
    throw new HbnnError(
      `${placeOf('earlyStop')}: expected validation images to judge epochs by, got none; set ${placeOf('validation')}`,
    );
  }
  const config = withWidth(withMethod(parsed.data, placeOf), placeOf);
  checkMinBits(config, placeOf);
  checkRule(config, placeOf);
  precisionOf(config, placeOf);
  return config;
}

/** Weights are float unless told otherwise where a quantizer is named. */
function floatBesideQuantizer(input: unknown): unknown {
  const named = typeof input === 'object' && input !== null && 'quantizer' in input;
  return named && input.quantizer !== undefined ? floatWeights(input) : input;
}

const floatWeights = (input: object): object => {
  const { weights = 'float', ...rest } = input as { weights?: unknown };
  return { weights, ...rest };
};

/** What says how weights and inputs are binarized: a quantizer takes the place of all of it. */
const replaced = [
  'weights',
  'inputs',
  'layerBits',
  'select',
  'mapPer',
  'scalePer',
  'renewEvery',
  'balance',
  'minBits',
  'scaleForm',
  'freezeMaps',
  'inputSelect',
  'inputMap',
  'inputMapPer',
] as const satisfies readonly (keyof RunConfig)[];

/** Give a quantizer its whole name. @throws HbnnError for an unknown one, or for a setting that it replaces */
function withMethod(config: RunConfig, placeOf: PlaceOf): RunConfig {
  if (config.quantizer === undefined) return config;
  const { name } = methodNamed(config.quantizer, placeOf('quantizer'));
  const defaults: RunConfig = schema.parse({ weights: 'float' });
  const clash = replaced.find((field) => config[field] !== defaults[field]);
  if (clash !== undefined) {
    const expected = defaults[clash] === undefined ? 'nothing' : String(defaults[clash]);
    throw new HbnnError(
      `${placeOf(clash)}: expected ${expected} beside the quantizer '${name}', which takes its place, got ${JSON.stringify(config[clash])}; leave one of the two out`,
    );
  }
  return { ...config, quantizer: name };
}

/**
 * Leave out a width multiplier of 1, so that the configuration is that of earlier versions.
 *
 * @throws HbnnError for another one with fcn4, whose channels are its widths
 */
function withWidth(config: RunConfig, placeOf: PlaceOf): RunConfig {
  const { widthMultiplier, ...rest } = config;
  if (widthMultiplier === undefined || widthMultiplier === 1) return rest;
  if (takesWidthMultiplier(config.network)) return config;
  throw new HbnnError(
    `${placeOf('widthMultiplier')}: expected none beside ${placeOf('network')} ${config.network}, whose channels are ${placeOf('widths')}, got ${widthMultiplier}; set ${placeOf('widths')}, or choose another network`,
  );
}

/** Refuse a fewest number of bits that no rule takes, or that is above the average. */
function checkMinBits(config: RunConfig, placeOf: PlaceOf): void {
  const { minBits, select, layerBits, weights } = config;
  if (minBits === undefined) return;
  if (select !== 'gain' && select !== 'curvature')
    throw new HbnnError(
      `${placeOf('minBits')}: expected ${placeOf('select')} gain or curvature beside it, got ${select}; choose one of them, or leave it out`,
    );
  for (const text of layerBits ?? [weights]) {
    const mix = parseBits(text, placeOf(layerBits ? 'layerBits' : 'weights'));
    const average = mix && Number(averageBits(mix).toFixed(6));
    if (average !== undefined && minBits > average)
      throw new HbnnError(
        `${placeOf('minBits')}: expected at most the ${average} bits of the average, got ${minBits}; give fewer, or more bits on average`,
      );
  }
}

/** Rules that choose the bits of each layer themselves, with an average alone to meet. */
const choosingRules: readonly string[] = ['optimal', 'gain', 'curvature'];

/** Refuse settings of weights that a rule, or balanced maps, cannot meet, before a layer does. */
function checkRule(config: RunConfig, placeOf: PlaceOf): void {
  const { select, balance, mapPer, scalePer, scaleForm = 'free' } = config;
  const refuse = (field: keyof RunConfig, expected: string, beside: string): never => {
    throw new HbnnError(
      `${placeOf(field)}: expected ${expected} beside ${beside}, got ${JSON.stringify(config[field])}; leave one of the two out`,
    );
  };
  const rule = `${placeOf('select')} ${select}`;
  if (choosingRules.includes(select)) {
    if (balance !== undefined) refuse('balance', 'no balance', rule);
    const field = config.layerBits === undefined ? 'weights' : 'layerBits';
    const bits = config.layerBits ?? [config.weights];
    if (bits.some((text) => /[/:]/.test(String(text))))
      refuse(field, 'an average, such as 1.4,', `${rule}, which chooses its own mix`);
  }
  if (select === 'optimal' && scaleForm !== 'free') refuse('scaleForm', 'free scales', rule);
  if (select === 'gain' || select === 'curvature') {
    if (mapPer !== 'element') refuse('mapPer', 'a map per element', rule);
    if (scalePer !== 'tensor') refuse('scalePer', 'a scale per tensor', rule);
  }
  if (balance !== undefined && mapPer !== 'element')
    refuse('mapPer', 'a map per element', `${placeOf('balance')} ${balance}`);
}

/** The first field in which two configurations differ, with both values, in words; undefined for equal ones. */
export function configDifference(stored: RunConfig, wanted: RunConfig): string | undefined {
  const names = new Set([...Object.keys(wanted), ...Object.keys(stored)]) as Set<keyof RunConfig>;
  for (const name of names) {
    const [there, here] = [stored[name], wanted[name]].map((value) => JSON.stringify(value));
    if (there !== here)
      return `${name} is ${there ?? 'not set'} there and ${here ?? 'not set'} here`;
  }
  return undefined;
}

/** The precision a configuration asks for, layer by layer where it names layers. */
export function precisionOf(
  config: RunConfig,
  placeOf: PlaceOf = fieldOf('config'),
): NetworkPrecision {
  if (config.quantizer !== undefined)
    return { method: methodNamed(config.quantizer, placeOf('quantizer')) };
  const inputs = parseBits(config.inputs, placeOf('inputs'));
  const one = (text: string | number, field: string): Precision => {
    const mix = parseBits(text, placeOf(field));
    return {
      weights:
        mix &&
        weightPrecision(mix, {
          select: config.select,
          mapPer: config.mapPer,
          scalePer: config.scalePer,
          renewEvery: config.renewEvery,
          scaleForm: config.scaleForm,
          balance: config.balance,
          minBits: config.minBits,
          freezeAt: config.freezeMaps,
        }),
      inputs:
        inputs &&
        inputPrecision(inputs, {
          select: config.inputSelect,
          map: config.inputMap,
          mapPer: config.inputMapPer,
          freezeAt: config.inputMap === 'static' ? config.freezeMaps : undefined,
        }),
    };
  };
  if (config.layerBits === undefined) return one(config.weights, 'weights');
  return config.layerBits.map((text, i) => one(text, `layerBits.${i}`));
}
