import type { AdderStyle } from '../netlist/fabrics.ts';
import type { Pool } from './planeRows.ts';
import { type Grouping, groupRows, type Row, sizesFor } from './rowGrouping.ts';
import type { Columns, SumMemo } from './sumShapes.ts';

/** A way to put pools together: what it takes, about, and how it is made. */
export type Way = Pick<Grouping, 'cost' | 'write'>;

/** What a matrix of so many outputs is made for. */
export interface Matrix {
  readonly outputs: number;
  readonly inputs: number;
  readonly style: AdderStyle;
  readonly memo: SumMemo;
}

/** Outputs that are looked at where a matrix has more than twice as many: they show which way is best. */
const outputsTried = 64;

const shown = ({ outputs }: Matrix): number =>
  outputs > 2 * outputsTried ? outputsTried : outputs;

/**
 * Each pool's rows as columns of their own: an output is one row, and an input so many columns as pools have it, each
 * with its pool's multiple, which is the same in all outputs. Columns of equal signs are added up whatever pool they
 * come from, so that outputs put together one sum of several pools, not one of each.
 *
 * @param limit what is known to be possible: what would take more is given up
 */
export function pooledColumns(
  pools: readonly Pool[],
  matrix: Matrix,
  limit = Number.POSITIVE_INFINITY,
): Way {
  const { rows: all, columns } = rowsOfOutputs(pools, matrix);
  // Neighbours that have about as much in them share more.
  const byMembers = (rows: Row[]): Row[] => rows.sort((a, b) => a.members - b.members);
  const tried = all.filter(({ output }) => output < shown(matrix));
  const best = groupRows({ rows: byMembers(tried), columns }, matrix.style, matrix.memo, { limit });
  if (tried.length === all.length) return best;
  const write: Way['write'] = (to) => {
    const rows = { rows: byMembers(all), columns };
    groupRows(rows, matrix.style, matrix.memo, { sizes: [best.together] }).write(to);
  };
  return { cost: best.cost, write };
}

function rowsOfOutputs(
  pools: readonly Pool[],
  { outputs, inputs }: Matrix,
): { readonly rows: Row[]; readonly columns: Columns } {
  const count = pools.length * inputs;
  const signs = Array.from({ length: outputs }, () => new Int8Array(count));
  const members = new Int32Array(outputs);
  const factors = new Int32Array(count);
  pools.forEach((pool, p) => {
    factors.fill(pool[0].multiple, p * inputs, (p + 1) * inputs);
    for (const row of pool) {
      signs[row.output].set(row.signs, p * inputs);
      members[row.output] += row.members;
    }
  });
  return {
    rows: signs.map((own, output) => ({
      output,
      multiple: 1,
      signs: own,
      members: members[output],
    })),
    columns: { inputs, factors, sources: Int32Array.from(factors, (_, c) => c % inputs) },
  };
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

/** Costs that differ by less are the same but for rounding. */
const tie = 1e-6;

/** Pools by themselves, each output one row of each, or some next to each other together where that costs less. */
export function pooledRows(pools: readonly Pool[], matrix: Matrix): Way {
  const { style, memo, outputs, inputs } = matrix;
  const sources = Int32Array.from({ length: inputs }, (_, i) => i);
  const columns = { inputs, sources, factors: new Int32Array(inputs).fill(1) };
  const few = shown(matrix);
  const tried =
    few < outputs ? pools.map((pool) => pool.filter(({ output }) => output < few)) : pools;
  const spans = bestSpans(tried, columns, matrix).map(({ from, end, grouping }) => {
    const limit = grouping.cost + tie;
    const rows = together(tried, from, end);
    const spans = (size: number): number => Math.ceil(rows.length / size);
    const known = spans(rowsWhileTrying[end - from - 1]);
    const sizes = sizesFor(columns).filter((size) => spans(size) !== known);
    const better = groupRows({ rows, columns }, style, memo, { sizes, limit });
    return { from, end, grouping: better.cost < limit ? better : grouping };
  });
  return {
    cost: spans.reduce((sum, { grouping }) => sum + grouping.cost, 0),
    write: (to) => {
      for (const { from, end, grouping } of spans) {
        if (few === outputs) grouping.write(to);
        else {
          const rows = together(pools, from, end);
          groupRows({ rows, columns }, style, memo, { sizes: [grouping.together] }).write(to);
        }
      }
    },
  };
}

/** Each pool with those next to it, a few at most. */
function bestSpans(
  pools: readonly Pool[],
  columns: Columns,
  { style, memo }: Matrix,
): readonly PoolSpan[] {
  const best: { readonly cost: number; readonly spans: readonly PoolSpan[] }[] = [
    { cost: 0, spans: [] },
  ];
  for (let end = 1; end <= pools.length; end++)
    for (let from = end - 1; from >= Math.max(0, end - rowsWhileTrying.length); from--) {
      const sizes = [rowsWhileTrying[end - from - 1]];
      // Where costs are equal, more planes together leave fewer additions at the end.
      const limit = (best[end]?.cost ?? Number.POSITIVE_INFINITY) - best[from].cost + tie;
      const rows = together(pools, from, end);
      const grouping = groupRows({ rows, columns }, style, memo, { sizes, limit });
      if (grouping.cost >= limit) continue;
      best[end] = {
        cost: best[from].cost + grouping.cost,
        spans: [...best[from].spans, { from, end, grouping }],
      };
    }
  return best[pools.length].spans;
}

/** Rows by output, so that what an output takes of several pools is combined. */
const together = (pools: readonly Pool[], from: number, end: number): Row[] =>
  pools
    .slice(from, end)
    .flat()
    .sort((a, b) => a.output - b.output);
