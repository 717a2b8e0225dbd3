import { registerType } from '../yosys/cells.ts';
import type { YosysBit, YosysCell } from '../yosys/yosys.ts';
import type { FlatModule } from './netlist.ts';
import { outputPorts, readsOf } from './netlist.ts';

/** Registers on every way from the inputs to a bit; undefined of what is always the same. */
export type Stage = number | undefined;

/** Instances that are known to have so many registers between their ports. */
export type KnownStages = ReadonlyMap<string, { readonly input: string; readonly stages: Stage }>;

export interface Staged {
  readonly stageOf: (bit: YosysBit) => Stage;
}

/** A module whose outputs are no function of its inputs so many cycles before. */
export interface Unstaged {
  readonly reason: string;
}

/**
 * Count the registers on the ways from a module's inputs to each of its nets. Where all ways to a net have the same
 * number of them, n, and all take the same clock's rising edge, the net is the function of the inputs of n cycles
 * before that it would be with wires in place of the registers.
 *
 * @returns why that is not so, with the net's name: ways that differ, feedback, enables, resets, other clocks
 */
export function staged(module: FlatModule, known: KnownStages = new Map()): Staged | Unstaged {
  if (module.fault !== undefined) return { reason: module.fault };
  try {
    return new Staging(module, known).run();
  } catch (error) {
    if (error instanceof Mixed) return { reason: error.message };
    throw error;
  }
}

class Mixed extends Error {}

class Staging {
  private readonly module: FlatModule;
  private readonly known: KnownStages;
  private readonly drivers = new Map<YosysBit, YosysCell>();
  private readonly stages = new Map<YosysBit, Stage>();
  private readonly onTheWay = new Set<YosysCell>();
  private readonly clock: YosysBit | undefined;

  constructor(module: FlatModule, known: KnownStages) {
    this.module = module;
    this.known = known;
    for (const [port, bits] of Object.entries(module.inputs)) {
      const isClock = bits.length === 1 && /cl(oc)?k$/.test(port);
      if (isClock) this.clock = bits[0];
      else for (const bit of bits) this.stages.set(bit, 0);
    }
    for (const cell of module.cells)
      for (const port of this.outputsOf(cell))
        for (const bit of cell.connections[port] ?? []) this.drivers.set(bit, cell);
  }

  run(): Staged {
    for (const bits of Object.values(this.module.outputs)) for (const bit of bits) this.visit(bit);
    return { stageOf: (bit) => this.stages.get(bit) };
  }

  private outputsOf(cell: YosysCell): string[] {
    const cached = this.known.get(cell.type);
    if (cached === undefined) return outputPorts(cell);
    return Object.keys(cell.connections).filter((port) => port !== cached.input && port !== 'clk');
  }

  private name(bit: YosysBit | undefined): string {
    const name = typeof bit === 'number' ? this.module.names.get(bit) : undefined;
    return name === undefined ? `net ${bit}` : `'${name}'`;
  }

  private readsOf(cell: YosysCell): readonly YosysBit[] {
    const cached = this.known.get(cell.type);
    const found = cached === undefined ? readsOf(cell) : (cell.connections[cached.input] ?? []);
    const clocked = cell.type === registerType ? cell.connections.C : undefined;
    const clock = cached === undefined ? clocked : cell.connections.clk;
    const at = this.name(cell.connections[this.outputsOf(cell)[0]]?.[0]);
    if (found === undefined) throw new Mixed(`${at} comes from ${described(cell.type)}`);
    if (clock !== undefined && (clock[0] !== this.clock || this.clock === undefined))
      throw new Mixed(`${at} does not take the rising edge of the clock`);
    return found;
  }

  private visit(start: YosysBit): void {
    const stack = [start];
    while (stack.length > 0) {
      const bit = stack[stack.length - 1];
      const cell = this.drivers.get(bit);
      if (this.stages.has(bit)) {
        stack.pop();
        continue;
      }
      if (cell === undefined) {
        this.stages.set(bit, this.constant(bit));
        continue;
      }
      const reads = this.readsOf(cell);
      const waiting = reads.filter((read) => !this.stages.has(read));
      if (waiting.length > 0) {
        if (this.onTheWay.has(cell)) throw new Mixed(`${this.name(bit)} feeds back to itself`);
        this.onTheWay.add(cell);
        stack.push(...waiting);
        continue;
      }
      this.settle(cell, reads);
      stack.pop();
    }
  }

  private constant(bit: YosysBit): undefined {
    if (typeof bit !== 'number') return undefined;
    if (bit === this.clock) throw new Mixed('the clock is used as a value');
    // It could be another value each time that it is looked at.
    throw new Mixed(`${this.name(bit)} has no defined value`);
  }

  private settle(cell: YosysCell, reads: readonly YosysBit[]): void {
    this.onTheWay.delete(cell);
    let stage: Stage;
    for (const read of reads) {
      const own = this.stages.get(read);
      stage ??= own;
      if (own === undefined || own === stage) continue;
      const at = this.name(cell.connections[this.outputsOf(cell)[0]]?.[0]);
      throw new Mixed(
        `${at} mixes what has passed ${stage} and ${own} registers, that at ${this.name(read)}`,
      );
    }
    const instance = this.known.get(cell.type);
    if (instance !== undefined && instance.stages === undefined) stage = undefined;
    const own = cell.type === registerType ? 1 : (instance?.stages ?? 0);
    for (const port of this.outputsOf(cell))
      for (const bit of cell.connections[port] ?? [])
        this.stages.set(bit, stage === undefined ? undefined : stage + own);
  }
}

export function described(type: string): string {
  if (/^\$_(S|A|AL)?DFF/.test(type))
    return `a register with an enable, a reset or another edge (${type})`;
  if (/LATCH/.test(type)) return `a latch (${type})`;
  return /mem/.test(type) ? `a memory (${type})` : `a cell ${type}`;
}

/** The stage that all of some bits have. */
export function commonStage(
  { stageOf }: Staged,
  bits: readonly YosysBit[],
): { readonly stages: Stage } | Unstaged {
  const found = new Set(bits.map(stageOf).filter((stage) => stage !== undefined));
  if (found.size < 2) return { stages: [...found][0] };
  return {
    reason: `its outputs have passed ${[...found].sort((a, b) => a - b).join(' and ')} registers`,
  };
}

/** The same module with wires in place of registers. */
export function withoutRegisters(module: FlatModule): FlatModule {
  const cells = module.cells.map((cell): YosysCell => {
    if (cell.type !== registerType) return cell;
    const { D, Q } = cell.connections;
    return { type: '$_BUF_', connections: { A: D, Y: Q } };
  });
  return { ...module, cells };
}
