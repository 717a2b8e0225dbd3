import { inverted, type Literal, type Netlist, nodeOf } from '@hbnn/circuit';
import { coverOf } from './lutCover.ts';

/** What the logic of a place is made of. */
export interface LogicCounts {
  /** Seven bits that become three, in circuits with carry chains. */
  readonly counters: number;
  /**
   * Three rows that become one: places of carry chains, each a table; and the chains themselves.
   */
  readonly chainPlaces: number;
  readonly chains: number;
  /** Three bits that become two; and two that become two. */
  readonly fullAdders: number;
  readonly halfAdders: number;
  /** Gates beside adders: of two inputs, exclusive ones, choices; and inputs that go out inverted. */
  readonly ands: number;
  readonly xors: number;
  readonly choices: number;
  readonly inverters: number;
  /** Cells of comparisons by themselves: tables, or in gates those of two inputs. */
  readonly comparisons: number;
  /** The area that the choice of the largest score had when it was synthesized. */
  readonly tournament: number;
  /** Tables that gates beside counters and chains need, as few as a search of cuts finds. */
  readonly tables: number;
}

export type Tally = { -readonly [key in keyof LogicCounts]: LogicCounts[key] };

/** What nothing takes. */
export const noLogic: LogicCounts = {
  counters: 0,
  chainPlaces: 0,
  chains: 0,
  fullAdders: 0,
  halfAdders: 0,
  ands: 0,
  xors: 0,
  choices: 0,
  inverters: 0,
  tables: 0,
  comparisons: 0,
  tournament: 0,
};

const names = Object.keys(noLogic) as (keyof LogicCounts)[];

/** Add `times` as much of each. */
export function tallyUp(to: Tally, from: LogicCounts, times = 1): void {
  for (const name of names) to[name] += times * from[name];
}

/**
 * Count a netlist: cells and gates that an output depends on.
 *
 * @param tableInputs of look-up tables; 0 where gates are not mapped to any
 */
export function netlistCounts(net: Netlist, tableInputs: number): LogicCounts {
  const tally: Tally = { ...noLogic };
  const live = net.live();
  const kinds = { and: 0, xor: 0, xor3: 0, majority: 0, mux: 0 };
  for (let node = 1 + net.inputCount; node < net.size; node++) {
    if (live[node] === 0) continue;
    const kind = net.kind(node);
    if (kind in kinds) kinds[kind as keyof typeof kinds]++;
  }
  for (const { kind, inputs, outputs } of net.cells) {
    if (!outputs.some((node) => live[node] === 1)) continue;
    if (kind === 'count7') tally.counters++;
    else {
      tally.chains++;
      // Three rows and two bits more; the last carry takes no table, nor does what nothing reads.
      const read = outputs.findLastIndex((node) => live[node] === 1) + 1;
      tally.chainPlaces += Math.min(read, (inputs.length - 2) / 3 + 1);
    }
  }
  // A sum without its carry, or a carry without its sum, is half of one.
  tally.fullAdders = (kinds.xor3 + kinds.majority) / 2;
  tally.halfAdders = halfAdders(net, live);
  tally.ands = kinds.and - tally.halfAdders;
  tally.xors = kinds.xor - tally.halfAdders;
  tally.choices = kinds.mux;
  const outward = net.outputs.filter((y) => inverted(y) && net.kind(nodeOf(y)) === 'input');
  tally.inverters = new Set(outward).size;
  if (tableInputs > 0) tally.tables = coverOf(net, rootsOf(net, live), tableInputs);
  return tally;
}

/**
 * Inverters that a few gates cannot take in: of inputs that gates read inverted, exclusive ones aside, and of gates that
 * go out both as they are and inverted.
 */
export function invertersOf(net: Netlist): number {
  const live = net.live();
  const found = new Set<Literal>();
  for (let node = 1 + net.inputCount; node < net.size; node++) {
    const kind = net.kind(node);
    if (live[node] === 0 || kind === 'xor' || kind === 'xor3') continue;
    for (const literal of net.reads(node))
      if (inverted(literal) && net.kind(nodeOf(literal)) === 'input') found.add(literal);
  }
  const outward = new Set(net.outputs);
  for (const literal of outward)
    if (inverted(literal) && outward.has(literal ^ 1)) found.add(literal);
  return found.size;
}

/** Pairs of an exclusive and a plain gate of the same two nets. */
function halfAdders(net: Netlist, live: Uint8Array): number {
  const exclusive = new Set<number>();
  let count = 0;
  const each = (kind: 'xor' | 'and', found: (key: number) => void): void => {
    for (let node = 1 + net.inputCount; node < net.size; node++) {
      if (live[node] === 0 || net.kind(node) !== kind) continue;
      const [a, b] = net.operands(node);
      found(nodeOf(a) * net.size + nodeOf(b));
    }
  };
  each('xor', (key) => exclusive.add(key));
  each('and', (key) => {
    // Two plain gates of the same nets are with one exclusive gate once.
    if (exclusive.delete(key)) count++;
  });
  return count;
}

/** What has to be there as a net: outputs and what cells read, inverted where they cannot take it in. */
function rootsOf(net: Netlist, live: Uint8Array): Set<Literal> {
  const roots = new Set<Literal>(net.outputs);
  for (const { kind, inputs, outputs } of net.cells) {
    if (!outputs.some((node) => live[node] === 1)) continue;
    // The last two go past the tables.
    const inTables = kind === 'count7' ? 5 : inputs.length - 2;
    inputs.forEach((input, i) => {
      roots.add(i < inTables && inverted(input) ? input ^ 1 : input);
    });
  }
  for (let node = 1; node < net.size; node++)
    if (live[node] === 1 && net.kind(node) === 'register') roots.add(net.operands(node)[0]);
  for (const literal of roots) {
    const kind = net.kind(nodeOf(literal));
    // Constants, and inputs, sums and registers as they are, take nothing.
    const isNet = kind === 'input' || kind === 'cell' || kind === 'register';
    if (kind === 'constant' || (!inverted(literal) && isNet)) roots.delete(literal);
  }
  return roots;
}

/** Registers that an output depends on. */
export function registersOf(net: Netlist): number {
  const live = net.live();
  let count = 0;
  for (let node = 1; node < net.size; node++)
    if (live[node] === 1 && net.kind(node) === 'register') count++;
  return count;
}
