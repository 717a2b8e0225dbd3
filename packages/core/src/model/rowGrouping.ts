/** How sums are made: of LUT6 and CARRY4 primitives, or of full and half adders as plain gates. */
export type AdderStyle = 'xc7' | 'gates';

/** One row of ±1 and 0 over the inputs, which counts `multiple` times in output `output`. */
export interface Row {
  readonly output: number;
  readonly multiple: number;
  /** Signed digits of the multiple: bits that a bit becomes in a heap. */
  readonly digits: number;
  readonly signs: Int8Array;
}

/** What a sum takes: an input, or a class by its number plus the inputs' count; added or subtracted. */
export interface Term {
  readonly source: number;
  readonly sign: number;
}

/** Sources that some rows take with the same signs or all with the opposite ones: added up once for all of them. */
export type Class = readonly Term[];

/** A source that counts `factor` times in an output. */
export interface Addition {
  readonly output: number;
  readonly source: number;
  readonly factor: number;
}

/** Where a grouping goes. */
export interface Writer {
  /** @returns the source that the class is from then on */
  class(terms: Class): number;
  add(addition: Addition): void;
}

/** A grouping of rows: what it takes, about, in full adders or LUT6s, and how it is made. */
export interface Grouping {
  readonly cost: number;
  readonly write: (to: Writer) => void;
}

/** Rows taken together: of a whole matrix, where each is tried. */
const firstSizes = [1, 2, 3, 4, 5];
/** Of more rows than twice as many, so many show which number is best: a multiple of every number. */
const rowsTried = 120;

/**
 * Find the grouping of rows that leaves the fewest bits to add. Rows are taken a few at a time; columns of equal signs
 * in them are added up first, and the sums are columns of the same question with fewer rows at a time.
 */
export function groupRows(rows: readonly Row[], style: AdderStyle): Grouping {
  const sizes = firstSizes.filter((size) => size <= rows.length);
  if (rows.length <= 2 * rowsTried) return new Search(rows, style).best(sizes);
  const few = new Search(rows.slice(0, rowsTried), style);
  const [best] = sizes
    .map((size) => ({ size, cost: few.best([size]).cost }))
    .sort((a, b) => a.cost - b.cost);
  return new Search(rows, style).best([best.size]);
}

/** Sources on their way into rows [from, end): the inputs first, then classes of them and those that are in none. */
interface Level {
  readonly from: number;
  readonly end: number;
  readonly count: number;
  /** Of each column: its largest value less its smallest when an input is one bit. */
  readonly most: Int32Array;
  /** [end − from, count]. */
  readonly signs: Int8Array;
  /** Columns of the level before that each is the sum of; undefined at the inputs. */
  readonly sums?: readonly (readonly number[])[];
  readonly before?: Level;
  /** The sources that the columns are, once written. */
  readonly known: number[];
}

const widthOf = (most: number): number => 32 - Math.clz32(most);

class Search {
  private readonly rows: readonly Row[];
  private readonly costs: Costs;
  private readonly inputs: number;
  // Reused at every level: what they hold is read before the next one is looked at.
  private readonly keys: Int32Array;
  private readonly order: Int32Array;

  constructor(rows: readonly Row[], style: AdderStyle) {
    this.rows = rows;
    this.costs = costsOf[style];
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
    const most = new Int32Array(inputs).fill(1);
    return this.grouped(
      { from: 0, end: rows.length, count: inputs, most, signs, known: [] },
      sizes,
    );
  }

  private grouped(level: Level, sizes: readonly number[]): Grouping {
    const { from, end } = level;
    let found: Grouping = {
      cost: this.directCost(level),
      write: (to) => this.writeDirect(level, to),
    };
    for (const together of sizes) {
      // A row by itself shares nothing where its bits count once.
      if (together === 1 && !this.severalDigits(from, end)) continue;
      const parts: Grouping[] = [];
      let cost = 0;
      for (let at = from; at < end; at += together) {
        const part = this.withClasses(level, at, Math.min(end, at + together));
        parts.push(part);
        cost += part.cost;
      }
      if (cost >= found.cost) continue;
      found = {
        cost,
        write: (to) => {
          for (const { write } of parts) write(to);
        },
      };
    }
    return found;
  }

  private severalDigits(from: number, end: number): boolean {
    for (let r = from; r < end; r++) if (this.rows[r].digits > 1) return true;
    return false;
  }

  /** Each column goes into each row's own heap. */
  private directCost({ from, end, count, most, signs }: Level): number {
    let cost = 0;
    for (let r = from, at = 0; r < end; r++) {
      let bits = 0;
      for (let c = 0; c < count; c++, at++) if (signs[at] !== 0) bits += widthOf(most[c]);
      cost += this.costs.perBit * this.rows[r].digits * bits;
    }
    return cost;
  }

  private writeDirect(level: Level, to: Writer): void {
    const { from, end, count, signs } = level;
    for (let c = 0; c < count; c++)
      for (let r = from; r < end; r++) {
        const { output, multiple } = this.rows[r];
        const sign = signs[(r - from) * count + c];
        if (sign !== 0) to.add({ output, source: sourceOf(level, c, to), factor: sign * multiple });
      }
  }

  /** Rows [from, end) of a level with columns of equal signs added up. */
  private withClasses(before: Level, from: number, end: number): Grouping {
    const { keys, order } = this;
    const ordered = this.sortByKeys(before, from, end);
    const sums: number[][] = [];
    const mosts: number[] = [];
    let cost = 0;
    for (let at = 0; at < ordered; ) {
      const key = keys[order[at]];
      const columns: number[] = [];
      let [bits, most] = [0, 0];
      for (; at < ordered && keys[order[at]] === key; at++) {
        const c = order[at];
        columns.push(c);
        bits += widthOf(before.most[c]);
        most += before.most[c];
      }
      const saved = bits - widthOf(most);
      // Two bits added make two bits.
      if (saved < 1 || this.uses(before, columns[0], from, end) < 2)
        for (const c of columns) {
          sums.push([c]);
          mosts.push(before.most[c]);
        }
      else {
        cost += this.costs.sum(before.most, columns, saved);
        sums.push(columns);
        mosts.push(most);
      }
    }
    const level = levelOf(before, from, end, sums, mosts);
    // Half as many rows next: trying every number takes three times as long and saved no LUT where it was tried.
    const half = Math.ceil((end - from) / 2);
    const rest = this.grouped(level, half < end - from ? [half] : []);
    return { cost: cost + rest.cost, write: rest.write };
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
    const starts = new Int32Array(largest + 2);
    for (let c = 0; c < count; c++) {
      keys[c] = Math.max(keys[c], largest - keys[c]);
      starts[keys[c] + 1]++;
    }
    starts[largest / 2 + 1] = 0;
    for (let key = 1; key < starts.length; key++) starts[key] += starts[key - 1];
    const ordered = starts[largest + 1];
    for (let c = 0; c < count; c++) if (keys[c] !== largest / 2) order[starts[keys[c]]++] = c;
    return ordered;
  }

  /** Digits that a bit of the column becomes in heaps of rows [from, end). */
  private uses({ from: first, count, signs }: Level, c: number, from: number, end: number): number {
    let uses = 0;
    for (let r = from; r < end; r++)
      if (signs[(r - first) * count + c] !== 0) uses += this.rows[r].digits;
    return uses;
  }
}

function levelOf(
  before: Level,
  from: number,
  end: number,
  sums: readonly (readonly number[])[],
  mosts: readonly number[],
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
  return { from, end, count, most: Int32Array.from(mosts), signs, sums, before, known: [] };
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

/** What is spent, in full adders or LUT6s. */
interface Costs {
  /** A bit more in a heap of many: an adder takes one away, a counter's two LUTs four. */
  readonly perBit: number;
  /** A sum of its own of some columns, which takes so many bits away. */
  readonly sum: (most: Int32Array, columns: readonly number[], saved: number) => number;
}

const costsOf: Readonly<Record<AdderStyle, Costs>> = {
  // The ends of its ripple: of 0 to 3 what takes the fewest LUTs on random layers of 144 inputs and 16 or 64 outputs.
  gates: { perBit: 1, sum: (_most, _columns, saved) => saved + 3 },
  xc7: {
    perBit: 0.5,
    sum: (most, columns) => {
      const heights: number[] = [];
      for (const c of columns)
        for (let j = 0; j < widthOf(most[c]); j++) heights[j] = (heights[j] ?? 0) + 1;
      return carryChainLuts(heights);
    },
  },
};

/**
 * About how many LUT6s the sum of so many bits per column takes with counters and carry chains: what `sum` does, bits
 * counted alone.
 *
 * @param columns bits of each weight; used up
 */
function carryChainLuts(columns: number[]): number {
  const at = (i: number): number => columns[i] ?? 0;
  let luts = 0;
  const take = (i: number, size: number, outputs: number): void => {
    columns[i] = at(i) - size + 1;
    for (let j = 1; j < outputs; j++) columns[i + j] = at(i + j) + 1;
    // Sum and carry of three share a LUT6.
    luts += outputs - 1;
  };
  while (columns.some((count) => count > 6)) {
    const groups = columns.map((count) => Math.floor(count / 7));
    groups.forEach((count, i) => {
      for (let g = 0; g < count; g++) take(i, 7, 3);
    });
  }
  const first = columns.findIndex((count) => count > 1);
  if (first < 0) return luts;
  for (let i = first; i < columns.length; i++)
    while (at(i) > (i === first ? 5 : 3)) {
      const size = at(i) >= 6 ? 6 : 3;
      take(i, size, size === 6 ? 3 : 2);
    }
  return luts + columns.length - first + 1;
}
