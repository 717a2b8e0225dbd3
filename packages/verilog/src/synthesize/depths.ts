import type { YosysBit, YosysCell, YosysModule } from '../yosys/yosys.ts';
import { blocksOf, memoryLutsOf } from './memoryCells.ts';

/** Levels of tables or gates on the longest ways through a module, stage by stage; four places of a carry chain are one. */
export interface Depths {
  /** The longest way of all: between registers, or from or to a port. */
  readonly worst: number;
  /** Ways from an input port: to a register, and to each output port that it reaches without one. */
  readonly inputs: Readonly<Record<string, { readonly ends: number; readonly to: Ways }>>;
  /** Ways from a register to each output port that one reaches. */
  readonly outputs: Ways;
}

type Ways = Readonly<Record<string, number>>;

/** A place where levels are added up: what it reads, with the levels from there. */
interface Node {
  readonly reads: readonly (readonly [bit: YosysBit, levels: number])[];
  /** Levels from a register within. */
  readonly start: number;
}

const never = Number.NEGATIVE_INFINITY;

/**
 * Find the longest ways of a module that is mapped to cells.
 *
 * @param instances the depths of the modules that it has instances of; others count as registers
 * @param registers a library's cells that hold a bit, beside those named DFF
 */
export function depthsOf(
  module: YosysModule,
  instances: ReadonlyMap<string, Depths> = new Map(),
  registers: ReadonlySet<string> = new Set(),
): Depths {
  const graph = new DepthGraph(instances, registers);
  for (const cell of Object.values(module.cells)) graph.add(cell);
  const ports = Object.entries(module.ports);
  const outputs = ports.filter(({ 1: { direction } }) => direction !== 'input');
  const order = graph.sorted();
  const to = (levels: Levels): Ways =>
    Object.fromEntries(
      outputs.flatMap(([name, { bits }]): [string, number][] => {
        const most = bits.reduce<number>((max, bit) => Math.max(max, levels.of(bit)), never);
        return most === never ? [] : [[name, most]];
      }),
    );
  const fromRegisters = graph.levels(order, new Set(), true);
  let worst = Math.max(0, fromRegisters.worst);
  const inputs: Record<string, { ends: number; to: Ways }> = {};
  for (const [name, { direction, bits }] of ports) {
    if (direction === 'output') continue;
    const levels = graph.levels(order, new Set(bits), false);
    inputs[name] = { ends: levels.ends, to: to(levels) };
    worst = Math.max(worst, levels.worst);
  }
  const settled = Object.fromEntries(
    Object.entries(inputs).filter(
      ({ 1: ways }) => ways.ends > never || Object.keys(ways.to).length > 0,
    ),
  );
  return { worst: Math.ceil(worst), inputs: settled, outputs: to(fromRegisters) };
}

interface Levels {
  of(bit: YosysBit): number;
  readonly worst: number;
  readonly ends: number;
}

class DepthGraph {
  private readonly instances: ReadonlyMap<string, Depths>;
  private readonly registers: ReadonlySet<string>;
  private readonly nodes: Node[] = [];
  private readonly driver = new Map<YosysBit, number>();
  /** Inputs of registers, with the levels that are behind them still. */
  private readonly ends: [bit: YosysBit, levels: number][] = [];

  constructor(instances: ReadonlyMap<string, Depths>, registers: ReadonlySet<string>) {
    this.instances = instances;
    this.registers = registers;
  }

  add(cell: YosysCell): void {
    const depths = this.instances.get(cell.type);
    if (depths !== undefined) this.addInstance(cell, depths);
    else if (this.isRegister(cell)) this.addRegister(cell);
    else this.addGate(cell);
  }

  private isRegister({ type, port_directions: known }: YosysCell): boolean {
    // Modules of other files are looked at with their own.
    const isOther =
      known !== undefined && /^[a-zA-Z]/.test(type) && Object.keys(known).includes('m_axis_tvalid');
    return /DFF|DLATCH/.test(type) || this.registers.has(type) || blocksOf(type) > 0 || isOther;
  }

  private drive(bits: readonly YosysBit[], node: Node): void {
    const at = this.nodes.push(node) - 1;
    for (const bit of bits) if (typeof bit === 'number') this.driver.set(bit, at);
  }

  private addRegister(cell: YosysCell): void {
    for (const [port, bits] of Object.entries(cell.connections))
      if (isOutput(cell, port)) this.drive(bits, { reads: [], start: 0 });
      else for (const bit of bits) this.ends.push([bit, 0]);
  }

  private addGate(cell: YosysCell): void {
    const own = cell.type === 'CARRY4' ? 0.25 : 1;
    const memory = memoryLutsOf(cell.type) > 0;
    const reads: [YosysBit, number][] = [];
    const outputs: YosysBit[] = [];
    for (const [port, bits] of Object.entries(cell.connections))
      if (isOutput(cell, port)) outputs.push(...bits);
      else if (memory && !/^(ADDR|A\d|DPRA|RAD)/.test(port))
        for (const bit of bits) this.ends.push([bit, 0]);
      else for (const bit of bits) reads.push([bit, own]);
    this.drive(outputs, { reads, start: memory ? 0 : never });
  }

  private addInstance({ connections }: YosysCell, { inputs, outputs }: Depths): void {
    const names = new Set([
      ...Object.keys(outputs),
      ...Object.values(inputs).flatMap((ways) => Object.keys(ways.to)),
    ]);
    for (const output of names) {
      const reads = Object.entries(inputs).flatMap(([input, { to }]) =>
        to[output] === undefined
          ? []
          : (connections[input] ?? []).map((bit) => [bit, to[output]] as const),
      );
      this.drive(connections[output] ?? [], { reads, start: outputs[output] ?? never });
    }
    for (const [input, { ends }] of Object.entries(inputs))
      if (ends > never) for (const bit of connections[input] ?? []) this.ends.push([bit, ends]);
  }

  /** Nodes so that each comes after those it reads; a loop, which goes through a latch, is cut somewhere. */
  sorted(): Int32Array {
    const { nodes, driver } = this;
    const order = new Int32Array(nodes.length);
    const state = new Uint8Array(nodes.length);
    const next = new Int32Array(nodes.length);
    let count = 0;
    for (let start = 0; start < nodes.length; start++) {
      const stack = state[start] === 0 ? [start] : [];
      while (stack.length > 0) {
        const at = stack[stack.length - 1];
        state[at] = 1;
        const { reads } = nodes[at];
        if (next[at] === reads.length) {
          state[at] = 2;
          order[count++] = at;
          stack.pop();
          continue;
        }
        const from = driver.get(reads[next[at]++][0]);
        if (from !== undefined && state[from] === 0) stack.push(from);
      }
    }
    return order;
  }

  /** Levels from some bits on, or from all registers. */
  levels(order: Int32Array, from: ReadonlySet<YosysBit>, fromRegisters: boolean): Levels {
    const { nodes, driver } = this;
    const level = new Float64Array(nodes.length).fill(never);
    const of = (bit: YosysBit): number => {
      if (typeof bit !== 'number') return never;
      if (from.has(bit)) return 0;
      const at = driver.get(bit);
      return at === undefined ? never : level[at];
    };
    let worst = never;
    for (const at of order) {
      let most = fromRegisters ? nodes[at].start : never;
      for (const [bit, levels] of nodes[at].reads) most = Math.max(most, of(bit) + levels);
      level[at] = most;
      worst = Math.max(worst, most);
    }
    const ends = this.ends.reduce((max, [bit, levels]) => Math.max(max, of(bit) + levels), never);
    return { of, worst: Math.max(worst, ends), ends };
  }
}

const outputPorts = new Set(['Y', 'O', 'CO', 'O5', 'O6', 'Q', 'ZN', 'Z', 'X']);

const isOutput = (cell: YosysCell, port: string): boolean =>
  cell.port_directions === undefined
    ? outputPorts.has(port)
    : cell.port_directions[port] === 'output';
