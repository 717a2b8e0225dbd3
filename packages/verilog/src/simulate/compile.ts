import { HbnnError, type Random } from '@hbnn/core';
import {
  gateOf,
  isVendorCell,
  memoryType,
  registerType,
  vendorOutputs,
  type yosysGates,
} from '../yosys/cells.ts';
import type { YosysBit, YosysCell, YosysModule, YosysNetlist } from '../yosys/yosys.ts';
import { type Memory, MemoryState, memoryOf } from './memories.ts';
import { type SimdGate, SlotFunction, slotMachine, wordsPerSlot } from './wasmCode.ts';

/** A netlist ready to be computed: the nets of its top module are slots in memory. */
export interface Compiled {
  readonly memory: Uint32Array;
  /** Slots of a port or a named net of the top module, least significant first; undefined where there is none. */
  slots(name: string): readonly number[] | undefined;
  /** Compute every net from the input ports' slots and the registers. */
  evaluate(): void;
  /** A clock edge, after evaluating: registers and memories take what is at their inputs. */
  clock(): void;
  /** Fill registers and memories with anything, as they are after power-up. */
  scramble(rng: Random): void;
  readonly gates: number;
  readonly registers: number;
}

/** How 128 lanes compute a gate. */
interface LaneGate {
  readonly gate: SimdGate;
  /** Ports in the order the gate takes them. */
  readonly ports: readonly string[];
  readonly inverted: boolean;
}

const gates: Readonly<Record<(typeof yosysGates)[number]['type'], LaneGate>> = {
  $_NOT_: { gate: 'not', ports: ['A'], inverted: false },
  $_BUF_: { gate: 'and', ports: ['A', 'A'], inverted: false },
  $_AND_: { gate: 'and', ports: ['A', 'B'], inverted: false },
  $_NAND_: { gate: 'and', ports: ['A', 'B'], inverted: true },
  $_OR_: { gate: 'or', ports: ['A', 'B'], inverted: false },
  $_NOR_: { gate: 'or', ports: ['A', 'B'], inverted: true },
  $_XOR_: { gate: 'xor', ports: ['A', 'B'], inverted: false },
  $_XNOR_: { gate: 'xor', ports: ['A', 'B'], inverted: true },
  $_ANDNOT_: { gate: 'andnot', ports: ['A', 'B'], inverted: false },
  $_ORNOT_: { gate: 'andnot', ports: ['B', 'A'], inverted: true },
  $_MUX_: { gate: 'select', ports: ['B', 'A', 'S'], inverted: false },
};

const laneGate = (type: string): LaneGate | undefined =>
  (gates as Readonly<Record<string, LaneGate>>)[type];

const isPrimitive = (type: string): boolean =>
  gateOf(type) !== undefined || isVendorCell(type) || type === registerType || type === memoryType;

/** Slots of the constants 0 and 1. */
const constants = 2;
const operationsPerFunction = 4000;

/** Slots of a register's output and input. */
interface Register {
  readonly q: number;
  readonly d: number;
}

interface Region {
  readonly module: YosysModule;
  /** The function that computes it, in the module of WebAssembly. */
  entry: number;
  readonly slots: Map<number, number>;
  /** Its registers, and copies of those of its instances. */
  readonly registers: Register[];
  /** Whether it writes a memory, which belongs to one instance. */
  writes: boolean;
}

/**
 * Compile a netlist of gates, registers and memories to WebAssembly, 128 vectors at a time. Modules stay functions: an
 * instance copies its inputs and its registers in, calls, and copies its outputs and the registers' next values out.
 *
 * @throws HbnnError for cells that are none of these, and for loops without a register
 */
export async function compile({ modules }: YosysNetlist, top: string): Promise<Compiled> {
  const compiler = new Compiler(modules);
  const region = compiler.region(top);
  // Slots of the ports and names are given before the memory is made.
  const named = new Map<string, readonly number[]>();
  const { ports, netnames } = region.module;
  for (const [name, { bits }] of Object.entries({ ...netnames, ...ports }))
    named.set(
      name,
      bits.map((bit) => compiler.slot(region, bit)),
    );
  const exports = { evaluate: region.entry, clock: compiler.edge(region) };
  const states: MemoryState[] = [];
  const { memory, functions } = await slotMachine(
    compiler.functions,
    compiler.slotCount,
    exports,
    (read) => {
      const { of, port } = compiler.reads[read];
      states[of].read(port);
    },
  );
  states.push(...compiler.memories.map((eachMemory) => new MemoryState(eachMemory, memory)));
  memory.fill(0xffffffff, wordsPerSlot, 2 * wordsPerSlot);
  return {
    memory,
    evaluate: functions.evaluate,
    gates: compiler.gates,
    registers: region.registers.length,
    slots: (name) => named.get(name),
    clock: () => {
      for (const state of states) state.write();
      functions.clock();
    },
    scramble: (rng) => {
      for (const { q } of region.registers)
        for (let w = 0; w < wordsPerSlot; w++) memory[wordsPerSlot * q + w] = rng.uint32();
      for (const state of states) state.scramble(rng);
    },
  };
}

class Compiler {
  readonly functions: SlotFunction[] = [];
  readonly memories: Memory[] = [];
  /** Ports of memories by the numbers with which the code asks for them. */
  readonly reads: { readonly of: number; readonly port: number }[] = [];
  slotCount = constants;
  gates = 0;
  private readonly modules: YosysNetlist['modules'];
  private readonly regions = new Map<string, Region>();

  constructor(modules: YosysNetlist['modules']) {
    this.modules = modules;
  }

  slot({ slots }: Region, bit: YosysBit): number {
    if (bit === '1') return 1;
    // Yosys says x where any value is as good; 0 is one.
    if (typeof bit === 'string') return 0;
    let slot = slots.get(bit);
    if (slot === undefined) {
      slot = this.slotCount++;
      slots.set(bit, slot);
    }
    return slot;
  }

  region(name: string): Region {
    const cached = this.regions.get(name);
    if (cached !== undefined) return cached;
    const module = this.modules[name];
    if (module === undefined)
      throw new HbnnError(
        `${name}: expected a module of this name in the design; add the file that has it`,
      );
    const region: Region = { module, entry: -1, slots: new Map(), registers: [], writes: false };
    this.regions.set(name, region);
    const order = inOrder(name, module, this.modules);
    for (const cell of order) if (cell.type === registerType) this.register(name, region, cell);
    for (const { type } of order) if (!isPrimitive(type)) this.region(type);
    let code = new SlotFunction();
    const parts: SlotFunction[] = [];
    for (const cell of order) {
      if (code.operations > operationsPerFunction) {
        parts.push(code);
        code = new SlotFunction();
      }
      this.cell(code, region, cell);
    }
    const entry = new SlotFunction();
    for (const part of [...parts, code]) entry.call(this.functions.push(part) - 1);
    region.entry = this.functions.push(entry) - 1;
    return region;
  }

  private cell(code: SlotFunction, region: Region, cell: YosysCell): void {
    const { type, connections } = cell;
    const gate = laneGate(type);
    if (type === registerType) return;
    if (type === memoryType) this.memory(code, region, cell);
    else if (type === 'LUT6_2') this.lut(code, region, cell);
    else if (type === 'CARRY4') this.carry(code, region, cell);
    else if (gate === undefined) this.instance(code, region, cell);
    else {
      const to = this.slot(region, connections.Y[0]);
      code.gate(
        gate.gate,
        gate.ports.map((port) => this.slot(region, connections[port][0])),
        to,
      );
      if (gate.inverted) code.gate('not', [to], to);
      this.gates++;
    }
  }

  private instance(code: SlotFunction, region: Region, { type, connections }: YosysCell): void {
    const inner = this.region(type);
    if (inner.writes)
      throw new HbnnError(`${type}: expected no written memory within; flatten the design first`);
    const ports = Object.entries(inner.module.ports);
    const copies = (direction: string): [outer: number, inner: number][] =>
      ports
        .filter(([, port]) => port.direction === direction)
        .flatMap(([name, { bits }]) =>
          bits.map((bit, i): [number, number] => [
            this.slot(region, connections[name]?.[i] ?? '0'),
            this.slot(inner, bit),
          ]),
        );
    for (const [outer, own] of copies('input')) code.gate('copy', [outer], own);
    const registers = inner.registers.map((own) => {
      const copy = { q: this.slotCount++, d: this.slotCount++ };
      region.registers.push(copy);
      return { own, copy };
    });
    for (const { own, copy } of registers) code.gate('copy', [copy.q], own.q);
    code.call(inner.entry);
    for (const { own, copy } of registers) code.gate('copy', [own.d], copy.d);
    for (const [outer, own] of copies('output'))
      if (outer >= constants) code.gate('copy', [own], outer);
  }

  private register(name: string, region: Region, { connections }: YosysCell): void {
    const [clock] = connections.C;
    const ports = Object.entries(region.module.ports);
    if (!ports.some(([port, { bits }]) => /cl(oc)?k$/.test(port) && bits[0] === clock))
      throw new HbnnError(
        `${name}: expected every register on the rising edge of the clock, a port of the module; take gates out of the clock`,
      );
    const [q, d] = [connections.Q[0], connections.D[0]].map((bit) => this.slot(region, bit));
    region.registers.push({ q, d });
  }

  /** A function that gives registers their inputs' values: all are read before one is written. */
  edge({ registers }: Region): number {
    const entry = new SlotFunction();
    const first = this.slotCount;
    this.slotCount += registers.length;
    const phases = [
      registers.map(({ d }, i) => [d, first + i] as const),
      registers.map(({ q }, i) => [first + i, q] as const),
    ];
    for (const copies of phases)
      for (let at = 0; at < copies.length; at += operationsPerFunction) {
        const part = new SlotFunction();
        for (const [from, to] of copies.slice(at, at + operationsPerFunction))
          part.gate('copy', [from], to);
        entry.call(this.functions.push(part) - 1);
      }
    return this.functions.push(entry) - 1;
  }

  private memory(code: SlotFunction, region: Region, cell: YosysCell): void {
    const memory = memoryOf(cell, (port) =>
      (cell.connections[port] ?? []).map((bit) => this.slot(region, bit)),
    );
    if (memory.writes.length > 0) region.writes = true;
    const of = this.memories.push(memory) - 1;
    memory.reads.forEach((_, port) => {
      code.read(this.reads.push({ of, port }) - 1);
    });
  }

  private made(code: SlotFunction, gate: SimdGate, from: readonly number[]): number {
    const to = this.slotCount++;
    code.gate(gate, from, to);
    this.gates++;
    return to;
  }

  /** O5 is the lower half of the table; O6 the half that I5 chooses. */
  private lut(code: SlotFunction, region: Region, { connections, parameters }: YosysCell): void {
    const table = BigInt(`0b${parameters?.INIT}`);
    const at = (port: string): number => this.slot(region, connections[port][0]);
    const inputs = ['I0', 'I1', 'I2', 'I3', 'I4'].map(at);
    const half = (upper: boolean): number =>
      this.table(code, BigInt.asUintN(32, upper ? table >> 32n : table), inputs, new Map());
    const [low, high] = [half(false), half(true)];
    const outputs = { O5: low, O6: this.choose(code, at('I5'), high, low) };
    for (const [port, slot] of Object.entries(outputs)) {
      const bit = connections[port]?.[0];
      if (typeof bit === 'number') code.gate('copy', [slot], this.slot(region, bit));
    }
  }

  /** A table over inputs, the last one choosing between its halves. */
  private table(
    code: SlotFunction,
    table: bigint,
    inputs: readonly number[],
    known: Map<string, number>,
  ): number {
    const ones = (1n << (1n << BigInt(inputs.length))) - 1n;
    if (table === 0n) return 0;
    if (table === ones) return 1;
    const key = `${inputs.length}:${table}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const rest = inputs.slice(0, -1);
    const width = 1 << rest.length;
    const [low, high] = [BigInt.asUintN(width, table), table >> BigInt(width)];
    const selector = inputs[rest.length];
    const lowSlot = this.table(code, low, rest, known);
    const complement = (1n << BigInt(width)) - 1n - low;
    const slot =
      low === high
        ? lowSlot
        : high === complement
          ? this.made(code, 'xor', [selector, lowSlot])
          : this.choose(code, selector, this.table(code, high, rest, known), lowSlot);
    known.set(key, slot);
    return slot;
  }

  private choose(code: SlotFunction, selector: number, set: number, clear: number): number {
    if (selector < constants) return selector === 1 ? set : clear;
    return set === clear ? set : this.made(code, 'select', [set, clear, selector]);
  }

  private carry(code: SlotFunction, region: Region, { connections }: YosysCell): void {
    const at = (port: string, i: number): number =>
      this.slot(region, connections[port]?.[i] ?? '0');
    let carry = this.made(code, 'or', [at('CI', 0), at('CYINIT', 0)]);
    for (let i = 0; i < 4; i++) {
      const select = at('S', i);
      const sum = this.made(code, 'xor', [select, carry]);
      carry = this.choose(code, select, carry, at('DI', i));
      for (const [port, slot] of [
        ['O', sum],
        ['CO', carry],
      ] as const) {
        const bit = connections[port]?.[i];
        if (typeof bit === 'number') code.gate('copy', [slot], this.slot(region, bit));
      }
    }
  }
}

/** Cells so that each comes after those that drive it. */
function inOrder(name: string, module: YosysModule, modules: YosysNetlist['modules']): YosysCell[] {
  const cells = Object.values(module.cells);
  const drivers = new Map<number, number>();
  const inputs = cells.map((cell, i) => {
    const read: number[] = [];
    for (const [port, bits] of Object.entries(cell.connections)) {
      const numbers = bits.filter((bit): bit is number => typeof bit === 'number');
      const direction = directionOf(name, cell, port, modules);
      if (direction === 'input') read.push(...numbers);
      else if (direction === 'output') for (const bit of numbers) drivers.set(bit, i);
    }
    return read;
  });
  const order: YosysCell[] = [];
  // 0 not seen, 1 on the way, 2 done; an explicit stack, as chains are long.
  const state = new Uint8Array(cells.length);
  const next = new Int32Array(cells.length);
  for (let start = 0; start < cells.length; start++) {
    const stack = state[start] === 0 ? [start] : [];
    while (stack.length > 0) {
      const at = stack[stack.length - 1];
      state[at] = 1;
      if (next[at] === inputs[at].length) {
        state[at] = 2;
        order.push(cells[at]);
        stack.pop();
        continue;
      }
      const driver = drivers.get(inputs[at][next[at]++]);
      if (driver === undefined || state[driver] === 2) continue;
      if (state[driver] === 1)
        throw new HbnnError(`${name}: expected no loop of gates without a register; cut it`);
      stack.push(driver);
    }
  }
  return order;
}

function directionOf(
  name: string,
  cell: YosysCell,
  port: string,
  modules: YosysNetlist['modules'],
): 'input' | 'output' | 'edge' {
  if (gateOf(cell.type) !== undefined) return port === 'Y' ? 'output' : 'input';
  // What is taken in at a clock edge need not be there before.
  if (cell.type === registerType) return 'edge';
  if (cell.type === memoryType)
    return port === 'RD_DATA' ? 'output' : port === 'RD_ADDR' ? 'input' : 'edge';
  const outputs = vendorOutputs[cell.type];
  if (outputs !== undefined) return outputs.includes(port) ? 'output' : 'input';
  const direction = modules[cell.type]?.ports[port]?.direction;
  if (direction === undefined)
    throw new HbnnError(
      `${name}: expected gates, registers of the rising edge without a reset of their own, memories and modules of the design, got a cell ${cell.type} with port ${port}; make it of those`,
    );
  return direction as 'input' | 'output';
}
