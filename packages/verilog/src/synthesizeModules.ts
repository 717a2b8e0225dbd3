import { HbnnError } from '@hbnn/core';
import { xc7Boxes } from './primitives.ts';
import { packedSites } from './sites7.ts';
import { readCommand, type YosysNetlist, yosys } from './yosys.ts';

export const synthesisTargets = ['xc7', 'ice40', 'ecp5', 'gowin', 'liberty:FILE'] as const;

/** What a module, alone and without those it is made of, takes. */
export interface ModuleCost {
  readonly module: string;
  /** Cells by type. */
  readonly cells: Readonly<Record<string, number>>;
  /** Look-up tables; a LUT6_2 is one. */
  readonly luts: number;
  /** LUT6s of Xilinx after two tables of up to five inputs in all share one; of other targets the tables. */
  readonly sites: number;
  readonly flipFlops: number;
  /** Tables or gates on the longest way; four places of a carry chain count as one. */
  readonly depth: number;
  /** um² or the library's own unit; undefined without a library. */
  readonly area?: number;
  /** Instances of other modules of the design. */
  readonly instances: Readonly<Record<string, number>>;
}

export interface Target {
  readonly name: string;
  /** Inputs of a look-up table; undefined for standard cells. */
  readonly lutInputs?: number;
  /** Text of a Liberty file. */
  readonly liberty?: string;
}

/** Choose a target by its name. @throws HbnnError for an unknown one */
export function synthesisTarget(name: string, readLiberty: (file: string) => string): Target {
  if (name === 'xc7') return { name, lutInputs: 6 };
  if (name === 'ice40' || name === 'ecp5' || name === 'gowin') return { name, lutInputs: 4 };
  if (name.startsWith('liberty:')) return { name, liberty: readLiberty(name.slice(8)) };
  throw new HbnnError(`--target: expected one of ${synthesisTargets.join(', ')}, got '${name}'`);
}

/**
 * Lean scripts: what the default ones add (`fraig`) takes 10 to 50 times as long on sums, and the sharing that it would
 * find is in the text already.
 */
const lutScript = 'strash; dc2; if -K LUTS; mfs2; lutpack -S 1\n';
const cellScript = 'strash; dc2; strash; &get -n; &dch -f; &nf; &put\n';

/**
 * Synthesize one file's modules, each by itself: the hierarchy stays, so that a module met a thousand times is made once.
 *
 * @param files the file's text, and the texts of the files with modules it has instances of
 */
export async function synthesizeModules(
  files: Readonly<Record<string, string>>,
  modules: readonly string[],
  target: Target,
): Promise<ModuleCost[]> {
  const names = Object.keys(files);
  const script = [
    readCommand([...names, 'xc7_boxes.v']),
    'setattr -unset src */*',
    'proc',
    // Parameters have to be there before anything is flattened.
    'hierarchy -check',
    'setattr -mod -set keep_hierarchy 1 *',
    'setattr -mod -unset keep_hierarchy *hbnn_count7* *hbnn_add3*',
    'flatten -noscopeinfo',
    'opt -full',
    'techmap',
    'opt -full',
    ...(target.liberty === undefined
      ? [`abc -lut ${target.lutInputs} -script abc.script`]
      : ['dfflibmap -liberty cells.lib', 'abc -liberty cells.lib -script abc.script']),
    'opt_clean',
    'write_json',
  ];
  const given = {
    ...files,
    'xc7_boxes.v': xc7Boxes,
    'abc.script':
      target.liberty === undefined ? lutScript.replace('LUTS', `${target.lutInputs}`) : cellScript,
    ...(target.liberty !== undefined && { 'cells.lib': target.liberty }),
  };
  const { output } = await yosys(`${script.join('\n')}\n`, given);
  const netlist = JSON.parse(output) as YosysNetlist;
  const areas = target.liberty === undefined ? undefined : cellAreas(target.liberty);
  return modules.map((module) => costOf(module, netlist, areas));
}

const vendorCells = new Set(['LUT6_2', 'CARRY4']);

const isRegister = (type: string): boolean => /DFF|_DLATCH/.test(type);

function costOf(
  module: string,
  netlist: YosysNetlist,
  areas: ReadonlyMap<string, number> | undefined,
): ModuleCost {
  const found = netlist.modules[module];
  if (found === undefined)
    throw new HbnnError(`${module}: expected a module of this name in its file`);
  const cells: Record<string, number> = {};
  const instances: Record<string, number> = {};
  let area = 0;
  for (const { type } of Object.values(found.cells)) {
    const own = netlist.modules[type];
    const instance = own !== undefined && !vendorCells.has(type);
    const counted = instance ? instances : cells;
    counted[type] = (counted[type] ?? 0) + 1;
    if (instance || areas === undefined) continue;
    const size = areas.get(type);
    if (size === undefined)
      throw new HbnnError(`${module}: expected an area of cell ${type} in the library, got none`);
    area += size;
  }
  const { luts, sites, depth } = packedSites(found);
  const flipFlops = Object.entries(cells).reduce(
    (n, [type, k]) => n + (isRegister(type) ? k : 0),
    0,
  );
  return {
    ...{ module, cells, instances, luts, sites, flipFlops, depth },
    ...(areas !== undefined && { area }),
  };
}

/** Areas of a library's cells by name. */
export function cellAreas(liberty: string): Map<string, number> {
  const areas = new Map<string, number>();
  const cell = /\bcell\s*\(\s*"?([^")]+?)"?\s*\)\s*\{/g;
  for (let found = cell.exec(liberty); found !== null; found = cell.exec(liberty)) {
    const next = liberty.indexOf('cell', cell.lastIndex);
    const area = /\barea\s*:\s*"?([0-9.eE+-]+)/.exec(liberty.slice(cell.lastIndex));
    if (area !== null && next !== 0) areas.set(found[1], Number(area[1]));
  }
  return areas;
}
