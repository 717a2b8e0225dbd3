import { AvoidedCells } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { parseFunction, withoutConstants } from './logic.ts';
import type { LibertyGroup } from './parse.ts';
import { notNegative, placeOf, who } from './units.ts';

/** Cells that compute the right function but are there for isolated power domains, probing or delays. */
const special = /lpflow|probe|__dly|dlymetal|_dlygate|clkdly|sighold|isobuf/i;

/** Cells to stay away from: patterns of one library in one file, or what several files of a library are asked about. */
export type DontUse = readonly string[] | AvoidedCells;

/**
 * Make a function that says which cells of a file must not be used.
 *
 * @param file what errors call the library
 * @returns whether the cell of a name must not be used
 * @throws HbnnError where a pattern of the file's own list has no cell in it
 */
export function avoidedIn(
  cells: readonly LibertyGroup[],
  dontUse: DontUse,
  file: string,
): (name: string) => boolean {
  const avoided = dontUse instanceof AvoidedCells ? dontUse : new AvoidedCells(dontUse);
  const names = new Set(
    cells.map(({ names }) => names.join(', ')).filter((name) => avoided.has(name)),
  );
  if (avoided !== dontUse) avoided.checkAllMatched(file);
  return (name) => names.has(name);
}

/** The names of a pin group: `pin (A, B)` is two pins that are alike. */
export const pinNames = ({ names }: LibertyGroup): string[] =>
  names.flatMap((name) => name.split(/[\s,]+/)).filter((name) => name !== '');

/** The area of a cell; 0 where it states none, as the format says. @throws HbnnError for one that is no number or below 0 */
export const areaOf = (cell: LibertyGroup): number =>
  cell.attributes.has('area') ? notNegative(cell, 'area') : 0;

/** A truth value; false where a group states none. @throws HbnnError for another word */
function isTrue(group: LibertyGroup, name: string): boolean {
  const text = group.attributes.get(name)?.trim();
  if (text === undefined || /^(false|0)$/i.test(text)) return false;
  if (/^(true|1)$/i.test(text)) return true;
  throw new HbnnError(
    `${placeOf(group)}: expected true or false as ${name} of ${who(group)}, got '${text.slice(0, 40)}'; write one of the two`,
  );
}

/**
 * Whether synthesis may build with a cell: it has an area, pins of one bit that are inputs and outputs, and names that
 * tools read; it drives its outputs to both values at all times, is no pad or macro, and neither the library nor the
 * user says to stay away from it.
 *
 * @param avoided whether the user wants to stay away from a name
 * @throws HbnnError for an area of 0 of a cell of gates or a flip-flop: a design of such cells would cost nothing
 */
export function isUsable(cell: LibertyGroup, avoided: (name: string) => boolean): boolean {
  const name = cell.names.join(', ');
  const area = areaOf(cell);
  if (isApart(cell) || isNotDrivenAlways(cell) || special.test(name) || avoided(name)) return false;
  if (isStuck(cell)) return false;
  if (area === 0 && cell.attributes.has('area') && computes(cell))
    throw new HbnnError(
      `${placeOf(cell)}: expected more than 0 as area of cell (${name}), got 0; mend the file, or stay away from the cell by --dont-use ${name}`,
    );
  return area > 0 && !hasGroupedPins(cell) && isReadByName(cell) && pinsOf(cell).every(isOneWay);
}

const pinsOf = ({ groups }: LibertyGroup): LibertyGroup[] =>
  groups.filter(({ kind }) => kind === 'pin');

const directions: readonly string[] = ['input', 'output', 'inout', 'internal'];

/** Whether a pin is an input or an output. @throws HbnnError for no direction and unknown ones, at which abc breaks off */
function isOneWay(pin: LibertyGroup): boolean {
  const direction = pin.attributes.get('direction')?.trim();
  if (direction !== undefined && directions.includes(direction)) return /put$/.test(direction);
  throw new HbnnError(
    `${placeOf(pin)}: expected ${directions.join(', ')} as direction of ${who(pin)}, got ${direction === undefined ? 'none' : `'${direction.slice(0, 40)}'`}; write one of them`,
  );
}

/** Whether Yosys and abc read the names of a cell and its pins: abc takes a digit in a function for a constant. */
export const isReadByName = (cell: LibertyGroup): boolean =>
  cell.names.every((name) => /^[\w./-]+$/.test(name)) &&
  pinsOf(cell)
    .flatMap(pinNames)
    .every((name) => /^[A-Za-z_][\w.]*(\[\w+\])*$/.test(name));

/**
 * Whether a pin may be let go: a cell with a three-state output, an open drain, a pull or a bus keeper is no gate,
 * whatever function it states. abc leaves cells with `three_state` out too.
 */
const isNotDrivenAlways = ({ groups }: LibertyGroup): boolean =>
  groups.some(
    ({ kind, attributes }) =>
      kind === 'pin' && (attributes.has('three_state') || attributes.has('driver_type')),
  );

/** Whether a flip-flop takes a constant, or has one for a clock: it holds no bit. */
const isStuck = ({ groups }: LibertyGroup): boolean =>
  groups.some(
    (state) =>
      state.kind === 'ff' &&
      ['next_state', 'clocked_on'].some((name) => {
        const text = state.attributes.get(name) ?? '';
        return (
          /\b[01]\b/.test(text) &&
          withoutConstants(parseFunction(text, placeOf(state))).kind === 'constant'
        );
      }),
  );

/** Whether pins are in a bus or a bundle, as those of memories are: a network is not built of such cells. */
const hasGroupedPins = ({ groups }: LibertyGroup): boolean =>
  groups.some(({ kind }) => kind === 'bus' || kind === 'bundle');

/** Whether a cell is a pad or a macro, or the library says not to use it. */
function isApart(cell: LibertyGroup): boolean {
  const marked = ['dont_use', 'pad_cell', 'is_macro_cell', 'is_pad_cell'];
  return (
    marked.filter((name) => isTrue(cell, name)).length > 0 ||
    pinsOf(cell).filter((pin) => isTrue(pin, 'is_pad')).length > 0
  );
}

/**
 * Whether a cell is of gates or a flip-flop. Fillers have no area, and neither have latches in osu018, which hardware
 * here has none of, nor cells of constants in some libraries.
 */
export function computes({ groups }: LibertyGroup): boolean {
  if (groups.some(({ kind }) => kind.startsWith('latch'))) return false;
  return groups.some(
    ({ kind, attributes }) => kind === 'pin' && /[A-Za-z]/.test(attributes.get('function') ?? ''),
  );
}
