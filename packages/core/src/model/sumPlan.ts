import type { IntegerWeights } from './integerModel.ts';
import { weightValues } from './integerModel.ts';

/** How sums are made: of LUT6 counters and carry chains, or of full and half adders. */
export type AdderStyle = 'xc7' | 'gates';

/** One row of ±1 and 0 over the inputs, which counts `multiple` times in output `output`. */
interface Row {
  readonly output: number;
  readonly multiple: number;
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
        return { output: o, multiple: ks[scalePer === 'tensor' ? 0 : from + o], signs };
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
          ...{ most: 1, source: () => i },
          signs: Int8Array.from(rows, ({ signs }) => signs[i]),
        }),
      );
      return planned(rows, columns, mostTogether, costs);
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
      if (members > 0) pool.push({ output: o, multiple: 2 ** place, signs });
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

const mostTogether = 7;

/** What is written of a plan. */
interface Writer {
  /** @returns the source that the class is from then on */
  class(terms: Class): number;
  add(addition: Addition): void;
}

/** A source on its way into rows: its sign in each, and its largest value less its smallest when an input is one bit. */
interface Column {
  readonly signs: Int8Array;
  readonly most: number;
  readonly source: (to: Writer) => number;
}

interface Plan {
  readonly cost: number;
  readonly write: (to: Writer) => void;
}

/**
 * The grouping of rows that leaves the fewest bits to add. Rows are taken a few at a time; columns of equal signs in
 * them are added up first, and the sums are columns of the same question with fewer rows at a time.
 */
function planned(
  rows: readonly Row[],
  columns: readonly Column[],
  mostRows: number,
  costs: Costs,
): Plan {
  let found = direct(rows, columns, costs);
  for (let together = 1; together <= Math.min(mostRows, rows.length); together++) {
    const parts: Plan[] = [];
    for (let at = 0; at < rows.length; at += together)
      parts.push(withClasses(rows, columns, at, Math.min(rows.length, at + together), costs));
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
function direct(rows: readonly Row[], columns: readonly Column[], { perBit }: Costs): Plan {
  let cost = 0;
  for (const { signs, most } of columns)
    signs.forEach((sign, r) => {
      if (sign !== 0) cost += perBit * widthOf(most) * digitCount(rows[r].multiple);
    });
  const write = (to: Writer): void => {
    for (const { signs, source } of columns) {
      if (signs.every((sign) => sign === 0)) continue;
      const from = source(to);
      signs.forEach((sign, r) => {
        const { output, multiple } = rows[r];
        if (sign !== 0) to.add({ output, source: from, factor: sign * multiple });
      });
    }
  };
  return { cost, write };
}

/** Rows [from, end) with columns of equal signs added up. */
function withClasses(
  rows: readonly Row[],
  columns: readonly Column[],
  from: number,
  end: number,
  costs: Costs,
): Plan {
  const own = rows.slice(from, end);
  const left: Column[] = [];
  let cost = 0;
  for (const members of classesOf(columns, from, end)) {
    const signs = members[0].signs.map((sign) => sign * members[0].first);
    const uses = signs.reduce(
      (sum, sign, r) => sum + (sign === 0 ? 0 : digitCount(own[r].multiple)),
      0,
    );
    const bits = members.reduce((sum, { most }) => sum + widthOf(most), 0);
    const most = members.reduce((sum, one) => sum + one.most, 0);
    const saved = bits - widthOf(most);
    // Two bits added make two bits.
    if (uses < 2 || saved < 1) {
      left.push(...members);
      continue;
    }
    cost += costs.sum(
      members.map((one) => widthOf(one.most)),
      saved,
    );
    let known: number | undefined;
    const source = (to: Writer): number => {
      known ??= to.class(members.map((one) => ({ source: one.source(to), sign: one.first })));
      return known;
    };
    left.push({ signs, most, source });
  }
  const rest = planned(own, left, end - from - 1, costs);
  return { cost: cost + rest.cost, write: rest.write };
}

/** Group columns by their signs in rows [from, end), up to a common sign. */
function classesOf(
  columns: readonly Column[],
  from: number,
  end: number,
): (Column & { readonly first: number })[][] {
  const byKey = new Map<number, (Column & { first: number })[]>();
  for (const { signs, most, source } of columns) {
    let key = 0;
    let first = 0;
    for (let r = from; r < end; r++) {
      if (first === 0) first = signs[r];
      key = 3 * key + 1 + signs[r] * first;
    }
    if (first === 0) continue;
    const own = signs.subarray(from, end);
    const column = { signs: own, most, source, first };
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [column]);
    else list.push(column);
  }
  return [...byKey.values()];
}

/** What is spent, in full adders or LUT6s. */
interface Costs {
  /** A bit more in a heap of many: an adder takes one away, a counter's two LUTs four. */
  readonly perBit: number;
  /** A sum of its own: of numbers of these widths, which takes so many bits away. */
  readonly sum: (widths: readonly number[], saved: number) => number;
}

const lutsByColumns = new Map<string, number>();

const costsOf: Readonly<Record<AdderStyle, Costs>> = {
  // The ends of its ripple: of 0 to 3 what takes the fewest LUTs on random layers of 144 inputs and 16 or 64 outputs.
  gates: { perBit: 1, sum: (_, saved) => saved + 3 },
  xc7: {
    perBit: 0.5,
    sum: (widths) => {
      const columns: number[] = [];
      for (const width of widths)
        for (let j = 0; j < width; j++) columns[j] = (columns[j] ?? 0) + 1;
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
