import type { TreeNode } from './hardwareChoice.ts';

/** Passes over the columns: more of them hardly shorten the lines. */
const passes = 6;

/**
 * The row of each node within its column, so that lines are short: each column in turn is sorted by the mean height of
 * what its nodes are wired to, from the sum back to the inputs and then forth.
 */
export function rowsOf(nodes: readonly TreeNode[]): number[] {
  const columns: number[][] = [];
  const wired: number[][] = nodes.map(() => []);
  nodes.forEach(({ level, reads }, i) => {
    columns[level] ??= [];
    columns[level].push(i);
    for (const { node } of reads) {
      wired[i].push(node);
      wired[node].push(i);
    }
  });
  const occupied = columns.filter((column) => column !== undefined);
  const heights = new Float64Array(nodes.length);
  const place = (column: readonly number[]): void =>
    column.forEach((node, row) => {
      heights[node] = (row + 0.5) / column.length;
    });
  const meanOf = (node: number): number =>
    wired[node].reduce((sum, other) => sum + heights[other], 0) / Math.max(1, wired[node].length);
  occupied.forEach(place);
  for (let pass = 0; pass < passes; pass++)
    for (const column of pass % 2 === 0 ? [...occupied].reverse() : occupied) {
      const means = new Map(column.map((node) => [node, meanOf(node)]));
      column.sort((a, b) => (means.get(a) ?? 0) - (means.get(b) ?? 0));
      place(column);
    }
  const rows = new Array<number>(nodes.length).fill(0);
  for (const column of occupied)
    column.forEach((node, row) => {
      rows[node] = row;
    });
  return rows;
}
