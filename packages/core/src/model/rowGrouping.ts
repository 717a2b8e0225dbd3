import { type AdderStyle, compressForUses, costPerBit } from './compression.ts';
import { largestKey, lastOf, mostRows, type SignKey, withoutLast, withRow } from './signKey.ts';

/** One row of ±1 and 0 over the inputs, which counts `multiple` times in output `output`. */
export interface Row {
  readonly output: number;
  readonly multiple: number;
  readonly signs: Int8Array;
  /** How many of the signs are not 0. */
  readonly members: number;
}

/** What a sum takes: an input, or a class by its number plus the inputs' count; added or subtracted. */
export interface Term {
  readonly source: number;
  readonly sign: number;
}

/** A source that counts `factor` times in an output. */
export interface Addition {
  readonly output: number;
  readonly source: number;
  readonly factor: number;
}

/** Where a grouping goes. */
export interface Writer {
  /**
   * Sources that some rows take with the same signs or all with the opposite ones: added up once for all of them.
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

/** Rows taken together, at most: of a whole matrix, where each is tried; more only where classes then have members. */
const firstSizes = [1, 2, 4, 5, 6];
const wideSize = mostRows;
const wideInputs = 512;

/**
 * Find the grouping of rows that leaves the fewest bits to add. Rows are taken a few at a time; columns of equal signs
 * in them are added up first, and the sums are columns of the same question with fewer rows at a time.
 *
 * @param sizes how many rows go together at first, where less than each way is to be tried
 * @param limit what is known to be possible: what would take more is given up
 */
export function groupRows(
  rows: readonly Row[],
  style: AdderStyle,
  { sizes, limit = Number.POSITIVE_INFINITY }: { sizes?: readonly number[]; limit?: number } = {},
): Grouping {
  return new Search(rows, style).best(sizes ?? sizesOf(rows), limit);
}

/** Every way. */
function sizesOf(rows: readonly Row[]): readonly number[] {
  const wide = (rows[0]?.signs.length ?? 0) >= wideInputs;
  return wide ? [...firstSizes, wideSize] : firstSizes;
}

/** Spans of rows are much alike: what some take tells, within so much, what all do. */
const alike = 1.1;

/** Columns on their way into rows [from, end): sums of columns of the level before, and those that are in none. */
interface Level {
  readonly from: number;
  readonly end: number;
  readonly shapes: readonly Shape[];
  /** Each column's signs in the rows. */
  readonly keys: readonly SignKey[];
  /** Column c is the sum of columns order[starts[c]] to order[starts[c + 1] − 1] of the level before. */
  readonly order: number[];
  readonly starts: readonly number[];
  /** Undefined before the first level, whose columns are sums of inputs. */
  readonly before: Level | undefined;
  /** The sources that the columns are, once written. */
  readonly known: number[];
}

/** The bits that a source has when an input is one bit. */
interface Shape {
  readonly heights: readonly number[];
  readonly bits: number;
  /** Its largest value less its smallest. */
  readonly most: number;
}

const input: Shape = { heights: [1], bits: 1, most: 1 };

const widthOf = (most: number): number => 32 - Math.clz32(most);

/** Signs of a level's columns and their order, reused at every level: copied before the next one is looked at. */
const scratch = { keys: new Int32Array(0), order: new Int32Array(0), ends: new Int32Array(0) };

class Search {
  private readonly rows: readonly Row[];
  private readonly style: AdderStyle;
  private readonly perBit: number;
  private readonly inputs: number;

  constructor(rows: readonly Row[], style: AdderStyle) {
    this.rows = rows;
    this.style = style;
    this.perBit = costPerBit[style];
    this.inputs = rows[0]?.signs.length ?? 0;
    if (scratch.keys.length < this.inputs) {
      scratch.keys = new Int32Array(this.inputs);
      scratch.order = new Int32Array(this.inputs);
    }
  }

  best(sizes: readonly number[], limit: number): Grouping {
    const least = this.perBit * this.leastBitsOfInputs();
    const direct: Grouping = {
      // That it is more than the limit is all there is to know.
      cost: least > limit ? least : this.perBit * this.bitsOfInputs(),
      together: 0,
      write: (to) => this.writeInputs(to),
    };
    return this.orInSpans(direct, undefined, [0, this.rows.length], sizes, limit);
  }

  /** As it is, or in spans of equal numbers of rows, at most so many, where that is less. */
  private orInSpans(
    direct: Grouping,
    level: Level | undefined,
    [from, end]: readonly [number, number],
    sizes: readonly number[],
    limit = Number.POSITIVE_INFINITY,
  ): Grouping {
    let found = direct;
    const tried = new Set<number>();
    for (const together of sizes) {
      if (together === 0) continue;
      const count = Math.ceil((end - from) / together);
      // A row by itself shares nothing where its bits count once.
      if (tried.has(count) || (count === end - from && !this.severalDigits(from, end))) continue;
      tried.add(count);
      const parts = this.inSpans(level, [from, end], count, Math.min(found.cost, limit));
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
    const edge = (i: number): number => from + Math.floor((i * (end - from)) / count);
    const parts: Grouping[] = [];
    let cost = 0;
    for (let i = 0; i < count; i++) {
      const part = this.withClasses(level, edge(i), edge(i + 1));
      cost += part.cost;
      const done = (edge(i + 1) - from) / (end - from);
      if (cost >= limit * (done < 1 ? Math.min(1, done * alike) : 1)) return undefined;
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

  /** No fewer bits go into an output's heap than its largest row has signs, where multiples cannot cancel out. */
  private leastBitsOfInputs(): number {
    const { rows } = this;
    let bits = 0;
    for (let r = 0, next = 0; r < rows.length; r = next) {
      next = this.outputEnd(r);
      const own = rows.slice(r, next).sort((a, b) => a.multiple - b.multiple);
      let [sum, most] = [0, 0];
      for (const { multiple, members } of own) {
        if (multiple <= sum) return 0;
        sum += multiple;
        most = Math.max(most, members);
      }
      bits += most;
    }
    return bits;
  }

  /** Bits in the outputs' heaps when each input goes into them. */
  private bitsOfInputs(): number {
    const { rows, inputs } = this;
    const { keys: factors } = scratch;
    let bits = 0;
    for (let r = 0, next = 0; r < rows.length; r = next) {
      next = this.outputEnd(r);
      if (next === r + 1) {
        bits += rows[r].members * digitCount(rows[r].multiple);
        continue;
      }
      factors.fill(0, 0, inputs);
      for (; r < next; r++) {
        const { signs, multiple } = rows[r];
        for (let i = 0; i < inputs; i++) factors[i] += signs[i] * multiple;
      }
      for (let i = 0; i < inputs; i++) bits += digitCount(factors[i]);
    }
    return bits;
  }

  private writeInputs(to: Writer): void {
    const { rows, inputs } = this;
    for (let i = 0; i < inputs; i++)
      for (let r = 0, next = 0; r < rows.length; r = next) {
        next = this.outputEnd(r);
        const factor = this.factorOfInput(i, r, next);
        if (factor !== 0) to.add({ output: rows[r].output, source: i, factor });
      }
  }

  /** Where rows of row r's output end. */
  private outputEnd(r: number): number {
    const { rows } = this;
    const { output } = rows[r];
    let next = r + 1;
    while (next < rows.length && rows[next].output === output) next++;
    return next;
  }

  /** How many times the output of rows [from, end) takes an input. */
  private factorOfInput(i: number, from: number, end: number): number {
    let factor = 0;
    for (let r = from; r < end; r++) factor += this.rows[r].signs[i] * this.rows[r].multiple;
    return factor;
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
    if (before === undefined) this.keysOfInputs(from, end);
    else this.keysOfColumns(before, from, end);
    const ordered = this.sortByKeys(before?.keys.length ?? this.inputs, end - from);
    const { keys: signed, order, ends } = scratch;
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
      for (let one = at; one < next; one++) {
        const shape = before === undefined ? input : before.shapes[order[one]];
        bits += uses * shape.bits;
        keys.push(signed[order[one]]);
        starts.push(one);
        shapes.push(shape);
      }
    }
    starts.push(ordered);
    const level: Level = { from, end, shapes, keys, starts, before, known: [], order: [] };
    for (let one = 0; one < ordered; one++) level.order.push(order[one]);
    const direct: Grouping = {
      ...{ cost: this.perBit * bits, together: 0 },
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
      const source = this.sourceOf(level, c, to);
      for (const { output, factor } of taken) to.add({ output, source, factor });
    }
  }

  /** Signs of the inputs in rows [from, end), into `scratch`. */
  private keysOfInputs(from: number, end: number): void {
    const { inputs, rows } = this;
    const { keys } = scratch;
    keys.fill(0, 0, inputs);
    for (let r = from; r < end; r++) {
      const { signs } = rows[r];
      for (let i = 0; i < inputs; i++) keys[i] = withRow(keys[i], signs[i]);
    }
  }

  /** Signs of a level's columns in some of its rows, into `scratch`. */
  private keysOfColumns(level: Level, from: number, end: number): void {
    const { keys } = scratch;
    for (let c = 0; c < level.keys.length; c++) keys[c] = keyIn(level, c, from, end);
  }

  /**
   * Order columns by their signs in so many rows, up to a common sign; those in none are left out.
   *
   * @returns how many are ordered; those of a key end at `ends` of it
   */
  private sortByKeys(count: number, rows: number): number {
    const most = largestKey(rows);
    if (scratch.ends.length < most + 2) scratch.ends = new Int32Array(most + 2);
    const { keys, order, ends } = scratch;
    ends.fill(0, 0, most + 2);
    for (let c = 0; c < count; c++) ends[Math.abs(keys[c]) + 1]++;
    ends[1] = 0;
    for (let key = 2; key < most + 2; key++) ends[key] += ends[key - 1];
    const ordered = ends[most + 1];
    for (let c = 0; c < count; c++) if (keys[c] !== 0) order[ends[Math.abs(keys[c])]++] = c;
    return ordered;
  }

  /** Columns order[at] to order[next − 1] added up for so many uses; undefined where that does not pay. */
  private sumOf(
    before: Level | undefined,
    at: number,
    next: number,
    uses: number,
  ): { readonly cost: number; readonly shape: Shape } | undefined {
    const { order } = scratch;
    const heights: number[] = [];
    let [bits, most] = [next - at, next - at];
    if (before === undefined) heights.push(bits);
    else {
      [bits, most] = [0, 0];
      for (let one = at; one < next; one++) {
        const shape = before.shapes[order[one]];
        for (let i = 0; i < shape.heights.length; i++)
          heights[i] = (heights[i] ?? 0) + shape.heights[i];
        bits += shape.bits;
        most += shape.most;
      }
    }
    const left = compressForUses(heights, widthOf(most), this.style, uses);
    if (left.cost >= this.perBit * uses * (bits - left.bits)) return undefined;
    return { cost: left.cost, shape: { heights: left.heights, bits: left.bits, most } };
  }

  /** The source that a level's column is, written where it is not yet. */
  private sourceOf(level: Level, c: number, to: Writer): number {
    const { from, end, order, starts, before, known } = level;
    if (known[c] === undefined) {
      const terms: Term[] = [];
      for (let one = starts[c]; one < starts[c + 1]; one++) {
        const column = order[one];
        if (before === undefined)
          terms.push({ source: column, sign: this.signOfInput(column, from, end) });
        else
          terms.push({
            source: this.sourceOf(before, column, to),
            sign: Math.sign(keyIn(before, column, from, end)),
          });
      }
      known[c] = terms.length === 1 ? terms[0].source : to.class(terms);
    }
    return known[c];
  }

  /** The sign in the first of rows [from, end) that takes the input. */
  private signOfInput(i: number, from: number, end: number): number {
    for (let r = from; r < end; r++) {
      const sign = this.rows[r].signs[i];
      if (sign !== 0) return sign;
    }
    return 0;
  }
}

/** A column's signs in rows [from, end), of those of its level. */
const keyIn = (level: Level, c: number, from: number, end: number): SignKey =>
  lastOf(withoutLast(level.keys[c], level.end - end), end - from);

/** Digits of a multiple in a bit heap: no two neighbours. */
export function digitCount(multiple: number): number {
  const magnitude = Math.abs(multiple);
  return onesIn((3 * magnitude) ^ magnitude);
}

/** Bits of 32 that are 1: counted in pairs, fours and bytes side by side. */
function onesIn(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
