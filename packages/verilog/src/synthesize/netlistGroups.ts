import type { YosysBit, YosysCell, YosysModule } from '../yosys/yosys.ts';

/** Cells of a module with the nets that cross their border: `i` comes in, `o` goes out. */
export interface Group {
  readonly module: YosysModule;
  readonly inputs: readonly YosysBit[];
  readonly outputs: readonly YosysBit[];
}

const directions = (cell: YosysCell, port: string): 'input' | 'output' =>
  cell.port_directions?.[port] ?? 'input';

/**
 * Part a module's cells into groups of about so many: outputs in order, each with what it needs and no group before it
 * has; so that neurons which follow one another, and what they share, stay together. Groups only read earlier ones,
 * registers aside.
 */
export function groupsOf(module: YosysModule, maxCells: number): Group[] {
  const cells = Object.values(module.cells);
  const drivers = new Map<YosysBit, number>();
  cells.forEach((cell, i) => {
    for (const [port, bits] of Object.entries(cell.connections))
      if (directions(cell, port) === 'output') for (const bit of bits) drivers.set(bit, i);
  });
  const wanted = Object.values(module.ports)
    .filter(({ direction }) => direction === 'output')
    .flatMap(({ bits }) => bits);
  const parts: YosysCell[][] = [[]];
  const state = new Uint8Array(cells.length);
  const visit = (bit: YosysBit): void => {
    // A group is full where an output ends, or half as many cells later.
    if (parts[parts.length - 1].length >= maxCells) parts.push([]);
    for (const i of conesOf(bit, cells, drivers, state)) {
      if (parts[parts.length - 1].length >= 1.5 * maxCells) parts.push([]);
      parts[parts.length - 1].push(cells[i]);
    }
  };
  for (const bit of wanted) visit(bit);
  // What no output needs, instances without outputs among it, is counted all the same.
  cells.forEach((cell, i) => {
    if (state[i] === 0)
      for (const bits of Object.values(cell.connections)) for (const bit of bits) visit(bit);
  });
  return bordered(
    parts.filter((part) => part.length > 0),
    wanted,
  );
}

/** Cells that a net needs and that were not met before, each after those that drive it. */
function conesOf(
  from: YosysBit,
  cells: readonly YosysCell[],
  drivers: ReadonlyMap<YosysBit, number>,
  state: Uint8Array,
): number[] {
  const order: number[] = [];
  const root = drivers.get(from);
  const stack: { cell: number; reads: YosysBit[] }[] = [];
  const push = (cell: number): void => {
    state[cell] = 1;
    const ports = Object.entries(cells[cell].connections);
    const reads = ports.filter(([port]) => directions(cells[cell], port) === 'input');
    stack.push({ cell, reads: reads.flatMap(([, bits]) => bits) });
  };
  if (root !== undefined && state[root] === 0) push(root);
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const bit = top.reads.pop();
    if (bit === undefined) {
      order.push(top.cell);
      stack.pop();
      continue;
    }
    const driver = drivers.get(bit);
    if (driver !== undefined && state[driver] === 0) push(driver);
  }
  return order;
}

function bordered(parts: readonly (readonly YosysCell[])[], wanted: readonly YosysBit[]): Group[] {
  // Which group drives a net, and which nets are read elsewhere.
  const driver = new Map<YosysBit, number>();
  parts.forEach((part, g) => {
    for (const { port, bits, cell } of connectionsOf(part))
      if (directions(cell, port) === 'output') for (const bit of bits) driver.set(bit, g);
  });
  const crossing = new Set<YosysBit>(wanted);
  const inputs = parts.map((part, g) => {
    const read = new Set<YosysBit>();
    for (const { port, bits, cell } of connectionsOf(part)) {
      if (directions(cell, port) === 'output') continue;
      for (const bit of bits) if (typeof bit === 'number' && driver.get(bit) !== g) read.add(bit);
    }
    for (const bit of read) crossing.add(bit);
    return [...read];
  });
  const outputs: YosysBit[][] = parts.map(() => []);
  for (const bit of crossing) {
    const g = driver.get(bit);
    if (g !== undefined) outputs[g].push(bit);
  }
  return parts.map((part, g) => ({
    inputs: inputs[g],
    outputs: outputs[g],
    module: {
      ports: {
        ...(inputs[g].length > 0 && { i: { direction: 'input', bits: inputs[g] } }),
        ...(outputs[g].length > 0 && { o: { direction: 'output', bits: outputs[g] } }),
      },
      cells: Object.fromEntries(part.map((cell, i) => [`c${i}`, cell])),
      netnames: {},
    },
  }));
}

function* connectionsOf(
  part: readonly YosysCell[],
): Generator<{ port: string; bits: readonly YosysBit[]; cell: YosysCell }> {
  for (const cell of part)
    for (const [port, bits] of Object.entries(cell.connections)) yield { port, bits, cell };
}

/** Put groups together again after each was synthesized by itself: one module with the nets of the first. */
export function joined(
  whole: YosysModule,
  groups: readonly Group[],
  built: readonly YosysModule[],
): YosysModule {
  let next = 1;
  for (const { bits } of Object.values(whole.ports))
    for (const bit of bits) if (typeof bit === 'number') next = Math.max(next, bit + 1);
  for (const { inputs, outputs } of groups)
    for (const bit of [...inputs, ...outputs])
      if (typeof bit === 'number') next = Math.max(next, bit + 1);
  const cells: Record<string, YosysCell> = {};
  // Two outputs of a group that turned out the same, or one that is constant, are one net outside.
  const same = new Map<YosysBit, YosysBit>();
  const resolved = (bit: YosysBit): YosysBit => {
    let at = bit;
    for (let to = same.get(at); to !== undefined; to = same.get(at)) at = to;
    return at;
  };
  groups.forEach(({ inputs, outputs }, g) => {
    const names = new Map<YosysBit, YosysBit>();
    built[g].ports.i?.bits.forEach((bit, n) => {
      names.set(bit, inputs[n]);
    });
    built[g].ports.o?.bits.forEach((bit, n) => {
      const cached = typeof bit === 'number' ? names.get(bit) : bit;
      if (cached === undefined) names.set(bit, outputs[n]);
      else if (cached !== outputs[n]) same.set(outputs[n], cached);
    });
    const at = (bit: YosysBit): YosysBit => {
      if (typeof bit !== 'number') return bit;
      let name = names.get(bit);
      if (name === undefined) {
        name = next++;
        names.set(bit, name);
      }
      return name;
    };
    for (const [name, cell] of Object.entries(built[g].cells))
      cells[`g${g}_${name}`] = rewired(cell, at);
  });
  for (const [name, cell] of Object.entries(cells)) cells[name] = rewired(cell, resolved);
  return { ...whole, cells };
}

function rewired(cell: YosysCell, to: (bit: YosysBit) => YosysBit): YosysCell {
  const ports = Object.entries(cell.connections).map(
    ([port, bits]) => [port, bits.map(to)] as const,
  );
  return { ...cell, connections: Object.fromEntries(ports) };
}
