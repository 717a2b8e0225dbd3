import { gateNumber, registerType, yosysGates } from '../../yosys/cells.ts';
import type { YosysBit, YosysCell } from '../../yosys/yosys.ts';
import { counterOf, type FlatModule } from '../netlist.ts';
import { described } from '../stages.ts';
import { isConstant, oneTerm, type Term, type Terms, unknown, zeroTerm } from './terms.ts';

/** A module that cannot be computed with terms, and why. */
export class NotComputable extends Error {}

/** What instances of a module make of the terms at their port x. */
export type CellFunction = (inputs: readonly Term[]) => readonly Term[];

interface Node {
  /** The gate's number; −1 of a counter, −2 of an instance with a function of its own. */
  readonly gate: number;
  readonly cell: YosysCell;
  /** Slots of what it reads and of what it drives. */
  readonly reads: readonly number[];
  readonly drives: readonly number[];
  level: number;
}

/**
 * A module with registers, computed with terms in place of bits, from one cycle to the next. Only what changes is
 * computed again.
 */
export class SymbolicModule {
  /** Slots of registers' outputs. */
  readonly registers: readonly number[];
  /** Whether a register's value depends on the bits of `data`. */
  readonly isData: readonly boolean[];
  private readonly terms: Terms;
  private readonly slots = new Map<YosysBit, number>();
  private readonly values: Int32Array;
  private readonly nodes: readonly Node[];
  private readonly readers: number[][];
  private readonly nextSlots: readonly number[];
  private readonly module: FlatModule;
  private readonly functions: ReadonlyMap<string, CellFunction>;
  private readonly dirty: number[][] = [];
  private readonly isDirty: Uint8Array;

  /**
   * @param data the input port whose bits are symbols
   * @param functions what cells of these types compute, from port x to port y
   * @throws NotComputable for cells other than gates, counters and registers of the clock `aclk`
   */
  constructor(
    module: FlatModule,
    terms: Terms,
    data: string,
    functions: ReadonlyMap<string, CellFunction>,
  ) {
    this.functions = functions;
    if (module.fault !== undefined) throw new NotComputable(module.fault);
    this.module = module;
    this.terms = terms;
    const clock = module.inputs.aclk?.[0];
    const registers = module.cells.filter(({ type }) => type === registerType);
    for (const { connections } of registers)
      if (connections.C[0] !== clock)
        throw new NotComputable(`${this.nameOf(connections.Q[0])} has a clock other than aclk`);
    this.nodes = module.cells
      .filter(({ type }) => type !== registerType)
      .map((cell) => this.node(cell));
    this.registers = registers.map(({ connections }) => this.slot(connections.Q[0]));
    this.nextSlots = registers.map(({ connections }) => this.slot(connections.D[0]));
    for (const bits of [...Object.values(module.inputs), ...Object.values(module.outputs)])
      for (const bit of bits) this.slot(bit);
    this.values = new Int32Array(this.slots.size).fill(unknown);
    this.readers = Array.from({ length: this.slots.size }, () => []);
    this.nodes.forEach((node, i) => {
      for (const slot of new Set(node.reads)) this.readers[slot].push(i);
    });
    this.level();
    this.isDirty = new Uint8Array(this.nodes.length);
    for (const [bit, value] of [
      ['0', zeroTerm],
      ['1', oneTerm],
    ] as const) {
      const slot = this.slots.get(bit);
      if (slot !== undefined) this.values[slot] = value;
    }
    for (let i = 0; i < this.nodes.length; i++) this.mark(i);
    this.isData = this.tainted(module.inputs[data] ?? []);
  }

  /** What people call a net. */
  nameOf(bit: YosysBit): string {
    const name = typeof bit === 'number' ? this.module.names.get(bit) : undefined;
    return name === undefined ? `net ${bit}` : `'${name}'`;
  }

  /** Put terms on an input port. A port that the module lacks takes none. */
  put(port: string, terms: readonly Term[]): void {
    (this.module.inputs[port] ?? []).forEach((bit, i) => {
      this.set(this.slot(bit), terms[i]);
    });
  }

  /** The terms at an output port. */
  at(port: string): Term[] {
    return (this.module.outputs[port] ?? []).map((bit) => this.values[this.slot(bit)]);
  }

  load(state: Int32Array): void {
    this.registers.forEach((slot, i) => {
      this.set(slot, state[i]);
    });
  }

  /** What the registers hold after the next edge of the clock. */
  next(): Int32Array {
    return Int32Array.from(this.nextSlots, (slot) => this.values[slot]);
  }

  /** Compute what has changed. */
  evaluate(): void {
    for (let level = 0; level < this.dirty.length; level++) {
      const list = this.dirty[level];
      if (list === undefined) continue;
      for (let k = 0; k < list.length; k++) {
        const node = list[k];
        this.isDirty[node] = 0;
        this.compute(this.nodes[node]);
      }
      list.length = 0;
    }
  }

  private slot(bit: YosysBit): number {
    let slot = this.slots.get(bit);
    if (slot === undefined) {
      slot = this.slots.size;
      this.slots.set(bit, slot);
    }
    return slot;
  }

  private node(cell: YosysCell): Node {
    const { type, connections } = cell;
    const gate = gateNumber(type);
    if (gate !== undefined)
      return {
        gate,
        cell,
        reads: yosysGates[gate].ports.map((port) => this.slot(connections[port][0])),
        drives: [this.slot(connections.Y[0])],
        level: 0,
      };
    if (this.functions.has(type))
      return {
        gate: -2,
        cell,
        reads: connections.x.map((bit) => this.slot(bit)),
        drives: connections.y.map((bit) => this.slot(bit)),
        level: 0,
      };
    const counter = counterOf(cell);
    if (counter === undefined) {
      const driven = connections.Q?.[0] ?? connections.Y?.[0] ?? connections.RD_DATA?.[0] ?? '0';
      throw new NotComputable(`${this.nameOf(driven)} comes from ${described(type)}`);
    }
    return {
      gate: -1,
      cell,
      reads: counter.inputs.map((bit) => this.slot(bit)),
      drives: counter.outputs.map((bit) => this.slot(bit)),
      level: 0,
    };
  }

  /** Number nodes so that each has a higher level than those whose outputs it reads. */
  private level(): void {
    const waits = this.nodes.map(() => 0);
    for (const { drives } of this.nodes)
      for (const slot of drives) for (const reader of this.readers[slot]) waits[reader]++;
    const ready = this.nodes.flatMap((_, i) => (waits[i] === 0 ? [i] : []));
    for (let k = 0; k < ready.length; k++) {
      const { drives, level } = this.nodes[ready[k]];
      for (const slot of drives)
        for (const reader of this.readers[slot]) {
          this.nodes[reader].level = Math.max(this.nodes[reader].level, level + 1);
          if (--waits[reader] === 0) ready.push(reader);
        }
    }
    if (ready.length < this.nodes.length)
      throw new NotComputable('gates make a loop without a register');
  }

  private set(slot: number, term: Term): void {
    if (this.values[slot] === term) return;
    this.values[slot] = term;
    for (const reader of this.readers[slot]) this.mark(reader);
  }

  private mark(node: number): void {
    if (this.isDirty[node] === 1) return;
    this.isDirty[node] = 1;
    const { level } = this.nodes[node];
    this.dirty[level] ??= [];
    this.dirty[level].push(node);
  }

  private compute({ gate, cell, reads, drives }: Node): void {
    const { values, terms } = this;
    if (gate < 0) {
      const inputs = reads.map((slot) => values[slot]);
      const own = this.functions.get(cell.type);
      const made = own === undefined ? terms.counter(cell, inputs) : own(inputs);
      drives.forEach((slot, i) => {
        this.set(slot, made[i]);
      });
      return;
    }
    this.set(drives[0], terms.gate(gate, values[reads[0]], values[reads[1]], values[reads[2]]));
  }

  /** Registers that bits reach, through gates and other registers. */
  private tainted(from: readonly YosysBit[]): boolean[] {
    const reached = new Set<number>();
    const next = new Map<number, number[]>();
    this.nextSlots.forEach((slot, i) => {
      next.set(slot, [...(next.get(slot) ?? []), this.registers[i]]);
    });
    const stack = from.map((bit) => this.slot(bit));
    for (let slot = stack.pop(); slot !== undefined; slot = stack.pop()) {
      if (reached.has(slot)) continue;
      reached.add(slot);
      stack.push(...(next.get(slot) ?? []));
      for (const reader of this.readers[slot]) stack.push(...this.nodes[reader].drives);
    }
    return this.registers.map((slot) => reached.has(slot));
  }
}

/** A bit of control as a number. */
export function settledBit(term: Term | undefined, name: string): 0 | 1 {
  if (term === undefined || !isConstant(term))
    throw new NotComputable(`${name} depends on data, or on what registers held before the reset`);
  return term === oneTerm ? 1 : 0;
}
