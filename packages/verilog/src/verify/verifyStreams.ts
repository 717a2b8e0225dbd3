import type { FoldedDesign, FoldedLayer, Form, Step } from '@hbnn/circuit';
import { beats, decodeAt, formAt, type Stream, stepLayer } from '@hbnn/circuit';
import { type Random, random } from '@hbnn/core';
import { type Compiled, compile } from '../simulate/compile.ts';
import { bitOf } from '../simulate/simulate.ts';
import { lanes, wordsPerSlot } from '../simulate/wasmCode.ts';
import type { YosysNetlist } from '../yosys/yosys.ts';
import { codeOf, type Difference, position } from './difference.ts';
import { layerStimuli, type Stimuli, scoreStimuli } from './stimuli.ts';
import { givenBeats } from './streamRun.ts';

/** Cycles without a beat after which a layer is taken to stand still, beyond those of some images. */
const patience = 4096;
/** Beats of a long run, and beats of random values that it takes in any order. */
const [longBeats, preparedBeats] = [2 ** 20, 32];
/** Sets of places at which sums are brought to their ends: those in the middle, and at each edge. */
const placeSets = 2;

/** How a part of a design is tried alone. */
export interface TrialOptions {
  /** Beats of random values, or evaluations of 128, that follow those at the ends of sums. */
  readonly rounds: number;
  readonly seed: number;
  /** Gates times cycles that are spent on values at the ends of sums, and again on one long run. */
  readonly maxWork: number;
}

/** What was tried on a part of a design alone. */
export interface Tried {
  readonly difference?: Difference;
  /** Whole inputs of the part, in all lanes together. */
  readonly vectors: number;
  /** Whether each sum was at both of its ends. */
  readonly sumEnds: boolean;
  /** Beats one after the other in the longest run. */
  readonly beatsInARow: number;
}

/** A module between two streams, and what its output stands for. */
interface Part {
  readonly layer: string;
  readonly module: string;
  readonly input: Stream;
  readonly outputBeats: number;
  readonly cyclesPerImage: number;
  readonly beside: readonly string[];
  readonly stimuli: Stimuli;
  /** The number that the stimuli give a channel of a place. */
  elementAt(place: number, channel: number): number;
  /** The first value of a beat that differs; undefined where what differs stands for nothing. */
  compare(
    beat: number,
    wanted: Compiled,
    given: Compiled,
  ): Omit<Difference, 'layer' | 'found'> | undefined;
}

/**
 * Compare a layer's module with the one generated from the model, each by itself: values at the ends of its sums, random
 * ones, and a long run, both ends waiting as a seeded generator says.
 */
export const streamDifference = (
  layer: FoldedLayer,
  wanted: YosysNetlist,
  given: YosysNetlist,
  o: TrialOptions,
): Promise<Tried> => tried(layerPart(layer), wanted, given, o);

/** The same for the module of the scores. */
export const scoresDifference = (
  design: FoldedDesign,
  offsets: Int32Array,
  wanted: YosysNetlist,
  given: YosysNetlist,
  o: TrialOptions,
): Promise<Tried> => tried(scoresPart(design, offsets), wanted, given, o);

async function tried(
  part: Part,
  wanted: YosysNetlist,
  given: YosysNetlist,
  { rounds, seed, maxWork }: TrialOptions,
): Promise<Tried> {
  const pair = [await compile(wanted, part.module), await compile(given, part.module)] as const;
  const work = Math.max(1, pair[0].gates + pair[1].gates);
  const { stimuli, cyclesPerImage, outputBeats } = part;
  const wholeRows = Math.ceil(stimuli.count / lanes);
  const rows = Math.min(wholeRows, Math.max(1, Math.floor(maxWork / (work * cyclesPerImage))));
  const directed = rows * outputBeats + rounds;
  const short = compared(part, pair, directed, seed, (rng) => directedBeats(part, rows, rng));
  const counts = {
    vectors: lanes * (rows + Math.ceil(rounds / outputBeats)),
    sumEnds: rows === wholeRows,
  };
  if (short !== undefined) return { difference: short, ...counts, beatsInARow: directed };
  const cyclesPerBeat = cyclesPerImage / outputBeats;
  const long = Math.min(longBeats, Math.floor(maxWork / (work * cyclesPerBeat)));
  if (long <= directed) return { ...counts, beatsInARow: directed };
  const difference = compared(part, pair, long, seed + 1, (rng) => preparedRun(part, rng), false);
  return { ...counts, beatsInARow: long, ...(difference !== undefined && { difference }) };
}

/** Puts a beat's values on slots. */
type Put = (compiled: Compiled, beat: number, data: readonly number[]) => void;

function compared(
  part: Part,
  pair: readonly [Compiled, Compiled],
  count: number,
  seed: number,
  putter: (rng: Random) => Put,
  pauses = true,
): Difference | undefined {
  const [wanted, given] = pair.map((compiled) => {
    // Values and pauses have generators of their own: how quick a layer is must not change what goes in.
    const rng = random(seed, 'stream', part.layer);
    const put = putter(random(rng.uint32()));
    return givenBeats(compiled, {
      layer: part.layer,
      beside: part.beside,
      rng: random(rng.uint32()),
      pauses,
      patience: patience + 4 * Math.ceil(part.cyclesPerImage),
      put: (beat, data) => put(compiled, beat, data),
    });
  });
  for (let beat = 0; beat < count; beat++) {
    wanted.next();
    given.next();
    const difference = part.compare(beat, pair[0], pair[1]);
    if (difference === undefined) continue;
    return { layer: part.layer, ...difference, found: `beat ${beat} of the layer alone` };
  }
  return undefined;
}

/** Images at the ends of sums, each lane with its own, and then random ones. */
function directedBeats({ input, stimuli, elementAt }: Part, rows: number, rng: Random): Put {
  const each = beats(input);
  return (compiled, beat, data) => {
    const [row, place] = [Math.floor(beat / each), beat % each];
    setBeat(compiled.memory, formsAt(input, place), input, data, rng, (lane, c) => {
      const n = row * lanes + lane;
      return row < rows && n < stimuli.count ? stimuli.value(n, elementAt(place, c)) : undefined;
    });
  };
}

/** Fewest beats that are made for each part of a pixel that is several beats. */
const minPrepared = 4;

/** Beats of random values that were made before, in any order: quick enough for a million. */
function preparedRun({ input }: Part, rng: Random): Put {
  const { parts = 1 } = input;
  const each = Math.max(minPrepared, Math.floor(preparedBeats / parts));
  const made: Uint32Array[] = [];
  return (compiled, number, data) => {
    const part = number % parts;
    const at = rng.below(each) * parts + part;
    if (made[at] === undefined) {
      const beat = new Uint32Array(wordsPerSlot * data.length);
      const own = data.map((_, i) => i);
      const ownRng = random(at, 'prepared');
      setBeat(beat, formsAt(input, part), input, own, ownRng, () => undefined);
      made[at] = beat;
    }
    const beat = made[at];
    for (let i = 0; i < data.length; i++)
      for (let w = 0; w < wordsPerSlot; w++)
        compiled.memory[wordsPerSlot * data[i] + w] = beat[wordsPerSlot * i + w];
  };
}

function setBeat(
  memory: Uint32Array,
  forms: readonly Form[],
  { offsets }: Stream,
  x: readonly number[],
  rng: Random,
  valueAt: (lane: number, channel: number) => number | undefined,
): void {
  for (const slot of x) memory.fill(0, wordsPerSlot * slot, wordsPerSlot * (slot + 1));
  for (let lane = 0; lane < lanes; lane++)
    forms.forEach((form, c) => {
      const value = valueAt(lane, c) ?? form.low + rng.below(form.high - form.low + 1);
      codeOf(form, value, rng.below).forEach((bit, j) => {
        if (bit === 1) memory[wordsPerSlot * x[offsets[c] + j] + (lane >> 5)] |= 1 << (lane & 31);
      });
    });
}

/** What the channels of a beat stand for: where a pixel is several beats, each of them has bases of its own. */
function formsAt(stream: Stream, place: number): readonly Form[] {
  return stream.forms.map((_, c) => formAt(stream, place, c));
}

/** Elements of a layer's inputs: where several meet, all of one input come before those of the next. */
function elementsOf(step: Step, stream: Stream) {
  const [height, width, channels] = stream.shape;
  if (stream.parts !== undefined)
    return {
      elementAt: (place: number, c: number): number => place * channels + c,
      formOf: (element: number): Form =>
        formsAt(stream, Math.floor(element / channels))[element % channels],
    };
  const inputs = step.kind === 'layer' ? step.plan.inputs.map((input) => input[2]) : [channels];
  const owners = inputs.flatMap((count, k) => new Array<number>(count).fill(k));
  const firsts = inputs.map((_, k) => inputs.slice(0, k).reduce((sum, count) => sum + count, 0));
  const places = height * width;
  return {
    elementAt: (place: number, c: number): number => {
      const k = owners[c];
      return firsts[k] * places + place * inputs[k] + c - firsts[k];
    },
    formOf: (element: number): Form => {
      const k = owners[Math.floor(element / places)];
      return stream.forms[firsts[k] + ((element - firsts[k] * places) % inputs[k])];
    },
  };
}

function layerPart({ layer, module, step, input, output, cycles }: FoldedLayer): Part {
  const { elementAt, formOf } = elementsOf(step, input);
  const each = beats(output);
  return {
    layer,
    module,
    input,
    outputBeats: each,
    cyclesPerImage: cycles.scheduled,
    beside: [],
    stimuli: layerStimuli(step, formOf, placeSets),
    elementAt,
    compare: (beat, wanted, given) => {
      const parted = firstParted(wanted, given, 'm_axis_tdata');
      if (parted === undefined) return undefined;
      const channel = output.offsets.findIndex((_, c) => output.offsets[c + 1] > parted.bit);
      const place = beat % each;
      const value = (compiled: Compiled): number => {
        const y = compiled.slots('m_axis_tdata') ?? [];
        return decodeAt(
          output,
          place,
          channel,
          (j) => bitOf(compiled, y[output.offsets[channel] + j], parted.lane) === 1,
        );
      };
      if (channel < 0) return undefined;
      return {
        output: position(stepLayer(step).output, place * output.shape[2] + channel),
        expected: value(wanted),
        got: value(given),
      };
    },
  };
}

function scoresPart({ scores, layers }: FoldedDesign, offsets: Int32Array): Part {
  const input = layers[layers.length - 1].output;
  const channels = input.shape[2];
  const { unit, beats: each } = scores;
  return {
    layer: 'scores',
    module: unit.name,
    input,
    outputBeats: each,
    cyclesPerImage: each,
    beside: ['m_axis_tuser', 'm_axis_tlast'],
    stimuli: scoreStimuli(
      (element) => formsAt(input, Math.floor(element / channels))[element % channels],
      offsets,
    ),
    elementAt: (place, c) => place * channels + c,
    compare: (beat, wanted, given) => {
      const last = beat % each === each - 1;
      for (const [port, width] of [
        ['m_axis_tdata', 32],
        ['m_axis_tlast', 1],
        ['m_axis_tuser', 32],
      ] as const) {
        // The number of the largest counts with an image's last beat alone.
        const parted =
          port === 'm_axis_tuser' && !last ? undefined : firstParted(wanted, given, port);
        if (parted === undefined) continue;
        const k = Math.floor(parted.bit / width);
        const number = (compiled: Compiled): number =>
          (compiled.slots(port) ?? [])
            .slice(width * k, width * (k + 1))
            .reduce((sum, slot, j) => sum | (bitOf(compiled, slot, parted.lane) << j), 0);
        const score = `score ${(beat % each) * scores.each + k}`;
        const output = port === 'm_axis_tdata' ? score : port;
        return { output, expected: number(wanted), got: number(given) };
      }
      return undefined;
    },
  };
}

/** The first bit of a port that is not the same in both, and a lane where it is not. */
function firstParted(
  a: Compiled,
  b: Compiled,
  port: string,
): { readonly bit: number; readonly lane: number } | undefined {
  const [own, other] = [a.slots(port) ?? [], b.slots(port) ?? []];
  for (let bit = 0; bit < own.length; bit++)
    for (let w = 0; w < wordsPerSlot; w++) {
      const parted =
        a.memory[wordsPerSlot * own[bit] + w] ^ b.memory[wordsPerSlot * other[bit] + w];
      if (parted !== 0) return { bit, lane: 32 * w + 31 - Math.clz32(parted & -parted) };
    }
  return undefined;
}
