import { HbnnError } from '@hbnn/core';
import { type Literal, Netlist, nodeOf } from './netlist.ts';

/** Registers behind the inputs and levels of gates since, of each node, and what the outputs come to. */
export interface Schedule {
  readonly stages: Int32Array;
  readonly levels: Int32Array;
  /** Registers on the way to the latest output. */
  readonly depth: number;
  /** Levels between the registers: the most of any node that an output depends on. */
  readonly deepest: number;
}

/**
 * Say in which stage each node is computed when no stage may have more levels than a budget. A cell deeper than the
 * budget has a stage to itself.
 *
 * @param start levels that the inputs have behind them already
 */
export function scheduleOf(net: Netlist, maxLevels: number, start: number): Schedule {
  const stages = new Int32Array(net.size);
  const levels = new Int32Array(net.size);
  const live = net.live();
  let deepest = start;
  for (let node = 1; node < net.size; node++) {
    if (live[node] === 0) continue;
    if (net.kind(node) === 'input') {
      levels[node] = start;
      continue;
    }
    // The constant is in no stage and has no levels: it changes nothing here.
    const reads = net.reads(node);
    let [stage, level] = [0, 0];
    for (const read of reads) stage = Math.max(stage, stages[nodeOf(read)]);
    // What comes from an earlier stage comes out of a register.
    for (const read of reads)
      if (stages[nodeOf(read)] === stage) level = Math.max(level, levels[nodeOf(read)]);
    const delay = ownLevels(net, node);
    const fits = level + delay <= maxLevels || level === 0;
    stages[node] = fits ? stage : stage + 1;
    levels[node] = (fits ? level : 0) + delay;
    deepest = Math.max(deepest, levels[node]);
  }
  const depth = net.outputs.reduce(
    (maximum, output) => Math.max(maximum, stages[nodeOf(output)]),
    0,
  );
  return { stages, levels, depth, deepest };
}

function ownLevels(net: Netlist, node: number): number {
  const before = net.reads(node).reduce((max, read) => Math.max(max, net.level(read)), 0);
  return net.level(2 * node) - before;
}

/** Levels since the last register of the latest output when all outputs come in stage `depth`. */
export function endLevel(net: Netlist, { stages, levels }: Schedule, depth: number): number {
  return net.outputs.reduce((max, output) => {
    const node = nodeOf(output);
    return node !== 0 && stages[node] === depth ? Math.max(max, levels[node]) : max;
  }, 0);
}

/** Copy a netlist with registers between its stages; every way from an input to an output has `depth` of them. */
export function pipelined(net: Netlist, { stages }: Schedule, depth: number): Netlist {
  const copy = new Netlist(net.inputCount);
  const live = net.live();
  // The copy of each node, in its own stage. Further stages have registers behind it, which are made once each.
  const own = new Int32Array(net.size);
  for (let i = 0; i < net.inputCount; i++) own[nodeOf(net.input(i))] = copy.input(i);
  const at = (literal: Literal, stage: number): Literal => {
    const node = nodeOf(literal);
    if (node === 0) return literal;
    let built = own[node];
    for (let n = stages[node]; n < stage; n++) built = copy.register(built);
    return built ^ (literal & 1);
  };
  for (let node = 1 + net.inputCount; node < net.size; node++) {
    if (live[node] === 0) continue;
    const note = net.notes.get(node);
    if (note !== undefined) copy.notes.set(copy.size, note);
    own[node] = net.copyOf(node, copy, (literal) => at(literal, stages[node]));
  }
  copy.outputs.push(...net.outputs.map((output) => at(output, depth)));
  return copy;
}

/** @throws HbnnError for a budget of levels per stage that is none */
export function checkLevels(maxLevels: number): void {
  if (!(Number.isInteger(maxLevels) && maxLevels >= 1))
    throw new HbnnError(
      `levels: expected a whole number of at least 1 per stage, got ${maxLevels}; give 1 or more, or leave it out`,
    );
}
