import { gateOf } from '../yosys/cells.ts';
import type { YosysBit, YosysCell } from '../yosys/yosys.ts';
import { counterOf, type FlatModule, outputPorts, readsOf } from './netlist.ts';

/**
 * Write the gates that some bits depend on, numbered in the order in which they are met: equal logic of other inputs is
 * the same text. Counters, proved by themselves, are the sums that they make.
 */
export function logicOf(
  { cells }: FlatModule,
  places: ReadonlyMap<YosysBit, string>,
  bits: readonly YosysBit[],
): { readonly lines: readonly string[]; readonly bits: readonly string[] } {
  const drivers = new Map<YosysBit, YosysCell>();
  for (const cell of cells)
    for (const port of outputPorts(cell))
      for (const bit of cell.connections[port] ?? []) drivers.set(bit, cell);
  const names = new Map<YosysBit, string>(places);
  const lines: string[] = [];
  const text = (bit: YosysBit): string =>
    typeof bit === 'number' ? (names.get(bit) ?? '') : `1'b${bit}`;
  const write = (cell: YosysCell): void => {
    const n = lines.length;
    const counter = counterOf(cell);
    if (counter === undefined) {
      const [a, b, s] = ['A', 'B', 'S'].map((port) => text(cell.connections[port]?.[0] ?? '0'));
      lines.push(`wire n${n} = ${gateOf(cell.type)?.verilog(a, b, s)};`);
      names.set(cell.connections.Y[0], `n${n}`);
      return;
    }
    const { outputs, inputs, weights, inverted } = counter;
    const width = outputs.length;
    const terms = inputs.map((bit, i) => {
      const weight = weights[i] % 2 ** width;
      return `((${text(bit)} ^ 1'b${inverted[i] ? 1 : 0}) ? ${width}'d${weight} : ${width}'d0)`;
    });
    lines.push(`wire [${width - 1}:0] n${n} = ${terms.join(' + ')};`);
    outputs.forEach((bit, j) => {
      names.set(bit, `n${n}[${j}]`);
    });
  };
  for (const start of bits) {
    const stack = [start];
    for (let bit = stack.at(-1); bit !== undefined; bit = stack.at(-1)) {
      const cell = drivers.get(bit);
      const missing =
        names.has(bit) || cell === undefined
          ? []
          : (readsOf(cell) ?? []).filter((read) => typeof read === 'number' && !names.has(read));
      if (missing.length > 0) {
        stack.push(...missing.reverse());
        continue;
      }
      stack.pop();
      if (cell !== undefined && !names.has(bit)) write(cell);
    }
  }
  return { lines, bits: bits.map(text) };
}
