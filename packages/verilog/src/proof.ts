import { HbnnError, type IntegerModel, layerStep, type PlannedLayer, planModel } from '@hbnn/core';
import { compile } from './compile.ts';
import type { Design, DesignLayer } from './design.ts';
import type { Counter } from './proofAdders.ts';
import { dependencies, type FlatLayer, readElements, sumsOf, unprovedSums } from './proofLayer.ts';
import { type PrimitiveUse, provePrimitives, useOf } from './proofPrimitives.ts';
import {
  CodeBook,
  type CounterExample,
  mostCombinations,
  type Tried,
  tryAll,
  trySome,
} from './proofVectors.ts';
import { gateNetlist } from './simulate.ts';
import { moduleNames } from './synthesize.ts';
import type { YosysCell, YosysNetlist } from './yosys.ts';
import { YosysPool } from './yosysPool.ts';

/**
 * How outputs of a layer were shown to be right: `adders`: their gates are adders whose sums are the model's, for all
 * inputs; `exhaustive`: all values of what they depend on were tried; `simulated`: some were, which is no proof.
 */
export type ProofMethod = 'adders' | 'exhaustive' | 'simulated';

export interface LayerProof {
  readonly layer: string;
  /** The weakest that some output was left to. */
  readonly method: ProofMethod;
  readonly outputs: number;
  /** Outputs that are right for every input. */
  readonly proved: number;
  /** Vectors that were computed; 0 where adders showed all. */
  readonly vectors: number;
  readonly seconds: number;
  /** Why an output was not proved. */
  readonly reason?: string;
}

/** A layer that is not the model's, with values at its inputs that show it. */
export interface Disproof extends CounterExample {
  readonly layer: string;
}

export interface Proof {
  /** Every output of every layer is right for all inputs; scores' offsets and the largest's choice are simulated. */
  readonly proved: boolean;
  readonly layers: readonly LayerProof[];
  /** Counters and adders of hbnn_xc7.v, proved by Yosys's sat; each with other parameters is one. */
  readonly primitives: number;
  readonly primitiveSeconds: number;
  readonly disproof?: Disproof;
}

export interface ProofOptions {
  /** Seconds for each layer; what is not proved by then is simulated. Default 120. */
  readonly secondsPerLayer?: number;
  /** Rounds of 128 vectors where there is no proof. */
  readonly rounds?: number;
  readonly seed?: number;
  readonly workers?: number;
  onLayer?(done: number, total: number, layer: string): void;
}

const primitivesFile = 'hbnn_xc7.v';

/**
 * Prove Verilog layer by layer against the model, whoever wrote it: primitives by Yosys's `sat`, sums by the adders that
 * their gates are, what has few inputs by trying all; the rest is simulated.
 *
 * @param files the Verilog, as `verify` takes it
 * @throws HbnnError when the text cannot be read, or a primitive does not add
 */
export async function prove(
  model: IntegerModel,
  design: Design,
  files: Readonly<Record<string, string>>,
  o: ProofOptions = {},
): Promise<Proof> {
  const pool = new YosysPool(o.workers);
  try {
    const planned = planModel(model);
    const netlist = await gateNetlist(design, files);
    const layers: LayerProof[] = [];
    const uses: PrimitiveUse[] = [];
    let disproof: Disproof | undefined;
    for (const [i, layer] of design.layers.entries()) {
      o.onLayer?.(i, design.layers.length, layer.layer);
      const start = performance.now();
      const flat = await flatLayer(pool, layer, files);
      uses.push(...flat.counters.map(useOf));
      const found = await proveLayer(planned[i], layer, flat, netlist, o, start);
      const seconds = (performance.now() - start) / 1000;
      layers.push({ layer: layer.layer, ...found.proof, seconds });
      disproof = found.difference && { layer: layer.layer, ...found.difference };
      if (disproof !== undefined) break;
    }
    o.onLayer?.(design.layers.length, design.layers.length, '');
    const text = files[primitivesFile];
    const { proved: primitives, seconds: primitiveSeconds } =
      uses.length === 0 || text === undefined
        ? { proved: 0, seconds: 0 }
        : await provePrimitives(pool, text, uses);
    const all = layers.every(({ outputs, proved }) => outputs === proved);
    const proved = all && disproof === undefined;
    return { proved, layers, primitives, primitiveSeconds, ...(disproof && { disproof }) };
  } finally {
    await pool.close();
  }
}

async function proveLayer(
  plan: PlannedLayer,
  layer: DesignLayer,
  flat: FlatLayer,
  netlist: YosysNetlist,
  { secondsPerLayer = 120, rounds = 16, seed = 1 }: ProofOptions,
  start: number,
): Promise<{
  readonly proof: Omit<LayerProof, 'layer' | 'seconds'>;
  readonly difference?: CounterExample;
}> {
  const outOfTime = (): boolean => performance.now() - start > 1000 * secondsPerLayer;
  const outputs = layer.output.forms.length;
  const all = Array.from({ length: outputs }, (_, i) => i);
  if (Object.values(flat.module.cells).some(({ type }) => /DFF|DLATCH|\$mem/.test(type))) {
    // What a register holds is no function of the inputs beside it.
    const reason = 'it has registers: verify simulates it in the whole network, cycle by cycle';
    return { proof: { method: 'simulated', outputs, proved: 0, vectors: 0, reason } };
  }
  const sums = sumsOf(plan);
  let reason: string | undefined;
  let left = all;
  if (sums !== undefined) {
    const unproved = unprovedSums(flat, layer, sums, outOfTime);
    reason = unproved[0]?.reason;
    left = unproved.map(({ output }) => output);
    if (left.length === 0)
      return { proof: { method: 'adders', outputs, proved: outputs, vectors: 0 } };
  }
  const book = new CodeBook();
  const reads = readElements(flat, layer, dependencies(plan));
  const small = left.filter((i) => book.combinations(layer.input, reads[i]) <= mostCombinations);
  const compiled = await compile(netlist, layer.module);
  const tried: Tried = { compiled, layer, step: layerStep(plan) };
  const tries = tryAll(tried, book, small, reads, outOfTime);
  const shown = tries === undefined ? 0 : small.length;
  if (tries?.difference !== undefined || shown === left.length)
    return {
      proof: {
        ...{ method: 'exhaustive', outputs, vectors: tries?.vectors ?? 0 },
        proved: tries?.difference === undefined ? outputs : 0,
      },
      difference: tries?.difference,
    };
  const rest = tries === undefined ? left : left.filter((i) => !small.includes(i));
  const { vectors, difference } = trySome(tried, book, rest, rounds, seed);
  reason ??= tries === undefined ? 'out of time' : 'it depends on too many inputs to try all';
  const proved = outputs - rest.length;
  return {
    proof: {
      method: 'simulated',
      outputs,
      proved,
      vectors: vectors + (tries?.vectors ?? 0),
      reason,
    },
    difference,
  };
}

/** A layer's module with its places' modules in it, as gates and primitives. @throws HbnnError when it cannot be read */
async function flatLayer(
  pool: YosysPool,
  layer: DesignLayer,
  files: Readonly<Record<string, string>>,
): Promise<FlatLayer> {
  const sources = modulesFor(layer.module, files);
  const names = Object.keys(sources);
  const script = `read_verilog ${names.map((name) => JSON.stringify(name)).join(' ')}
proc
flatten ${layer.module}
select ${layer.module}
simplemap
techmap
simplemap
write_json -selected
`;
  const { output } = await pool.run({ name: layer.layer, script, files: sources });
  const module = (JSON.parse(output) as YosysNetlist).modules[layer.module];
  if (module === undefined)
    throw new HbnnError(`${layer.layer}: expected a module ${layer.module} in the files`);
  const cells = Object.values(module.cells);
  return { module, counters: cells.flatMap((cell) => counterOf(cell) ?? []) };
}

/** The files that hold a module and what it has instances of, primitives aside. */
function modulesFor(
  module: string,
  files: Readonly<Record<string, string>>,
): Record<string, string> {
  const where = new Map<string, string>();
  for (const [name, text] of Object.entries(files))
    if (name.endsWith('.v') && name !== primitivesFile)
      for (const own of moduleNames(text)) where.set(own, name);
  const found: Record<string, string> = {};
  const visit = (name: string | undefined): void => {
    if (name === undefined || found[name] !== undefined) return;
    found[name] = files[name];
    const words = new Set(files[name].match(/[A-Za-z_][A-Za-z0-9_$]*/g));
    for (const [other, file] of where) if (words.has(other)) visit(file);
  };
  visit(where.get(module));
  return found;
}

/** What an instance of a primitive adds up. */
function counterOf(cell: YosysCell): Counter | undefined {
  const count7 = cell.type === 'hbnn_count7';
  if (!count7 && cell.type !== 'hbnn_add3') return undefined;
  const inputs = cell.connections.x ?? [];
  const outputs = cell.connections[count7 ? 'count' : 'sum'] ?? [];
  const invert = BigInt(`0b${cell.parameters?.INVERT ?? '0'}`);
  const columns = (inputs.length - 2) / 3;
  const weights = inputs.map((_, i) => (count7 || i >= 3 * columns ? 1 : 2 ** Math.floor(i / 3)));
  const inverted = inputs.map((_, i) => ((invert >> BigInt(i)) & 1n) === 1n);
  return { cell, outputs, inputs, weights, inverted };
}
