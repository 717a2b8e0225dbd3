import { HbnnError, type Random } from '@hbnn/core';
import type { YosysCell } from '../yosys/yosys.ts';
import { wordsPerSlot as words } from './wasmCode.ts';

/** A memory of a netlist as Yosys keeps it ($mem_v2), with its ports in slots. */
export interface Memory {
  readonly width: number;
  readonly size: number;
  readonly offset: number;
  readonly reads: readonly {
    readonly address: readonly number[];
    readonly data: readonly number[];
  }[];
  readonly writes: readonly {
    readonly address: readonly number[];
    readonly data: readonly number[];
    readonly enable: readonly number[];
  }[];
  /** Bits of a memory that is only read, word after word; undefined where it is written. */
  readonly contents?: Uint8Array;
}

const number = (cell: YosysCell, name: string): number =>
  Number.parseInt(cell.parameters?.[name] ?? '0', 2);

/**
 * Read a memory's cell. Reads take place at once, without a clock: registers stand outside it.
 *
 * @param slots a port's slots
 * @throws HbnnError for read ports with a clock of their own
 */
export function memoryOf(cell: YosysCell, slots: (port: string) => readonly number[]): Memory {
  const [width, size, offset] = ['WIDTH', 'SIZE', 'OFFSET'].map((name) => number(cell, name));
  const [bits, readPorts, writePorts] = ['ABITS', 'RD_PORTS', 'WR_PORTS'].map((name) =>
    number(cell, name),
  );
  if ((cell.parameters?.RD_CLK_ENABLE ?? '').includes('1'))
    throw new HbnnError('memory: expected read ports without a clock; read into a register');
  const part = (port: string, i: number, each: number): readonly number[] =>
    slots(port).slice(i * each, (i + 1) * each);
  const ports = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  return {
    width,
    size,
    offset,
    reads: ports(readPorts).map((i) => ({
      address: part('RD_ADDR', i, bits),
      data: part('RD_DATA', i, width),
    })),
    writes: ports(writePorts).map((i) => ({
      address: part('WR_ADDR', i, bits),
      data: part('WR_DATA', i, width),
      enable: part('WR_EN', i, width),
    })),
    ...(writePorts === 0 && { contents: contentsOf(cell, width * size) }),
  };
}

/** The initial contents: Yosys writes the most significant bit first. What is not said is 0. */
function contentsOf(cell: YosysCell, count: number): Uint8Array {
  const text = cell.parameters?.INIT ?? '';
  const at = (i: number): number => (text[text.length - 1 - i] === '1' ? 1 : 0);
  return Uint8Array.from({ length: count }, (_, i) => at(i));
}

/** A memory's bits for each vector, read and written by addresses that may differ between vectors. */
export class MemoryState {
  private readonly memory: Memory;
  private readonly slots: Uint32Array;
  private readonly bits: Uint32Array;

  constructor(memory: Memory, slots: Uint32Array) {
    this.memory = memory;
    this.slots = slots;
    const { width, size, contents } = memory;
    this.bits = new Uint32Array(contents === undefined ? words * width * size : 0);
  }

  /** Fill it with anything, as it is after power-up. */
  scramble(rng: Random): void {
    for (let i = 0; i < this.bits.length; i++) this.bits[i] = rng.uint32();
  }

  read(port: number): void {
    const { address, data } = this.memory.reads[port];
    const same = this.common(address);
    if (same !== undefined) {
      this.readSame(same, data);
      return;
    }
    for (const slot of data) this.slots.fill(0, words * slot, words * (slot + 1));
    for (let lane = 0; lane < 32 * words; lane++) {
      const at = this.address(address, lane);
      const [w, mask] = [lane >> 5, 1 << (lane & 31)];
      for (let j = 0; j < data.length; j++)
        this.slots[words * data[j] + w] |= this.word(at, j, w) & mask;
    }
  }

  /** Read one word for all vectors. */
  private readSame(at: number, data: readonly number[]): void {
    const { slots, bits } = this;
    const { size, width, contents } = this.memory;
    const inside = at >= 0 && at < size;
    for (let j = 0; j < data.length; j++) {
      const to = words * data[j];
      if (inside && contents === undefined) {
        const from = words * (at * width + j);
        for (let w = 0; w < words; w++) slots[to + w] = bits[from + w];
      } else {
        const one = inside && contents?.[at * width + j] === 1;
        for (let w = 0; w < words; w++) slots[to + w] = one ? 0xffffffff : 0;
      }
    }
  }

  /** Write what the write ports hold, at a clock edge. */
  write(): void {
    for (const { address, data, enable } of this.memory.writes) {
      if (enable.every((slot) => this.isClear(slot))) continue;
      const same = this.common(address);
      for (let lane = 0; lane < (same === undefined ? 32 * words : 1); lane++) {
        const at = same ?? this.address(address, lane);
        if (at < 0 || at >= this.memory.size) continue;
        const own = same === undefined ? lane >> 5 : -1;
        const lanes = same === undefined ? 1 << (lane & 31) : -1;
        for (let w = 0; w < words; w++)
          if (own < 0 || own === w) this.writeWord(at, data, enable, w, lanes);
      }
    }
  }

  private writeWord(
    at: number,
    data: readonly number[],
    enable: readonly number[],
    w: number,
    lanes: number,
  ): void {
    for (let j = 0; j < data.length; j++) {
      const mask = this.slots[words * enable[j] + w] & lanes;
      const to = words * (at * data.length + j) + w;
      this.bits[to] = (this.bits[to] & ~mask) | (this.slots[words * data[j] + w] & mask);
    }
  }

  private word(at: number, j: number, w: number): number {
    const { size, width, contents } = this.memory;
    if (at < 0 || at >= size) return 0;
    if (contents !== undefined) return contents[at * width + j] === 1 ? 0xffffffff : 0;
    return this.bits[words * (at * width + j) + w];
  }

  private isClear(slot: number): boolean {
    for (let w = 0; w < words; w++) if (this.slots[words * slot + w] !== 0) return false;
    return true;
  }

  /** The address where it is the same for all vectors. */
  private common(address: readonly number[]): number | undefined {
    for (const slot of address) {
      const first = this.slots[words * slot];
      if (first !== 0 && first !== 0xffffffff) return undefined;
      for (let w = 1; w < words; w++) if (this.slots[words * slot + w] !== first) return undefined;
    }
    return this.address(address, 0);
  }

  private address(address: readonly number[], lane: number): number {
    let at = -this.memory.offset;
    let weight = 1;
    for (const slot of address) {
      if ((this.slots[words * slot + (lane >> 5)] >>> (lane & 31)) & 1) at += weight;
      weight *= 2;
    }
    return at;
  }
}
