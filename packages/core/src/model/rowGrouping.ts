import { type AdderStyle, bitCount, compressForUses, costPerBit } from './compression.ts';

/** One row of ±1 and 0 over the inputs, which counts `multiple` times in output `output`. */
export interface Row {
  readonly output: number;
  readonly multiple: number;
  readonly signs: Int8Array;
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
const wideSize = 8;
const wideInputs = 512;

/**
 * Find the grouping of rows that leaves the fewest bits to add. Rows are taken a few at a time; columns of equal signs
 * in them are added up first, and the sums are columns of the same question with fewer rows at a time.
 *
 * @param together what is best, where it is known
 */
export function groupRows(rows: readonly Row[], style: AdderStyle, together?: number): Grouping {
  const wide = (rows[0]?.signs.length ?? 0) >= wideInputs;
  const sizes = wide ? [...firstSizes, wideSize] : firstSizes;
  const known = together === 0 ? [] : together === undefined ? sizes : [together];
  return new Search(rows, style).best(known);
}

/** Sources on their way into rows [from, end): the inputs first, then classes of them and those that are in none. */
interface Level {
  readonly from: number;
  readonly end: number;
  readonly count: number;
  readonly shapes: readonly Shape[];
  /** [end − from, count]. */
  readonly signs: Int8Array;
  /** Columns of the level before that each is the sum of; undefined at the inputs. */
  readonly sums?: readonly (readonly number[])[];
  readonly before?: Level;
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

class Search {
  private readonly rows: readonly Row[];
  private readonly style: AdderStyle;
  private readonly perBit: number;
  private readonly inputs: number;
  // Reused at every level: what they hold is read before the next one is looked at.
  private readonly keys: Int32Array;
  private readonly order: Int32Array;
  private starts = new Int32Array(0);

  constructor(rows: readonly Row[], style: AdderStyle) {
    this.rows = rows;
    this.style = style;
    this.perBit = costPerBit[style];
    this.inputs = rows[0]?.signs.length ?? 0;
    this.keys = new Int32Array(this.inputs);
    this.order = new Int32Array(this.inputs);
  }

  best(sizes: readonly number[]): Grouping {
    const { rows, inputs } = this;
    const signs = new Int8Array(rows.length * inputs);
    rows.forEach((row, r) => {
      signs.set(row.signs, r * inputs);
    });
    const shapes = new Array<Shape>(inputs).fill(input);
    const level = { from: 0, end: rows.length, count: inputs, shapes, signs, known: [] };
    return this.grouped(level, sizes);
  }

  /** In spans of equal numbers of rows, at most so many. */
  private grouped(level: Level, sizes: readonly number[]): Grouping {
    const { from, end } = level;
    let found: Grouping = {
      ...{ cost: this.directCost(level), together: 0 },
      write: (to) => this.writeDirect(level, to),
    };
    const tried = new Set<number>();
    for (const together of sizes) {
      const count = Math.ceil((end - from) / together);
      // A row by itself shares nothing where its bits count once.
      if (tried.has(count) || (count === end - from && !this.severalDigits(from, end))) continue;
      tried.add(count);
      const parts = this.inSpans(level, count);
      const cost = parts.reduce((sum, part) => sum + part.cost, 0);
      if (cost >= found.cost) continue;
      found = {
        ...{ cost, together },
        write: (to) => {
          for (const { write } of parts) write(to);
        },
      };
    }
    return found;
  }

  private inSpans(level: Level, count: number): Grouping[] {
    const { from, end } = level;
    const edge = (i: number): number => from + Math.floor((i * (end - from)) / count);
    return Array.from({ length: count }, (_, i) => this.withClasses(level, edge(i), edge(i + 1)));
  }

  private severalDigits(from: number, end: number): boolean {
    for (let r = from; r < end; r++) if (digitCount(this.rows[r].multiple) > 1) return true;
    return false;
  }

  /** Each column goes into each output's own heap. */
  private directCost({ from, end, count, shapes, signs }: Level): number {
    let cost = 0;
    for (let r = from; r < end; r = this.outputEnd(r, end))
      for (let c = 0; c < count; c++) {
        const factor = this.factorOf(signs, (r - from) * count + c, count, r, end);
        if (factor !== 0) cost += shapes[c].bits * digitCount(factor);
      }
    return this.perBit * cost;
  }

  private writeDirect(level: Level, to: Writer): void {
    const { from, end, count, signs } = level;
    for (let c = 0; c < count; c++)
      for (let r = from; r < end; r = this.outputEnd(r, end)) {
        const factor = this.factorOf(signs, (r - from) * count + c, count, r, end);
        const { output } = this.rows[r];
        if (factor !== 0) to.add({ output, source: sourceOf(level, c, to), factor });
      }
  }

  /** Where rows of row r's output end. */
  private outputEnd(r: number, end: number): number {
    const { output } = this.rows[r];
    let next = r + 1;
    while (next < end && this.rows[next].output === output) next++;
    return next;
  }

  /** How many times row r's output takes a column, whose signs are at `at` and every `stride` from there. */
  private factorOf(signs: Int8Array, at: number, stride: number, r: number, end: number): number {
    const { output } = this.rows[r];
    let factor = 0;
    for (let row = r; row < end && this.rows[row].output === output; row++, at += stride)
      factor += signs[at] * this.rows[row].multiple;
    return factor;
  }

  /** Rows [from, end) of a level with columns of equal signs added up. */
  private withClasses(before: Level, from: number, end: number): Grouping {
    const { keys, order } = this;
    const ordered = this.sortByKeys(before, from, end);
    const sums: number[][] = [];
    const shapes: Shape[] = [];
    let cost = 0;
    for (let at = 0; at < ordered; ) {
      const key = keys[order[at]];
      const columns: number[] = [];
      for (; at < ordered && keys[order[at]] === key; at++) columns.push(order[at]);
      const uses = this.uses(before, columns[0], from, end);
      const sum = columns.length > 1 ? this.sumOf(before.shapes, columns, uses) : undefined;
      if (sum === undefined)
        for (const c of columns) {
          sums.push([c]);
          shapes.push(before.shapes[c]);
        }
      else {
        cost += sum.cost;
        sums.push(columns);
        shapes.push(sum.shape);
      }
    }
    const level = levelOf(before, from, end, sums, shapes);
    // Half as many rows next: trying every number takes longer and gains little.
    const half = Math.ceil((end - from) / 2);
    const rest = this.grouped(level, half < end - from ? [half] : []);
    return { cost: cost + rest.cost, together: end - from, write: rest.write };
  }

  /**
   * Order columns by their signs in rows [from, end), up to a common sign; those in none are left out.
   *
   * @returns how many are in `order`
   */
  private sortByKeys(level: Level, from: number, end: number): number {
    const { keys, order } = this;
    const { count, signs } = level;
    keys.fill(0, 0, count);
    for (let r = from; r < end; r++) {
      const at = (r - level.from) * count;
      for (let c = 0; c < count; c++) keys[c] = 3 * keys[c] + 1 + signs[at + c];
    }
    // Opposite signs have keys that add up to the largest one; half of it is the key of zeros.
    const largest = 3 ** (end - from) - 1;
    const none = largest / 2;
    if (this.starts.length < none + 2) this.starts = new Int32Array(none + 2);
    // Of keys above that of zeros, counted from it.
    const starts = this.starts.fill(0, 0, none + 2);
    for (let c = 0; c < count; c++) {
      keys[c] = Math.max(keys[c], largest - keys[c]) - none;
      starts[keys[c] + 1]++;
    }
    starts[1] = 0;
    for (let key = 2; key < none + 2; key++) starts[key] += starts[key - 1];
    const ordered = starts[none + 1];
    for (let c = 0; c < count; c++) if (keys[c] !== 0) order[starts[keys[c]]++] = c;
    return ordered;
  }

  /** Some columns added up for so many uses; undefined where that does not pay. */
  private sumOf(
    shapes: readonly Shape[],
    columns: readonly number[],
    uses: number,
  ): { readonly cost: number; readonly shape: Shape } | undefined {
    const heights: number[] = [];
    let [bits, most] = [0, 0];
    for (const c of columns) {
      const shape = shapes[c];
      for (let i = 0; i < shape.heights.length; i++)
        heights[i] = (heights[i] ?? 0) + shape.heights[i];
      bits += shape.bits;
      most += shape.most;
    }
    const left = compressed(heights, widthOf(most), this.style, uses);
    if (left.cost >= this.perBit * uses * (bits - left.bits)) return undefined;
    return { cost: left.cost, shape: { heights: left.heights, bits: left.bits, most } };
  }

  /** Digits that a bit of the column becomes in heaps of rows [from, end). */
  private uses({ from: first, count, signs }: Level, c: number, from: number, end: number): number {
    let uses = 0;
    for (let r = from; r < end; r = this.outputEnd(r, end))
      uses += digitCount(this.factorOf(signs, (r - first) * count + c, count, r, end));
    return uses;
  }
}

/** Digits of a multiple in a bit heap: no two neighbours. */
export function digitCount(multiple: number): number {
  const magnitude = Math.abs(multiple);
  let differing = (3 * magnitude) ^ magnitude;
  let count = 0;
  for (; differing !== 0; differing &= differing - 1) count++;
  return count;
}

/** What is left of a heap, and what that took. */
interface Compressed {
  readonly heights: readonly number[];
  readonly bits: number;
  readonly cost: number;
}

// The same heaps are met over and over.
const known: Readonly<Record<AdderStyle, Map<number | string, Compressed>>> = {
  xc7: new Map(),
  gates: new Map(),
};
const mostKnown = 50_000;

/** What tells heaps apart; a number, which is found faster, where it has room: six columns of less than 64 bits. */
function keyOf(heights: readonly number[], width: number, uses: number): number | string {
  if (heights.length > 6 || width > 31 || uses > 63) return `${width},${uses},${heights.join()}`;
  let key = 64 * width + uses;
  for (let i = 0; i < heights.length; i++) {
    if (heights[i] > 63) return `${width},${uses},${heights.join()}`;
    key = 64 * key + heights[i];
  }
  return key;
}

function compressed(
  heights: readonly number[],
  width: number,
  style: AdderStyle,
  uses: number,
): Compressed {
  const table = known[style];
  const key = keyOf(heights, width, uses);
  let found = table.get(key);
  if (found === undefined) {
    const { heights: left, cost } = compressForUses(heights, width, style, uses);
    found = { heights: left, bits: bitCount(left), cost };
    if (table.size >= mostKnown) table.clear();
    table.set(key, found);
  }
  return found;
}

function levelOf(
  before: Level,
  from: number,
  end: number,
  sums: readonly (readonly number[])[],
  shapes: readonly Shape[],
): Level {
  const count = sums.length;
  const signs = new Int8Array((end - from) * count);
  for (let c = 0; c < count; c++) {
    // A class has the signs that its first column has, less that of the first row.
    const [first] = sums[c];
    const sign = sums[c].length === 1 ? 1 : firstSign(before, first, from, end);
    let at = (from - before.from) * before.count + first;
    for (let to = c; to < signs.length; to += count, at += before.count)
      signs[to] = sign * before.signs[at];
  }
  return { from, end, count, shapes, signs, sums, before, known: [] };
}

/** The sign in the first of rows [from, end) that takes the column; 0 when none does. */
function firstSign(
  { from: first, count, signs }: Level,
  c: number,
  from: number,
  end: number,
): number {
  for (let r = from; r < end; r++) {
    const sign = signs[(r - first) * count + c];
    if (sign !== 0) return sign;
  }
  return 0;
}

/** The source that a level's column is, written where it is not yet. */
function sourceOf({ from, end, sums, before, known }: Level, c: number, to: Writer): number {
  if (sums === undefined || before === undefined) return c;
  if (known[c] === undefined) {
    const terms = sums[c].map((column) => ({
      source: sourceOf(before, column, to),
      sign: firstSign(before, column, from, end),
    }));
    known[c] = terms.length === 1 ? terms[0].source : to.class(terms);
  }
  return known[c];
}
