import { type Bus, type Design, type DesignLayer, decodeForm, type Form } from '@hbnn/circuit';
import { type Random, random } from '@hbnn/core';
import { type Compiled, compile } from '../simulate/compile.ts';
import { bitOf } from '../simulate/simulate.ts';
import { lanes, wordsPerSlot } from '../simulate/wasmCode.ts';
import type { YosysNetlist } from '../yosys/yosys.ts';
import { codeOf, type Difference, position } from './difference.ts';
import { layerStimuli, type Stimuli, scoreStimuli } from './stimuli.ts';
import type { TrialOptions, Tried } from './verifyStreams.ts';

/** Cycles of a long run of what has registers, and vectors that it takes in any order. */
const [longCycles, preparedVectors] = [2 ** 20, 32];
/** Every place has logic of its own, so that all are tried; more sets than this are those of no layer in sight. */
const placeSets = 256;

/** A module of gates, and what its output stands for. */
interface Part {
  readonly layer: string;
  readonly module: string;
  readonly port: string;
  readonly input: Bus;
  readonly output: Bus;
  /** Registers from its input to its output. */
  readonly stages: number;
  readonly stimuli: Stimuli;
  place(element: number): string;
}

/**
 * Compare a layer's module with the one generated from the model, each by itself: values at the ends of its sums, random
 * ones, and where it has registers a long run.
 */
export const layerDifference = (
  { layer, module, step, input, output, stages }: DesignLayer,
  wanted: YosysNetlist,
  given: YosysNetlist,
  o: TrialOptions,
): Promise<Tried> =>
  tried(
    {
      layer,
      module,
      port: 'y',
      input,
      output,
      stages,
      stimuli: layerStimuli(step, (element) => input.forms[element], placeSets),
      place: (element) => position(output.shape, element),
    },
    wanted,
    given,
    o,
  );

/** The same for the module of the scores. */
export function scoresDifference(
  design: Design,
  offsets: Int32Array,
  wanted: YosysNetlist,
  given: YosysNetlist,
  o: TrialOptions,
): Promise<Tried> {
  const last = design.layers[design.layers.length - 1];
  const input = last.output;
  const stages = design.latencyCycles - design.largest.registered.length - last.delayCycles;
  const part: Part = {
    layer: 'scores',
    module: design.scores.name,
    port: 'scores',
    input,
    output: scoresBus(design, -(2 ** 31), 2 ** 31 - 1),
    stages,
    stimuli: scoreStimuli((element) => input.forms[element], offsets),
    place: (element) => `score ${element}`,
  };
  return tried(part, wanted, given, o);
}

/** The same for the module that finds the largest score. */
export function largestDifference(
  design: Design,
  wanted: YosysNetlist,
  given: YosysNetlist,
  o: TrialOptions,
): Promise<Tried> {
  const { name, width, registered } = design.largest;
  const classes = design.classes.length;
  const input = scoresBus(design, -(2 ** (width - 1)), 2 ** (width - 1) - 1);
  const part: Part = {
    layer: 'largest',
    module: name,
    port: 'largest',
    input,
    output: {
      shape: [1, 1, 1],
      forms: [binary(32, 0, classes - 1)],
      offsets: Int32Array.of(0, 32),
    },
    stages: registered.length,
    stimuli: scoreStimuli((element) => input.forms[element], new Int32Array(classes)),
    place: () => 'number of the largest score',
  };
  return tried(part, wanted, given, o);
}

const binary = (bits: number, low: number, high: number): Form => ({
  base: 0,
  low,
  high,
  weights: Array.from({ length: bits }, (_, j) => 2 ** j),
});

/** Scores side by side, each of 32 bits in two's complement. */
function scoresBus({ classes }: Design, low: number, high: number): Bus {
  const forms = classes.map(() => binary(32, low, high));
  const offsets = Int32Array.from({ length: forms.length + 1 }, (_, i) => 32 * i);
  return { shape: [1, 1, forms.length], forms, offsets };
}

async function tried(
  part: Part,
  wanted: YosysNetlist,
  given: YosysNetlist,
  { rounds, seed, maxWork }: TrialOptions,
): Promise<Tried> {
  const pair = [await compile(wanted, part.module), await compile(given, part.module)] as const;
  const work = Math.max(1, pair[0].gates + pair[1].gates);
  const wholeRows = Math.ceil(part.stimuli.count / lanes);
  const rows = Math.min(wholeRows, Math.max(1, Math.floor(maxWork / work)));
  const counts = { vectors: lanes * (rows + rounds), sumEnds: rows === wholeRows };
  const short = compared(part, pair, rows + rounds, directedVectors(part, rows), seed);
  const clocked = pair.some(({ registers }) => registers > 0);
  if (short !== undefined || !clocked)
    return {
      ...counts,
      beatsInARow: rows + rounds,
      ...(short !== undefined && { difference: short }),
    };
  const long = Math.min(longCycles, Math.floor(maxWork / work));
  if (long <= rows + rounds) return { ...counts, beatsInARow: rows + rounds };
  const difference = compared(part, pair, long, preparedRun(part, seed), seed + 1);
  return { ...counts, beatsInARow: long, ...(difference !== undefined && { difference }) };
}

/** Puts values on the inputs of both, the same. */
type Put = (cycle: number, pair: readonly [Compiled, Compiled], rng: Random) => void;

function compared(
  part: Part,
  pair: readonly [Compiled, Compiled],
  count: number,
  put: Put,
  seed: number,
): Difference | undefined {
  const { layer, stages, port } = part;
  const rng = random(seed, 'layer', layer);
  for (const each of pair) each.scramble(rng);
  const [own, other] = pair.map((compiled) => compiled.slots(port) ?? []);
  // Other values go in each cycle; what comes out belongs to those of `stages` cycles before.
  for (let cycle = 0; cycle < count + stages; cycle++) {
    put(cycle, pair, rng);
    for (const each of pair) each.evaluate();
    if (cycle >= stages)
      for (let bit = 0; bit < own.length; bit++)
        for (let w = 0; w < wordsPerSlot; w++) {
          const parted =
            pair[0].memory[wordsPerSlot * own[bit] + w] ^
            pair[1].memory[wordsPerSlot * other[bit] + w];
          if (parted === 0) continue;
          const lane = 32 * w + 31 - Math.clz32(parted & -parted);
          return describe(part, pair, bit, lane, (cycle - stages) * lanes + lane);
        }
    for (const each of pair) each.clock();
  }
  return undefined;
}

function describe(
  { layer, port, output, place }: Part,
  pair: readonly [Compiled, Compiled],
  bit: number,
  lane: number,
  vector: number,
): Difference {
  const { forms, offsets } = output;
  const element = offsets.findIndex((_, i) => offsets[i + 1] > bit);
  const [expected, got] = pair.map((compiled) => {
    const y = compiled.slots(port) ?? [];
    const value = decodeForm(forms[element], (j) => {
      const slot = y[offsets[element] + j];
      return slot !== undefined && bitOf(compiled, slot, lane) === 1;
    });
    return forms[element].low < 0 && forms[element].base === 0 ? value | 0 : value;
  });
  return {
    layer,
    output: place(element),
    expected,
    got,
    found: `vector ${vector} on the layer alone`,
  };
}

/** Vectors at the ends of sums, each lane with its own, and then random ones. */
function directedVectors({ input, stimuli }: Part, rows: number): Put {
  return (cycle, pair, rng) => {
    const data = pair.map((compiled) => compiled.slots('x') ?? []);
    const valueAt = (lane: number, element: number): number | undefined => {
      const n = cycle * lanes + lane;
      return cycle < rows && n < stimuli.count ? stimuli.value(n, element) : undefined;
    };
    const words = vectorWords(input, rng, valueAt);
    pair.forEach((compiled, i) => void putWords(compiled, data[i], words));
  };
}

function preparedRun({ input, layer }: Part, seed: number): Put {
  const made: Uint32Array[] = [];
  return (_, pair, rng) => {
    const at = rng.below(preparedVectors);
    while (made.length <= at) {
      const own = random(seed, 'prepared', layer, made.length);
      made.push(vectorWords(input, own, () => undefined));
    }
    for (const compiled of pair) putWords(compiled, compiled.slots('x') ?? [], made[at]);
  };
}

function putWords({ memory }: Compiled, slots: readonly number[], words: Uint32Array): void {
  for (let i = 0; i < slots.length; i++)
    for (let w = 0; w < wordsPerSlot; w++)
      memory[wordsPerSlot * slots[i] + w] = words[wordsPerSlot * i + w] ?? 0;
}

/** Values within their ranges, 128 of each element, bit by bit. */
function vectorWords(
  { forms, offsets }: Bus,
  rng: Random,
  valueAt: (lane: number, element: number) => number | undefined,
): Uint32Array {
  const words = new Uint32Array(wordsPerSlot * Math.max(1, offsets[offsets.length - 1]));
  for (let lane = 0; lane < lanes; lane++)
    forms.forEach((form, i) => {
      const value = valueAt(lane, i) ?? form.low + rng.below(form.high - form.low + 1);
      codeOf(form, value, rng.below).forEach((bit, j) => {
        if (bit === 1) words[wordsPerSlot * (offsets[i] + j) + (lane >> 5)] |= 1 << (lane & 31);
      });
    });
  return words;
}
