import { checkOptions } from '@hbnn/core';
import type { ReadLibertyOptions } from './liberty.ts';
import { abcReadsOtherwise, parseFunction, writeFunction } from './logic.ts';
import { checkNames } from './names.ts';
import { type LibertyGroup, parseLiberty } from './parse.ts';
import { placeOf } from './units.ts';
import { avoidedIn, computes, isUsable, pinNames } from './usable.ts';

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
 * cell has not, and a pattern of `dontUse` that no cell has
 */
export function cellFile(source: string, file: string, o: ReadLibertyOptions = {}): CellFile {
  checkOptions('cellFile', o, ['dontUse', 'include']);
  const library = parseLiberty(source, file, o.include);
  const cells = library.groups.filter(({ kind }) => kind === 'cell');
  const avoided = avoidedIn(cells, o.dontUse ?? [], file);
  checkNames(cells, avoided);
  const unusable = cells.filter((cell) => !isUsable(cell, avoided) && buildsWith(cell));
  const text = cells.some(isReadOtherwise) || isOfSeveralFiles(library) ? written(library) : source;
  return { text, dontUse: unusable.map(({ names }) => names[0] ?? '') };
}

/** Whether synthesis could choose the cell. */
const buildsWith = (cell: LibertyGroup): boolean =>
  computes(cell) || cell.groups.some(({ kind }) => /^(ff|latch)/.test(kind));

const isOfSeveralFiles = ({ file, groups }: LibertyGroup): boolean =>
  groups.some((group) => group.file !== file || isOfSeveralFiles(group));

/** Whether Yosys or abc pass over pins of a cell, or bind its operators in another order. */
function isReadOtherwise({ groups }: LibertyGroup): boolean {
  return groups.some((pin) => {
    if (pin.kind !== 'pin') return false;
    const text = pin.attributes.get('function');
    const isList = pin.names.length !== 1 || pinNames(pin).length !== 1;
    return isList || (text !== undefined && abcReadsOtherwise(text, placeOf(pin)));
  });
}

/** Write a library in one text, with a group for each pin and all parentheses in functions. */
function written(group: LibertyGroup, indent = ''): string {
  const inside = `${indent}  `;
  const lists = [...group.lists].flatMap(([name, all]) =>
    all.map((values) => `${inside}${name} (${values.map(valueText).join(', ')});\n`),
  );
  const attributes = [...group.attributes].map(
    ([name, value]) => `${inside}${name} : ${valueText(attributeOf(group, name, value))};\n`,
  );
  const body = [...lists, ...attributes, ...group.groups.map((own) => written(own, inside))];
  const heads = group.kind === 'pin' ? pinNames(group).map((pin) => [pin]) : [group.names];
  return heads
    .map((names) => {
      const head = names.map(valueText).join(', ');
      return `${indent}${group.kind} (${head}) {\n${body.join('')}${indent}}\n`;
    })
    .join('');
}

const attributeOf = (group: LibertyGroup, name: string, value: string): string =>
  group.kind === 'pin' && name === 'function'
    ? writeFunction(parseFunction(value, placeOf(group)))
    : value;

/** Numbers and names as they are, all else in quotes. */
const valueText = (text: string): string => (/^[\w.+-]+$/.test(text) ? text : `"${text}"`);
