import { HbnnError } from '@hbnn/core';
import { truthTable } from './logic.ts';
import { type LibertyGroup, parseLiberty } from './parse.ts';

export interface LibertyPin {
  readonly name: string;
  readonly line: number;
  readonly direction: string;
  /** Farads on an input; undefined where the file gives none. */
  readonly capacitanceF?: number;
  readonly function?: string;
}

/** One cell of a library, in SI units but for its area. */
export interface LibertyCell {
  readonly name: string;
  readonly line: number;
  readonly areaUm2: number;
  /** Undefined where the file gives none. */
  readonly leakageW?: number;
  readonly pins: readonly LibertyPin[];
  readonly isFlipFlop: boolean;
  /** Flip-flop, latch or anything else that keeps a state. */
  readonly keepsState: boolean;
  /**
   * Energy of one change of an output that drives `loadF` farads: half C V² of the load and the mean of the tables of
   * internal energy, at the middle slope of the input; in joules. Undefined where the file has no such tables.
   */
  toggleEnergyJ(loadF: number): number | undefined;
  /** Energy inside the cell of one change of an input whose output stays, the mean over inputs; undefined as above. */
  readonly inputEnergyJ?: number;
}

export interface LibertyLibrary {
  readonly name: string;
  readonly file: string;
  readonly voltageV: number;
  readonly cells: readonly LibertyCell[];
}

interface Units {
  readonly capacitanceF: number;
  readonly leakageW: number;
  readonly voltageV: number;
  /** Of internal energies: C V², as the format says. */
  readonly energyJ: number;
}

const prefixes: Readonly<Record<string, number>> = {
  ...{ a: 1e-18, f: 1e-15, p: 1e-12, n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3 },
};

/**
 * Read the cells of a Liberty file.
 *
 * @param file what messages call the text
 * @throws HbnnError naming file and line, for text that is not Liberty, values that are no numbers, and missing units
 */
export function readLiberty(source: string, file: string): LibertyLibrary {
  const library = parseLiberty(source, file);
  const number = reader(file);
  const voltageV = number(library, 'nom_voltage');
  if (voltageV <= 0)
    throw new HbnnError(
      `${file}, line ${library.line}: expected a nom_voltage above 0 of library (${library.names.join(', ')}), got ${voltageV}`,
    );
  const units = unitsOf(library, file, voltageV);
  const templates = new Map(
    library.groups
      .filter(({ kind }) => kind === 'power_lut_template' || kind === 'lu_table_template')
      .map((template) => [template.names[0], template]),
  );
  const cells = library.groups
    .filter(({ kind }) => kind === 'cell')
    .map((cell) => cellOf(cell, file, units, templates));
  if (cells.length === 0)
    throw new HbnnError(`${file}: expected cells in library '${library.names[0]}', got none`);
  return { name: library.names[0] ?? '', file, voltageV, cells };
}

/** The same for what cannot be less than nothing. */
const notNegative =
  (file: string): ReadNumber =>
  (group, name) => {
    const value = reader(file)(group, name);
    if (value >= 0) return value;
    throw new HbnnError(
      `${file}, line ${group.line}: expected at least 0 as ${name} of ${group.kind} (${group.names.join(', ')}), got ${value}`,
    );
  };

type ReadNumber = (group: LibertyGroup, name: string) => number;

const reader =
  (file: string): ReadNumber =>
  (group, name) => {
    const text = group.attributes.get(name);
    const value = Number(text);
    if (text !== undefined && text.trim() !== '' && Number.isFinite(value)) return value;
    const who = `${group.kind} (${group.names.join(', ')})`;
    const got = text === undefined ? 'none' : `'${text.slice(0, 40)}'`;
    throw new HbnnError(
      `${file}, line ${group.line}: expected a number as ${name} of ${who}, got ${got}`,
    );
  };

/** "1pW", or 1 and ff of `capacitive_load_unit (1, ff)`. */
function scaled(text: string, unit: string, where: string): number {
  const found = new RegExp(`^\\s*([\\d.eE+-]+)\\s*([afpnumk]?)${unit}\\s*$`, 'i').exec(text);
  const factor = found === null ? undefined : prefixes[found[2].toLowerCase()];
  const value = Number(found?.[1]) * (factor ?? Number.NaN);
  if (Number.isFinite(value) && value > 0) return value;
  throw new HbnnError(`${where}: expected a unit such as 1p${unit}, got '${text}'`);
}

function unitsOf(library: LibertyGroup, file: string, nominal: number): Units {
  const where = `${file}, line ${library.line}`;
  const load = library.lists.get('capacitive_load_unit')?.[0];
  if (load === undefined)
    throw new HbnnError(`${where}: expected capacitive_load_unit of the library, got none`);
  const capacitanceF = scaled(load.join(''), 'f', `${where}: capacitive_load_unit`);
  const text = (name: string, usual: string): string => library.attributes.get(name) ?? usual;
  const volt = scaled(text('voltage_unit', '1V'), 'v', `${where}: voltage_unit`);
  return {
    capacitanceF,
    leakageW: scaled(text('leakage_power_unit', '1nW'), 'w', `${where}: leakage_power_unit`),
    voltageV: nominal * volt,
    energyJ: capacitanceF * volt ** 2,
  };
}

function cellOf(
  cell: LibertyGroup,
  file: string,
  units: Units,
  templates: ReadonlyMap<string, LibertyGroup>,
): LibertyCell {
  const pins = cell.groups.filter(({ kind }) => kind === 'pin');
  const outputs = pins.filter((pin) => /output/.test(pin.attributes.get('direction') ?? ''));
  const tables = outputs.flatMap((pin) => powerTables(pin, file, templates));
  const still = pins
    .filter((pin) => !outputs.includes(pin))
    .flatMap((pin) => powerTables(pin, file, templates));
  const { voltageV, energyJ, capacitanceF } = units;
  return {
    name: cell.names[0] ?? '',
    line: cell.line,
    areaUm2: notNegative(file)(cell, 'area'),
    ...leakageOf(cell, file, units),
    pins: pins.map((pin) => pinOf(pin, file, units)),
    isFlipFlop: cell.groups.some(({ kind }) => kind === 'ff'),
    keepsState: cell.groups.some(({ kind }) => /^(ff|latch|statetable)/.test(kind)),
    toggleEnergyJ: (loadF) =>
      tables.length === 0
        ? undefined
        : 0.5 * loadF * voltageV ** 2 + mean(tables.map((t) => t(loadF / capacitanceF))) * energyJ,
    ...(still.length > 0 && { inputEnergyJ: mean(still.map((t) => t(0))) * energyJ }),
  };
}

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

function leakageOf(cell: LibertyGroup, file: string, { leakageW }: Units): { leakageW?: number } {
  const number = reader(file);
  if (cell.attributes.has('cell_leakage_power'))
    return { leakageW: number(cell, 'cell_leakage_power') * leakageW };
  const states = cell.groups.filter(({ kind }) => kind === 'leakage_power');
  if (states.length === 0) return {};
  return { leakageW: mean(states.map((state) => number(state, 'value'))) * leakageW };
}

function pinOf(pin: LibertyGroup, file: string, units: Units): LibertyPin {
  const { attributes } = pin;
  const text = attributes.get('function');
  return {
    name: pin.names[0] ?? '',
    line: pin.line,
    direction: attributes.get('direction') ?? '',
    ...(attributes.has('capacitance') && {
      capacitanceF: notNegative(file)(pin, 'capacitance') * units.capacitanceF,
    }),
    ...(text !== undefined && { function: text }),
  };
}

/** A table of energies, read at a load. */
type Table = (load: number) => number;

function powerTables(
  pin: LibertyGroup,
  file: string,
  templates: ReadonlyMap<string, LibertyGroup>,
): Table[] {
  return pin.groups
    .filter(({ kind }) => kind === 'internal_power')
    .flatMap(({ groups }) => groups)
    .filter(({ kind }) => /^(rise_|fall_)?power$/.test(kind))
    .map((table) => tableOf(table, file, templates));
}

function tableOf(
  table: LibertyGroup,
  file: string,
  templates: ReadonlyMap<string, LibertyGroup>,
): Table {
  const template = templates.get(table.names[0] ?? '');
  const where = `${file}, line ${table.line}`;
  const rows = (table.lists.get('values')?.[0] ?? []).map((row) => numbers(row, where));
  if (rows.length === 0 || rows[0].length === 0)
    throw new HbnnError(`${where}: expected values of ${table.kind}, got none`);
  const index = (name: string): number[] | undefined => {
    const text = table.lists.get(name)?.[0] ?? template?.lists.get(name)?.[0];
    return text === undefined ? undefined : numbers(text.join(','), where);
  };
  const isLoad = (n: number): boolean =>
    (template?.attributes.get(`variable_${n}`) ?? '').includes('capacitance');
  // Values of two dimensions may stand in one string: parted again by the second index.
  const flat = rows.flat();
  const [first, second] = [index('index_1'), index('index_2')];
  const middle = (list: readonly unknown[]): number => Math.floor((list.length - 1) / 2);
  if (first === undefined || second === undefined || flat.length === first.length) {
    if (first !== undefined && isLoad(1) && flat.length === first.length)
      return (load) => interpolated(first, flat, load);
    return () => flat[middle(flat)];
  }
  if (flat.length !== first.length * second.length)
    throw new HbnnError(
      `${where}: expected ${first.length} × ${second.length} values, got ${flat.length}`,
    );
  const at = (i: number, j: number): number => flat[i * second.length + j];
  if (isLoad(1)) {
    const line = first.map((_, i) => at(i, middle(second)));
    return (load) => interpolated(first, line, load);
  }
  const line = second.map((_, j) => at(middle(first), j));
  return (load) => interpolated(second, line, load);
}

function numbers(text: string, where: string): number[] {
  const list = text.split(/[\s,]+/).filter((part) => part !== '');
  const values = list.map(Number);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new HbnnError(`${where}: expected numbers in the table, got '${list[bad]}'`);
  return values;
}

/** Linear between the points, and constant beyond the ends. */
function interpolated(x: readonly number[], y: readonly number[], at: number): number {
  if (at <= x[0]) return y[0];
  for (let i = 1; i < x.length; i++)
    if (at <= x[i]) return y[i - 1] + ((at - x[i - 1]) / (x[i] - x[i - 1])) * (y[i] - y[i - 1]);
  return y[x.length - 1];
}

/** What a cell is to an estimate. */
export type CellRole = 'inverter' | 'nand2' | 'xnor2' | 'xor2' | 'fullAdder' | 'flipFlop';

const tables: Readonly<Record<'inverter' | 'nand2' | 'xnor2' | 'xor2', string>> = {
  ...{ inverter: '10', nand2: '1110', xnor2: '1001', xor2: '0110' },
};

/** Sum and carry of a full adder; some libraries have them inverted. */
const sums = ['01101001', '10010110'];
const carries = ['00010111', '11101000'];

/**
 * The smallest cell of a role, told by its pins' functions and not by its name; undefined where there is none.
 * A flip-flop is the smallest with one.
 */
export function cellOfRole(
  libraries: readonly LibertyLibrary[],
  role: CellRole,
): LibertyCell | undefined {
  let best: LibertyCell | undefined;
  for (const { file, cells } of libraries)
    for (const cell of cells) {
      if (cell.areaUm2 <= 0 || (best !== undefined && cell.areaUm2 >= best.areaUm2)) continue;
      if (plays(cell, role, file)) best = cell;
    }
  return best;
}

function plays(cell: LibertyCell, role: CellRole, file: string): boolean {
  if (role === 'flipFlop') return cell.isFlipFlop;
  if (cell.keepsState) return false;
  const inputs = cell.pins.filter(({ direction }) => direction === 'input').map(({ name }) => name);
  const outputs = cell.pins.filter(({ direction }) => direction === 'output');
  const wanted = { inputs: role === 'inverter' ? 1 : role === 'fullAdder' ? 3 : 2 };
  if (inputs.length !== wanted.inputs || outputs.some((pin) => pin.function === undefined))
    return false;
  const found = outputs.map((pin) =>
    truthTable(pin.function ?? '', inputs, `${file}, line ${pin.line}: ${cell.name}`)
      .map(Number)
      .join(''),
  );
  if (role === 'fullAdder')
    return (
      found.length === 2 &&
      found.some((table) => sums.includes(table)) &&
      found.some((table) => carries.includes(table))
    );
  return found.length === 1 && found[0] === tables[role];
}
