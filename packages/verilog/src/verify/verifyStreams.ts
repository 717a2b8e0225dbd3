import type { FoldedLayer } from '@hbnn/circuit';
import { beats, decodeAt, type Stream } from '@hbnn/circuit';
import { type Random, random } from '@hbnn/core';
import { type Compiled, compile } from '../simulate/compile.ts';
import { bitOf } from '../simulate/simulate.ts';
import { lanes, wordsPerSlot } from '../simulate/wasmCode.ts';
import type { YosysNetlist } from '../yosys/yosys.ts';
import { codeOf, type Difference, position } from './difference.ts';

/** Cycles without a beat after which a layer is taken to stand still, beyond those of an image. */
const patience = 4096;

/**
 * Compare a layer's module with the one generated from the model, each by itself: pixels of values within their
 * ranges, both ends waiting as a seeded generator says.
 *
 * @param rounds beats that are compared, in each of 128 lanes
 */
export async function streamDifference(
  layer: FoldedLayer,
  wanted: YosysNetlist,
  given: YosysNetlist,
  rounds: number,
  seed: number,
): Promise<Difference | undefined> {
  const { module, output, cycles } = layer;
  const run = (one: Compiled): Int32Array[] =>
    outputsOf(one, layer, rounds, random(seed, 'stream', layer.layer), patience + cycles.scheduled);
  const expected = run(await compile(wanted, module));
  const got = run(await compile(given, module));
  const each = beats(output);
  for (let beat = 0; beat < expected.length; beat++) {
    const where = { layer: layer.layer, found: `beat ${beat} of the layer alone` };
    if (got[beat] === undefined)
      return { ...where, output: 'stream', expected: expected.length, got: got.length };
    const i = expected[beat].findIndex((value, k) => value !== got[beat][k]);
    if (i < 0) continue;
    const place = (beat % each) * output.shape[2] + (i % output.shape[2]);
    return {
      ...where,
      output: position(output.shape, place),
      expected: expected[beat][i],
      got: got[beat][i],
    };
  }
  return undefined;
}

const [stopEvery, stopFor] = [1500, 500];

/** Values of the beats that come out, [lane, channel]; the same goes in whoever is asked. */
function outputsOf(
  compiled: Compiled,
  { input, output }: FoldedLayer,
  rounds: number,
  rng: Random,
  longest: number,
): Int32Array[] {
  const slot = (name: string): number => compiled.slots(name)?.[0] ?? 0;
  const names = ['aresetn', 's_axis_tvalid', 's_axis_tready', 'm_axis_tvalid', 'm_axis_tready'];
  const [reset, valid, ready, comes, taken] = names.map(slot);
  const [x, y] = [compiled.slots('s_axis_tdata') ?? [], compiled.slots('m_axis_tdata') ?? []];
  const fill = (at: number, value: number): void => {
    compiled.memory.fill(value, wordsPerSlot * at, wordsPerSlot * (at + 1));
  };
  // Pixels and pauses have generators of their own: how quick a layer is must not change what goes in.
  const [pixels, pauses] = [random(rng.uint32()), random(rng.uint32())];
  compiled.scramble(rng);
  const found: Int32Array[] = [];
  let waiting = false;
  for (let cycle = 0, idle = 0; found.length < rounds && idle < longest; cycle++, idle++) {
    fill(reset, cycle < 2 ? 0 : -1);
    if (!waiting && cycle >= 2) {
      waiting = true;
      setBeat(compiled, input, x, pixels);
    }
    fill(valid, waiting ? -1 : 0);
    // Now and then nothing is taken until all is full.
    const stopped = cycle % stopEvery > stopEvery - stopFor;
    fill(taken, pauses.below(3) > 0 && !stopped ? -1 : 0);
    compiled.evaluate();
    if (cycle >= 2 && bitOf(compiled, comes, 0) === 1 && bitOf(compiled, taken, 0) === 1) {
      found.push(valuesOf(compiled, output, y, found.length % beats(output)));
      idle = 0;
    }
    if (bitOf(compiled, ready, 0) === 1) waiting = false;
    compiled.clock();
  }
  return found;
}

function setBeat(
  compiled: Compiled,
  { forms, offsets }: Stream,
  x: readonly number[],
  rng: Random,
): void {
  for (const slot of x) compiled.memory.fill(0, wordsPerSlot * slot, wordsPerSlot * (slot + 1));
  for (let lane = 0; lane < lanes; lane++)
    forms.forEach((form, c) => {
      const value = form.low + rng.below(form.high - form.low + 1);
      codeOf(form, value, rng.below).forEach((bit, j) => {
        if (bit === 1)
          compiled.memory[wordsPerSlot * x[offsets[c] + j] + (lane >> 5)] |= 1 << (lane & 31);
      });
    });
}

function valuesOf(
  compiled: Compiled,
  stream: Stream,
  y: readonly number[],
  place: number,
): Int32Array {
  const channels = stream.shape[2];
  return Int32Array.from({ length: lanes * channels }, (_, i) => {
    const [lane, c] = [Math.floor(i / channels), i % channels];
    return decodeAt(stream, place, c, (j) => bitOf(compiled, y[stream.offsets[c] + j], lane) === 1);
  });
}
