import { gateNumber, truthTable, yosysGates } from '../yosys/cells.ts';
import type { YosysBit, YosysCell, YosysModule } from '../yosys/yosys.ts';

/** constant + Σ coefficients[i] · nets[i] + carry · (the adder's carry). */
export interface AdderPart {
  readonly adder: number;
  readonly constant: number;
  readonly nets: readonly number[];
  readonly coefficients: readonly number[];
  readonly carry: number;
}

/** An instance of a primitive: Σ 2^j · outputs[j] = Σ weights[i] · inputs[i], modulo 2^modulus where that is less. */
export interface Counter {
  readonly cell: YosysCell;
  readonly outputs: readonly YosysBit[];
  readonly inputs: readonly YosysBit[];
  readonly weights: readonly number[];
  readonly inverted: readonly boolean[];
}

/** A net without its inversions. */
export interface Root {
  readonly net: number;
  readonly inverted: boolean;
}

const negated = (table: number): number => ~table & 0xff;

/** A net as a function of up to three others: bit r of the table is its value where leaf i has bit i of r. */
interface Cut {
  readonly leaves: readonly number[];
  readonly table: number;
}

/** A net that is another one, as it is or inverted, has no cuts of its own. */
const isWire = ({ type }: YosysCell): boolean => type === '$_NOT_' || type === '$_BUF_';

const maxCuts = 12;

/**
 * Gates of a module seen as adders. A net that is the parity or the majority of three others is linear in them and in
 * one carry t: a ⊕ b ⊕ c = a + b + c − 2t, maj(¬a, b, c) = b + c − t, and so for each inversion; of two nets, with
 * t = a ∧ b, every gate is. What a net is comes of its gates' truth tables, whoever wrote them.
 */
export class AdderGraph {
  private readonly drivers = new Map<number, YosysCell>();
  private readonly roots = new Map<number, Root>();
  private readonly cuts = new Map<number, readonly Cut[]>();
  private readonly withCarry = new Set<string>();
  private readonly numbers = new Map<string, number>();
  private readonly parts = new Map<number, AdderPart | undefined>();
  private readonly ranks = new Map<number, number>();
  private readonly counterOf = new Map<number, Counter>();
  private readonly order: number[] = [];
  private readonly facts = new Map<string, boolean>();
  private readonly linear = new Map<number, Linear | undefined>();

  /** @param wanted nets whose logic matters */
  constructor(module: YosysModule, counters: readonly Counter[], wanted: readonly YosysBit[]) {
    for (const counter of counters)
      for (const bit of counter.outputs)
        if (typeof bit === 'number') this.counterOf.set(bit, counter);
    for (const cell of Object.values(module.cells)) {
      const y = cell.connections.Y?.[0];
      const known = gateNumber(cell.type) !== undefined;
      if (known && typeof y === 'number') this.drivers.set(y, cell);
    }
    this.sort(wanted);
    for (const net of this.order) this.cutsOf(net);
    for (const net of this.order) this.part(net);
  }

  /** A bit's net behind its inverters and buffers; undefined of a constant. */
  root(bit: number): Root {
    const cached = this.roots.get(bit);
    if (cached !== undefined) return cached;
    const chain: number[] = [];
    let net = bit;
    let flips = 0;
    for (let cell = this.drivers.get(net); cell !== undefined; cell = this.drivers.get(net)) {
      const next = cell.connections.A?.[0];
      if (!isWire(cell) || typeof next !== 'number') break;
      chain.push(net);
      if (cell.type === '$_NOT_') flips ^= 1;
      net = next;
    }
    const root = { net, inverted: flips === 1 };
    this.roots.set(bit, root);
    return root;
  }

  /** What a net adds; undefined for one that comes from outside or is none of an adder. */
  partOf(net: number): AdderPart | undefined {
    return this.parts.get(net);
  }

  counter(net: number): Counter | undefined {
    return this.counterOf.get(net);
  }

  /** How many adders lie before a net. */
  rank(net: number): number {
    return this.ranks.get(net) ?? 0;
  }

  /** Settle a question about the graph once. */
  settled(question: string, answer: () => boolean): boolean {
    let cached = this.facts.get(question);
    if (cached === undefined) {
      cached = answer();
      this.facts.set(question, cached);
    }
    return cached;
  }

  /** Nets that gates or counters drive, each after those it depends on. */
  private sort(wanted: readonly YosysBit[]): void {
    const state = new Map<number, 1 | 2>();
    for (const start of wanted) {
      if (typeof start !== 'number') continue;
      const stack = [start];
      while (stack.length > 0) {
        const net = stack[stack.length - 1];
        const before = state.get(net);
        if (before === undefined) {
          state.set(net, 1);
          for (const bit of this.reads(net))
            if (typeof bit === 'number' && !state.has(bit)) stack.push(bit);
          continue;
        }
        stack.pop();
        if (before === 2) continue;
        state.set(net, 2);
        if (this.drivers.has(net) || this.counterOf.has(net)) this.order.push(net);
      }
    }
  }

  private reads(net: number): readonly YosysBit[] {
    const counter = this.counterOf.get(net);
    if (counter !== undefined) return counter.inputs;
    const cell = this.drivers.get(net);
    return cell === undefined
      ? []
      : ['A', 'B', 'S'].flatMap((port) => cell.connections[port] ?? []);
  }

  private cutsOf(net: number): void {
    const cell = this.drivers.get(net);
    const gate = cell === undefined ? undefined : gateNumber(cell.type);
    if (cell === undefined || gate === undefined || isWire(cell)) return;
    const table = truthTable(gate);
    let found: Operands[] = [{ leaves: [], inputs: [] }];
    for (const port of yosysGates[gate].ports) {
      const choices = this.choices(cell.connections[port][0]);
      found = found.flatMap(({ leaves, inputs }) =>
        choices.flatMap((choice) => {
          const all = [...new Set([...leaves, ...choice.leaves])].sort((x, y) => x - y);
          return all.length > 3 ? [] : [{ leaves: all, inputs: [...inputs, choice] }];
        }),
      );
    }
    const kept = distinct(found.map((each) => composed(each, table))).slice(0, maxCuts);
    this.cuts.set(net, kept);
    for (const { leaves, table } of kept)
      if (Math.abs(this.linearOf(leaves.length, table)?.carry ?? 0) === 1)
        this.withCarry.add(leaves.join());
  }

  /** Ways to see an operand: as itself, or as what its gates make of others. */
  private choices(bit: YosysBit): readonly Cut[] {
    if (typeof bit !== 'number') return [{ leaves: [], table: bit === '1' ? 0xff : 0 }];
    const { net, inverted } = this.root(bit);
    const itself = { leaves: [net], table: 0xaa };
    const all = [itself, ...(this.cuts.get(net) ?? [])];
    return inverted ? all.map(({ leaves, table }) => ({ leaves, table: negated(table) })) : all;
  }

  private part(net: number): void {
    const counter = this.counterOf.get(net);
    if (counter !== undefined) {
      const before = counter.inputs.map((bit) =>
        typeof bit === 'number' ? this.rank(this.root(bit).net) : 0,
      );
      this.ranks.set(net, 1 + Math.max(0, ...before));
      return;
    }
    const options = (this.cuts.get(net) ?? []).flatMap((cut) => {
      const linear = this.linearOf(cut.leaves.length, cut.table);
      return linear === undefined ? [] : [{ cut, linear, worth: this.worth(cut, linear.carry) }];
    });
    if (options.length === 0) return;
    const { cut, linear } = options.reduce((a, b) => (b.worth > a.worth ? b : a));
    const key = cut.leaves.join();
    const adder = this.numbers.get(key) ?? this.numbers.size;
    this.numbers.set(key, adder);
    this.parts.set(net, { adder, nets: cut.leaves, ...linear });
    this.ranks.set(net, 1 + Math.max(0, ...cut.leaves.map((leaf) => this.rank(leaf))));
  }

  /** The same as `solved`, each table once. */
  private linearOf(leaves: number, table: number): Linear | undefined {
    const key = 256 * leaves + table;
    if (!this.linear.has(key)) this.linear.set(key, solved(leaves, table));
    return this.linear.get(key);
  }

  /** A carry shows an adder; a parity belongs to the one whose carry is there. */
  private worth({ leaves }: Cut, carry: number): number {
    if (carry === 0) return 10;
    if (Math.abs(carry) === 1) return leaves.length;
    return this.withCarry.has(leaves.join()) ? 4 + leaves.length : leaves.length - 2;
  }
}

/** Operands on their way to being put into a gate. */
interface Operands {
  readonly leaves: readonly number[];
  readonly inputs: readonly Cut[];
}

function composed({ leaves, inputs }: Operands, gate: number): Cut {
  let table = 0;
  for (let row = 0; row < 8; row++) {
    let index = 0;
    inputs.forEach((input, i) => {
      let own = 0;
      input.leaves.forEach((leaf, j) => {
        own |= ((row >> leaves.indexOf(leaf)) & 1) << j;
      });
      index |= ((input.table >> own) & 1) << i;
    });
    table |= ((gate >> index) & 1) << row;
  }
  return { leaves, table };
}

function distinct(cuts: readonly Cut[]): Cut[] {
  const seen = new Map<string, Cut>();
  for (const cut of cuts) seen.set(cut.leaves.join(), cut);
  return [...seen.values()].sort((a, b) => b.leaves.length - a.leaves.length);
}

interface Linear {
  readonly constant: number;
  readonly coefficients: readonly number[];
  readonly carry: number;
}

/** A table as constant + Σ coefficients · leaves + carry · t, where it is of that form. */
function solved(leaves: number, table: number): Linear | undefined {
  const at = (row: number): number => (table >> row) & 1;
  const constant = at(0);
  const coefficients = Array.from({ length: leaves }, (_, i) => at(1 << i) - constant);
  const carried = (row: number): number =>
    leaves === 2 ? (row === 3 ? 1 : 0) : leaves === 3 && [3, 5, 6, 7].includes(row) ? 1 : 0;
  const plain = (row: number): number =>
    coefficients.reduce((sum, k, i) => sum + k * ((row >> i) & 1), constant);
  const carry = leaves < 2 ? 0 : at(3) - plain(3);
  for (let row = 0; row < 1 << leaves; row++)
    if (at(row) !== plain(row) + carry * carried(row)) return undefined;
  return { constant, coefficients, carry };
}
