import { checkOptions, HbnnError } from '@hbnn/core';
import { checkCells, isSound } from './cells.ts';
import { isPlainFlipFlop } from './flipFlops.ts';
import { type LogicFunction, parseFunction, truthTable } from './logic.ts';
import { type LibertyGroup, parseLiberty, type ReadInclude } from './parse.ts';
import { type LoadFunction, pinEnergy, templatesOf } from './powerTables.ts';
import { mean, meanOverStates, type RailValue, whenOf } from './states.ts';
import { notNegative, numberOf, type Units, unitsOf } from './units.ts';
import { areaOf, avoidedIn, type DontUse, isUsable, pinNames } from './usable.ts';

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
  readonly file: string;
  readonly line: number;
  /** 0 where the file gives none. */
  readonly areaUm2: number;
  /** Whether synthesis may take it: not for pads, macros, cells of no area, and those that are marked `dont_use`. */
  readonly usable: boolean;
  /** Undefined where the file gives none, or no unit for it. */
  readonly leakageW?: number;
  readonly pins: readonly LibertyPin[];
  /** Whether registers are built of it: a flip-flop of scan chains is none. */
  readonly isFlipFlop: boolean;
  /** Flip-flop, latch or anything else that keeps a state. */
  readonly keepsState: boolean;
  /**
   * Energy of one change of an output that drives `loadF` farads: half C V² of the load and the tables of internal
   * energy at the middle slope of the input, added over supply pins and averaged over states, edges and pins; in joules.
   * Undefined where the file has no such tables.
   */
  toggleEnergyJ(loadF: number): number | undefined;
  /** Energy inside the cell of one change of an input whose output stays, the mean over inputs; undefined as above. */
  readonly inputEnergyJ?: number;
}

export interface LibertyLibrary {
  readonly name: string;
  readonly file: string;
  readonly voltageV: number;
  /** Why the cells' leakage is unknown although the file has values of it. */
  readonly leakageUnknown?: string;
  readonly cells: readonly LibertyCell[];
}

export interface ReadLibertyOptions {
  /** Cells to stay away from, `*` standing for any letters; `AvoidedCells` of @hbnn/circuit for a library in several files. */
  readonly dontUse?: DontUse;
  /** Reads what `include_file` names; without it a file that includes others is refused. */
  readonly include?: ReadInclude;
}

/**
 * Read the cells of a Liberty file.
 *
 * @param file what messages call the text
 * @throws HbnnError naming file and line, for text that is not Liberty, values that are no numbers, an area of 0 of a
 * cell to build with, missing units, two cells of one name, functions and conditions of pins that a cell has not, and a
 * pattern of `dontUse` that no cell has
 */
export function readLiberty(
  source: string,
  file: string,
  o: ReadLibertyOptions = {},
): LibertyLibrary {
  checkOptions('readLiberty', o, ['dontUse', 'include']);
  return libraryOf(parseLiberty(source, file, o.include), o.dontUse);
}

function libraryOf(library: LibertyGroup, dontUse: DontUse = []): LibertyLibrary {
  const { file } = library;
  const units = unitsOf(library);
  const templates = templatesOf(library);
  const groups = library.groups.filter(({ kind }) => kind === 'cell');
  const avoided = avoidedIn(groups, dontUse, file);
  checkCells(library, avoided);
  const cells = groups
    .filter((cell) => isUsable(cell, avoided) || isSound(cell, templates))
    .map((cell) => cellOf(cell, units, templates, avoided));
  if (cells.length === 0)
    throw new HbnnError(
      `${file}: expected cells in library '${library.names[0]}', got none; give the file that has its cells`,
    );
  return {
    name: library.names[0] ?? '',
    file,
    voltageV: units.voltageV,
    ...(units.leakageW === undefined &&
      (statesLeakage(library) || groups.some(statesLeakage)) && {
        leakageUnknown: `${file} gives leakage without leakage_power_unit, and Liberty has no default for it; add the unit to the library, as in leakage_power_unit : "1nW"`,
      }),
    cells,
  };
}

const statesLeakage = ({ attributes, groups }: LibertyGroup): boolean =>
  attributes.has('cell_leakage_power') ||
  attributes.has('default_cell_leakage_power') ||
  groups.some(({ kind }) => kind === 'leakage_power');

function cellOf(
  cell: LibertyGroup,
  units: Units,
  templates: ReadonlyMap<string, LibertyGroup>,
  avoided: (name: string) => boolean,
): LibertyCell {
  const groups = cell.groups.filter(({ kind }) => kind === 'pin');
  const outputs = groups.filter((pin) => /output/.test(pin.attributes.get('direction') ?? ''));
  const functions = functionsOf(outputs);
  const energies = (list: readonly LibertyGroup[]): LoadFunction[] =>
    list.flatMap((pin) => pinEnergy(pin, templates, functions) ?? []);
  const changing = energies(outputs);
  const still = energies(groups.filter((pin) => !outputs.includes(pin)));
  const { voltageV, energyJ, capacitanceF } = units;
  const leakageW = leakageOf(cell, functions, units);
  return {
    name: cell.names[0] ?? '',
    file: cell.file,
    line: cell.line,
    areaUm2: areaOf(cell),
    usable: isUsable(cell, avoided),
    ...(leakageW !== undefined && { leakageW }),
    pins: groups.flatMap((pin) => pinsOfGroup(pin, units)),
    isFlipFlop: isPlainFlipFlop(cell),
    keepsState: cell.groups.some(({ kind }) => /^(ff|latch|statetable)/.test(kind)),
    toggleEnergyJ: (loadF) =>
      changing.length === 0
        ? undefined
        : 0.5 * loadF * voltageV ** 2 +
          mean(changing.map((energy) => energy(loadF / capacitanceF))) * energyJ,
    ...(still.length > 0 && { inputEnergyJ: mean(still.map((energy) => energy(0))) * energyJ }),
  };
}

/** The functions of a cell's outputs, which say what states it can be in. */
function functionsOf(outputs: readonly LibertyGroup[]): Map<string, LogicFunction> {
  const functions = new Map<string, LogicFunction>();
  for (const pin of outputs) {
    const text = pin.attributes.get('function');
    if (text === undefined) continue;
    const f = parseFunction(text, `${pin.file}, line ${pin.line}`);
    for (const name of pinNames(pin)) functions.set(name, f);
  }
  return functions;
}

/**
 * The mean over a cell's states of what its `leakage_power` groups say. A state of which none says anything takes
 * `cell_leakage_power`, and where that is missing or negative the library's `default_cell_leakage_power`, as the format
 * has it.
 */
function leakageOf(
  cell: LibertyGroup,
  functions: ReadonlyMap<string, LogicFunction>,
  { leakageW, cellLeakage }: Units,
): number | undefined {
  const own = cell.attributes.has('cell_leakage_power') ? numberOf(cell, 'cell_leakage_power') : -1;
  const otherwise = own >= 0 ? own : cellLeakage;
  const values = cell.groups
    .filter(({ kind }) => kind === 'leakage_power')
    .map((group): RailValue => {
      const when = whenOf(group.attributes);
      const rail = group.attributes.get('related_pg_pin') ?? group.attributes.get('power_level');
      return {
        ...(when !== undefined && { when }),
        ...(rail !== undefined && { rail }),
        value: numberOf(group, 'value'),
      };
    });
  const found = meanOverStates(values, functions, `${cell.file}, line ${cell.line}`, otherwise);
  return found === undefined || leakageW === undefined ? undefined : found * leakageW;
}

/** What a pin loads its driver with: `capacitance`, or without it the mean of a rising and a falling input. */
function pinCapacitance(pin: LibertyGroup): number | undefined {
  if (pin.attributes.has('capacitance')) return notNegative(pin, 'capacitance');
  const edges = ['rise_capacitance', 'fall_capacitance'].filter((name) => pin.attributes.has(name));
  return edges.length === 0 ? undefined : mean(edges.map((name) => notNegative(pin, name)));
}

/** The pins of a pin group, which may have several names. */
function pinsOfGroup(pin: LibertyGroup, units: Units): LibertyPin[] {
  const { attributes } = pin;
  const text = attributes.get('function');
  const capacitance = pinCapacitance(pin);
  return pinNames(pin).map((name) => ({
    name,
    line: pin.line,
    direction: attributes.get('direction') ?? '',
    ...(capacitance !== undefined && { capacitanceF: capacitance * units.capacitanceF }),
    ...(text !== undefined && { function: text }),
  }));
}

/** What a cell is to an estimate. */
export type CellRole = 'inverter' | 'nand2' | 'xnor2' | 'xor2' | 'fullAdder' | 'flipFlop';

const tables: Readonly<Record<'inverter' | 'nand2' | 'xnor2' | 'xor2', string>> = {
  inverter: '10',
  nand2: '1110',
  xnor2: '1001',
  xor2: '0110',
};

/** Sum and carry of a full adder, whose inputs and outputs may be inverted, as synthesis takes them. */
const sums = ['01101001', '10010110'];
const carries = Array.from({ length: 8 }, (_, inverted) =>
  Array.from({ length: 8 }, (_, v) => Number([0, 1, 2, 4].every((w) => w !== (v ^ inverted)))).join(
    '',
  ),
);

/**
 * The smallest cell of a role that synthesis may take, told by its pins' functions and not by its name; undefined where
 * there is none.
 * A flip-flop is the smallest with one.
 */
export function cellOfRole(
  libraries: readonly LibertyLibrary[],
  role: CellRole,
): LibertyCell | undefined {
  let best: LibertyCell | undefined;
  for (const { cells } of libraries)
    for (const cell of cells) {
      if (!cell.usable || (best !== undefined && cell.areaUm2 >= best.areaUm2)) continue;
      if (plays(cell, role)) best = cell;
    }
  return best;
}

function plays(cell: LibertyCell, role: CellRole): boolean {
  if (role === 'flipFlop') return cell.isFlipFlop;
  if (cell.keepsState) return false;
  const inputs = cell.pins.filter(({ direction }) => direction === 'input').map(({ name }) => name);
  const outputs = cell.pins.filter(({ direction }) => direction === 'output');
  const wanted = role === 'inverter' ? 1 : role === 'fullAdder' ? 3 : 2;
  if (inputs.length !== wanted || outputs.some((pin) => pin.function === undefined)) return false;
  const found = outputs.map((pin) =>
    truthTable(pin.function ?? '', inputs, `${cell.file}, line ${pin.line}: ${cell.name}`)
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
