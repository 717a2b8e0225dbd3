import type { Fabric } from '@hbnn/circuit';
import { tournamentAreas, tournamentCounts, tournamentWidths } from './measuredParts.ts';

type Table = readonly (readonly number[])[];

/**
 * The middle between the least table above and the greatest below that never fall: synthesis is off by a few gates
 * either way, and an estimate should not be.
 */
function smoothed(table: Table): number[][] {
  const below = table.map((row) => [...row]);
  const above = table.map((row) => [...row]);
  for (let i = 0; i < table.length; i++)
    for (let j = 0; j < table[i].length; j++)
      above[i][j] = Math.max(above[i][j], above[i - 1]?.[j] ?? 0, above[i][j - 1] ?? 0);
  for (let i = table.length - 1; i >= 0; i--)
    for (let j = table[i].length - 1; j >= 0; j--) {
      const [next, right] = [below[i + 1]?.[j], below[i][j + 1]];
      below[i][j] = Math.min(below[i][j], next ?? below[i][j], right ?? below[i][j]);
    }
  return above.map((row, i) => row.map((max, j) => (max + below[i][j]) / 2));
}

const tables: Readonly<Record<Fabric, Table>> = {
  lut6: smoothed(tournamentAreas.lut6),
  lut4: smoothed(tournamentAreas.lut4),
  gates: smoothed(tournamentAreas.gates),
  adders: smoothed(tournamentAreas.adders),
};

/** Where a number lies among ascending ones: after which, and how far to the next. */
function placeOf(value: number, among: readonly number[]): { at: number; part: number } {
  let at = 0;
  while (at + 2 < among.length && among[at + 1] <= value) at++;
  return { at, part: (value - among[at]) / (among[at + 1] - among[at]) };
}

const last = (list: readonly number[]): number => list[list.length - 1];

/**
 * Area of the choice of the largest of some scores, LUTs or gate equivalents: synthesized for a grid of them, with straight
 * lines between; beyond it in proportion to the matches and to the bits.
 *
 * @param width bits of a score in two's complement
 */
export function tournamentArea(circuit: Fabric, scores: number, width: number): number {
  if (scores < 2 || width < 1) return 0;
  const [maxScores, maxWidth] = [last(tournamentCounts), last(tournamentWidths)];
  if (scores > maxScores)
    return (tournamentArea(circuit, maxScores, width) * (scores - 1)) / (maxScores - 1);
  if (width > maxWidth) return (tournamentArea(circuit, scores, maxWidth) * width) / maxWidth;
  const table = tables[circuit];
  const row = placeOf(scores, tournamentCounts);
  const column = placeOf(width, tournamentWidths);
  const along = (i: number): number =>
    table[i][column.at] + column.part * (table[i][column.at + 1] - table[i][column.at]);
  return along(row.at) + row.part * (along(row.at + 1) - along(row.at));
}
