import type { YosysBit, YosysCell, YosysModule } from '../yosys/yosys.ts';

interface Table {
  readonly inputs: readonly YosysBit[];
  readonly output: YosysBit;
}

/** Look-up tables of a module, and the LUT6s they take. */
export interface Packed {
  readonly luts: number;
  readonly sites: number;
}

/**
 * Count look-up tables and the LUT6s of Xilinx's 7 series that they fit: a LUT6 holds two tables that together have at
 * most five inputs. Pairs are found greedily, those of most common inputs first; a table that feeds a carry chain's
 * select stays alone, and a LUT6_2 is one site already. An estimate: no placer was asked.
 */
export function packedSites(module: YosysModule): Packed {
  const cells = Object.values(module.cells);
  const tables = cells.filter(({ type }) => type === '$lut').map(tableOf);
  const chained = new Set<YosysBit>();
  let fixed = 0;
  for (const { type, connections } of cells) {
    if (type === 'CARRY4') for (const bit of connections.S) chained.add(bit);
    if (type === 'LUT6_2') fixed++;
  }
  const free = tables.filter(({ inputs, output }) => inputs.length <= 5 && !chained.has(output));
  return {
    luts: tables.length + fixed,
    sites: tables.length + fixed - pairs(free),
  };
}

function tableOf({ connections }: YosysCell): Table {
  const inputs = [...new Set(connections.A.filter((bit) => typeof bit === 'number'))];
  return { inputs, output: connections.Y[0] };
}

const maxTogether = 5;
/** Nets read by more tables than this are no sign of a good pair. */
const maxReaders = 64;

function pairs(tables: readonly Table[]): number {
  const readers = new Map<YosysBit, number[]>();
  tables.forEach(({ inputs }, i) => {
    for (const bit of inputs) {
      const list = readers.get(bit);
      if (list === undefined) readers.set(bit, [i]);
      else list.push(i);
    }
  });
  const taken = new Uint8Array(tables.length);
  let found = 0;
  const pair = (i: number, j: number): void => {
    taken[i] = 1;
    taken[j] = 1;
    found++;
  };
  // Most common inputs first: five of the same, then four, down to one.
  for (let common = maxTogether; common >= 1; common--)
    for (let i = 0; i < tables.length; i++) {
      if (taken[i] === 1) continue;
      const other = partner(tables, readers, taken, i, common);
      if (other !== undefined) pair(i, other);
    }
  // What is left has nothing in common: small tables still fit together, 3 + 2 inputs or 2 + 2, 4 + 1.
  const left = [...tables.keys()].filter((i) => taken[i] === 0);
  left.sort((i, j) => tables[j].inputs.length - tables[i].inputs.length);
  for (let low = 0, high = left.length - 1; low < high; low++) {
    if (tables[left[low]].inputs.length + tables[left[high]].inputs.length > maxTogether) continue;
    pair(left[low], left[high--]);
  }
  return found;
}

function partner(
  tables: readonly Table[],
  readers: ReadonlyMap<YosysBit, readonly number[]>,
  taken: Uint8Array,
  i: number,
  common: number,
): number | undefined {
  const { inputs } = tables[i];
  const shared = new Map<number, number>();
  for (const bit of inputs) {
    const list = readers.get(bit) ?? [];
    if (list.length > maxReaders && common < 3) continue;
    for (const j of list) if (j !== i && taken[j] === 0) shared.set(j, (shared.get(j) ?? 0) + 1);
  }
  for (const [j, count] of shared)
    if (count >= common && inputs.length + tables[j].inputs.length - count <= maxTogether) return j;
  return undefined;
}
