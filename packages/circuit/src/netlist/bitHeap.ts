import { type Compression, compressForUses, compressToNumber } from './compression.ts';
import type { AdderStyle } from './fabrics.ts';
import {
  constantOne,
  constantZero,
  inverse,
  inverted,
  type Literal,
  type Netlist,
} from './netlist.ts';
import { heapDigits } from './signedDigits.ts';
import type { Value } from './value.ts';

/** An unsigned number in binary: Σ 2^(shift + i) · bits[i], and what has to be added to it. */
export interface HeapSum {
  readonly base: bigint;
  readonly shift: number;
  readonly bits: readonly Literal[];
}

/** Some bits, each of its own weight, and what has to be added to them. */
export interface LooseSum {
  readonly base: bigint;
  readonly weights: readonly number[];
  readonly bits: readonly Literal[];
}

/**
 * Bits of many weights, to be added up. A negative weight takes the inverted bit: −w · b = w · ¬b − w, and what is
 * constant gathers in `base`, which no logic is spent on.
 */
export class BitHeap {
  private readonly columns: Literal[][] = [];
  base = 0n;

  /** Add `weight · bit`, the weight in the signed digits of heaps. */
  add(weight: number | bigint, bit: Literal): void {
    if (bit === constantZero) return;
    if (bit === constantOne) {
      this.base += BigInt(weight);
      return;
    }
    for (const digit of heapDigits(BigInt(weight))) {
      if (digit < 0) this.addDigit(-1 - digit, bit, true);
      else this.addDigit(digit, bit, false);
    }
  }

  private addDigit(column: number, bit: Literal, negative: boolean): void {
    if (negative) this.base -= 1n << BigInt(column);
    this.put(column, negative ? inverse(bit) : bit);
  }

  private put(column: number, bit: Literal): void {
    if (bit === constantZero) return;
    if (bit === constantOne) {
      this.base += 1n << BigInt(column);
      return;
    }
    while (this.columns.length <= column) this.columns.push([]);
    this.columns[column].push(bit);
  }

  /**
   * Make the sum.
   *
   * @param max the largest value that base and sum can come to together
   */
  sum(netlist: Netlist, style: AdderStyle, max: bigint): HeapSum {
    this.pair();
    const width = bitLength(max - this.base);
    const columns = this.compressed(netlist, compressToNumber(this.heights(), width, style));
    const bits = columns.map(([bit]) => bit ?? constantZero);
    let shift = bits.findIndex((bit) => bit !== constantZero);
    if (shift < 0) shift = 0;
    let end = bits.length;
    while (end > shift && bits[end - 1] === constantZero) end--;
    return { base: this.base, shift, bits: bits.slice(shift, end) };
  }

  /**
   * Make fewer bits of the heap, for other heaps that take them so many times.
   *
   * @param max the largest value that base and sum can come to together
   */
  reduced(netlist: Netlist, style: AdderStyle, max: bigint, uses: number): LooseSum {
    this.pair();
    const width = bitLength(max - this.base);
    const columns = this.compressed(netlist, compressForUses(this.heights(), width, style, uses));
    return {
      base: this.base,
      weights: columns.flatMap((column, i) => column.map(() => 2 ** i)),
      bits: columns.flat(),
    };
  }

  private heights(): number[] {
    return this.columns.map(({ length }) => length);
  }

  private compressed(netlist: Netlist, { steps, chain, heights }: Compression): Literal[][] {
    const reduction = new Reduction(netlist, this.columns, heights.length);
    for (const { column, bits } of steps) reduction.take(column, bits);
    if (chain !== undefined) reduction.chain(chain.first, chain.end);
    return reduction.columns();
  }

  /** b + b = 2b and b + ¬b = 1. */
  private pair(): void {
    for (let i = 0; i < this.columns.length; i++) {
      const column = this.columns[i].sort((a, b) => a - b);
      const left: Literal[] = [];
      for (const bit of column) {
        const last = left.at(-1);
        if (last === bit) {
          left.pop();
          this.put(i + 1, bit);
        } else if (last === inverse(bit)) {
          left.pop();
          this.base += 1n << BigInt(i);
        } else left.push(bit);
      }
      this.columns[i] = left;
    }
  }
}

/** The bits of an unsigned number; 0 has none. */
export function bitLength(value: bigint): number {
  return value <= 0n ? 0 : value.toString(2).length;
}

/** Bits of one weight: those that came first, and those made of others since. */
interface Column {
  standing: Literal[];
  made: Literal[];
}

/** Columns of bits on their way to fewer. Carries out of the last column cannot be. */
class Reduction {
  private readonly net: Netlist;
  private readonly heap: Column[];

  constructor(net: Netlist, columns: readonly Literal[][], width: number) {
    this.net = net;
    this.heap = Array.from({ length: width }, (_, i) => ({
      standing: [...(columns[i] ?? [])].sort(this.earliest),
      made: [],
    }));
  }

  columns(): Literal[][] {
    return this.heap.map(({ standing, made }) => [...standing, ...made].sort(this.earliest));
  }

  /** Make one bit and carries of some that came first. Where gates turned out constant there may be fewer. */
  take(i: number, size: number): void {
    const column = this.heap[i];
    if (column.standing.length < size) this.settle(column);
    const bits = column.standing.splice(0, size);
    if (bits.length < 2) column.standing.unshift(...bits);
    else if (bits.length <= 3) {
      const [a, b, c = constantZero] = bits;
      this.put(i, this.net.xor3(a, b, c));
      this.put(i + 1, this.net.majority(a, b, c));
    } else {
      while (bits.length < 7) bits.push(constantZero);
      this.count7(bits).forEach((bit, n) => {
        this.put(i + n, bit);
      });
    }
  }

  private settle(column: Column): void {
    column.standing = [...column.standing, ...column.made].sort(this.earliest);
    column.made = [];
  }

  private readonly earliest = (a: Literal, b: Literal): number =>
    this.net.level(a) - this.net.level(b) || a - b;

  /**
   * Count seven bits. 7 − n is ¬n in three bits, so that most inputs come as they are; the last two have to: they
   * go past the LUTs.
   */
  private count7(bits: Literal[]): Literal[] {
    const flip = bits.filter(inverted).length > 3 ? 1 : 0;
    const inputs = bits
      .map((bit) => bit ^ flip)
      .sort((a, b) => Number(inverted(b)) - Number(inverted(a)) || a - b);
    return this.net.cell('count7', inputs, 3).map((bit) => bit ^ flip);
  }

  private put(i: number, bit: Literal): void {
    if (i < this.heap.length && bit !== constantZero) this.heap[i].made.push(bit);
  }

  /** Add up to three rows from column `first` on, in one LUT per column. */
  chain(first: number, end: number): void {
    const columns = this.heap.map((column) => {
      this.settle(column);
      return column.standing;
    });
    let last = end;
    while (last > first + 1 && columns[last - 1].length === 0) last--;
    // What goes past the LUTs comes as it is.
    columns[first].sort((a, b) => Number(inverted(b)) - Number(inverted(a)) || a - b);
    const rows: Literal[] = [];
    for (let i = first; i < last; i++)
      for (let row = 0; row < 3; row++) rows.push(columns[i][row] ?? constantZero);
    const free = [columns[first][3] ?? constantZero, columns[first][4] ?? constantZero];
    const outputs = Math.min(end, last + 2) - first;
    const sum = this.net.cell('add3', [...rows, ...free], outputs);
    sum.forEach((bit, i) => {
      this.heap[first + i].standing = bit === constantZero ? [] : [bit];
    });
  }
}

/** Add `factor` times a number to a heap. */
export function addValue(heap: BitHeap, { form, bits }: Value, factor: number | bigint): void {
  const times = BigInt(factor);
  heap.base += times * BigInt(form.base);
  bits.forEach((bit, i) => {
    heap.add(times * BigInt(form.weights[i]), bit);
  });
}
