import { type Family, fabrics, familyFabrics } from '@hbnn/circuit';
import { HbnnError, suggestion } from '@hbnn/core';
import { boxesFile, xc7Boxes } from '../emit/primitives.ts';
import { abcGateScript, isVendorCell } from '../yosys/cells.ts';
import { readCommand, type YosysModule, type YosysNetlist } from '../yosys/yosys.ts';
import type { YosysJob, YosysResult, YosysRunner } from '../yosys/yosysPool.ts';
import { type AdderCells, adderCommands, adderFiles } from './adderCells.ts';
import {
  type CellFile,
  type CellLibrary,
  libraryFiles,
  libraryOptions,
  readCellLibrary,
} from './cellLibrary.ts';
import { type Depths, depthsOf } from './depths.ts';
import { packedSites } from './lut6Packing.ts';
import { blocksOf, memoryCommands, memoryLutsOf, withMemoryPorts } from './memoryCells.ts';
import { groupsOf, joined } from './netlistGroups.ts';

const synthesisFamilies = ['xc7', 'ice40', 'ecp5', 'gowin'] as const satisfies readonly Family[];
export const synthesisTargets = [...synthesisFamilies, 'liberty:FILE,…'] as const;

/** What a module, alone and without those it is made of, takes. */
export interface ModuleCost {
  readonly module: string;
  /** Cells by type. */
  readonly cells: Readonly<Record<string, number>>;
  /** Look-up tables; a LUT6_2 is one. */
  readonly luts: number;
  /** LUT6s of Xilinx after two tables of up to five inputs in all share one; undefined for other targets. */
  readonly sites?: number;
  readonly flipFlops: number;
  /** Block RAMs; of xc7 halves of 18 kbit. Undefined without a family that has them. */
  readonly blockRams?: number;
  /** Tables that are distributed RAM, beside `luts`; undefined without a family that has them. */
  readonly memoryLuts?: number;
  /** Tables or gates on the longest way of a stage; four places of a carry chain count as one. */
  readonly depth: number;
  /** um² or the library's own unit; undefined without a library. */
  readonly area?: number;
  /** The area with gates alone, where the library has cells that add. */
  readonly gatesArea?: number;
  /** Cells that add: 0 where gates alone are smaller; undefined for a library without. */
  readonly adderCells?: number;
  /** Parts that were synthesized each by itself, with nothing optimized across them. */
  readonly groups: number;
  /** Instances of other modules of the design. */
  readonly instances: Readonly<Record<string, number>>;
}

export interface Target {
  readonly name: string;
  /** Inputs of a look-up table; undefined for standard cells. */
  readonly lutInputs?: number;
  /** A library's Liberty files. */
  readonly liberty?: readonly CellFile[];
  /** Cells of the library to stay away from, `*` standing for any letters. */
  readonly dontUse?: readonly string[];
}

/** Choose a target by its name. @throws HbnnError for an unknown one */
export function synthesisTarget(name: string, readLiberty: (file: string) => CellFile): Target {
  const family = synthesisFamilies.find((known) => known === name);
  if (family !== undefined) return { name, lutInputs: fabrics[familyFabrics[family]].tableInputs };
  if (name.startsWith('liberty:'))
    return { name, liberty: name.slice('liberty:'.length).split(',').map(readLiberty) };
  throw new HbnnError(
    `--target: expected one of ${synthesisTargets.join(', ')}, got '${name}'${suggestion(name, synthesisTargets)}`,
  );
}

/** A target ready to be mapped to. */
export interface Mapping {
  readonly target: Target;
  readonly library?: CellLibrary;
  /** The cells that adders are to be; undefined for gates alone. */
  readonly adders?: AdderCells;
}

/** Read what a target's library says of its cells. @throws HbnnError for one that cannot be built with */
export async function mappingOf(pool: YosysRunner, target: Target): Promise<Mapping> {
  if (target.liberty === undefined) return { target };
  return {
    target,
    library: await readCellLibrary(pool, target.liberty, target.name, target.dontUse),
  };
}

/**
 * Lean scripts: what the default ones add (`fraig`) takes 10 to 50 times as long on sums, and the sharing that it would
 * find is in the text already.
 */
export const lutScript = 'strash; dc2; if -K LUTS; mfs2; lutpack -S 1\n';

/** Flip-flops that the FPGAs have: with enable, and with set or reset, of either edge and level. */
const fpgaRegisters = [
  'dfflegalize',
  ...['$_DFF_?_', '$_DFFE_??_', '$_DFF_???_', '$_DFFE_????_'].map((type) => `-cell ${type} 01`),
  ...['$_SDFF_???_', '$_SDFFE_????_', '$_SDFFCE_????_'].map((type) => `-cell ${type} 01`),
  '-cell $_DLATCH_?_ x',
].join(' ');

/** Commands from text to gates: the hierarchy stays, so that a module met a thousand times is made once. */
const gates = (names: readonly string[], clocked: boolean, target: string): string[] => [
  readCommand([...names, boxesFile]),
  'setattr -unset src */*',
  'proc',
  // Parameters have to be there before anything is flattened.
  'hierarchy -check',
  'setattr -mod -set keep_hierarchy 1 *',
  'setattr -mod -unset keep_hierarchy *hbnn_count7* *hbnn_add3*',
  'flatten -noscopeinfo',
  'opt -full',
  ...(clocked ? memoryCommands(target) : []),
  'techmap',
  'opt -full',
];

/** Commands from gates to a target's cells. */
function mapped({ target, library, adders }: Mapping): string[] {
  if (target.liberty === undefined || library === undefined)
    return [fpgaRegisters, 'opt', `abc -lut ${target.lutInputs} -script abc.script`, 'opt_clean'];
  const options = libraryOptions(target.liberty, library.dontUse);
  const registers = library.registers.size > 0 ? [`dfflibmap ${options}`, 'opt'] : [];
  const adding = adders === undefined ? [] : adderCommands(adders);
  return [...adding, ...registers, `abc ${options} -script abc.script`, 'opt_clean'];
}

const mappingFiles = ({ target, adders }: Mapping): Record<string, string> => ({
  ...(adders !== undefined && adderFiles(adders)),
  'abc.script':
    target.liberty === undefined ? lutScript.replace('LUTS', `${target.lutInputs}`) : abcGateScript,
  ...(target.liberty !== undefined && libraryFiles(target.liberty)),
});

/** Run a job that maps to a target. @throws HbnnError as Yosys, and where a library has no flip-flop that it takes */
async function runMapped(
  pool: YosysRunner,
  job: YosysJob,
  { target, library }: Mapping,
): Promise<YosysResult> {
  try {
    return await pool.run(job);
  } catch (error) {
    if (library === undefined || !/type \$\w+\) cannot be legalized/.test(`${error}`)) throw error;
    const cells = [...library.registers];
    throw new HbnnError(
      `${target.name}: expected a flip-flop that takes one data pin at one clock, for the registers of ${job.name}, got a library where ${cells.slice(0, 6).join(', ')}${cells.length > 6 ? ` and ${cells.length - 6} more` : ''} hold${cells.length === 1 ? 's' : ''} bits otherwise, as scan cells and latches do; name the file that has a plain flip-flop as well, with a comma between`,
    );
  }
}

/** Gates of a group: abc's time grows faster than its gates. */
const defaultGroupGates = 20_000;
/** Letters that a gate takes in a file, about. */
const textPerGate = 50;

/**
 * Synthesize one file's modules, each by itself. What is too large for one piece is parted into groups of outputs with
 * what they need. Where a library has cells that add, each module is made with them and of gates alone, and the
 * smallest is taken.
 *
 * @param files the file's text, and the texts of the files with modules it has instances of
 * @throws HbnnError when the text cannot be read, or a thread of the pool ends
 */
export async function synthesizeModules(
  pool: YosysRunner,
  files: Readonly<Record<string, string>>,
  modules: readonly string[],
  mapping: Mapping,
  groupGates: number = defaultGroupGates,
): Promise<ModuleCost[]> {
  const taken = modules.find((module) => mapping.library?.areas.has(module));
  if (taken !== undefined)
    throw new HbnnError(
      `${taken}: expected a module that no cell of the library is called like, got one of both; rename the layer in the model`,
    );
  const ways = [undefined, ...waysToAdd(mapping.library)];
  const built = await Promise.all(
    ways.map(async (adders) => {
      const all = await mappedModules(pool, files, modules, { ...mapping, adders }, groupGates);
      return costsOf(all, mapping);
    }),
  );
  return built[0].map((plain, i) => {
    if (plain.area === undefined || ways.length === 1) return plain;
    const smallest = built.map((way) => way[i]).reduce((a, b) => (areaIn(b) < areaIn(a) ? b : a));
    return { ...smallest, gatesArea: plain.area };
  });
}

const areaIn = ({ area = 0 }: ModuleCost): number => area;

/** With half adders or without: a gate or two of them may be there anyway. */
function waysToAdd(library: CellLibrary | undefined): AdderCells[] {
  if (library?.adders === undefined) return [];
  const { full, half } = library.adders;
  return half === undefined ? [{ full }] : [{ full }, { full, half }];
}

/** A module mapped to a target's cells. */
export interface MappedModule {
  readonly module: string;
  readonly made: YosysModule;
  /** The modules it may have instances of. */
  readonly modules: YosysNetlist['modules'];
  readonly groups: number;
}

/** Map one file's modules to a target's cells. @throws HbnnError as `synthesizeModules` */
export async function mappedModules(
  pool: YosysRunner,
  files: Readonly<Record<string, string>>,
  names: readonly string[],
  mapping: Mapping,
  groupGates: number = defaultGroupGates,
): Promise<MappedModule[]> {
  const [name] = Object.keys(files);
  const given = { ...files, [boxesFile]: xc7Boxes };
  const inOnePiece = files[name].length <= textPerGate * groupGates;
  const commands = [
    ...gates(Object.keys(files), /\breg\b/.test(files[name]), mapping.target.name),
    ...(inOnePiece ? mapped(mapping) : []),
    'write_json',
  ];
  const script = `${commands.join('\n')}\n`;
  const job = { name, script, files: { ...given, ...(inOnePiece && mappingFiles(mapping)) } };
  const { output } = await runMapped(pool, job, mapping);
  const modules = { ...(JSON.parse(output) as YosysNetlist).modules };
  for (const module of names)
    if (modules[module] !== undefined) modules[module] = withMemoryPorts(modules[module]);
  const own = (type: string): boolean => modules[type] !== undefined;
  return Promise.all(
    names.map(async (module): Promise<MappedModule> => {
      const chosen = modules[module];
      if (chosen === undefined)
        throw new HbnnError(
          `${module}: expected a module of this name in its file; name the file as its module`,
        );
      if (inOnePiece) return { module, made: chosen, modules, groups: 1 };
      return {
        module,
        modules,
        ...(await inGroups(pool, module, chosen, mapping, groupGates, own)),
      };
    }),
  );
}

async function inGroups(
  pool: YosysRunner,
  module: string,
  whole: YosysModule,
  mapping: Mapping,
  groupGates: number,
  isModule: (type: string) => boolean,
): Promise<{ made: YosysModule; groups: number }> {
  if (Object.values(whole.cells).every(({ type }) => isModule(type)))
    return { made: whole, groups: 1 };
  const groups = groupsOf(whole, groupGates);
  const script = `${['read_json group.json', ...mapped(mapping), 'write_json'].join('\n')}\n`;
  const built = await Promise.all(
    groups.map(async (group, g) => {
      const text = JSON.stringify({ creator: 'hbnn', modules: { group: group.module } });
      const name = `${module}, group ${g + 1} of ${groups.length}`;
      const files = { ...mappingFiles(mapping), 'group.json': text };
      const { output } = await runMapped(pool, { name, script, files }, mapping);
      return withMemoryPorts((JSON.parse(output) as YosysNetlist).modules.group);
    }),
  );
  return { made: joined(whole, groups, built), groups: groups.length };
}

/** Costs of a file's modules; each is looked at after those that it has instances of. */
function costsOf(all: readonly MappedModule[], mapping: Mapping): ModuleCost[] {
  const depths = new Map<string, Depths>();
  const registers = mapping.library?.registers;
  const find = ({ module, made }: MappedModule): void => {
    if (depths.has(module)) return;
    for (const { type } of Object.values(made.cells)) {
      const part = all.find((each) => each.module === type);
      if (part !== undefined) find(part);
    }
    depths.set(module, depthsOf(made, depths, registers));
  };
  for (const each of all) find(each);
  return all.map((each) => costOf(each, mapping, depths.get(each.module)?.worst ?? 0));
}

function costOf(
  { module, made, modules, groups }: MappedModule,
  { target, library }: Mapping,
  depth: number,
): ModuleCost {
  const cells: Record<string, number> = {};
  const instances: Record<string, number> = {};
  let area = 0;
  let flipFlops = 0;
  let [blockRams, memoryLuts] = [0, 0];
  for (const { type } of Object.values(made.cells)) {
    const instance =
      modules[type] !== undefined && !isVendorCell(type) && library?.areas.get(type) === undefined;
    const counted = instance ? instances : cells;
    counted[type] = (counted[type] ?? 0) + 1;
    if (instance) continue;
    if (/DFF|DLATCH/.test(type) || library?.registers.has(type)) flipFlops++;
    blockRams += blocksOf(type);
    memoryLuts += memoryLutsOf(type);
    if (library !== undefined) area += areaOf(module, type, library);
  }
  const { luts, sites } = packedSites(made);
  return {
    module,
    cells,
    instances,
    luts,
    flipFlops,
    ...(library === undefined && { blockRams, memoryLuts }),
    depth,
    groups,
    ...(target.name === 'xc7' && { sites }),
    ...(library !== undefined && { area }),
    ...(library?.adders !== undefined && { adderCells: adderCount(cells, library.adders) }),
  };
}

const adderCount = (cells: Readonly<Record<string, number>>, { full, half }: AdderCells): number =>
  [full, half].reduce((sum, cell) => sum + (cells[cell?.name ?? ''] ?? 0), 0);

function areaOf(module: string, type: string, { areas, registers }: CellLibrary): number {
  const area = areas.get(type);
  if (area !== undefined && area > 0) return area;
  if (area !== undefined)
    throw new HbnnError(
      `${module}: expected an area above 0 of cell ${type} in the library, got ${area}; mend its Liberty file`,
    );
  if (registers.size === 0 && /DFF|DLATCH/.test(type))
    throw new HbnnError(
      `${module}: expected a flip-flop for its registers, got a library without flip-flops; name the file that has them as well, with a comma between`,
    );
  throw new HbnnError(
    `${module}: expected an area of cell ${type} in the library, got none; name all files of the library, with commas between`,
  );
}
