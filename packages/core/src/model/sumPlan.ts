import type { AdderStyle } from './compression.ts';
import type { IntegerWeights, PlaneWeights } from './integerModel.ts';
import {
  type Addition,
  digitCount,
  type Grouping,
  groupRows,
  type Row,
  type Term,
} from './rowGrouping.ts';

/** Sources that are added up once for all that use them. */
export interface SumClass {
  readonly terms: readonly Term[];
  /** Bits of other heaps that each of its bits becomes. */
  readonly uses: number;
}

/** What one site of a layer adds up: some outputs' weights of some inputs, and how they are put together. */
export interface SumPlan {
  readonly outputs: number;
  readonly inputs: number;
  /** [outputs, inputs]. */
  readonly values: Int16Array;
  /** Each takes inputs and classes before it. */
  readonly classes: readonly SumClass[];
  readonly additions: readonly Addition[];
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
  const inputs = taps.length;
  const planes = weights.kind === 'planes' ? planePools(weights, { from, outputs, taps }) : [];
  const values = new Int16Array(outputs * inputs);
  if (weights.kind === 'planes') {
    for (const { output, multiple, signs } of planes.flat())
      for (let i = 0, at = output * inputs; i < inputs; i++, at++)
        values[at] += multiple * signs[i];
  } else {
    const row = rowLength(weights);
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        values[o * inputs + i] = weights.values[(from + o) * row + taps[i]];
  }
  // The digits of one plane's powers of two are the plane.
  const same = planes.length === 1 && planes[0].every(({ multiple }) => digitCount(multiple) === 1);
  const byDigit = same ? [] : [digitPools(values, outputs, inputs)];
  const plan = (weights.kind === 'planes' ? [planes, ...byDigit] : byDigit)
    .map((pools) => grouped(pools, outputs, style))
    .reduce((a, b) => (b.cost < a.cost ? b : a));
  const terms: (readonly Term[])[] = [];
  const additions: Addition[] = [];
  plan.write({
    class: (of) => inputs + terms.push(of) - 1,
    add: (addition) => additions.push(addition),
  });
  const uses = usesOf(inputs, terms, additions);
  const classes = terms.map((of, c) => ({ terms: of, uses: uses[c] }));
  return { outputs, inputs, values, classes, additions };
}

function usesOf(
  inputs: number,
  classes: readonly (readonly Term[])[],
  additions: readonly Addition[],
): number[] {
  const uses = new Array<number>(classes.length).fill(0);
  for (const terms of classes)
    for (const { source } of terms) if (source >= inputs) uses[source - inputs]++;
  for (const { source, factor } of additions)
    if (source >= inputs) uses[source - inputs] += digitCount(factor);
  return uses;
}

const rowLength = ({ shape }: IntegerWeights): number =>
  shape.slice(1).reduce((product, n) => product * n, 1);

/** One row per output and plane; planes that have nothing in this part are left out. */
function planePools(weights: PlaneWeights, { from, outputs, taps }: SumPart): Row[][] {
  const { multiples, bits, signs: bytes, scalePer } = weights;
  const row = rowLength(weights);
  const inputs = taps.length;
  const pools = multiples.map((ks, n) => {
    const pool: Row[] = [];
    for (let o = 0; o < outputs; o++) {
      const multiple = ks[scalePer === 'tensor' ? 0 : from + o];
      if (multiple === 0) continue;
      const signs = new Int8Array(inputs);
      let members = 0;
      for (let i = 0; i < inputs; i++) {
        const at = (from + o) * row + taps[i];
        if (bits[at] <= n) continue;
        signs[i] = (bytes[at] >> n) & 1 ? 1 : -1;
        members++;
      }
      pool.push({ output: o, multiple, signs, members });
    }
    return pool;
  });
  return pools.filter((pool) => pool.some(({ members }) => members > 0));
}

/** Pools [from, end) taken together. */
interface PoolSpan {
  readonly from: number;
  readonly end: number;
  readonly grouping: Grouping;
}

/**
 * How many rows go together while it is found which pools do, by how many of these: a number that is best or nearly so.
 * Trying every number takes longer and gains little.
 */
const rowsWhileTrying = [4, 4, 6];
/** Of more than twice as many outputs, so many show what is best. */
const outputsTried = 64;

/** Costs that differ by less are the same but for rounding. */
const tie = 1e-6;

/** Pools taken together where that costs less. */
function grouped(
  pools: readonly (readonly Row[])[],
  outputs: number,
  style: AdderStyle,
): Pick<Grouping, 'cost' | 'write'> {
  const few = outputs > 2 * outputsTried;
  const tried = few
    ? pools.map((pool) => pool.filter(({ output }) => output < outputsTried))
    : pools;
  const spans = bestSpans(tried, style);
  return {
    cost: spans.reduce((sum, { grouping }) => sum + grouping.cost, 0),
    write: (to) => {
      for (const { from, end, grouping } of spans) {
        const limit = grouping.cost + tie;
        const better = groupRows(together(tried, from, end), style, { limit });
        const best = better.cost < limit ? better : grouping;
        if (!few) best.write(to);
        else groupRows(together(pools, from, end), style, { sizes: [best.together] }).write(to);
      }
    },
  };
}

/** Each pool with those next to it, a few at most. */
function bestSpans(pools: readonly (readonly Row[])[], style: AdderStyle): readonly PoolSpan[] {
  const best: { readonly cost: number; readonly spans: readonly PoolSpan[] }[] = [
    { cost: 0, spans: [] },
  ];
  for (let end = 1; end <= pools.length; end++)
    for (let from = end - 1; from >= Math.max(0, end - rowsWhileTrying.length); from--) {
      const sizes = [rowsWhileTrying[end - from - 1]];
      // Of the same costs, more pools together leave less to do at last.
      const limit = (best[end]?.cost ?? Number.POSITIVE_INFINITY) - best[from].cost + tie;
      const grouping = groupRows(together(pools, from, end), style, { sizes, limit });
      if (grouping.cost >= limit) continue;
      best[end] = {
        cost: best[from].cost + grouping.cost,
        spans: [...best[from].spans, { from, end, grouping }],
      };
    }
  return best[pools.length].spans;
}

/** Rows by output, so that what an output takes of several pools is combined. */
const together = (pools: readonly (readonly Row[])[], from: number, end: number): Row[] =>
  pools
    .slice(from, end)
    .flat()
    .sort((a, b) => a.output - b.output);

/** Signed digits of whole weights, no two neighbours: one row per output and place. */
function digitPools(values: Int16Array, outputs: number, inputs: number): Row[][] {
  const pools: Row[][] = [];
  for (let o = 0; o < outputs; o++) {
    const own = values.subarray(o * inputs, (o + 1) * inputs);
    let most = 0;
    for (let i = 0; i < inputs; i++) most = Math.max(most, Math.abs(own[i]));
    // 3v has a place more than v, which its highest digit may take.
    for (let place = 0; 2 ** (place + 1) <= 3 * most; place++) {
      const signs = new Int8Array(inputs);
      let members = 0;
      for (let i = 0; i < inputs; i++) {
        signs[i] = digitAt(own[i], place);
        members += signs[i] & 1;
      }
      pools[place] ??= [];
      if (members > 0) pools[place].push({ output: o, multiple: 2 ** place, signs, members });
    }
  }
  return pools.filter((pool) => pool.length > 0);
}

/** Digit of the form without neighbouring digits: of v, those of 3v ^ v. */
function digitAt(value: number, place: number): number {
  const magnitude = Math.abs(value);
  const tripled = 3 * magnitude;
  const digit = (((tripled >> 1) & ~(magnitude >> 1)) >> place) & 1;
  const minus = (((magnitude >> 1) & ~(tripled >> 1)) >> place) & 1;
  return value < 0 ? minus - digit : digit - minus;
}
