import {
  checkMix,
  chosenName,
  HbnnError,
  heuristics,
  kindOf,
  type Mix,
  maxBitwidth,
  parseMapPer,
  parseScaleForm,
  parseScalePer,
} from '@hbnn/core';
import { checkNumbers, checkOptions } from './fitting.ts';
import type { InputPrecision, WeightPrecision } from './precision.ts';

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
export function checkWeightPrecision(
  mix: Mix,
  options: Partial<Omit<WeightPrecision, 'mix'>>,
): Mix {
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
export function checkInputPrecision(mix: Mix, options: Partial<Omit<InputPrecision, 'mix'>>): Mix {
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
