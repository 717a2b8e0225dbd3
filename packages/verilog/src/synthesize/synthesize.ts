import { checkOptions, checkWhole, HbnnError } from '@hbnn/core';
import { isPrimitives, modelsFile, primitivesFile, primitivesOf } from '../emit/primitives.ts';
import { isRom, isTestbench } from '../emit/testbenchNames.ts';
import { YosysPool, type YosysRunner } from '../yosys/yosysPool.ts';
import { type ModuleCost, mappingOf, synthesizeModules, type Target } from './synthesizeModules.ts';

/** What a layer takes: its modules times how often they are there. */
export interface LayerCost {
  readonly layer: string;
  readonly luts: number;
  /** LUT6s of Xilinx, two small tables in one; undefined for other targets. */
  readonly sites?: number;
  readonly flipFlops: number;
  /** Block RAMs, of xc7 halves of 18 kbit, and tables that are distributed RAM, beside `luts`; undefined for a library. */
  readonly blockRams?: number;
  readonly memoryLuts?: number;
  readonly depth: number;
  readonly area?: number;
  /** The area with gates alone, where the library has cells that add. */
  readonly gatesArea?: number;
  /** Cells that add, in the modules that are smaller with them. */
  readonly adderCells?: number;
  /** Parts that its modules were synthesized in; nothing is optimized across them. */
  readonly groups: number;
  readonly cells: Readonly<Record<string, number>>;
}

export interface DesignCost extends LayerCost {
  /** Levels of the deepest stage: layers are added up only where no flip-flop is between them. */
  readonly depth: number;
  readonly layers: readonly LayerCost[];
}

/** Where costs are kept between runs, by a key made of text and target. */
export interface CostCache {
  read(key: string): ModuleCost[] | undefined;
  write(key: string, costs: ModuleCost[]): void;
}

interface SynthesizeOptions {
  readonly cache?: CostCache;
  /** What runs Yosys, where there are no threads of Node, as in a page. */
  readonly runner?: YosysRunner;
  /** What the runner is, so that results of another one are not taken from the cache. */
  readonly runnerName?: string;
  /** Threads that run Yosys; by default one per core. */
  readonly workers?: number;
  /** Gates of a group, where a module is too large to be synthesized at once. */
  readonly groupGates?: number;
  /** Called when a file is done. */
  onFile?(done: number, total: number, name: string): void;
  /** Called when Yosys begins with a file. */
  onStart?(name: string): void;
}

const optionNames: readonly (keyof SynthesizeOptions)[] = [
  'cache',
  'runner',
  'runnerName',
  'workers',
  'groupGates',
  'onFile',
  'onStart',
];

/** Whether a file holds hardware of a design, and not a testbench or a vendor's cells. */
export const isDesignFile = (name: string): boolean =>
  name.endsWith('.v') && !isTestbench(name) && name !== modelsFile && !isPrimitives(name);

/** Raised when scripts or counts change, so that no cached cost is of others. */
const version = 5;

/**
 * Synthesize a design file by file and count what the whole takes: a module met a thousand times is synthesized once.
 * Nothing is optimized across modules, so that the sum is an upper bound.
 *
 * @param files the Verilog of a design
 * @param top its top module, the last in its file
 * @throws HbnnError when a module is missing or the text cannot be read
 */
export async function synthesize(
  files: Readonly<Record<string, string>>,
  top: string,
  target: Target,
  o: SynthesizeOptions = {},
): Promise<DesignCost> {
  checkOptions('synthesize', o, optionNames);
  checkWhole('synthesize', 'workers', o.workers, 1);
  checkWhole('synthesize', 'groupGates', o.groupGates, 1);
  const sources = Object.entries(files).filter(([name]) => isDesignFile(name));
  const costs = async (runner: YosysRunner): Promise<DesignCost> => {
    const modules = await allModules(runner, sources, files, target, o);
    return designCost(top, modules, instanceOrder(sources.map(([, text]) => text)));
  };
  if (o.runner !== undefined) return costs(o.runner);
  const pool = new YosysPool(o.workers);
  try {
    return await costs(pool);
  } finally {
    await pool.close();
  }
}

async function allModules(
  pool: YosysRunner,
  sources: readonly (readonly [name: string, text: string])[],
  files: Readonly<Record<string, string>>,
  target: Target,
  o: SynthesizeOptions,
): Promise<Map<string, ModuleCost>> {
  const headers = sources.flatMap(([, text]) => portsOnly(text));
  const modules = new Map<string, ModuleCost>();
  let mapping: ReturnType<typeof mappingOf> | undefined;
  let done = 0;
  const synthesizeFile = async ([name, text]: readonly [string, string]): Promise<void> => {
    const own = moduleNames(text);
    const others = headers.filter((header) => !own.includes(moduleNames(header)[0]));
    const given: Record<string, string> = {
      [name]: text,
      'others.v': others.filter((header) => text.includes(moduleNames(header)[0])).join('\n'),
    };
    const primitives = primitivesOf(files);
    if (primitives !== undefined) given[primitivesFile] = primitives;
    for (const rom of Object.keys(files).filter(isRom))
      if (text.includes(`"${rom}"`)) given[rom] = files[rom];
    const key = JSON.stringify([version, target, given, own, o.groupGates, o.runnerName]);
    let costs = o.cache?.read(key);
    if (costs === undefined) {
      o.onStart?.(name);
      mapping ??= mappingOf(pool, target);
      costs = await synthesizeModules(pool, given, own, await mapping, o.groupGates);
      o.cache?.write(key, costs);
    }
    for (const cost of costs) modules.set(cost.module, cost);
    o.onFile?.(++done, sources.length, name);
  };
  o.onFile?.(0, sources.length, '');
  // The longest first, so that no core waits for it at the end.
  const longest = [...sources].sort(([, a], [, b]) => b.length - a.length);
  await Promise.all(longest.map(synthesizeFile));
  return modules;
}

/** Where a module's first instance is in the text of a design. */
type InstanceOrder = (module: string) => number;

const instanceOrder =
  (texts: readonly string[]): InstanceOrder =>
  (module) =>
    Math.max(...texts.map((text) => text.search(new RegExp(`^ *${module} +[A-Za-z_]`, 'm'))));

function designCost(
  top: string,
  modules: ReadonlyMap<string, ModuleCost>,
  order: InstanceOrder,
): DesignCost {
  const whole = modules.get(top);
  if (whole === undefined)
    throw new HbnnError(
      `${top}: expected a module of this name in the files; add the file that has it`,
    );
  const layers = Object.keys(whole.instances).map((module) => sumOfValues(module, module, modules));
  const inOrder = [...layers].sort((a, b) => order(a.layer) - order(b.layer));
  return { ...sumOfValues(top, top, modules), depth: deepestStage(inOrder), layers };
}

/**
 * Levels of the deepest stage between registers, to the layer: a layer without flip-flops goes on in the next one's
 * stage, so that a design without any is one stage.
 */
function deepestStage(layers: readonly LayerCost[]): number {
  let deepest = 0;
  let stage = 0;
  for (const { depth, flipFlops } of layers) {
    stage += depth;
    deepest = Math.max(deepest, stage);
    if (flipFlops > 0) stage = 0;
  }
  return deepest;
}

/** What only some targets have. */
const summed = ['area', 'gatesArea', 'adderCells', 'blockRams', 'memoryLuts'] as const;

/** A module with all that it is made of. */
function sumOfValues(
  layer: string,
  name: string,
  modules: ReadonlyMap<string, ModuleCost>,
): LayerCost {
  const cost = modules.get(name);
  if (cost === undefined)
    throw new HbnnError(
      `${name}: expected a module of this name in the files; add the file that has it`,
    );
  const sum: { -readonly [Field in keyof ModuleCost]: ModuleCost[Field] } = { ...cost };
  const cells: Record<string, number> = { ...cost.cells };
  for (const [module, count] of Object.entries(cost.instances)) {
    const part = sumOfValues(layer, module, modules);
    sum.luts += count * part.luts;
    if (sum.sites !== undefined) sum.sites += count * (part.sites ?? 0);
    sum.flipFlops += count * part.flipFlops;
    sum.groups += part.groups;
    // A module of the same file was looked at together with this one.
    sum.depth = Math.max(sum.depth, part.depth);
    for (const synthesizeFile of summed)
      if (sum[synthesizeFile] !== undefined)
        sum[synthesizeFile] += count * (part[synthesizeFile] ?? 0);
    for (const [type, k] of Object.entries(part.cells))
      cells[type] = (cells[type] ?? 0) + count * k;
  }
  const { luts, sites, flipFlops, depth, groups } = sum;
  const areas = summed.flatMap((each) => (sum[each] === undefined ? [] : [[each, sum[each]]]));
  return {
    layer,
    luts,
    ...(sites !== undefined && { sites }),
    flipFlops,
    depth,
    ...Object.fromEntries(areas),
    groups,
    cells,
  };
}

/** The modules of a file, in order. */
const moduleNames = (text: string): string[] =>
  [...text.matchAll(/^\s*module\s+([A-Za-z_][A-Za-z0-9_$]*)/gm)].map(([, name]) => name);

/** A file's modules by their ports alone. */
function portsOnly(text: string): string[] {
  return [...text.matchAll(/^\s*module\s+[A-Za-z_][^;]*;/gm)].map(
    ([header]) => `(* blackbox *)\n${header.trim()}\nendmodule\n`,
  );
}
