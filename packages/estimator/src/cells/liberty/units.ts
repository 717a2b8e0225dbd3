import { HbnnError } from '@hbnn/core';
import type { LibertyGroup } from './parse.ts';

/** What a library's numbers are in, in SI units. */
export interface Units {
  readonly capacitanceF: number;
  /** Undefined where the library does not say: Liberty has no default for it. */
  readonly leakageW?: number;
  /** `default_cell_leakage_power`, in the library's own unit. */
  readonly cellLeakage?: number;
  /** The nominal supply voltage. */
  readonly voltageV: number;
  /** Internal energies: C V², as the format says. */
  readonly energyJ: number;
}

const prefixes: Readonly<Record<string, number>> = {
  a: 1e-18,
  f: 1e-15,
  p: 1e-12,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
};

const decimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

/** An attribute that is a number. @throws HbnnError for another one, and where there is none */
export function numberOf(group: LibertyGroup, name: string): number {
  const text = group.attributes.get(name);
  const value = Number(text);
  if (text !== undefined && decimal.test(text) && Number.isFinite(value)) return value;
  const got = text === undefined ? 'none' : `'${text.slice(0, 40)}'`;
  throw new HbnnError(
    `${placeOf(group)}: expected a number as ${name} of ${who(group)}, got ${got}; write ${name} : NUMBER there`,
  );
}

/** An attribute that cannot be less than nothing. @throws HbnnError as `numberOf`, and below 0 */
export function notNegative(group: LibertyGroup, name: string): number {
  const value = numberOf(group, name);
  if (value >= 0) return value;
  throw new HbnnError(
    `${placeOf(group)}: expected at least 0 as ${name} of ${who(group)}, got ${value}; mend the value`,
  );
}

export const placeOf = ({ file, line }: LibertyGroup): string => `${file}, line ${line}`;
export const who = ({ kind, names }: LibertyGroup): string => `${kind} (${names.join(', ')})`;

/** "1pW", or 1 and ff of `capacitive_load_unit (1, ff)`. */
function scaled(text: string, unit: string, where: string): number {
  const found = new RegExp(`^\\s*([\\d.eE+-]*)\\s*([afpnumk]?)${unit}\\s*$`, 'i').exec(text);
  const factor = found === null ? undefined : prefixes[found[2].toLowerCase()];
  const value = (found?.[1] === '' ? 1 : Number(found?.[1])) * (factor ?? Number.NaN);
  if (Number.isFinite(value) && value > 0) return value;
  throw new HbnnError(
    `${where}: expected a unit such as 1p${unit}, got '${text}'; write it as a number above 0, a prefix and ${unit}`,
  );
}

/** The operating conditions that a library takes by default. @throws HbnnError for a name that none has */
function defaultConditions(library: LibertyGroup): LibertyGroup | undefined {
  const attribute = 'default_operating_conditions';
  const name = library.attributes.get(attribute);
  if (name === undefined) return undefined;
  const found = library.groups.find(
    ({ kind, names }) => kind === 'operating_conditions' && names.includes(name),
  );
  if (found !== undefined) return found;
  throw new HbnnError(
    `${placeOf(library)}: expected operating_conditions (${name}) in ${who(library)}, as ${attribute} says, got none; add the group or take the attribute out`,
  );
}

/** The voltage that a library's tables are of. @throws HbnnError where its default conditions have another one */
function nominalVoltage(library: LibertyGroup): number {
  const conditions = defaultConditions(library);
  const byConditions =
    conditions?.attributes.has('voltage') === true ? numberOf(conditions, 'voltage') : undefined;
  const where = placeOf(library);
  const nominal =
    byConditions !== undefined && !library.attributes.has('nom_voltage')
      ? byConditions
      : numberOf(library, 'nom_voltage');
  if (nominal <= 0)
    throw new HbnnError(
      `${where}: expected a nom_voltage above 0 of ${who(library)}, got ${nominal}; write the supply in volts, as in nom_voltage : 1.1`,
    );
  if (byConditions !== undefined && Math.abs(byConditions - nominal) > 1e-3 * nominal)
    throw new HbnnError(
      `${where}: expected default_operating_conditions at the nom_voltage of ${who(library)}, ${nominal}, since tables are not scaled between voltages, got ${byConditions}; take the library of that voltage`,
    );
  return nominal;
}

export const loadUnit = 'capacitive_load_unit';
const defaultLeakage = 'default_cell_leakage_power';

const letters = [
  ['voltage_unit', 'v'],
  ['leakage_power_unit', 'w'],
] as const;

/** What a library's loads are in, in farads. @throws HbnnError where it does not say, and for what is no unit */
export function loadUnitOf(library: LibertyGroup): number {
  const where = placeOf(library);
  const lists = library.lists.get(loadUnit) ?? [];
  const texts = lists.map((values) => values.join(', '));
  const other = texts.find((text) => text !== texts[0]);
  if (other !== undefined)
    throw new HbnnError(
      `${where}: expected one capacitive_load_unit of ${who(library)}, got (${texts[0]}) and (${other}); take one of them out`,
    );
  if (lists[0] !== undefined && lists[0].length > 2)
    throw new HbnnError(
      `${where}: expected a number and a unit as capacitive_load_unit, got (${texts[0]}); write it as in capacitive_load_unit (1, pf)`,
    );
  const load = lists[0]?.join('') ?? library.attributes.get(loadUnit);
  if (load === undefined)
    throw new HbnnError(
      `${where}: expected capacitive_load_unit of the library, got none; add it, as in capacitive_load_unit (1, ff)`,
    );
  return scaled(load.replace(',', ''), 'f', `${where}: capacitive_load_unit`);
}

/**
 * Check the units and the voltage that a library states, whether or not they will be used.
 *
 * @throws HbnnError for what is no unit, and a voltage that is none
 */
export function checkUnits(library: LibertyGroup): void {
  const { attributes, lists } = library;
  if (attributes.has('nom_voltage')) nominalVoltage(library);
  if (attributes.has(loadUnit) || lists.has(loadUnit)) loadUnitOf(library);
  if (attributes.has(defaultLeakage)) notNegative(library, defaultLeakage);
  for (const [name, letter] of letters) {
    const text = attributes.get(name);
    if (text !== undefined) scaled(text, letter, `${placeOf(library)}: ${name}`);
  }
}

/** Read a library's units and nominal voltage. @throws HbnnError for missing ones and what is no unit */
export function unitsOf(library: LibertyGroup): Units {
  const nominal = nominalVoltage(library);
  const where = placeOf(library);
  const capacitanceF = loadUnitOf(library);
  const unit = (name: string, byDefault: string, letter: string): number =>
    scaled(library.attributes.get(name) ?? byDefault, letter, `${where}: ${name}`);
  const volt = unit('voltage_unit', '1V', 'v');
  return {
    capacitanceF,
    ...(library.attributes.has(defaultLeakage) && {
      cellLeakage: notNegative(library, defaultLeakage),
    }),
    // Liberty User Guide: "If this attribute is missing, the leakage-power values are expressed without units."
    ...(library.attributes.has('leakage_power_unit') && {
      leakageW: unit('leakage_power_unit', '', 'w'),
    }),
    voltageV: nominal * volt,
    energyJ: capacitanceF * volt ** 2,
  };
}
