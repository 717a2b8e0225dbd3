import { checkFlag, checkOptions, chosenName, HbnnError, kindOf } from '@hbnn/core';
import type { CheckedLayer } from '@hbnn/model';
import { type AdderStyle, adderStyles } from '../netlist/fabrics.ts';
import { checkLevels } from '../netlist/pipeline.ts';
import { checkFoldNames, type FoldTable } from './folds.ts';
import { lineBuffers, type MemoryStyle, romForms } from './units.ts';

export interface FoldedOptions {
  readonly style?: AdderStyle;
  /** Most levels of gates between registers; default 10. */
  readonly maxLevels?: number;
  /** Layers that are not named have one lane. */
  readonly folds?: FoldTable;
  /**
   * Whether buffers are as deep as the slowest layer needs (default), or all of two places, which most networks with
   * branches would stand still with.
   */
  readonly balanced?: boolean;
  /** Default: `case` statements, and line buffers by the length of their rows. */
  readonly memories?: Partial<MemoryStyle>;
  /** What the names of all modules begin with, so that several networks fit in one project. */
  readonly prefix?: string;
  /** Whether pixels come with s_axis_tlast, so that a beat that is lost spoils its own image alone. Default false. */
  readonly inputLast?: boolean;
}

const optionNames: readonly (keyof FoldedOptions)[] = [
  'style',
  'maxLevels',
  'folds',
  'balanced',
  'memories',
  'prefix',
  'inputLast',
];

const memoryNames: readonly (keyof MemoryStyle)[] = ['rom', 'lines'];

/** The options that decide how layers are made, with their defaults. */
interface Folding {
  readonly style: AdderStyle;
  readonly maxLevels: number;
  readonly folds: FoldTable;
  readonly memories: MemoryStyle;
}

/** @throws HbnnError naming the option that is not known or does not fit */
export function checkedFolding(planned: readonly CheckedLayer[], o: FoldedOptions): Folding {
  checkOptions('foldedDesign', o, optionNames);
  const { style = 'gates', maxLevels = 10, folds = {}, memories = {} } = o;
  chosenName(style, adderStyles, 'foldedDesign: style');
  checkFlag('foldedDesign', 'balanced', o.balanced);
  checkFlag('foldedDesign', 'inputLast', o.inputLast);
  checkOptions('foldedDesign: memories', memories, memoryNames);
  const { rom = 'case', lines = 'auto' } = memories;
  chosenName(rom, romForms, 'foldedDesign: memories.rom');
  chosenName(lines, lineBuffers, 'foldedDesign: memories.lines');
  checkLevels(maxLevels);
  if (typeof folds !== 'object' || folds === null || Array.isArray(folds))
    throw new HbnnError(
      `foldedDesign: expected folds by the names of layers, got ${kindOf(folds)}; give { conv1: { pe: 4, simd: 9 } }`,
    );
  const matrices = planned.filter(({ layer }) => 'weights' in layer).map(({ layer }) => layer.name);
  checkFoldNames(matrices, folds);
  return { style, maxLevels, folds, memories: { rom, lines } };
}
