import { AvoidedCells } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import type { YosysModule, YosysNetlist } from '../yosys/yosys.ts';
import type { YosysRunner } from '../yosys/yosysPool.ts';
import { type AdderCells, adderCellsOf } from './adderCells.ts';

/** What synthesis has to know of a library's cells. */
export interface CellLibrary {
  /** By cell, in the library's own unit. */
  readonly areas: ReadonlyMap<string, number>;
  /** Cells that hold a bit and may be used. */
  readonly registers: ReadonlySet<string>;
  /** Cells to stay away from: those of power domains and of tests. */
  readonly dontUse: readonly string[];
  /** Cells that add; undefined for a library without a full adder. */
  readonly adders?: AdderCells;
}

/**
 * A Liberty file, checked and written so that Yosys and abc read it rightly, with the cells that are not to be used:
 * `cellFile` of @hbnn/estimator makes it of any Liberty file.
 */
export interface CellFile {
  readonly text: string;
  readonly dontUse: readonly string[];
}

const libraryName = (i: number): string => `cells_${i}.lib`;

/** The library's files by the names that scripts know them by. */
export const libraryFiles = (library: readonly CellFile[]): Record<string, string> =>
  Object.fromEntries(library.map(({ text }, i) => [libraryName(i), text]));

/** `-liberty` for each file of a library, and `-dont_use` for each cell to stay away from. */
export const libraryOptions = (library: readonly CellFile[], dontUse: readonly string[]): string =>
  [
    ...library.map((_, i) => `-liberty ${libraryName(i)}`),
    ...dontUse.map((cell) => `-dont_use ${cell}`),
  ].join(' ');

/**
 * Read a library's Liberty files with Yosys's own reader.
 *
 * @param library one library, which may come in several files
 * @param where what errors call the library, such as `liberty:FILE`
 * @param avoid further cells to stay away from, `*` standing for any letters
 * @throws HbnnError when a file cannot be read, or has not the cells that any circuit is built with: an inverter, a
 *   buffer and a gate of two inputs, or a pattern of cells to stay away from has none
 */
export async function readCellLibrary(
  pool: YosysRunner,
  library: readonly CellFile[],
  where: string,
  avoid: readonly string[] = [],
): Promise<CellLibrary> {
  const reads = library.map(
    (_, i) =>
      `read_liberty -wb -overwrite -ignore_miss_func -ignore_miss_data_latch -ignore_miss_dir ${libraryName(i)}\n`,
  );
  const script = `${reads.join('')}write_json\n`;
  const job = { name: where, script, files: libraryFiles(library) };
  const { modules } = JSON.parse((await pool.run(job)).output) as YosysNetlist;
  const areas = new Map<string, number>();
  const registers = new Set<string>();
  for (const [name, module] of Object.entries(modules)) {
    const area = Number(module.attributes?.area ?? Number.NaN);
    if (Number.isFinite(area)) areas.set(name, area);
    if (Object.values(module.cells).some(({ type }) => /DFF|DLATCH/.test(type)))
      registers.add(name);
  }
  const further = new AvoidedCells(avoid);
  const named = new Set(Object.keys(modules).filter((name) => further.has(name)));
  further.checkAllMatched(where);
  const marked = new Set(library.flatMap((file) => file.dontUse));
  const dontUse = Object.keys(modules).filter((name) => marked.has(name) || named.has(name));
  const avoided = new Set(dontUse);
  const usable = Object.keys(modules).filter((name) => !avoided.has(name));
  checkBasicCells(
    usable.map((name) => modules[name]),
    where,
  );
  const inverters = usable.filter((name) => isInverter(modules[name]));
  const inverterArea = Math.min(...inverters.map((name) => areas.get(name) ?? Infinity));
  const adders = adderCellsOf(modules, areas, inverterArea, (name) => !avoided.has(name));
  for (const name of avoided) registers.delete(name);
  return { areas, registers, dontUse, ...(adders !== undefined && { adders }) };
}

const gatesOf = ({ cells }: YosysModule): string[] => Object.values(cells).map(({ type }) => type);
const portsOf = ({ ports }: YosysModule): number => Object.keys(ports).length;

const isInverter = (cell: YosysModule): boolean =>
  portsOf(cell) === 2 && gatesOf(cell).join() === '$_NOT_';
/** Yosys reads a buffer as an output that is the input's net. */
const isBuffer = (cell: YosysModule): boolean =>
  portsOf(cell) === 2 &&
  gatesOf(cell).length === 0 &&
  new Set(Object.values(cell.ports).map(({ bits }) => bits.join())).size === 1;
const isBasicGate = (cell: YosysModule): boolean => {
  const gates = gatesOf(cell).filter((type) => type !== '$_NOT_');
  return portsOf(cell) === 3 && gates.length === 1 && /^\$_(AND|OR|NAND|NOR)_$/.test(gates[0]);
};

/** abc maps nothing without these, and says so in words that help nobody. */
function checkBasicCells(cells: readonly YosysModule[], where: string): void {
  for (const [what, is] of [
    ['an inverter', isInverter],
    ['a buffer', isBuffer],
    ['an AND, OR, NAND or NOR of two inputs', isBasicGate],
  ] as const)
    if (!cells.some(is))
      throw new HbnnError(
        `${where}: expected a library to build with, got one without ${what} that may be used; name all of its files, with commas between, or add the cell`,
      );
}
