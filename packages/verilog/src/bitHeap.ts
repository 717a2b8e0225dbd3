import type { AdderStyle } from '@hbnn/core';
import { invert, inverted, type Literal, type Netlist, one, zero } from './netlist.ts';

export type { AdderStyle };

/** An unsigned number in binary: Σ 2^(shift + i) · bits[i], and what has to be added to it. */
export interface HeapSum {
  readonly base: bigint;
  readonly shift: number;
  readonly bits: readonly Literal[];
}

/**
 * Bits of many weights, to be added up. A negative weight takes the inverted bit: −w · b = w · ¬b − w, and what is
 * constant gathers in `base`, which no logic is spent on.
 */
export class BitHeap {
  private readonly columns: Literal[][] = [];
  base = 0n;

  /** Add `weight · bit`, the weight in signed digits of which no two are neighbours. */
  add(weight: number | bigint, bit: Literal): void {
    if (bit === zero) return;
    let rest = BigInt(weight);
    if (bit === one) {
      this.base += rest;
      return;
    }
    const negative = rest < 0n;
    if (negative) rest = -rest;
    // Two digits make 3 either way: positive ones keep the sum's range narrow.
    for (let column = 0; rest > 0n; column++, rest >>= 1n) {
      if ((rest & 1n) === 0n) continue;
      const minus = (rest & 3n) === 3n && rest !== 3n;
      if (minus) rest += 1n;
      this.addDigit(column, bit, minus !== negative);
    }
  }

  private addDigit(column: number, bit: Literal, negative: boolean): void {
    if (negative) this.base -= 1n << BigInt(column);
    this.put(column, negative ? invert(bit) : bit);
  }

  private put(column: number, bit: Literal): void {
    if (bit === zero) return;
    if (bit === one) {
      this.base += 1n << BigInt(column);
      return;
    }
    while (this.columns.length <= column) this.columns.push([]);
    this.columns[column].push(bit);
  }

  /**
   * Make the sum.
   *
   * @param most the largest value that base and sum can come to together
   */
  sum(netlist: Netlist, style: AdderStyle, most: bigint): HeapSum {
    this.pair();
    const width = bitLength(most - this.base);
    this.columns.length = Math.min(this.columns.length, width);
    const reduced = new Reduction(netlist, this.columns, width);
    const bits = style === 'xc7' ? reduced.withCarryChains() : reduced.withGates();
    let shift = bits.findIndex((bit) => bit !== zero);
    if (shift < 0) shift = 0;
    let end = bits.length;
    while (end > shift && bits[end - 1] === zero) end--;
    return { base: this.base, shift, bits: bits.slice(shift, end) };
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
        } else if (last === invert(bit)) {
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

/** Columns of bits on their way to one bit each. Carries out of the last column cannot be. */
class Reduction {
  private readonly net: Netlist;
  private readonly columns: Literal[][];
  private readonly width: number;

  constructor(net: Netlist, columns: Literal[][], width: number) {
    this.net = net;
    this.columns = Array.from({ length: width }, (_, i) => columns[i] ?? []);
    this.width = width;
  }

  /** Full adders level by level until two rows are left, then a ripple of adders. */
  withGates(): Literal[] {
    while (this.columns.some((column) => column.length > 2)) this.round(3);
    return this.columns.map((_, i) => {
      while (this.columns[i].length > 1) this.adder(i, this.columns[i].splice(0, 3));
      return this.columns[i][0] ?? zero;
    });
  }

  /** 7:3 counters of two LUTs until no column has seven, then what leaves three rows, then one carry chain. */
  withCarryChains(): Literal[] {
    while (this.columns.some((column) => column.length > 6)) this.round(7);
    const first = this.columns.findIndex((column) => column.length > 1);
    if (first < 0) return this.columns.map(([bit]) => bit ?? zero);
    for (let i = first; i < this.width; i++) {
      // The chain's first column takes two more bits: its carry in and its free operand.
      const rows = i === first ? 5 : 3;
      while (this.columns[i].length > rows) {
        this.columns[i].sort(this.earliest);
        const taken = this.columns[i].length >= 6 ? 6 : 3;
        this.compress(i, this.columns[i].splice(0, taken));
      }
    }
    return this.chain(first);
  }

  private readonly earliest = (a: Literal, b: Literal): number =>
    this.net.level(a) - this.net.level(b) || a - b;

  /** One level: of each column's bits as they stand, as many groups as there are; the earliest bits first. */
  private round(size: 3 | 7): void {
    const made: [number, Literal[]][] = [];
    this.columns.forEach((column, i) => {
      column.sort(this.earliest);
      const groups = Math.floor(column.length / size);
      for (let g = 0; g < groups; g++) made.push([i, column.splice(0, size)]);
    });
    for (const [i, bits] of made) this.compress(i, bits);
  }

  private compress(i: number, bits: Literal[]): void {
    if (bits.length <= 3) this.adder(i, bits);
    else {
      while (bits.length < 7) bits.push(zero);
      this.count7(bits).forEach((bit, n) => {
        this.put(i + n, bit);
      });
    }
  }

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

  private adder(i: number, [a, b, c = zero]: Literal[]): void {
    this.put(i, this.net.xor3(a, b, c));
    this.put(i + 1, this.net.majority(a, b, c));
  }

  private put(i: number, bit: Literal): void {
    if (i < this.width && bit !== zero) this.columns[i].push(bit);
  }

  /** Add up to three rows from column `first` on, in one LUT per column. */
  private chain(first: number): Literal[] {
    let last = this.width;
    while (this.columns[last - 1].length === 0) last--;
    // What goes past the LUTs comes as it is.
    this.columns[first].sort((a, b) => Number(inverted(b)) - Number(inverted(a)) || a - b);
    const rows: Literal[] = [];
    for (let i = first; i < last; i++)
      for (let row = 0; row < 3; row++) rows.push(this.columns[i][row] ?? zero);
    const free = [this.columns[first][3] ?? zero, this.columns[first][4] ?? zero];
    const outputs = Math.min(this.width, last + 2) - first;
    const sum = this.net.cell('add3', [...rows, ...free], outputs);
    const low = this.columns.slice(0, first).map(([bit]) => bit ?? zero);
    const high = Array.from({ length: this.width - first - outputs }, () => zero);
    return [...low, ...sum, ...high];
  }
}
