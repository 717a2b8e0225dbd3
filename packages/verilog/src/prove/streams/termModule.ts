import { yosysGates } from '../../yosys/cells.ts';
import type { YosysBit, YosysCell, YosysModule } from '../../yosys/yosys.ts';
import { counterOf, type FlatModule } from '../netlist.ts';
import { gateOfKind, oneTerm, type Term, type Terms, unknown, zeroTerm } from './terms.ts';

/** Terms as a module without registers, from port x to port y. What is on port x does not show what it is made of. */
export function termModule(
  terms: Terms,
  name: string,
  x: readonly Term[],
  y: readonly Term[],
): FlatModule {
  const ends = new Set(x);
  const bit = (term: Term): YosysBit => (term === zeroTerm ? '0' : term === oneTerm ? '1' : term);
  const written = new Set<object>();
  const cells: YosysCell[] = [];
  for (const term of terms.cone(y, ends)) {
    if (ends.has(term)) continue;
    const use = terms.useOf(term);
    if (use !== undefined) {
      if (written.has(use)) continue;
      written.add(use);
      const { cell, inputs, outputs } = use;
      const [port] = Object.keys(cell.connections).filter((own) => own !== 'x');
      const own = { ...cell, connections: { x: inputs.map(bit), [port]: outputs } };
      cells.push(own);
      continue;
    }
    const gate = gateOfKind[terms.kindOf(term)];
    if (gate === undefined) continue;
    const { type, ports } = yosysGates[gate];
    const operands = terms.operands(term);
    const connections: Record<string, YosysBit[]> = { Y: [term] };
    ports.forEach((port, i) => {
      connections[port] = [bit(operands[i])];
    });
    cells.push({ type, connections });
  }
  return {
    name,
    inputs: { x: x.map(bit) },
    outputs: { y: y.map(bit) },
    cells,
    names: new Map(),
    ...(y.includes(unknown) && { fault: 'an output is not known' }),
  };
}

/** A module with gates in place of its counters, for what computes gates alone. */
export function withoutCounters(module: FlatModule, name: string): YosysModule {
  let next = 1 + highest(module);
  const cells: YosysCell[] = [];
  const gate = (type: string, a: YosysBit, b?: YosysBit): YosysBit => {
    const net = next++;
    const connections = { A: [a], ...(b !== undefined && { B: [b] }), Y: [net] };
    cells.push({ type, connections });
    return net;
  };
  for (const cell of module.cells) {
    const counter = counterOf(cell);
    if (counter === undefined) {
      cells.push(cell);
      continue;
    }
    const { inputs, outputs, weights, inverted } = counter;
    let sum: YosysBit[] = outputs.map(() => '0');
    const add = (bit: YosysBit, from: number): void => {
      let carry = bit;
      sum = sum.map((own, j) => {
        if (j < from) return own;
        const added = gate('$_XOR_', own, carry);
        carry = gate('$_AND_', own, carry);
        return added;
      });
    };
    inputs.forEach((bit, i) => {
      const own = inverted[i] ? gate('$_NOT_', bit) : bit;
      for (let j = 0; j < outputs.length; j++)
        if (Math.floor(weights[i] / 2 ** j) % 2 === 1) add(own, j);
    });
    outputs.forEach((net, j) => {
      cells.push({ type: '$_BUF_', connections: { A: [sum[j]], Y: [net] } });
    });
  }
  return {
    ports: {
      x: { direction: 'input', bits: [...module.inputs.x] },
      y: { direction: 'output', bits: [...module.outputs.y] },
    },
    cells: Object.fromEntries(cells.map((cell, i) => [`${name}_${i}`, cell])),
    netnames: {},
  };
}

function highest({ cells, inputs }: FlatModule): number {
  let most = 2;
  const see = (bits: readonly YosysBit[]): void => {
    for (const bit of bits) if (typeof bit === 'number') most = Math.max(most, bit);
  };
  for (const bits of Object.values(inputs)) see(bits);
  for (const { connections } of cells) for (const bits of Object.values(connections)) see(bits);
  return most;
}
