import type { Random } from '@hbnn/core';
import type { Compiled } from '../simulate/compile.ts';
import { OfferedBeat, StreamFault } from '../simulate/streamRules.ts';
import { wordsPerSlot as words } from '../simulate/wasmCode.ts';

/** How a module between two streams is run by itself. */
export interface StreamRunOptions {
  readonly layer: string;
  /** Outputs beside the data that belong to a beat. */
  readonly beside: readonly string[];
  /** Chooses power-up values and pauses. */
  readonly rng: Random;
  /** Whether both ends often wait, or hardly ever. */
  readonly pauses: boolean;
  /** Cycles without a beat given after which it is taken to stand still. */
  readonly patience: number;
  /** Put beat number `beat` on the data's slots. */
  put(beat: number, data: readonly number[]): void;
}

/** The lanes in which a slot is 1. */
function lanesOf(memory: Compiled['memory'], slot: number): number {
  let count = 0;
  for (let lane = 0; lane < 32 * words; lane++)
    count += (memory[words * slot + (lane >> 5)] >>> (lane & 31)) & 1;
  return count;
}

/** Cycles of reset. */
const resetCycles = 2;
/** Now and then nothing is taken until all is full. */
const [stopEvery, stopFor] = [1500, 500];
/** The cycles from one check to the next that an output is the same whether its receiver is ready or not. */
const independentEvery = 4;

/**
 * Run a module from reset on. Each step of the generator goes to the next beat that it gives; the slots of its outputs
 * hold the beat then. The beats are those of 128 lanes at once.
 *
 * @throws StreamFault where it breaks a rule of AXI-Stream, lanes part, or it stands still
 */
export function* givenBeats(compiled: Compiled, o: StreamRunOptions): Generator<number, never> {
  const { memory } = compiled;
  const bus = (name: string): readonly number[] => compiled.slots(name) ?? [];
  const [[reset], [valid], [ready]] = ['aresetn', 's_axis_tvalid', 's_axis_tready'].map(bus);
  const [[comes], [taken]] = ['m_axis_tvalid', 'm_axis_tready'].map(bus);
  const x = bus('s_axis_tdata');
  const offered = new OfferedBeat(memory, ['m_axis_tdata', ...o.beside].flatMap(bus));
  const fill = (slot: number, value: number): void => {
    memory.fill(value, words * slot, words * (slot + 1));
  };
  const fault = (what: string, expected: number, got: number): StreamFault =>
    new StreamFault(o.layer, what, expected, got);
  /** A signal that has to be the same in all lanes. */
  const common = (slot: number, name: string): boolean => {
    const first = memory[words * slot];
    for (let w = 0; w < words; w++)
      if (memory[words * slot + w] !== first || (first !== 0 && first !== 0xffffffff))
        throw fault(
          `lanes of equal pauses in which ${name} is 1`,
          32 * words,
          lanesOf(memory, slot),
        );
    return first !== 0;
  };
  compiled.scramble(o.rng);
  let [put, given, idle, waiting] = [0, 0, 0, false];
  for (let cycle = 0; ; cycle++, idle++) {
    fill(reset, cycle < resetCycles ? 0 : -1);
    if (!waiting && cycle >= resetCycles && (o.pauses || o.rng.below(64) > 0)) {
      waiting = true;
      o.put(put++, x);
    }
    fill(valid, waiting ? -1 : 0);
    const stopped = cycle % stopEvery > stopEvery - stopFor;
    const takes = o.pauses ? o.rng.below(3) > 0 && !stopped : o.rng.below(64) > 0;
    if (cycle % independentEvery === 0 && cycle >= resetCycles) {
      fill(taken, takes ? 0 : -1);
      compiled.evaluate();
      const before = common(comes, 'm_axis_tvalid');
      fill(taken, takes ? -1 : 0);
      compiled.evaluate();
      if (common(comes, 'm_axis_tvalid') !== before)
        throw fault('m_axis_tvalid, which must not change with m_axis_tready', 1, 0);
    } else {
      fill(taken, takes ? -1 : 0);
      compiled.evaluate();
    }
    // Before the first clock edge registers hold anything.
    const offers = cycle > 0 && common(comes, 'm_axis_tvalid');
    if (cycle === resetCycles - 1 && offers) throw fault('m_axis_tvalid in reset', 0, 1);
    if (cycle >= resetCycles) {
      offered.check(offers, (what) => fault(what, 1, 0));
      if (offers && takes) {
        idle = 0;
        yield given++;
      } else if (offers) offered.keep();
      if (waiting && common(ready, 's_axis_tready')) waiting = false;
    }
    if (idle > o.patience)
      throw fault(
        `beats after ${put} went in, when nothing moved for ${o.patience} cycles`,
        given + 1,
        given,
      );
    compiled.clock();
  }
}
