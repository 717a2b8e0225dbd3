import { HbnnError } from '@hbnn/core';
import { modelsFile } from './emit.ts';
import { type ModuleCost, synthesizeModules, type Target } from './synthesizeModules.ts';
import { testbenchName } from './testbench.ts';

/** What a layer takes: its modules times how often they are there. */
export interface LayerCost {
  readonly layer: string;
  readonly luts: number;
  readonly sites: number;
  readonly flipFlops: number;
  readonly depth: number;
  readonly area?: number;
  readonly cells: Readonly<Record<string, number>>;
}

export interface DesignCost extends LayerCost {
  readonly layers: readonly LayerCost[];
}

/** Where costs are kept between runs, by a key made of text and target. */
export interface CostCache {
  read(key: string): ModuleCost[] | undefined;
  write(key: string, costs: ModuleCost[]): void;
}

export interface SynthesizeOptions {
  readonly cache?: CostCache;
  onFile?(done: number, total: number, name: string): void;
}

const primitivesFile = 'hbnn_xc7.v';
/** Raised when scripts or counts change, so that no cached cost is of others. */
const version = 1;

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
  const sources = Object.entries(files).filter(
    ([name]) =>
      name.endsWith('.v') && ![`${testbenchName}.v`, modelsFile, primitivesFile].includes(name),
  );
  const headers = sources.flatMap(([, text]) => portsOnly(text));
  const modules = new Map<string, ModuleCost>();
  for (const [i, [name, text]] of sources.entries()) {
    o.onFile?.(i, sources.length, name);
    const own = moduleNames(text);
    const others = headers.filter((header) => !own.includes(moduleNames(header)[0]));
    const given: Record<string, string> = {
      [name]: text,
      'others.v': others.filter((header) => text.includes(moduleNames(header)[0])).join('\n'),
    };
    if (files[primitivesFile] !== undefined) given[primitivesFile] = files[primitivesFile];
    const key = JSON.stringify([version, target, given, own]);
    let costs = o.cache?.read(key);
    if (costs === undefined) {
      costs = await synthesizeModules(given, own, target);
      o.cache?.write(key, costs);
    }
    for (const cost of costs) modules.set(cost.module, cost);
  }
  o.onFile?.(sources.length, sources.length, '');
  const whole = modules.get(top);
  if (whole === undefined)
    throw new HbnnError(`${top}: expected a module of this name in the files`);
  const layers = Object.keys(whole.instances).map((module) => total(module, module, modules));
  // Layers follow one another.
  const depth = layers.reduce((sum, layer) => sum + layer.depth, 0);
  return { ...total(top, top, modules), depth, layers };
}

/** A module with all that it is made of. */
function total(layer: string, name: string, modules: ReadonlyMap<string, ModuleCost>): LayerCost {
  const cost = modules.get(name);
  if (cost === undefined)
    throw new HbnnError(`${name}: expected a module of this name in the files`);
  const sum = { ...cost, layer, cells: { ...cost.cells }, area: cost.area };
  for (const [module, count] of Object.entries(cost.instances)) {
    const part = total(layer, module, modules);
    sum.luts += count * part.luts;
    sum.sites += count * part.sites;
    sum.flipFlops += count * part.flipFlops;
    sum.depth = Math.max(sum.depth, cost.depth + part.depth);
    if (sum.area !== undefined) sum.area += count * (part.area ?? 0);
    for (const [type, k] of Object.entries(part.cells))
      sum.cells[type] = (sum.cells[type] ?? 0) + count * k;
  }
  const { luts, sites, flipFlops, depth, area, cells } = sum;
  return { layer, luts, sites, flipFlops, depth, ...(area !== undefined && { area }), cells };
}

/** The modules of a file, in order. */
export const moduleNames = (text: string): string[] =>
  [...text.matchAll(/^\s*module\s+([A-Za-z_][A-Za-z0-9_$]*)/gm)].map(([, name]) => name);

/** A file's modules by their ports alone. */
function portsOnly(text: string): string[] {
  return [...text.matchAll(/^\s*module\s+[A-Za-z_][^;]*;/gm)].map(
    ([header]) => `(* blackbox *)\n${header.trim()}\nendmodule\n`,
  );
}
