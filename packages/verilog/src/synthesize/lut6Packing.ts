import type { YosysBit, YosysCell, YosysModule } from '../yosys/yosys.ts';

interface Table {
  readonly inputs: readonly YosysBit[];
  readonly output: YosysBit;
}

/** Look-up tables of a module, the LUT6s they take, and the tables on the longest way. */
export interface Packed {
  readonly luts: number;
  readonly sites: number;
  readonly depth: number;
}

/**
 * Count look-up tables and the LUT6s of Xilinx's 7 series that they fit: a LUT6 holds two tables that together have at
 * most five inputs. Pairs are found greedily, those of most common inputs first; a table that feeds a carry chain's
 * select stays alone, and a LUT6_2 is one site already. An estimate: no placer was asked.
 *
 * @param registers a library's cells that hold a bit, beside those named DFF
 */
export function packedSites(
  module: YosysModule,
  registers: ReadonlySet<string> = new Set(),
): Packed {
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
    depth: depthOf(cells, registers),
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

/** Levels of tables or gates, a quarter for each place of a carry chain; whole levels, rounded up. */
function depthOf(cells: readonly YosysCell[], registers: ReadonlySet<string>): number {
  const driver = new Map<YosysBit, number>();
  const isRegister = ({ type }: YosysCell): boolean => /DFF/.test(type) || registers.has(type);
  const reads = cells.map((cell, i) => {
    const inputs: YosysBit[] = [];
    const ends = isRegister(cell);
    for (const [port, bits] of Object.entries(cell.connections))
      if (isOutput(cell, port)) for (const bit of bits) driver.set(bit, i);
      else if (!ends) inputs.push(...bits);
    return inputs;
  });
  const level = new Float64Array(cells.length).fill(-1);
  const next = new Int32Array(cells.length);
  const onWay = new Uint8Array(cells.length);
  const levelOf = (bit: YosysBit): number => {
    const from = driver.get(bit);
    return from === undefined ? 0 : Math.max(0, level[from]);
  };
  let deepest = 0;
  for (let start = 0; start < cells.length; start++) {
    const stack = level[start] < 0 ? [start] : [];
    while (stack.length > 0) {
      const at = stack[stack.length - 1];
      onWay[at] = 1;
      if (next[at] < reads[at].length) {
        const from = driver.get(reads[at][next[at]++]);
        // A loop can be no more than one through a latch or a module.
        if (from !== undefined && level[from] < 0 && onWay[from] === 0) stack.push(from);
        continue;
      }
      const before = reads[at].reduce<number>((max, bit) => Math.max(max, levelOf(bit)), 0);
      const own = cells[at].type === 'CARRY4' ? 0.25 : isRegister(cells[at]) ? 0 : 1;
      level[at] = before + own;
      deepest = Math.max(deepest, level[at]);
      onWay[at] = 0;
      stack.pop();
    }
  }
  return Math.ceil(deepest);
}

const outputPorts = new Set(['Y', 'O', 'CO', 'O5', 'O6', 'Q', 'ZN', 'Z', 'X']);

const isOutput = (cell: YosysCell, port: string): boolean =>
  cell.port_directions === undefined
    ? outputPorts.has(port)
    : cell.port_directions[port] === 'output';
