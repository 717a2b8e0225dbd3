import { constantZero, type Literal, type MatrixUnit, Netlist, startRom } from '@hbnn/circuit';
import { netlistCounts } from '../unrolled/netlistCounts.ts';
import type { Fabrication } from './counted.ts';

/** Bits of the start words that differ from word to word. */
function varyingBits(unit: MatrixUnit): bigint {
  let [ones, zeros] = [-1n, 0n];
  for (const word of startRom(unit).words) {
    ones &= BigInt(word);
    zeros |= BigInt(word);
  }
  return zeros & ~ones;
}

/** Carries of a sum by Brent and Kung, as Yosys makes an adder: up a tree of spans, and down again. */
function carriesOf(
  net: Netlist,
  propagates: readonly Literal[],
  generates: readonly Literal[],
): Literal[] {
  const [p, g] = [[...propagates], [...generates]];
  const join = (at: number, below: number): void => {
    g[at] = net.or(g[at], net.and(p[at], g[below]));
    p[at] = net.and(p[at], p[below]);
  };
  const levels = Math.ceil(Math.log2(p.length));
  for (let span = 1; span < 2 ** levels; span *= 2)
    for (let at = 2 * span - 1; at < p.length; at += 2 * span) join(at, at - span);
  for (let span = 2 ** (levels - 1); span >= 1; span /= 2)
    for (let at = 3 * span - 1; at < p.length; at += 2 * span) join(at, at - span);
  return g;
}

/** A product added to the sum before it or, in a group's first cycle, to what it starts from. */
function accumulator(width: number, product: number, varies: boolean): Netlist {
  const net = new Netlist(1 + 2 * width + product);
  const before = Array.from({ length: width }, (_, i) =>
    net.mux(net.input(0), varies ? net.input(1 + width + i) : constantZero, net.input(1 + i)),
  );
  const added = before.map((_, i) => (i < product ? net.input(1 + 2 * width + i) : constantZero));
  const propagates = before.map((bit, i) => net.xor(bit, added[i]));
  const generates = before.map((bit, i) => net.and(bit, added[i]));
  const carries = carriesOf(net, propagates, generates);
  propagates.forEach((bit, i) => {
    net.outputs.push(i === 0 ? bit : net.xor(bit, carries[i - 1]));
  });
  return net;
}

/**
 * The largest bits of a product, and of a sum, whose adder is short. A short adder has a small tree of carries, and
 * synthesis keeps few tables of that tree.
 */
const [shortProduct, shortSum] = [8, 16];

/** What a matrix unit's accumulators are made of. */
export interface AccumulatorCounts {
  /** Bits of those with short carries that always start from the same. */
  readonly shortBits: number;
  /** Tables of the others, before synthesis makes them anew. */
  readonly tables: number;
}

/** Count a matrix unit's accumulators, one for each PE, by what synthesis makes of each. */
export function accumulatorCounts(
  unit: MatrixUnit,
  product: number,
  { tableInputs }: Fabrication,
): AccumulatorCounts {
  const { width, schedule } = unit.tables;
  const { pe } = schedule.fold;
  const varying = varyingBits(unit);
  const ones = (1n << BigInt(width)) - 1n;
  const starts = Array.from({ length: pe }, (_, p) => ((varying >> BigInt(p * width)) & ones) > 0n);
  const started = starts.filter((varies) => varies).length;
  const isShort = product <= shortProduct && width <= shortSum;
  const tables = (count: number, varies: boolean): number =>
    count === 0
      ? 0
      : count * netlistCounts(accumulator(width, product, varies), tableInputs).tables;
  return {
    shortBits: isShort ? (pe - started) * width : 0,
    tables: tables(started, true) + (isShort ? 0 : tables(pe - started, false)),
  };
}
