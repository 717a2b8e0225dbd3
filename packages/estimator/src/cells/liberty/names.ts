import { HbnnError, suggestion } from '@hbnn/core';
import { parseFunction, pinsOf } from './logic.ts';
import type { LibertyGroup } from './parse.ts';
import { placeOf } from './units.ts';
import { isUsable, pinNames } from './usable.ts';

/**
 * Check that a library has each cell once, and that what the functions and conditions of its usable cells name is of
 * the cell: a pin, or a variable of its flip-flop, latch or state table.
 *
 * @param avoided whether the user wants to stay away from a name
 * @throws HbnnError naming file, line and name
 */
export function checkNames(
  cells: readonly LibertyGroup[],
  avoided: (name: string) => boolean,
): void {
  const first = new Map<string, LibertyGroup>();
  for (const cell of cells) {
    const name = cell.names.join(', ');
    const other = first.get(name);
    if (other !== undefined)
      throw new HbnnError(
        `${placeOf(cell)}: expected each cell of the library once, got cell (${name}) again, which is at ${placeOf(other)} already; take one of them out`,
      );
    first.set(name, cell);
    if (isUsable(cell, avoided)) checkCell(cell);
  }
}

function checkCell(cell: LibertyGroup): void {
  const known = namesOf(cell);
  const check = (group: LibertyGroup, attribute: string): void => {
    const text = group.attributes.get(attribute)?.trim();
    if (text === undefined || text === '') return;
    const other = pinsOf(parseFunction(text, placeOf(group))).find((name) => !known.has(name));
    if (other === undefined) return;
    const names = [...known];
    throw new HbnnError(
      `${placeOf(group)}: expected a pin of cell (${cell.names.join(', ')}) in its ${attribute} '${text.slice(0, 80)}', got '${other}'${suggestion(other, names) || `; the cell has ${names.slice(0, 12).join(', ')}`}; mend the file, or stay away from the cell by --dont-use ${cell.names.join(', ')}`,
    );
  };
  for (const group of cell.groups) {
    if (group.kind === 'leakage_power') check(group, 'when');
    if (group.kind !== 'pin') continue;
    for (const attribute of ['function', 'three_state']) check(group, attribute);
    for (const own of group.groups) if (own.kind === 'internal_power') check(own, 'when');
  }
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
