import { HbnnError } from '@hbnn/core';
import type { YosysModule, YosysNetlist } from '../yosys/yosys.ts';
import type { YosysPool } from '../yosys/yosysPool.ts';
import { type AdderCells, adderCellsOf } from './adderCells.ts';

/** What synthesis has to know of a library's cells. */
export interface CellLibrary {
  /** By cell, in the library's own unit. */
  readonly areas: ReadonlyMap<string, number>;
  /** Cells that hold a bit. */
  readonly registers: ReadonlySet<string>;
  /** Cells to stay away from: those of power domains and of tests. */
  readonly dontUse: readonly string[];
  /** Cells that add; undefined for a library without a full adder. */
  readonly adders?: AdderCells;
}

/** Cells that compute the right function but are there for isolated power domains, probing or delays. */
const special = /lpflow|probe|__dly|dlymetal|_dlygate|clkdly|sighold|isobuf/i;

const libraryName = (i: number): string => `cells_${i}.lib`;

/** The library's files by the names that scripts know them by. */
export const libraryFiles = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(texts.map((text, i) => [libraryName(i), text]));

/** `-liberty` for each file of a library, and `-dont_use` for each cell to stay away from. */
export const libraryOptions = (texts: readonly string[], dontUse: readonly string[]): string =>
  [
    ...texts.map((_, i) => `-liberty ${libraryName(i)}`),
    ...dontUse.map((cell) => `-dont_use ${cell}`),
  ].join(' ');

/**
 * Read a library's Liberty files with Yosys's own reader.
 *
 * @param texts one library, which may come in several files
 * @param avoid further cells to stay away from, `*` standing for any letters
 * @throws HbnnError when a file cannot be read, or there is no inverter to build with
 */
export async function readCellLibrary(
  pool: YosysPool,
  texts: readonly string[],
  avoid: readonly string[] = [],
): Promise<CellLibrary> {
  const reads = texts.map(
    (_, i) =>
      `read_liberty -wb -overwrite -ignore_miss_func -ignore_miss_data_latch -ignore_miss_dir ${libraryName(i)}\n`,
  );
  const script = `${reads.join('')}write_json\n`;
  const job = { name: 'the Liberty file', script, files: libraryFiles(texts) };
  const { modules } = JSON.parse((await pool.run(job)).output) as YosysNetlist;
  const areas = new Map<string, number>();
  const registers = new Set<string>();
  for (const [name, module] of Object.entries(modules)) {
    const area = Number(module.attributes?.area ?? Number.NaN);
    if (Number.isFinite(area)) areas.set(name, area);
    if (Object.values(module.cells).some(({ type }) => /DFF|DLATCH/.test(type)))
      registers.add(name);
  }
  const inverters = Object.keys(modules).filter((name) => isInverter(modules[name]));
  if (inverters.length === 0)
    throw new HbnnError(
      'the Liberty file: expected a library to build with, got one without an inverter; name all of its files, with commas between',
    );
  const patterns = avoid.map((text) => new RegExp(`^${text.split('*').map(escaped).join('.*')}$`));
  const dontUse = Object.keys(modules).filter(
    (name) => special.test(name) || patterns.some((pattern) => pattern.test(name)),
  );
  const avoided = new Set([...dontUse, ...texts.flatMap(notToUse)]);
  const inverterArea = Math.min(...inverters.map((name) => areas.get(name) ?? Infinity));
  const adders = adderCellsOf(modules, areas, inverterArea, (name) => !avoided.has(name));
  return { areas, registers, dontUse, ...(adders !== undefined && { adders }) };
}

/** Cells that a Liberty file itself says not to use: abc heeds it, Yosys's reader does not show it. */
function notToUse(text: string): string[] {
  const [, ...cells] = text.split(/\bcell\s*\(/);
  return cells
    .filter((cell) => /\bdont_use\s*:\s*"?true/.test(cell))
    .map((cell) => cell.slice(0, cell.indexOf(')')).replaceAll('"', '').trim());
}

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

function isInverter({ ports, cells }: YosysModule): boolean {
  const types = Object.values(cells).map(({ type }) => type);
  return Object.keys(ports).length === 2 && types.length === 1 && types[0] === '$_NOT_';
}
