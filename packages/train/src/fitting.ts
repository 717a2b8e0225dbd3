import { type BatchSource, checkSource, HbnnError, kindOf, seedRange } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { checkWindowsFit } from './windowsFit.ts';

/**
 * Check that a value is a model that is built: a sequential one has no inputs before its first layer knows its shape.
 *
 * @throws HbnnError saying what it is
 */
export function checkModelBuilt(model: tfl.LayersModel, where: string): void {
  const given: unknown = model;
  const isBuilt = typeof given === 'object' && given !== null && 'layers' in given;
  if (!isBuilt)
    throw new HbnnError(
      `${where}: expected a tf.LayersModel, got ${given instanceof Promise ? 'a Promise of one' : kindOf(given)}; ${given instanceof Promise ? 'await it first' : 'pass what tf.sequential, tf.model or await tf.loadLayersModel(…) gives'}`,
    );
  if (!Array.isArray(model.inputs) || model.inputs.length === 0)
    throw new HbnnError(
      `${where}: expected a model that is built, got '${model.name}' without an input shape; give its first layer an inputShape`,
    );
}

/**
 * Check that a data set's images fit a model's input.
 *
 * @throws HbnnError naming both shapes, a model with several inputs or outputs, or a layer whose window does not fit its
 *   map
 */
export function checkImagesFit(model: tfl.LayersModel, source: BatchSource, where: string): void {
  checkModelBuilt(model, where);
  checkSource(source, where);
  if (model.inputs.length !== 1 || model.outputs.length !== 1)
    throw new HbnnError(
      `${where}: expected a model of one input and one output, got ${model.inputs.length} and ${model.outputs.length}; build one that gives the scores alone`,
    );
  const wanted = model.inputs[0].shape.slice(1);
  const fits =
    wanted.length === 3 &&
    wanted.every((size, axis) => size === null || size === source.shape[axis]);
  if (!fits)
    throw new HbnnError(
      `${where}: expected images of ${wanted.map((size) => size ?? 'any').join('×')} for ${model.name}, got ${source.shape.join('×')} from ${source.name}; open the data set with images of that size`,
    );
  checkWindowsFit(model, where, source.shape);
}

/** The scores a model gives for each image. */
function scoreCount(model: tfl.LayersModel): number {
  return model.outputs[0].shape
    .slice(1)
    .reduce<number>((product, size) => product * (size ?? Number.NaN), 1);
}

/**
 * Check that a data set fits a model: its images, and a score for each of its classes.
 *
 * @throws HbnnError naming what differs
 */
export function checkFits(model: tfl.LayersModel, source: BatchSource, where: string): void {
  checkImagesFit(model, source, where);
  const scores = scoreCount(model);
  if (scores === source.classes.length) return;
  const last = model.outputs[0];
  throw new HbnnError(
    `${where}: expected ${scores} class${scores === 1 ? '' : 'es'}, one for each score of ${model.name} (layer '${last.sourceLayer.name}' gives [${last.shape.slice(1).join(', ')}]), got ${source.classes.length} in ${source.name}; open data of the same classes, or give the model a last layer of ${source.classes.length} units${scores === 1 ? ', or give one class, for which a score above 0 stands' : ''}`,
  );
}

/** What an option may be, and how errors say it. */
const numberKinds = {
  'positive whole': 'a positive whole number',
  seed: seedRange,
  'not negative whole': 'a whole number from 0 on',
  positive: 'a positive number',
  'not negative': 'a number from 0 on',
  'not negative, below 1': 'a number from 0 to below 1',
} as const;
type NumberKind = keyof typeof numberKinds;

const isWhole = (kind: NumberKind): boolean => kind === 'seed' || kind.endsWith('whole');

/** Check numbers among some options. @throws HbnnError naming the option and what it expects */
export function checkNumbers(
  where: string,
  options: object,
  kinds: Readonly<Record<string, NumberKind>>,
): void {
  for (const [name, kind] of Object.entries(kinds)) {
    const value: unknown = (options as Record<string, unknown>)[name];
    if (value === undefined) continue;
    const least = kind.startsWith('positive') ? Number.MIN_VALUE : 0;
    const right =
      typeof value === 'number' &&
      (isWhole(kind) ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
      value >= least &&
      !(kind.endsWith('below 1') && value >= 1);
    if (right) continue;
    throw new HbnnError(
      `${where}: expected ${numberKinds[kind]} as ${name}, got ${typeof value === 'string' ? `'${value}'` : String(value)}; give one or leave it out`,
    );
  }
}

/**
 * Check that a pass over a data set gave as many images as the data set says it has.
 *
 * @throws HbnnError naming the data set
 */
export function checkCount(where: string, { name, count }: BatchSource, images: number): void {
  if (images === count) return;
  throw new HbnnError(
    `${where}: expected the ${count} images that ${name} counts, got ${images} in one pass; let its batches give each image once, the last batch with what is left, or mend its count`,
  );
}

/** Check that some options are given. @throws HbnnError naming one that is not */
export function checkRequired(where: string, options: object, names: readonly string[]): void {
  const missing = names.find((name) => (options as Record<string, unknown>)[name] === undefined);
  if (missing === undefined) return;
  throw new HbnnError(
    `${where}: expected the options ${names.join(', ')}, got no ${missing}; give it`,
  );
}

/** Check that an option is a signal or left out. @throws HbnnError saying what it is */
export function checkSignal(where: string, signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new HbnnError(
    `${where}: expected an AbortSignal as signal, got ${kindOf(signal)}; give the signal of an AbortController or leave it out`,
  );
}
