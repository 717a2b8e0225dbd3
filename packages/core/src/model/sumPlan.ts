import type { IntegerWeights } from './integerModel.ts';
import { weightValues } from './integerModel.ts';

/** How sums are made: of LUT6 and CARRY4 primitives, or of full and half adders as plain gates. */
export type AdderStyle = 'xc7' | 'gates';

/** One row of ±1 and 0 over the inputs, which counts `multiple` times in output `output`. */
interface Row {
  readonly output: number;
  readonly multiple: number;
  /** Signed digits of the multiple: bits that a bit becomes in a heap. */
  readonly digits: number;
  readonly signs: Int8Array;
}

/** What a sum takes: an input, or a class by its number less the inputs' count; added or subtracted. */
interface Term {
  readonly source: number;
  readonly sign: number;
}

/** Sources that some rows take with the same signs or all with the opposite ones: added up once for all of them. */
type Class = readonly Term[];

/** A source that counts `factor` times in an output. */
interface Addition {
  readonly output: number;
  readonly source: number;
  readonly factor: number;
}

/** What one site of a layer adds up: some outputs' weights of some inputs, and how they are put together. */
export interface SumPlan {
  readonly outputs: number;
  readonly inputs: number;
  /** [outputs, inputs]. */
  readonly values: Int16Array;
  /** Each takes inputs and classes before it. */
  readonly classes: readonly Class[];
  readonly additions: readonly Addition[];
  /** About how many adders it takes when each input is one bit. */
  readonly adders: number;
}

/** Which of a layer's weights a matrix has: outputs from one on, and places in each output's row. */
export interface SumPart {
  readonly from: number;
  readonly outputs: number;
  readonly taps: ArrayLike<number>;
}

/** Take a part of a layer's weights and find the grouping that leaves the fewest bits to add. */
export function planSums(
  weights: IntegerWeights,
  { from, outputs, taps }: SumPart,
  style: AdderStyle,
): SumPlan {
  const costs = costsOf[style];
  const row = weights.shape.slice(1).reduce((product, n) => product * n, 1);
  const all = weightValues(weights);
  const inputs = taps.length;
  const values = new Int16Array(outputs * inputs);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) values[o * inputs + i] = all[(from + o) * row + taps[i]];
  const found = [grouped(digitPools(values, outputs, inputs), costs)];
  if (weights.kind === 'planes') {
    const { multiples, bits, signs: bytes, scalePer } = weights;
    const pools = multiples.map((ks, n) =>
      Array.from({ length: outputs }, (_, o): Row => {
        const signs = new Int8Array(inputs);
        for (let i = 0; i < inputs; i++) {
          const at = (from + o) * row + taps[i];
          if (bits[at] > n) signs[i] = (bytes[at] >> n) & 1 ? 1 : -1;
        }
        const multiple = ks[scalePer === 'tensor' ? 0 : from + o];
        return { output: o, multiple, digits: digitCount(multiple), signs };
      }).filter(({ multiple }) => multiple !== 0),
    );
    found.unshift(grouped(pools, costs));
  }
  const plan = found.reduce((a, b) => (b.cost < a.cost ? b : a));
  const classes: Class[] = [];
  const additions: Addition[] = [];
  for (const write of plan.writes)
    write({
      class: (terms) => inputs + classes.push(terms) - 1,
      add: (addition) => additions.push(addition),
    });
  return { outputs, inputs, values, classes, additions, adders: plan.cost };
}

function grouped(
  pools: readonly (readonly Row[])[],
  costs: Costs,
): {
  readonly writes: Plan['write'][];
  readonly cost: number;
} {
  const each = pools
    .filter((pool) => pool.length > 0)
    .map((rows) => {
      const columns = Array.from(
        rows[0].signs,
        (_, i): Column => ({
          ...{ most: 1, first: 0, source: () => i },
          signs: Int8Array.from(rows, ({ signs }) => signs[i]),
        }),
      );
      return planned({ rows, from: 0, end: rows.length }, columns, firstSizes, costs);
    });
  return {
    writes: each.map(({ write }) => write),
    cost: each.reduce((sum, { cost }) => sum + cost, 0),
  };
}

/** Signed digits of whole weights, no two neighbours: one row per output and place. */
function digitPools(values: Int16Array, outputs: number, inputs: number): Row[][] {
  const places = 13;
  const pools: Row[][] = [];
  for (let place = 0; place < places; place++) {
    const pool: Row[] = [];
    for (let o = 0; o < outputs; o++) {
      const signs = new Int8Array(inputs);
      let members = 0;
      for (let i = 0; i < inputs; i++) {
        signs[i] = digitAt(values[o * inputs + i], place);
        if (signs[i] !== 0) members++;
      }
      if (members > 0) pool.push({ output: o, multiple: 2 ** place, digits: 1, signs });
    }
    if (pool.length > 0) pools.push(pool);
  }
  return pools;
}

/** Digit of the form without neighbouring digits: of v, those of 3v ^ v. */
function digitAt(value: number, place: number): number {
  const magnitude = Math.abs(value);
  const tripled = 3 * magnitude;
  const digit = (((tripled >> 1) & ~(magnitude >> 1)) >> place) & 1;
  const minus = (((magnitude >> 1) & ~(tripled >> 1)) >> place) & 1;
  return value < 0 ? minus - digit : digit - minus;
}

/** Digits of a multiple in a bit heap. */
function digitCount(multiple: number): number {
  const tripled = 3 * multiple;
  let differing = tripled ^ multiple;
  let count = 0;
  for (; differing !== 0; differing &= differing - 1) count++;
  return count;
}

/** Rows taken together: of a whole matrix, where each is tried. */
const firstSizes = [1, 2, 3, 4, 5];

/** What is written of a plan. */
interface Writer {
  /** @returns the source that the class is from then on */
  class(terms: Class): number;
  add(addition: Addition): void;
}

/** A source on its way into rows: its largest value less its smallest when an input is one bit, and its signs. */
interface Column {
  /** In row `first` and those that follow it. */
  readonly signs: Int8Array;
  readonly first: number;
  readonly most: number;
  readonly source: (to: Writer) => number;
}

const signOf = ({ signs, first }: Column, row: number): number => signs[row - first];

interface Plan {
  readonly cost: number;
  readonly write: (to: Writer) => void;
}

/** Some of a pool's rows, [from, end). */
interface Span {
  readonly rows: readonly Row[];
  readonly from: number;
  readonly end: number;
}

/**
 * The grouping of rows that leaves the fewest bits to add. Rows are taken a few at a time; columns of equal signs in
 * them are added up first, and the sums are columns of the same question with fewer rows at a time.
 */
function planned(
  span: Span,
  columns: readonly Column[],
  sizes: readonly number[],
  costs: Costs,
): Plan {
  const { from, end } = span;
  let found = direct(span, columns, costs);
  for (const together of sizes) {
    if (together > end - from) continue;
    const parts: Plan[] = [];
    for (let at = from; at < end; at += together) {
      const part = { ...span, from: at, end: Math.min(end, at + together) };
      parts.push(withClasses(part, columns, costs));
    }
    const cost = parts.reduce((sum, part) => sum + part.cost, 0);
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

const widthOf = (most: number): number => 32 - Math.clz32(most);

/** Each column goes into each row's own heap. */
function direct({ rows, from, end }: Span, columns: readonly Column[], { perBit }: Costs): Plan {
  let cost = 0;
  for (let r = from; r < end; r++) {
    const each = perBit * rows[r].digits;
    for (const column of columns) if (signOf(column, r) !== 0) cost += each * widthOf(column.most);
  }
  const write = (to: Writer): void => {
    for (const column of columns)
      for (let r = from; r < end; r++) {
        const { output, multiple } = rows[r];
        const sign = signOf(column, r);
        if (sign !== 0) to.add({ output, source: column.source(to), factor: sign * multiple });
      }
  };
  return { cost, write };
}

/** Rows with columns of equal signs added up. */
function withClasses(span: Span, columns: readonly Column[], costs: Costs): Plan {
  const { rows, from, end } = span;
  const left: Column[] = [];
  let cost = 0;
  for (const members of classesOf(span, columns)) {
    const [leader] = members;
    let [uses, bits, most] = [0, 0, 0];
    for (let r = from; r < end; r++) if (signOf(leader, r) !== 0) uses += rows[r].digits;
    for (const one of members) {
      bits += widthOf(one.most);
      most += one.most;
    }
    const saved = bits - widthOf(most);
    // Two bits added make two bits.
    if (uses < 2 || saved < 1) {
      for (const one of members) left.push(one);
      continue;
    }
    cost += costs.sum(members, saved);
    const sign = firstSign(leader, from, end);
    const signs = Int8Array.from({ length: end - from }, (_, i) => sign * signOf(leader, from + i));
    let known: number | undefined;
    const source = (to: Writer): number => {
      known ??= to.class(
        members.map((one) => ({ source: one.source(to), sign: firstSign(one, from, end) })),
      );
      return known;
    };
    left.push({ signs, first: from, most, source });
  }
  // Half as many rows next: trying every number takes three times as long and saved no LUT where it was tried.
  const half = Math.ceil((end - from) / 2);
  const rest = planned(span, left, half < end - from ? [half] : [], costs);
  return { cost: cost + rest.cost, write: rest.write };
}

/** The sign in the first row that takes the column; 0 when none does. */
function firstSign(column: Column, from: number, end: number): number {
  for (let r = from; r < end; r++) {
    const sign = signOf(column, r);
    if (sign !== 0) return sign;
  }
  return 0;
}

/** Group columns by their signs in a span's rows, up to a common sign. */
function classesOf({ from, end }: Span, columns: readonly Column[]): Column[][] {
  // Three to the fifth keys at most.
  const byKey: Column[][] = [];
  for (const column of columns) {
    const { signs } = column;
    const [start, stop] = [from - column.first, end - column.first];
    let key = 0;
    let first = 0;
    for (let r = start; r < stop; r++) {
      if (first === 0) first = signs[r];
      key = 3 * key + 1 + signs[r] * first;
    }
    if (first === 0) continue;
    const list = byKey[key];
    if (list === undefined) byKey[key] = [column];
    else list.push(column);
  }
  return byKey.filter((list) => list !== undefined);
}

/** What is spent, in full adders or LUT6s. */
interface Costs {
  /** A bit more in a heap of many: an adder takes one away, a counter's two LUTs four. */
  readonly perBit: number;
  /** A sum of its own, which takes so many bits away. */
  readonly sum: (members: readonly Column[], saved: number) => number;
}

const lutsByColumns = new Map<string, number>();

const costsOf: Readonly<Record<AdderStyle, Costs>> = {
  // The ends of its ripple: of 0 to 3 what takes the fewest LUTs on random layers of 144 inputs and 16 or 64 outputs.
  gates: { perBit: 1, sum: (_, saved) => saved + 3 },
  xc7: {
    perBit: 0.5,
    sum: (members) => {
      const columns: number[] = [];
      for (const { most } of members)
        for (let j = 0; j < widthOf(most); j++) columns[j] = (columns[j] ?? 0) + 1;
      const key = columns.join();
      let luts = lutsByColumns.get(key);
      if (luts === undefined) {
        luts = carryChainLuts(columns);
        lutsByColumns.set(key, luts);
      }
      return luts;
    },
  },
};

/**
 * About how many LUT6s the sum of so many bits per column takes with counters and carry chains: what `sum` does, bits
 * counted alone.
 */
function carryChainLuts(bits: readonly number[]): number {
  const columns = [...bits];
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
