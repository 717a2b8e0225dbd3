import { costPerBit } from '../netlist/compression.ts';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { digitCount } from '../netlist/signedDigits.ts';
import { largestKey, lastOf, maxRows, type SignKey, withoutLast, withRow } from './signKey.ts';
import {
  type Columns,
  input,
  type Shape,
  type Sum,
  type SumMemo,
  shapesOf,
  widthOf,
} from './sumShapes.ts';

/** One row of ±1 and 0 over the columns, which counts `multiple` times in output `output`. */
export interface Row {
  readonly output: number;
  readonly multiple: number;
  readonly signs: Int8Array;
  /** How many of the signs are not 0. */
  readonly members: number;
}

/** Rows of signs, those of an output next to each other, and what the signs are of. */
export interface Rows {
  readonly rows: readonly Row[];
  readonly columns: Columns;
}

/** What a sum takes, and how many times: an input, or a class by its number plus the inputs' count. */
export interface Term {
  readonly source: number;
  readonly factor: number;
}

/** A source that counts `factor` times in an output. */
export interface Addition {
  readonly output: number;
  readonly source: number;
  readonly factor: number;
}

/** Where a grouping goes. */
interface Writer {
  /**
   * Columns that some rows take with the same signs or all with the opposite ones: added up once for all of them.
   *
   * @returns the source that the class is from then on
   */
  class(terms: readonly Term[]): number;
  add(addition: Addition): void;
}

/** A grouping of rows: what it takes, about, in full adders or LUT6s, and how it is made. */
export interface Grouping {
  readonly cost: number;
  /** Rows taken together at first, at most; 0: each goes into its own heap. */
  readonly together: number;
  readonly write: (to: Writer) => void;
}

/**
 * Rows taken together, at most: of a whole matrix, where each is tried, what is mostly best first; more only where
 * classes then have members.
 */
const firstSizes = [6, 5, 4, 2, 1];
const wideSizes = [maxRows, 6, 5, 4];
const wideColumns = 512;

/**
 * Find the grouping of rows that leaves the fewest bits to add. Rows are taken a few at a time; columns of equal signs
 * in them are added up first, and the sums are columns of the same question with fewer rows at a time.
 *
 * @param memo what earlier searches have worked out
 * @param sizes how many rows go together at first, where less than each way is to be tried
 * @param limit what is known to be possible: what would take more is given up
 */
export function groupRows(
  { rows, columns }: Rows,
  style: AdderStyle,
  memo: SumMemo,
  { sizes, limit = Number.POSITIVE_INFINITY }: { sizes?: readonly number[]; limit?: number } = {},
): Grouping {
  return new Search({ rows, columns }, style, memo).best(sizes ?? sizesFor(columns), limit);
}

/** How many rows may go together at first. */
export const sizesFor = ({ sources }: Columns): readonly number[] =>
  sources.length >= wideColumns ? wideSizes : firstSizes;

/** Spans of rows are much alike: what some take tells, within so much, what all do. */
const similar = 1.1;

/** Columns on their way into rows [from, end): sums of columns of the level before, and those that are in none. */
interface Level {
  readonly from: number;
  readonly end: number;
  readonly shapes: readonly Shape[];
  /** Each column's signs in the rows. */
  readonly keys: readonly SignKey[];
  /** Column c is the sum of columns order[starts[c]] to order[starts[c + 1] − 1] of the level before. */
  readonly order: Int32Array;
  readonly starts: readonly number[];
  /** Undefined before the first level, whose columns are sums of the rows' own. */
  readonly before: Level | undefined;
  /** What the columns are, once written. */
  readonly known: Term[];
}

/** Signs of a level's columns and their order, reused at every level: copied before the next one is looked at. */
interface Scratch {
  readonly keys: Int32Array;
  readonly order: Int32Array;
  ends: Int32Array;
}

class Search {
  private readonly rows: readonly Row[];
  private readonly style: AdderStyle;
  private readonly perBit: number;
  private readonly columns: Columns;
  private readonly count: number;
  /** Undefined where each column is an input once. */
  private readonly shapes: readonly Shape[] | undefined;
  private readonly memo: SumMemo;
  private readonly scratch: Scratch;

  constructor({ rows, columns }: Rows, style: AdderStyle, memo: SumMemo) {
    this.rows = rows;
    this.style = style;
    this.perBit = costPerBit[style];
    this.columns = columns;
    this.count = columns.sources.length;
    this.shapes = shapesOf(columns);
    this.memo = memo;
    this.scratch = {
      keys: new Int32Array(this.count),
      order: new Int32Array(this.count),
      ends: new Int32Array(0),
    };
  }

  best(sizes: readonly number[], limit: number): Grouping {
    const least = this.perBit * this.leastBitsOfInputs();
    const write = (to: Writer): void => this.writeInputs(to);
    // Where it cannot be best, that is all there is to know.
    const atLeast = { cost: Math.max(least, limit), together: 0, write };
    const found = this.orInSpans(atLeast, undefined, [0, this.rows.length], sizes);
    if (found.cost <= least) return found;
    const direct = { cost: this.perBit * this.bitsOfInputs(), together: 0, write };
    return direct.cost < found.cost ? direct : found;
  }

  /** As it is, or in spans of equal numbers of rows, at most so many, where that is less. */
  private orInSpans(
    direct: Grouping,
    level: Level | undefined,
    [from, end]: readonly [number, number],
    sizes: readonly number[],
  ): Grouping {
    let found = direct;
    const tried = new Set<number>();
    for (const together of sizes) {
      if (together === 0) continue;
      const count = Math.ceil((end - from) / together);
      // A row by itself shares nothing where its bits count once.
      if (tried.has(count) || (count === end - from && !this.severalDigits(from, end))) continue;
      tried.add(count);
      const parts = this.inSpans(level, [from, end], count, found.cost);
      if (parts !== undefined) found = { ...parts, together };
    }
    return found;
  }

  /** Undefined where it takes as much as `limit`, or would by what its first spans take. */
  private inSpans(
    level: Level | undefined,
    [from, end]: readonly [number, number],
    count: number,
    limit: number,
  ): Pick<Grouping, 'cost' | 'write'> | undefined {
    const parts: Grouping[] = [];
    let cost = 0;
    for (let i = 0, at = from, next = from; i < count; i++, at = next) {
      next = from + Math.floor(((i + 1) * (end - from)) / count);
      const part = this.withClasses(level, at, next);
      cost += part.cost;
      const done = (next - from) / (end - from);
      if (cost >= limit * (done < 1 ? Math.min(1, done * similar) : 1)) return undefined;
      parts.push(part);
    }
    const write = (to: Writer): void => {
      for (const part of parts) part.write(to);
    };
    return { cost, write };
  }

  private severalDigits(from: number, end: number): boolean {
    for (let r = from; r < end; r++) if (digitCount(this.rows[r].multiple) > 1) return true;
    return false;
  }

  /**
   * No fewer bits go into an output's heap than its largest row has inputs, where multiples cannot cancel out. A row of
   * several columns to an input has at least so many inputs as the columns it has are shared out to.
   */
  private leastBitsOfInputs(): number {
    const { rows, columns, count } = this;
    let bits = 0;
    for (let r = 0, next = 0; r < rows.length; r = next) {
      next = this.outputEnd(r);
      const own = rows.slice(r, next).sort((a, b) => a.multiple - b.multiple);
      let [sum, max] = [0, 0];
      for (const { multiple, members } of own) {
        if (multiple <= sum) return 0;
        sum += multiple;
        max = Math.max(max, Math.ceil((members * columns.inputs) / Math.max(1, count)));
      }
      bits += max;
    }
    return bits;
  }

  /** Bits in the outputs' heaps when each input goes into them. */
  private bitsOfInputs(): number {
    const { rows, shapes } = this;
    let bits = 0;
    for (let r = 0, next = 0; r < rows.length; r = next) {
      next = this.outputEnd(r);
      if (next === r + 1 && shapes === undefined)
        bits += rows[r].members * digitCount(rows[r].multiple);
      else for (const factor of this.factorsOfInputs(r, next)) bits += digitCount(factor);
    }
    return bits;
  }

  private writeInputs(to: Writer): void {
    const { rows } = this;
    for (let r = 0, next = 0; r < rows.length; r = next) {
      next = this.outputEnd(r);
      const { output } = rows[r];
      this.factorsOfInputs(r, next).forEach((factor, source) => {
        if (factor !== 0) to.add({ output, source, factor });
      });
    }
  }

  /** How many times the output of rows [from, end) takes each input. */
  private factorsOfInputs(from: number, end: number): Int32Array {
    const { inputs, sources, factors } = this.columns;
    const taken = new Int32Array(inputs);
    for (let r = from; r < end; r++) {
      const { signs, multiple } = this.rows[r];
      for (let c = 0; c < this.count; c++) taken[sources[c]] += signs[c] * multiple * factors[c];
    }
    return taken;
  }

  /** Where rows of row r's output end. */
  private outputEnd(r: number): number {
    const { rows } = this;
    const { output } = rows[r];
    let next = r + 1;
    while (next < rows.length && rows[next].output === output) next++;
    return next;
  }

  /** The outputs of rows [from, end) that take a column with these signs, and how many times. */
  private factors(key: SignKey, from: number, end: number): Omit<Addition, 'source'>[] {
    const { rows } = this;
    const taken: Omit<Addition, 'source'>[] = [];
    let factor = 0;
    for (let r = end - 1; r >= from; r--) {
      factor += lastOf(key, 1) * rows[r].multiple;
      key = withoutLast(key, 1);
      const { output } = rows[r];
      if (r > from && rows[r - 1].output === output) continue;
      if (factor !== 0) taken.push({ output, factor });
      factor = 0;
    }
    return taken.reverse();
  }

  /** Digits that a bit of a column with these signs becomes in heaps of rows [from, end). */
  private uses(key: SignKey, from: number, end: number): number {
    const { rows } = this;
    let [uses, factor] = [0, 0];
    for (let r = end - 1; r >= from; r--) {
      factor += lastOf(key, 1) * rows[r].multiple;
      key = withoutLast(key, 1);
      if (r > from && rows[r - 1].output === rows[r].output) continue;
      uses += digitCount(factor);
      factor = 0;
    }
    return uses;
  }

  /** Rows [from, end) of a level with columns of equal signs added up. */
  private withClasses(before: Level | undefined, from: number, end: number): Grouping {
    if (before === undefined) this.firstKeys(from, end);
    else this.keysOfColumns(before, from, end);
    const ordered = this.sortByKeys(before?.keys.length ?? this.count, end - from);
    const { keys: signed, order, ends } = this.scratch;
    const given = before === undefined ? this.shapes : before.shapes;
    const shapes: Shape[] = [];
    const keys: SignKey[] = [];
    const starts: number[] = [];
    let [cost, bits] = [0, 0];
    for (let key = 1, at = 0, next = 0; at < ordered; key++, at = next) {
      next = ends[key];
      if (next === at) continue;
      const uses = this.uses(key, from, end);
      const sum = next > at + 1 ? this.sumOf(before, at, next, uses) : undefined;
      if (sum !== undefined) {
        cost += sum.cost;
        bits += uses * sum.shape.bits;
        keys.push(key);
        starts.push(at);
        shapes.push(sum.shape);
        continue;
      }
      for (let position = at; position < next; position++) {
        const shape = given?.[order[position]] ?? input;
        bits += uses * shape.bits;
        keys.push(signed[order[position]]);
        starts.push(position);
        shapes.push(shape);
      }
    }
    starts.push(ordered);
    const own = order.slice(0, ordered);
    const level: Level = { from, end, shapes, keys, starts, before, known: [], order: own };
    const direct: Grouping = {
      cost: this.perBit * bits,
      together: 0,
      write: (to) => this.writeColumns(level, to),
    };
    // Half as many rows next: trying every number takes longer and gains little.
    const half = Math.ceil((end - from) / 2);
    const sizes = half < end - from ? [half] : [];
    const rest = this.orInSpans(direct, level, [from, end], sizes);
    return { cost: cost + rest.cost, together: end - from, write: rest.write };
  }

  private writeColumns(level: Level, to: Writer): void {
    const { from, end, keys } = level;
    for (let c = 0; c < keys.length; c++) {
      const taken = this.factors(keys[c], from, end);
      if (taken.length === 0) continue;
      const { source, factor } = this.termOf(level, c, to);
      for (const { output, factor: times } of taken)
        to.add({ output, source, factor: times * factor });
    }
  }

  /** The rows' own columns' signs in rows [from, end), into the scratch buffers. */
  private firstKeys(from: number, end: number): void {
    const { count, rows } = this;
    const { keys } = this.scratch;
    keys.fill(0, 0, count);
    for (let r = from; r < end; r++) {
      const { signs } = rows[r];
      for (let c = 0; c < count; c++) keys[c] = withRow(keys[c], signs[c]);
    }
  }

  /** Signs of a level's columns in some of its rows, into the scratch buffers. */
  private keysOfColumns(level: Level, from: number, end: number): void {
    const { keys } = this.scratch;
    for (let c = 0; c < level.keys.length; c++) keys[c] = keyIn(level, c, from, end);
  }

  /**
   * Order columns by their signs in so many rows, up to a common sign; those in none are left out.
   *
   * @returns how many are ordered; those of a key end at `ends` of it
   */
  private sortByKeys(count: number, rows: number): number {
    const max = largestKey(rows);
    const { scratch } = this;
    if (scratch.ends.length < max + 2) scratch.ends = new Int32Array(max + 2);
    const { keys, order, ends } = scratch;
    ends.fill(0, 0, max + 2);
    for (let c = 0; c < count; c++) ends[Math.abs(keys[c]) + 1]++;
    ends[1] = 0;
    for (let key = 2; key < max + 2; key++) ends[key] += ends[key - 1];
    const ordered = ends[max + 1];
    for (let c = 0; c < count; c++) if (keys[c] !== 0) order[ends[Math.abs(keys[c])]++] = c;
    return ordered;
  }

  /** Columns order[at] to order[next − 1] added up for so many uses; undefined where that does not pay. */
  private sumOf(
    before: Level | undefined,
    at: number,
    next: number,
    uses: number,
  ): Sum | undefined {
    const given = before === undefined ? this.shapes : before.shapes;
    if (given === undefined) return this.sumOfInputs(next - at, uses);
    const { order } = this.scratch;
    const heights: number[] = [];
    let [bits, max] = [0, 0];
    for (let position = at; position < next; position++) {
      const shape = given[order[position]];
      for (let i = 0; i < shape.heights.length; i++)
        heights[i] = (heights[i] ?? 0) + shape.heights[i];
      bits += shape.bits;
      max += shape.max;
    }
    return this.sumOfBits({ heights, bits, max }, uses);
  }

  /** The same of so many inputs, which are met over and over. */
  private sumOfInputs(count: number, uses: number): Sum | undefined {
    const known = this.memo.sumsOfInputs[this.style];
    known[uses] ??= [];
    let sum = known[uses][count];
    if (sum === undefined) {
      sum = this.sumOfBits({ heights: [count], bits: count, max: count }, uses) ?? 'no gain';
      known[uses][count] = sum;
    }
    return sum === 'no gain' ? undefined : sum;
  }

  private sumOfBits({ heights, bits, max }: Shape, uses: number): Sum | undefined {
    const left = this.memo.compressions.forUses(heights, widthOf(max), this.style, uses);
    if (left.cost >= this.perBit * uses * (bits - left.bits)) return undefined;
    return { cost: left.cost, shape: { heights: left.heights, bits: left.bits, max } };
  }

  /** What a level's column is, written where it is not yet. */
  private termOf(level: Level, c: number, to: Writer): Term {
    const { order, starts, known } = level;
    if (known[c] === undefined) {
      // A column by itself keeps its signs; of a class, those in its first row are its columns' own.
      if (starts[c + 1] === starts[c] + 1) known[c] = this.memberOf(level, order[starts[c]], to);
      else {
        const terms: Term[] = [];
        for (let position = starts[c]; position < starts[c + 1]; position++) {
          const { source, factor } = this.memberOf(level, order[position], to);
          terms.push({ source, factor: this.signIn(level, order[position]) * factor });
        }
        known[c] = { source: to.class(terms), factor: 1 };
      }
    }
    return known[c];
  }

  /** What a column of the level before is. */
  private memberOf({ before }: Level, column: number, to: Writer): Term {
    return before === undefined ? this.firstTerm(column) : this.termOf(before, column, to);
  }

  /** The sign of a column of the level before in the first of the level's rows that takes it. */
  private signIn({ before, from, end }: Level, column: number): number {
    return before === undefined
      ? this.firstSign(column, from, end)
      : Math.sign(keyIn(before, column, from, end));
  }

  private firstTerm(column: number): Term {
    const { sources, factors } = this.columns;
    return { source: sources[column], factor: factors[column] };
  }

  /** The sign in the first of rows [from, end) that takes the column. */
  private firstSign(column: number, from: number, end: number): number {
    for (let r = from; r < end; r++) {
      const sign = this.rows[r].signs[column];
      if (sign !== 0) return sign;
    }
    return 0;
  }
}

/** A column's signs in rows [from, end), of those of its level. */
const keyIn = (level: Level, c: number, from: number, end: number): SignKey =>
  lastOf(withoutLast(level.keys[c], level.end - end), end - from);
