import { type Cell, inverted, type Literal, type Netlist, nodeOf } from './netlist.ts';

/** Read a literal among the bits of all nodes: the bit of its node, or the opposite where the literal is inverted. */
export const literalBit = (bits: Uint8Array, literal: Literal): number =>
  bits[nodeOf(literal)] ^ (inverted(literal) ? 1 : 0);

/**
 * Compute the bit of every node of a netlist, at the node's number, from one bit for each input. A register counts as a
 * wire: its bit is the one that goes into it.
 *
 * @param inputs `net.inputCount` bits, 0 or 1
 * @throws RangeError where there are more or fewer bits than inputs, or other numbers
 */
export function netlistBits(net: Netlist, inputs: ArrayLike<number>): Uint8Array {
  if (inputs.length !== net.inputCount)
    throw new RangeError(
      `inputs: expected a bit for each of the ${net.inputCount} inputs of the netlist, got ${inputs.length}`,
    );
  const bits = new Uint8Array(net.size);
  /** What the cells count or add up, which their outputs have bit by bit. */
  const sums = new Map<number, number>();
  const sumOf = (cell: number): number => {
    const known = sums.get(cell);
    if (known !== undefined) return known;
    const sum = cellSum(net.cells[cell], bits);
    sums.set(cell, sum);
    return sum;
  };
  for (let node = 1; node < net.size; node++) bits[node] = nodeBit(net, node, inputs, bits, sumOf);
  return bits;
}

function nodeBit(
  net: Netlist,
  node: number,
  inputs: ArrayLike<number>,
  bits: Uint8Array,
  sumOf: (cell: number) => number,
): number {
  const [a, b, c] = net.operands(node);
  const at = (literal: Literal): number => literalBit(bits, literal);
  const kind = net.kind(node);
  switch (kind) {
    case 'constant':
      return 0;
    case 'input':
      if (inputs[a] !== 0 && inputs[a] !== 1)
        throw new RangeError(`inputs[${a}]: expected the bit 0 or 1, got ${inputs[a]}`);
      return inputs[a];
    case 'and':
      return at(a) & at(b);
    case 'xor':
      return at(a) ^ at(b);
    case 'xor3':
      return at(a) ^ at(b) ^ at(c);
    case 'majority':
      return at(a) + at(b) + at(c) >= 2 ? 1 : 0;
    case 'mux':
      return at(a) === 1 ? at(b) : at(c);
    case 'cell':
      return Math.floor(sumOf(a) / 2 ** b) % 2;
    case 'register':
      return at(a);
    default:
      return kind satisfies never;
  }
}

/** What a counter counts, or an adder adds up: three bits of each column, and two more of the lowest. */
function cellSum({ kind, inputs }: Cell, bits: Uint8Array): number {
  return inputs.reduce((sum, literal, i) => {
    const column = kind === 'add3' && i < inputs.length - 2 ? Math.floor(i / 3) : 0;
    return sum + literalBit(bits, literal) * 2 ** column;
  }, 0);
}
