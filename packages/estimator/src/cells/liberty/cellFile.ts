import { checkOptions } from '@hbnn/core';
import { checkCells, isSound } from './cells.ts';
import { isState, readsStateInput, stateInputs, writeStateInput } from './flipFlops.ts';
import type { ReadLibertyOptions } from './liberty.ts';
import { abcReadsOtherwise, parseFunction, withoutConstants, writeFunction } from './logic.ts';
import { type LibertyGroup, parseLiberty } from './parse.ts';
import { templatesOf } from './powerTables.ts';
import { checkUnits, loadUnit, loadUnitOf, placeOf } from './units.ts';
import { avoidedIn, computes, isReadByName, isUsable, pinNames } from './usable.ts';

/** A Liberty file for synthesis: its text and its cells to stay away from. */
export interface CellFile {
  /** What every reader takes alike: without included files, lists of pins, and functions that hang on an order. */
  readonly text: string;
  readonly dontUse: readonly string[];
}

/**
 * Check a Liberty file and write it so that synthesis reads it as an estimate does. A file that Yosys and abc read
 * rightly stays as it is.
 *
 * @param file what messages call the text
 * @throws HbnnError naming file and line, for text that is not Liberty, a function that cannot be read, an area that is
 * no number or below 0, one of 0 of a cell to build with, two cells of one name, functions and conditions of pins that a
 * cell has not, power tables that are not whole, and a pattern of `dontUse` that no cell has
 */
export function cellFile(source: string, file: string, o: ReadLibertyOptions = {}): CellFile {
  checkOptions('cellFile', o, ['dontUse', 'include']);
  const library = parseLiberty(source, file, o.include);
  const cells = library.groups.filter(({ kind }) => kind === 'cell');
  checkUnits(library);
  const avoided = avoidedIn(cells, o.dontUse ?? [], file);
  checkCells(library, avoided);
  const templates = templatesOf(library);
  const unreadable = new Set(
    cells.filter((cell) => !isUsable(cell, avoided) && !isSound(cell, templates)),
  );
  const unusable = cells.filter((cell) => !isUsable(cell, avoided) && buildsWith(cell));
  const keeps =
    isPlain(source) &&
    library.isPlain &&
    isPlainUnit(library) &&
    unreadable.size === 0 &&
    !cells.some(isReadOtherwise) &&
    !isOfSeveralFiles(library);
  const readable = library.groups.filter((own) => !unreadable.has(own));
  const text = keeps ? source : written({ ...library, groups: readable });
  return { text, dontUse: unusable.map(({ names }) => names[0] ?? '') };
}

/** Whether synthesis could choose the cell. */
const buildsWith = (cell: LibertyGroup): boolean =>
  computes(cell) || cell.groups.some(({ kind }) => /^(ff|latch)/.test(kind));

const isOfSeveralFiles = ({ file, groups }: LibertyGroup): boolean =>
  groups.some((group) => group.file !== file || isOfSeveralFiles(group));

/** A comment, or a string together with the name of its attribute. */
const aside = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|(?:\b(\w+)\s*:\s*)?"(?:[^"\\]|\\[\s\S])*"/g;

/**
 * Whether Yosys and abc find the same words in a text. They know no byte order mark and no space but blanks, tabs and
 * ends of lines, take what follows // or /* within a string for a comment, and keep a backslash in an attribute but for
 * the state tables that they do not read; abc reads on behind a file that ends with a // comment.
 */
function isPlain(source: string): boolean {
  for (const [text, attribute] of source.matchAll(aside)) {
    if (text.startsWith('//') && source.endsWith(text)) return false;
    if (text.startsWith('/')) continue;
    if (/\/[*/]/.test(text)) return false;
    if (attribute !== undefined && attribute !== 'table' && /[\\\n]/.test(text)) return false;
  }
  return !/[^\t\n\r -~]|\\[ \t]+\r?\n/.test(source.replace(aside, ''));
}

/** Whether abc knows the unit of loads: without one it takes 1 fF, and it crashes at others. */
function isPlainUnit({ lists }: LibertyGroup): boolean {
  const unit = lists.get(loadUnit);
  return unit?.length === 1 && unit[0].length === 2 && /^[pf]f$/.test(unit[0][1]);
}

/**
 * Whether Yosys or abc do not read a cell's names, pass over its pins, bind its operators in another order, or do not
 * find the variables of its flip-flop.
 */
function isReadOtherwise(cell: LibertyGroup): boolean {
  const variables = variablesOf(cell);
  if (!isReadByName(cell) || variables.some((name) => /[\s,]/.test(name))) return true;
  return cell.groups.some((pin) => {
    if (isState(pin)) return stateInputs.some((name) => isRewritten(pin, name));
    if (pin.kind !== 'pin') return false;
    const text = pin.attributes.get('function');
    const isList = pin.names.length !== 1 || pinNames(pin).length !== 1;
    if (isList || text === undefined) return isList;
    return stateFunction(cell, pin) !== undefined || abcReadsOtherwise(text, placeOf(pin));
  });
}

/**
 * The function of an output that is its cell's bit or the bit's opposite, where it is not written as its name alone, as
 * Yosys wants it.
 */
function stateFunction(cell: LibertyGroup, pin: LibertyGroup): string | undefined {
  const text = pin.attributes.get('function');
  const [bit, opposite] = variablesOf(cell).flatMap((name) => name.split(/[\s,]+/));
  if (text === undefined || bit === undefined) return undefined;
  const f = parseFunction(text, placeOf(pin));
  const isInverted = f.kind === 'not';
  const inner = isInverted ? f.of : f;
  if (inner.kind !== 'pin' || (inner.name !== bit && inner.name !== opposite)) return undefined;
  const name = isInverted === (inner.name === bit) ? opposite : bit;
  return name === text || name === undefined ? undefined : name;
}

/** Whether Yosys would pass over a flip-flop for the way in which one of its functions is written. */
function isRewritten(state: LibertyGroup, name: string): boolean {
  const text = state.attributes.get(name);
  return text !== undefined && !readsStateInput(text, parseFunction(text, placeOf(state)));
}

/** What a cell's flip-flop or latch calls its bit and the bit's opposite. */
const variablesOf = ({ groups }: LibertyGroup): string[] =>
  groups.filter(isState).flatMap(({ names }) => names);

/** Write a library in one text, with a group for each pin, all parentheses in functions, no constants in them, and no names that are not read. */
function written(group: LibertyGroup, indent = '', parent = group): string {
  const inside = `${indent}  `;
  const lists = [...listsOf(group)].flatMap(([name, all]) =>
    all.map((values) => `${inside}${name} (${values.map(valueText).join(', ')});\n`),
  );
  const attributes = [...group.attributes].map(
    ([name, value]) =>
      `${inside}${name} : ${valueText(attributeOf(group, name, value, parent))};\n`,
  );
  const groups = group.groups.filter((own) => own.kind !== 'cell' || isReadByName(own));
  const body = [...lists, ...attributes, ...groups.map((own) => written(own, inside, group))];
  const heads = headsOf(group);
  return heads
    .map((names) => {
      const head = names.map(valueText).join(', ');
      return `${indent}${group.kind} (${head}) {\n${body.join('')}${indent}}\n`;
    })
    .join('');
}

/** The names of a group, or of each of the groups that are written for it. */
function headsOf(group: LibertyGroup): (readonly string[])[] {
  if (group.kind === 'pin') return pinNames(group).map((pin) => [pin]);
  return [isState(group) ? pinNames(group) : group.names];
}

/** A group's lists, with the unit of a library's loads as abc knows it; any will do where there are none. */
function listsOf(group: LibertyGroup): LibertyGroup['lists'] {
  if (group.kind !== 'library' || isPlainUnit(group)) return group.lists;
  const loadFf = hasLoads(group) || hasUnit(group) ? loadUnitOf(group) / 1e-15 : 1;
  return new Map([...group.lists, [loadUnit, [[String(Number(loadFf.toPrecision(12))), 'ff']]]]);
}

const hasUnit = ({ attributes, lists }: LibertyGroup): boolean =>
  attributes.has(loadUnit) || lists.has(loadUnit);

/** Whether a group or one in it has a load, such as a pin's capacitance. */
const hasLoads = ({ attributes, groups }: LibertyGroup): boolean =>
  groups.some(hasLoads) || [...attributes.keys()].some((name) => /capacitance|_load$/.test(name));

function attributeOf(own: LibertyGroup, name: string, value: string, cell: LibertyGroup): string {
  if (isState(own))
    return stateInputs.includes(name) && isRewritten(own, name)
      ? writeStateInput(parseFunction(value, placeOf(own)))
      : value;
  if (own.kind !== 'pin' || name !== 'function') return value;
  const f = withoutConstants(parseFunction(value, placeOf(own)));
  return stateFunction(cell, own) ?? writeFunction(f);
}

/** Numbers and names as they are, all else in quotes, where nothing begins a comment. */
const valueText = (text: string): string =>
  /^[\w.+-]+$/.test(text) ? text : `"${text.replace(/\s/g, ' ').replace(/\/(?=[*/])/g, '/ ')}"`;
