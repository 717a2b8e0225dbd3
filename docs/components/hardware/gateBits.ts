import { inverted, type Literal, type Netlist, nodeOf } from '@hbnn/circuit';

/** The bit of every node of a netlist, for bits of its inputs. A register has the bit that goes into it. */
export function gateBits(net: Netlist, inputs: Uint8Array): Uint8Array {
  const bits = new Uint8Array(net.size);
  const at = (literal: Literal): number => bits[nodeOf(literal)] ^ (inverted(literal) ? 1 : 0);
  /** What the cells count or add up, which their outputs have bit by bit. */
  const sums = net.cells.map(() => -1);
  const sumOf = (cell: number): number => {
    if (sums[cell] >= 0) return sums[cell];
    const { kind, inputs: read } = net.cells[cell];
    sums[cell] =
      kind === 'count7'
        ? read.reduce((sum, literal) => sum + at(literal), 0)
        : // Three bits of each column, and two more of the lowest.
          read.reduce((sum, literal, i) => {
            const column = i < read.length - 2 ? Math.floor(i / 3) : 0;
            return sum + at(literal) * 2 ** column;
          }, 0);
    return sums[cell];
  };
  for (let node = 1; node < net.size; node++) {
    const [a, b, c] = net.operands(node);
    const kind = net.kind(node);
    switch (kind) {
      case 'constant':
        break;
      case 'input':
        bits[node] = inputs[a];
        break;
      case 'and':
        bits[node] = at(a) & at(b);
        break;
      case 'xor':
        bits[node] = at(a) ^ at(b);
        break;
      case 'xor3':
        bits[node] = at(a) ^ at(b) ^ at(c);
        break;
      case 'majority':
        bits[node] = at(a) + at(b) + at(c) >= 2 ? 1 : 0;
        break;
      case 'mux':
        bits[node] = at(a) === 1 ? at(b) : at(c);
        break;
      case 'cell':
        bits[node] = Math.floor(sumOf(a) / 2 ** b) % 2;
        break;
      case 'register':
        bits[node] = at(a);
        break;
      default:
        return kind satisfies never;
    }
  }
  return bits;
}
