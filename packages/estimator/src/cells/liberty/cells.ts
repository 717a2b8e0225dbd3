import { HbnnError, suggestion } from '@hbnn/core';
import { isState, stateInputs } from './flipFlops.ts';
import { parseFunction, pinsOf } from './logic.ts';
import type { LibertyGroup } from './parse.ts';
import { checkPower, templatesOf } from './powerTables.ts';
import { notNegative, numberOf, placeOf, who } from './units.ts';
import { isUsable, pinNames } from './usable.ts';

/**
 * Check that a library has each cell once, by one name, and that its usable cells can be read: their pins are there once,
 * their numbers are numbers, and their power tables and flip-flops are whole. What functions and conditions name has to
 * be of the cell: a pin, or a variable of its flip-flop, latch or state table.
 *
 * @param avoided whether the user wants to stay away from a name
 * @throws HbnnError naming file, line and name
 */
export function checkCells(library: LibertyGroup, avoided: (name: string) => boolean): void {
  const cells = library.groups.filter(({ kind }) => kind === 'cell');
  const templates = templatesOf(library);
  const first = new Map<string, LibertyGroup>();
  for (const cell of cells) {
    const name = cell.names.join(', ');
    if (cell.names.length !== 1)
      throw new HbnnError(
        `${placeOf(cell)}: expected one name of a cell, got '${name}'; write it as in cell (INV)`,
      );
    const other = first.get(name);
    if (other !== undefined)
      throw new HbnnError(
        `${placeOf(cell)}: expected each cell of the library once, got cell (${name}) again, which is at ${placeOf(other)} already; take one of them out`,
      );
    first.set(name, cell);
    if (isUsable(cell, avoided)) checkCell(cell, templates);
  }
}

/** Whether a cell can be read; Yosys breaks off at one that cannot, even where it must not be used. */
export function isSound(cell: LibertyGroup, templates: ReadonlyMap<string, LibertyGroup>): boolean {
  try {
    checkCell(cell, templates);
    return true;
  } catch (error) {
    if (error instanceof HbnnError) return false;
    throw error;
  }
}

function checkCell(cell: LibertyGroup, templates: ReadonlyMap<string, LibertyGroup>): void {
  const out = `mend the file, or stay away from the cell by --dont-use ${cell.names.join(', ')}`;
  checkPins(cell, out);
  checkNumbers(cell);
  for (const group of cell.groups) if (isState(group)) checkState(group, out);
  for (const group of cell.groups) if (group.kind === 'pin') checkPower(group, templates);
  const known = namesOf(cell);
  const check = (group: LibertyGroup, attribute: string): void => {
    const text = group.attributes.get(attribute)?.trim();
    if (text === undefined || text === '') return;
    const other = pinsOf(parseFunction(text, placeOf(group))).find((name) => !known.has(name));
    if (other === undefined) return;
    const names = [...known];
    throw new HbnnError(
      `${placeOf(group)}: expected a pin of cell (${cell.names.join(', ')}) in its ${attribute} '${text.slice(0, 80)}', got '${other}'${suggestion(other, names) || `; the cell has ${names.slice(0, 12).join(', ')}`}; ${out}`,
    );
  };
  for (const group of cell.groups) {
    if (group.kind === 'leakage_power') check(group, 'when');
    if (group.kind === 'ff') for (const attribute of stateInputs) check(group, attribute);
    if (group.kind !== 'pin') continue;
    for (const attribute of ['function', 'three_state']) check(group, attribute);
    for (const own of group.groups) if (own.kind === 'internal_power') check(own, 'when');
  }
}

/** Each pin of a cell once, and none that is a function of itself. */
function checkPins(cell: LibertyGroup, out: string): void {
  const first = new Map<string, LibertyGroup>();
  for (const pin of cell.groups.filter(({ kind }) => kind === 'pin')) {
    const text = pin.attributes.get('function');
    const named = text === undefined ? [] : pinsOf(parseFunction(text, placeOf(pin)));
    for (const name of pinNames(pin)) {
      const other = first.get(name);
      if (other !== undefined)
        throw new HbnnError(
          `${placeOf(pin)}: expected each pin of ${who(cell)} once, got pin (${name}) again, which is at ${placeOf(other)} already; ${out}`,
        );
      first.set(name, pin);
      if (named.includes(name))
        throw new HbnnError(
          `${placeOf(pin)}: expected a function of other pins of ${who(cell)}, got '${text}' of pin (${name}) itself; ${out}`,
        );
    }
  }
}

/** Numbers that a cell states, whether or not they will be used. */
function checkNumbers(cell: LibertyGroup): void {
  if (cell.attributes.has('cell_leakage_power')) numberOf(cell, 'cell_leakage_power');
  for (const group of cell.groups) {
    if (group.kind === 'leakage_power') numberOf(group, 'value');
    if (group.kind === 'pin')
      for (const name of ['capacitance', 'rise_capacitance', 'fall_capacitance'])
        if (group.attributes.has(name)) notNegative(group, name);
  }
}

/** A flip-flop or latch calls its bit and the bit's opposite; a flip-flop has what it takes, and when. */
function checkState(state: LibertyGroup, out: string): void {
  const variables = pinNames(state);
  if (variables.length !== 2)
    throw new HbnnError(
      `${placeOf(state)}: expected two names in ${who(state)}, of the bit and of its opposite, got ${variables.length}; write them as in ${state.kind} (IQ, IQN), or ${out}`,
    );
  const needed = state.kind === 'ff' ? ['next_state', 'clocked_on'] : [];
  const missing = needed.find((name) => !state.attributes.has(name));
  if (missing !== undefined)
    throw new HbnnError(
      `${placeOf(state)}: expected ${needed.join(' and ')} of ${who(state)}, got no ${missing}; ${out}`,
    );
}

/** What a cell's functions may name. */
function namesOf({ groups }: LibertyGroup): ReadonlySet<string> {
  return new Set(
    groups.flatMap((group) => {
      if (/^(pin|pg_pin)$/.test(group.kind)) return pinNames(group);
      return /^(ff|latch|ff_bank|latch_bank|statetable)$/.test(group.kind)
        ? group.names.flatMap((name) => name.split(/[\s,]+/)).filter((name) => name !== '')
        : [];
    }),
  );
}
