import { HbnnError } from '@hbnn/core';
import { computed, gateNumber, gateOf, yosysGates } from '../yosys/cells.ts';
import type { YosysBit, YosysNetlist } from '../yosys/yosys.ts';
import { lanes, wordsPerSlot as words } from './wasmCode.ts';

/** Changes over all lanes and steps of some gates. */
export interface ChangeCounts {
  readonly nets: number;
  readonly changes: number;
  readonly glitching: number;
}

/**
 * A flat netlist of simple gates, stepped from one input to the next in 128 lanes: first to the settled values of the
 * earlier inputs, then, one unit of time per gate, to those of the later ones.
 */
export class GateNetwork {
  readonly lanes = lanes;
  readonly #names: string[] = [];
  readonly #kind: Uint8Array;
  readonly #inputs: Int32Array;
  readonly #readers: Int32Array;
  readonly #readerStart: Int32Array;
  /** Slots in an order in which each comes after those it reads. */
  readonly #order: Int32Array;
  readonly #ports: ReadonlyMap<string, readonly number[]>;
  readonly #value: Int32Array;
  readonly #later: Int32Array;
  readonly #changes: Float64Array;
  readonly #glitching: Float64Array;
  readonly #first: number;

  /** @throws HbnnError for cells that are no simple gates, and for loops */
  constructor(netlist: YosysNetlist, top: string) {
    const { cells, ports } = netlist.modules[top];
    const entries = Object.entries(cells);
    // Slots 0 and 1 are constants, then come input bits, then gates.
    const slots = new Map<YosysBit, number>([
      ['0', 0],
      ['x', 0],
      ['z', 0],
      ['1', 1],
    ]);
    let next = 2;
    for (const { direction, bits } of Object.values(ports))
      if (direction === 'input') for (const bit of bits) slots.set(bit, next++);
    this.#first = next;
    for (const [name, { type, connections }] of entries) {
      if (gateOf(type) === undefined)
        throw new HbnnError(
          `${top}: expected simple gates without registers, got a cell ${type}; measure the unrolled generic design without --max-levels`,
        );
      this.#names.push(name);
      slots.set(connections.Y[0], next++);
    }
    const slot = (bit: YosysBit): number => {
      const found = slots.get(bit);
      if (found === undefined)
        throw new HbnnError(
          `${top}: expected a driver of net ${bit}; write the design again with hbnn verilog`,
        );
      return found;
    };
    this.#kind = Uint8Array.from(entries, ([, { type }]) => gateNumber(type) ?? 0);
    this.#inputs = new Int32Array(3 * entries.length);
    entries.forEach(([, { type, connections }], i) => {
      gateOf(type)?.ports.forEach((pin, k) => {
        this.#inputs[3 * i + k] = slot(connections[pin][0]);
      });
    });
    this.#ports = new Map(
      Object.entries(ports).map(([name, { bits }]) => [name, bits.map((bit) => slot(bit))]),
    );
    [this.#readers, this.#readerStart] = this.#readersOf(next);
    this.#order = this.#sorted(top);
    this.#value = new Int32Array(next * words);
    this.#later = new Int32Array(this.#first * words);
    this.#value.fill(-1, words, 2 * words);
    this.#later.fill(-1, words, 2 * words);
    this.#changes = new Float64Array(entries.length);
    this.#glitching = new Float64Array(entries.length);
  }

  /** Slots of a port's bits. */
  port(port: string): readonly number[] {
    const found = this.#ports.get(port);
    if (found === undefined)
      throw new HbnnError(
        `expected a port '${port}' of the top module; write the design again with hbnn verilog`,
      );
    return found;
  }

  /** Set an input bit in a lane: of the earlier input (0) or the later one (1). */
  set(slot: number, lane: number, bit: number, when: 0 | 1): void {
    const memory = when === 0 ? this.#value : this.#later;
    const at = slot * words + (lane >> 5);
    const mask = 1 << (lane & 31);
    memory[at] = bit === 0 ? memory[at] & ~mask : memory[at] | mask;
  }

  /** Set bytes of an input in a lane, least significant bit first. */
  setImage(slots: readonly number[], lane: number, image: Uint8Array, when: 0 | 1): void {
    image.forEach((pixel, i) => {
      for (let j = 0; j < 8; j++) this.set(slots[8 * i + j], lane, (pixel >> j) & 1, when);
    });
  }

  /** Value of a port's bit in a lane, settled. */
  bit(slot: number, lane: number): number {
    return (this.#value[slot * words + (lane >> 5)] >>> (lane & 31)) & 1;
  }

  /** Go from the earlier inputs to the later ones and count the changes of every gate's output. */
  step(): void {
    for (const gate of this.#order) this.#compute(gate, this.#value, this.#slotOf(gate) * words);
    const before = this.#value.slice();
    let active = this.#changeInputs();
    const results = new Int32Array(this.#kind.length * words);
    const queued = new Uint8Array(this.#kind.length);
    while (active.length > 0) {
      // All gates answer at once to what was there a unit of time ago.
      for (const gate of active) this.#compute(gate, results, gate * words);
      const changed: number[] = [];
      for (const gate of active) {
        queued[gate] = 0;
        if (this.#take(gate, results)) changed.push(this.#slotOf(gate));
      }
      active = this.#readersOfAll(changed, queued);
    }
    for (let gate = 0; gate < this.#kind.length; gate++) {
      const at = this.#slotOf(gate) * words;
      for (let w = 0; w < words; w++)
        this.#changes[gate] += bitCount(before[at + w] ^ this.#value[at + w]);
    }
  }

  countsOf(isOf: (cell: string) => boolean): ChangeCounts {
    let [nets, changes, glitching] = [0, 0, 0];
    this.#names.forEach((name, gate) => {
      if (!isOf(name)) return;
      nets++;
      changes += this.#changes[gate];
      glitching += this.#glitching[gate];
    });
    return { nets, changes, glitching };
  }

  #slotOf(gate: number): number {
    return this.#first + gate;
  }

  #changeInputs(): number[] {
    const changed: number[] = [];
    for (let slot = 2; slot < this.#first; slot++) {
      let differs = false;
      for (let w = 0; w < words; w++) {
        const at = slot * words + w;
        if (this.#value[at] === this.#later[at]) continue;
        differs = true;
        this.#value[at] = this.#later[at];
      }
      if (differs) changed.push(slot);
    }
    return this.#readersOfAll(changed, new Uint8Array(this.#kind.length));
  }

  #readersOfAll(changed: readonly number[], queued: Uint8Array): number[] {
    const gates: number[] = [];
    for (const slot of changed)
      for (let i = this.#readerStart[slot]; i < this.#readerStart[slot + 1]; i++) {
        const gate = this.#readers[i];
        if (queued[gate] === 1) continue;
        queued[gate] = 1;
        gates.push(gate);
      }
    return gates;
  }

  /** Take a gate's new value; whether any lane changed. */
  #take(gate: number, results: Int32Array): boolean {
    const at = this.#slotOf(gate) * words;
    let changes = 0;
    for (let w = 0; w < words; w++) {
      const result = results[gate * words + w];
      changes += bitCount(result ^ this.#value[at + w]);
      this.#value[at + w] = result;
    }
    this.#glitching[gate] += changes;
    return changes > 0;
  }

  #compute(gate: number, to: Int32Array, at: number): void {
    const value = this.#value;
    const kind = this.#kind[gate];
    const a = this.#inputs[3 * gate] * words;
    const b = this.#inputs[3 * gate + 1] * words;
    const s = this.#inputs[3 * gate + 2] * words;
    for (let w = 0; w < words; w++) {
      to[at + w] = computed(kind, value[a + w], value[b + w], value[s + w]);
    }
  }

  #readersOf(slots: number): [Int32Array, Int32Array] {
    const start = new Int32Array(slots + 1);
    const each = (visit: (slot: number, gate: number) => void): void => {
      this.#kind.forEach((kind, gate) => {
        for (let k = 0; k < yosysGates[kind].ports.length; k++)
          visit(this.#inputs[3 * gate + k], gate);
      });
    };
    each((slot) => start[slot + 1]++);
    for (let slot = 0; slot < slots; slot++) start[slot + 1] += start[slot];
    const next = start.slice();
    const readers = new Int32Array(start[slots]);
    each((slot, gate) => {
      readers[next[slot]++] = gate;
    });
    return [readers, start];
  }

  /** Gates so that each comes after those it reads. */
  #sorted(top: string): Int32Array {
    const waits = Int32Array.from(this.#kind, (kind, gate) => {
      let count = 0;
      for (let k = 0; k < yosysGates[kind].ports.length; k++)
        if (this.#inputs[3 * gate + k] >= this.#first) count++;
      return count;
    });
    const order = new Int32Array(this.#kind.length);
    let done = 0;
    waits.forEach((count, gate) => {
      if (count === 0) order[done++] = gate;
    });
    for (let i = 0; i < done; i++) {
      const slot = this.#slotOf(order[i]);
      for (let r = this.#readerStart[slot]; r < this.#readerStart[slot + 1]; r++)
        if (--waits[this.#readers[r]] === 0) order[done++] = this.#readers[r];
    }
    if (done < order.length)
      throw new HbnnError(`${top}: expected no loop of gates without a register; cut it`);
    return order;
  }
}

function bitCount(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
