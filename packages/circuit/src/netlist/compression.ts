import type { AdderStyle } from './fabrics.ts';

/**
 * Bits of one column that become one there and carries in the columns above: two or three by a half or a full adder,
 * up to seven by a counter of three outputs.
 */
interface CompressionStep {
  readonly column: number;
  readonly bits: number;
}

/** A carry chain of columns [first, end): its places are a LUT each; a last carry has none. */
interface Chain {
  readonly first: number;
  readonly end: number;
  readonly places: number;
}

/** How a heap of bits is made smaller: column i's bits count 2^i. */
export interface Compression {
  /** In order; each takes the bits that came first. */
  readonly steps: readonly CompressionStep[];
  /** At last one carry chain adds up to three rows, two more bits in its first column, and makes a bit of each column. */
  readonly chain?: Chain;
  /** Bits that are left in each column, and in all. */
  readonly heights: readonly number[];
  readonly bits: number;
  /** How many steps take more than three bits, three, and two. */
  readonly counters: number;
  readonly fullAdders: number;
  readonly halfAdders: number;
  /** About, in LUT6s, or in full adders. */
  readonly cost: number;
}

/**
 * What a bit that is left costs where it is used: an adder takes one away, a counter's two LUTs four. Chains that end a
 * sum are seldom full, so that a bit costs more than the half LUT of a counter: with 0.6, plans of many sizes come out
 * smallest.
 */
export const costPerBit: Readonly<Record<AdderStyle, number>> = {
  xc7: 0.6,
  gates: 1,
};

/**
 * Reduce a heap to a number, one bit per column.
 *
 * @param heights bits of each column
 * @param width columns of the largest value; carries out of the last cannot be
 */
export function compressToNumber(
  heights: readonly number[],
  width: number,
  style: AdderStyle,
): Compression {
  const heap = new Heights(heights, width);
  if (style === 'xc7') heap.withChain();
  else heap.withRipple();
  return heap.done();
}

/**
 * Reduce a heap whose bits go into other heaps: as far as it pays, not always to one bit per column, for there carries
 * are not waited for.
 *
 * @param uses heaps' bits that each bit becomes
 */
export function compressForUses(
  heights: readonly number[],
  width: number,
  style: AdderStyle,
  uses: number,
): Compression {
  const perBit = costPerBit[style] * uses;
  const partly = new Heights(heights, width);
  if (style === 'xc7') partly.withCounters(perBit > 1);
  else partly.withAdders();
  const ways = [partly.done(), compressToNumber(heights, width, style)];
  const [a, b] = ways.map((way) => way.cost + perBit * way.bits);
  return b < a ? ways[1] : ways[0];
}

const maxCompressions = 20_000;

/** Compressions by their heaps: a search for shared sums meets the same ones over and over. */
export class Compressions {
  private readonly tables: Readonly<Record<AdderStyle, Map<number | string, Compression>>> = {
    xc7: new Map(),
    gates: new Map(),
  };

  /** The same as `compressToNumber`. */
  toNumber(heights: readonly number[], width: number, style: AdderStyle): Compression {
    const table = this.tables[style];
    const key = keyOf(heights, width, 0);
    return table.get(key) ?? this.kept(table, key, compressToNumber(heights, width, style));
  }

  /** The same as `compressForUses`. */
  forUses(heights: readonly number[], width: number, style: AdderStyle, uses: number): Compression {
    const table = this.tables[style];
    const key = keyOf(heights, width, 1 + uses);
    return table.get(key) ?? this.kept(table, key, compressForUses(heights, width, style, uses));
  }

  private kept(
    table: Map<number | string, Compression>,
    key: number | string,
    built: Compression,
  ): Compression {
    if (table.size >= maxCompressions) table.clear();
    table.set(key, built);
    return built;
  }
}

/**
 * What tells heaps and their ends apart; a number, which is found faster, where it has room: six columns of less than 64
 * bits.
 *
 * @param end 0 for a heap that becomes a number, else 1 more than its uses: a heap without uses is not a number yet
 */
function keyOf(heights: readonly number[], width: number, end: number): number | string {
  if (heights.length > 6 || width > 31 || end > 63) return `${width},${end},${heights.join()}`;
  let key = 64 * width + end;
  for (let i = 0; i < heights.length; i++) {
    if (heights[i] > 63) return `${width},${end},${heights.join()}`;
    key = 64 * key + heights[i];
  }
  return key;
}

const bitCount = (heights: readonly number[]): number =>
  heights.reduce((sum, height) => sum + height, 0);

/** What full and half adders and counters take: LUT6s with two outputs, or full adders. */
const counterCost = 2;
const adderCost = 1;
const halfAdderCost = 0.6;

class Heights {
  private readonly columns: number[];
  private readonly steps: CompressionStep[] = [];
  private chain?: Chain;
  private cost = 0;
  private counters = 0;
  private fullAdders = 0;
  private halfAdders = 0;

  constructor(heights: readonly number[], width: number) {
    this.columns = Array.from({ length: width }, (_, i) => heights[i] ?? 0);
  }

  done(): Compression {
    const { steps, chain, columns: heights, cost, counters, fullAdders, halfAdders } = this;
    const bits = bitCount(heights);
    return {
      steps,
      heights,
      bits,
      cost,
      counters,
      fullAdders,
      halfAdders,
      ...(chain && { chain }),
    };
  }

  /** 7:3 counters until no column has seven; and of what is left six at a time, or three where that pays. */
  withCounters(adders: boolean): void {
    this.rounds(7);
    for (let i = 0; i < this.columns.length; i++) {
      while (this.columns[i] >= 6) this.take(i, 6);
      while (adders && this.columns[i] >= 3) this.take(i, 3);
    }
  }

  /** Full adders level by level until two rows are left. */
  withAdders(): void {
    this.rounds(3);
  }

  /** 7:3 counters, then what leaves three rows, then one carry chain. */
  withChain(): void {
    const { columns } = this;
    this.rounds(7);
    const first = columns.findIndex((height) => height > 1);
    if (first < 0) return;
    for (let i = first; i < columns.length; i++) {
      // The chain's first column takes two more bits: its carry in and its free operand.
      const rows = i === first ? 5 : 3;
      while (columns[i] > rows) this.take(i, columns[i] >= 6 ? 6 : 3);
    }
    let last = columns.length;
    while (columns[last - 1] === 0) last--;
    const end = Math.min(columns.length, last + 2);
    const places = Math.min(end, last + 1) - first;
    this.chain = { first, end, places };
    this.cost += places;
    for (let i = first; i < end; i++) columns[i] = 1;
  }

  /** Full adders until two rows are left, then a ripple of adders. */
  withRipple(): void {
    const { columns } = this;
    this.rounds(3);
    for (let i = 0; i < columns.length; i++)
      while (columns[i] > 1) this.take(i, Math.min(3, columns[i]));
  }

  /** Level by level: of each column's bits as they stand, as many groups as there are. */
  private rounds(size: number): void {
    while (this.columns.some((height) => height >= size)) {
      const groups = this.columns.map((height) => Math.floor(height / size));
      groups.forEach((count, i) => {
        for (let g = 0; g < count; g++) this.take(i, size);
      });
    }
  }

  private take(column: number, bits: number): void {
    this.steps.push({ column, bits });
    const outputs = bits > 3 ? 3 : 2;
    this.columns[column] -= bits;
    for (let i = column; i < column + outputs && i < this.columns.length; i++) this.columns[i]++;
    if (bits > 3) {
      this.counters++;
      this.cost += counterCost;
    } else if (bits === 3) {
      this.fullAdders++;
      this.cost += adderCost;
    } else {
      this.halfAdders++;
      this.cost += halfAdderCost;
    }
  }
}
