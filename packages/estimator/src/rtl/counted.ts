import { countBits, type Family, type PlaceTable, type Rom } from '@hbnn/circuit';
import { builtMemory, type MemoryUse } from './memories.ts';
import { romTables, varyingColumns } from './romTables.ts';

/** Modules whose look-up tables are counted alike. */
export const moduleKinds = [
  'weights',
  'threshold',
  'maxPool',
  'sumPool',
  'requantize',
  'numbers',
  'scores',
  'lane',
  'matrix',
  'window',
  'collect',
  'accumulate',
  'deal',
  'gather',
  'logic',
  'largest',
  'registers',
  'queue',
] as const;
export type ModuleKind = (typeof moduleKinds)[number];

/** What a module is made of. */
export interface CountedModule {
  readonly kind: ModuleKind;
  /** The quantities that its tables are estimated from, one for each coefficient of its kind. */
  readonly parts: readonly number[];
  readonly flipFlops: number;
  /** Block RAMs, and tables that are distributed RAM, as `hbnn synth` counts them. */
  readonly blocks: number;
  readonly memoryLuts: number;
}

/** What a design is synthesized for. */
export interface Fabrication {
  readonly family: Family;
  readonly tableInputs: number;
}

/** Bits of a number below `count`. */
export const bitsBelow = (count: number): number => countBits(count - 1);

/** Counters of rows and columns, and the tables of the place they are at. */
export interface PlaceCounts {
  readonly counters: number;
  readonly tables: number;
}

/** Tables of a small memory, two choices to a table. */
export const smallRom = (rom: Rom, { tableInputs }: Fabrication): number => {
  const { tables, choices } = romTables(rom, tableInputs);
  return tables + choices / 2;
};

export function placeCounts(
  { rows, columns, classes, count }: PlaceTable,
  on: Fabrication,
): PlaceCounts {
  const counters = bitsBelow(rows.length) + bitsBelow(columns.length);
  const [rowBits, columnBits] = [bitsBelow(classes.length), bitsBelow(classes[0].length)];
  const words = Array.from(
    { length: 2 ** (rowBits + columnBits) },
    (_, at) => classes[at >> columnBits]?.[at % 2 ** columnBits] ?? 0,
  );
  const roms: Rom[] = [
    { width: rowBits, addressWidth: bitsBelow(rows.length), words: rows },
    { width: columnBits, addressWidth: bitsBelow(columns.length), words: columns },
    { width: bitsBelow(count), addressWidth: rowBits + columnBits, words },
  ];
  return { counters, tables: roms.reduce((sum, rom) => sum + smallRom(rom, on), 0) };
}

/** A memory that is only read, with the register behind it. */
export interface RomCounts {
  readonly tables: number;
  readonly choices: number;
  readonly flipFlops: number;
  readonly blocks: number;
}

export function romCounts(rom: Rom, { family, tableInputs }: Fabrication): RomCounts {
  const width = varyingColumns(rom);
  const depth = 2 ** rom.addressWidth;
  const memory: MemoryUse = { depth, width, rom: true, registered: true };
  const { blocks } = builtMemory(memory, family);
  if (blocks > 0) return { tables: 0, choices: 0, flipFlops: 0, blocks };
  const { tables, choices, columns } = romTables(rom, tableInputs);
  return { tables, choices, flipFlops: columns, blocks: 0 };
}
