import type { Design, FoldedDesign } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { boxesFile, isPrimitives, modelsFile, xc7Models } from '../emit/primitives.ts';
import { sourcesOf } from '../simulate/simulate.ts';
import { gateOf, registerType } from '../yosys/cells.ts';
import { readCommand, type YosysBit, type YosysCell, type YosysNetlist } from '../yosys/yosys.ts';
import type { YosysPool } from '../yosys/yosysPool.ts';
import type { Counter } from './adders.ts';

/** A module without modules in it: gates, registers, and instances of what was asked to stay. */
export interface FlatModule {
  readonly name: string;
  readonly inputs: Readonly<Record<string, readonly YosysBit[]>>;
  readonly outputs: Readonly<Record<string, readonly YosysBit[]>>;
  readonly cells: readonly YosysCell[];
  /** What people call a net. */
  readonly names: ReadonlyMap<number, string>;
  /** Why its nets do not stand for functions; none where they do. */
  readonly fault?: string;
}

/**
 * Read Verilog into gates, every module of it with its parameters' values; counters and adders of the file of
 * primitives stay cells, cells of Xilinx become the gates of their data sheets.
 *
 * @throws HbnnError when the text cannot be read
 */
export async function proofNetlist(
  pool: YosysPool,
  { top, kind }: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
): Promise<YosysNetlist> {
  const others = Object.entries(sourcesOf(files)).filter(
    ([name]) => !isPrimitives(name) && name !== boxesFile && name !== modelsFile,
  );
  for (const [name, text] of others)
    if (text.includes(`\\${ownCells}`))
      throw new HbnnError(
        `${name}: expected modules of the design, got one whose name begins with ${ownCells}, which the proof uses itself; rename the module`,
      );
  const sources = { ...Object.fromEntries(others), 'xc7_cells.v': xc7Models };
  const isFolded = kind === 'folded';
  const script = [
    readCommand(Object.keys(sources)),
    // Parameters take their values here; without it every instance would be read with the defaults.
    `hierarchy -top ${top}`,
    'setattr -unset src */*',
    'proc',
    'memory_collect',
    ...(isFolded ? ['memory_map', 'techmap -map sums.v'] : []),
    'simplemap',
    'techmap',
    'simplemap',
    'write_json',
  ];
  const { output } = await pool.run({
    name: top,
    script: `${script.join('\n')}\n`,
    files: isFolded ? { ...sources, 'sums.v': sumCells } : sources,
  });
  return JSON.parse(output) as YosysNetlist;
}

/** What the names of cells begin with that stand for something that was proved, and not for a module. */
export const ownCells = 'hbnn.';

/** The cell that a sum of two numbers becomes: x has the bits of both, one after the other. */
const sumType = `${ownCells}sum`;

/** Sums stay cells: of their carries, those that constants or equal bits make simpler could not be found again. */
const sumCells = `(* techmap_celltype = "$add" *)
module sum_of_two (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  wire [Y_WIDTH-1:0] a, b;
  \\$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) wide_a (.A(A), .Y(a));
  \\$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) wide_b (.A(B), .Y(b));
  \\${sumType} #(.WIDTH(Y_WIDTH)) sum (.x({b, a}), .sum(Y));
endmodule
`;

/** Put a module's modules into it. @param keep modules that stay instances */
export function flatModule(
  netlist: YosysNetlist,
  module: string,
  keep: ReadonlySet<string> = new Set(),
): FlatModule | undefined {
  return netlist.modules[module] === undefined
    ? undefined
    : new Flattening(netlist, keep).run(module);
}

type Bits = readonly YosysBit[];

class Flattening {
  private readonly modules: YosysNetlist['modules'];
  private readonly keep: ReadonlySet<string>;
  private readonly cells: YosysCell[] = [];
  private readonly alias = new Map<number, YosysBit>();
  private readonly driven = new Set<number>();
  private readonly names = new Map<number, string>();
  private nets = 2;
  private fault: string | undefined;

  constructor({ modules }: YosysNetlist, keep: ReadonlySet<string>) {
    this.modules = modules;
    this.keep = keep;
  }

  run(name: string): FlatModule {
    const map = new Map<number, number>();
    const ports = Object.entries(this.modules[name].ports);
    const inputs: Record<string, Bits> = {};
    for (const [port, { direction, bits }] of ports)
      if (direction === 'input')
        inputs[port] = bits.map((bit, i) => {
          const net = this.nets++;
          if (typeof bit !== 'number' || map.has(bit))
            this.fault ??= `${port}[${i}] is driven inside`;
          else map.set(bit, net);
          this.driven.add(net);
          this.names.set(net, bits.length === 1 ? port : `${port}[${i}]`);
          return net;
        });
    this.enter(name, '', map);
    const outputs: Record<string, Bits> = {};
    for (const [port, { direction, bits }] of ports)
      if (direction === 'output') outputs[port] = bits.map((bit) => this.own(map, bit));
      else if (direction !== 'input') this.fault ??= `${port} is no input or output`;
    const settled = (found: Record<string, Bits>): Record<string, Bits> =>
      Object.fromEntries(
        Object.entries(found).map(([port, bits]) => [port, bits.map((bit) => this.settled(bit))]),
      );
    const cells = this.cells.map((cell) => ({
      ...cell,
      connections: settled({ ...cell.connections }),
    }));
    return {
      name,
      inputs,
      outputs: settled(outputs),
      cells,
      names: this.names,
      ...(this.fault !== undefined && { fault: this.fault }),
    };
  }

  private enter(name: string, path: string, map: Map<number, number>): void {
    const { cells, netnames } = this.modules[name];
    for (const [net, { bits }] of Object.entries(netnames)) {
      if (net.startsWith('$')) continue;
      bits.forEach((bit, i) => {
        const own = this.own(map, bit);
        if (typeof own === 'number' && !this.names.has(own))
          this.names.set(own, `${path}${net}${bits.length === 1 ? '' : `[${i}]`}`);
      });
    }
    for (const [label, cell] of Object.entries(cells)) {
      const connections = Object.fromEntries(
        Object.entries(cell.connections).map(([port, bits]) => [
          port,
          bits.map((bit) => this.own(map, bit)),
        ]),
      );
      if (this.modules[cell.type] === undefined || this.keep.has(cell.type))
        this.leaf({ ...cell, connections });
      else this.instance(cell.type, `${path}${label}.`, connections);
    }
  }

  private leaf(cell: YosysCell): void {
    this.cells.push(cell);
    for (const port of outputPorts(cell, this.modules))
      for (const bit of cell.connections[port] ?? []) this.drive(bit);
  }

  private instance(type: string, path: string, connections: Record<string, Bits>): void {
    const map = new Map<number, number>();
    const ports = Object.entries(this.modules[type].ports);
    const each = (direction: string, use: (bit: YosysBit, outer: YosysBit) => void): void => {
      for (const [port, found] of ports)
        if (found.direction === direction)
          found.bits.forEach((bit, i) => {
            use(bit, connections[port]?.[i] ?? this.nets++);
          });
    };
    each('input', (bit, outer) => {
      if (typeof bit !== 'number' || map.has(bit)) {
        this.fault ??= `an input of ${path.slice(0, -1)} is driven inside`;
        return;
      }
      const net = this.nets++;
      map.set(bit, net);
      this.alias.set(net, outer);
      this.driven.add(net);
    });
    each('inout', () => {
      this.fault ??= `${path.slice(0, -1)} has a port that is no input or output`;
    });
    this.enter(type, path, map);
    each('output', (bit, outer) => {
      if (typeof outer !== 'number') {
        this.fault ??= `an output of ${path.slice(0, -1)} drives a constant`;
        return;
      }
      this.drive(outer);
      this.alias.set(outer, this.own(map, bit));
    });
  }

  private drive(bit: YosysBit): void {
    if (typeof bit !== 'number') this.fault ??= 'a cell drives a constant';
    else if (this.driven.has(bit))
      this.fault ??= `${this.names.get(bit) ?? `net ${bit}`} is driven twice`;
    else this.driven.add(bit);
  }

  /** A module's bit among all; what is not defined is a net that nothing drives, which may be anything. */
  private own(map: Map<number, number>, bit: YosysBit): YosysBit {
    if (bit === '0' || bit === '1') return bit;
    if (typeof bit !== 'number') return this.nets++;
    let net = map.get(bit);
    if (net === undefined) {
      net = this.nets++;
      map.set(bit, net);
    }
    return net;
  }

  private settled(bit: YosysBit): YosysBit {
    let at = bit;
    for (let steps = 0; typeof at === 'number'; steps++) {
      const next = this.alias.get(at);
      if (next === undefined) break;
      if (steps > this.alias.size) {
        this.fault ??= 'wires make a loop';
        break;
      }
      at = next;
    }
    return at;
  }
}

/** The bits a cell's output depends on at once; undefined for what is no gate, register or counter. */
export function readsOf(cell: YosysCell): readonly YosysBit[] | undefined {
  const ports =
    cell.type === registerType ? ['D'] : counterOf(cell) ? ['x'] : gateOf(cell.type)?.ports;
  return ports?.flatMap((port) => cell.connections[port] ?? []);
}

/** The ports that a cell drives. */
export function outputPorts(
  { type, connections, port_directions: directions }: YosysCell,
  modules: YosysNetlist['modules'] = {},
): string[] {
  const ports = modules[type]?.ports;
  return Object.keys(connections).filter((port) => {
    if (ports !== undefined) return ports[port]?.direction === 'output';
    if (directions?.[port] !== undefined) return directions[port] === 'output';
    return /^(Y|Q|count|sum)$/.test(port);
  });
}

/** Whether a module counts seven bits, under a design's prefix or none. */
export const isCount7 = (type: string): boolean => /^hbnn_count7(_\w+)?$/.test(type);

/** Whether a cell is of the file of primitives, whose text has to be proved. */
export const isPrimitive = ({ type }: YosysCell): boolean =>
  type !== sumType && type !== weightedType;

/** The cell of a sum of bits that was proved elsewhere. */
const weightedType = `${ownCells}weighted`;

/** A cell for Σ weight · input, modulo what its outputs hold. */
export const weightedSum = (
  weights: readonly number[],
  x: readonly YosysBit[],
  sum: readonly YosysBit[],
): YosysCell => ({
  type: weightedType,
  parameters: { WEIGHTS: weights.join() },
  connections: { x, sum },
});

function weightedOf(cell: YosysCell): Counter {
  const { x: inputs, sum: outputs } = cell.connections;
  const weights = (cell.parameters?.WEIGHTS ?? '').split(',').map(Number);
  return { cell, outputs, inputs, weights, inverted: inputs.map(() => false) };
}

/** A sum of two numbers as Yosys reads it. */
function sumOfTwo(cell: YosysCell): Counter {
  const { x: inputs, sum: outputs } = cell.connections;
  const weights = inputs.map((_, i) => 2 ** (i % outputs.length));
  return { cell, outputs, inputs, weights, inverted: inputs.map(() => false) };
}

/** What an instance of a primitive adds up; undefined where it is none, or its ports are not as wide as its parameters say. */
export function counterOf(cell: YosysCell): Counter | undefined {
  if (cell.type === sumType) return sumOfTwo(cell);
  if (cell.type === weightedType) return weightedOf(cell);
  const count7 = isCount7(cell.type);
  if (!count7 && !/^hbnn_add3(_\w+)?$/.test(cell.type)) return undefined;
  const inputs = cell.connections.x ?? [];
  const outputs = cell.connections[count7 ? 'count' : 'sum'] ?? [];
  const parameter = (name: string, otherwise: number): bigint => {
    const bits = cell.parameters?.[name];
    return bits === undefined ? BigInt(otherwise) : BigInt(`0b${bits}`);
  };
  const columns = Number(parameter('COLUMNS', 1));
  const built = count7 ? 3 : Number(parameter('OUTPUTS', 3));
  if (inputs.length !== (count7 ? 7 : 3 * columns + 2) || outputs.length !== built)
    return undefined;
  const invert = parameter('INVERT', 0);
  const weights = inputs.map((_, i) => (count7 || i >= 3 * columns ? 1 : 2 ** Math.floor(i / 3)));
  const inverted = inputs.map((_, i) => ((invert >> BigInt(i)) & 1n) === 1n);
  return { cell, outputs, inputs, weights, inverted };
}
