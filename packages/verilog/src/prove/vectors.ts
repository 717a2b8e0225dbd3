import type { Bus } from '@hbnn/circuit';
import { decodeForm, type Form, formKey } from '@hbnn/circuit';
import { random } from '@hbnn/core';
import type { Compiled } from '../simulate/compile.ts';
import { bitOf } from '../simulate/simulate.ts';
import { lanes, wordsPerSlot } from '../simulate/wasmCode.ts';
import type { Claim } from './claim.ts';

/** Values at a layer's inputs for which it does not give what it should. */
export interface CounterExample {
  readonly output: number;
  readonly expected: number;
  readonly got: number;
  /** Values of the layer's input, element by element. */
  readonly values: Int32Array;
}

/** A layer's hardware, ready to be computed, and what it should compute. */
export interface Tried {
  readonly compiled: Compiled;
  readonly claim: Claim;
}

/** Codes that stand for a value in the form's range. */
interface Codes {
  readonly codes: readonly number[];
}

const maxBits = 20;
/** Values of an output's inputs that are all tried. */
export const maxCombinations = 2 ** maxBits;

/** Codes of forms, each form's once. */
export class CodeBook {
  private readonly known = new Map<string, Codes>();

  of(form: Form): Codes {
    const key = formKey(form);
    let found = this.known.get(key);
    if (found === undefined) {
      const all = form.weights.length > maxBits ? [] : [...Array(2 ** form.weights.length).keys()];
      const valued = all.map((code) => [code, decodeForm(form, (j) => ((code >> j) & 1) === 1)]);
      const inRange = valued.filter(([, value]) => value >= form.low && value <= form.high);
      found = { codes: inRange.map(([code]) => code) };
      this.known.set(key, found);
    }
    return found;
  }

  /** How many values some elements have together; Infinity where one alone has too many. */
  combinations({ forms }: Bus, elements: readonly number[]): number {
    return elements.reduce((product, i) => {
      const count = this.of(forms[i]).codes.length;
      return product * (count === 0 ? Number.POSITIVE_INFINITY : count);
    }, 1);
  }
}

/** Outputs that are tried at once, as no two of them read the same element. */
interface Round {
  readonly outputs: number[];
  readonly used: Set<number>;
  combinations: number;
}

/**
 * Try all values of each output's inputs.
 *
 * @param reads the elements that each output depends on in the hardware, or should depend on
 * @returns what differs, or how many vectors there were; undefined when there was no time for all
 */
export function tryAll(
  tried: Tried,
  book: CodeBook,
  outputs: readonly number[],
  reads: readonly (readonly number[])[],
  outOfTime: () => boolean,
): { readonly vectors: number; readonly difference?: CounterExample } | undefined {
  const { input } = tried.claim;
  const rounds: Round[] = [];
  for (const o of outputs) {
    const free = rounds.find(({ used }) => !reads[o].some((i) => used.has(i)));
    const round = free ?? { outputs: [], used: new Set<number>(), combinations: 0 };
    if (free === undefined) rounds.push(round);
    round.outputs.push(o);
    for (const i of reads[o]) round.used.add(i);
    round.combinations = Math.max(round.combinations, book.combinations(input, reads[o]));
  }
  const bench = new Bench(tried);
  let vectors = 0;
  for (const round of rounds)
    for (let from = 0; from < round.combinations; from += lanes) {
      if (outOfTime()) return undefined;
      const count = Math.min(lanes, round.combinations - from);
      const difference = bench.try(count, round.outputs, (lane, put) => {
        for (const o of round.outputs) {
          let rest = from + lane;
          for (const i of reads[o]) {
            const { codes } = book.of(input.forms[i]);
            put(i, codes[rest % codes.length]);
            rest = Math.floor(rest / codes.length);
          }
        }
      });
      vectors += count;
      if (difference !== undefined) return { vectors, difference };
    }
  return { vectors };
}

/** Try seeded values of all inputs on some outputs. */
export function trySome(
  tried: Tried,
  book: CodeBook,
  outputs: readonly number[],
  rounds: number,
  seed: number,
): { readonly vectors: number; readonly difference?: CounterExample } {
  const { layer, input } = tried.claim;
  const bench = new Bench(tried);
  const rng = random(seed, 'proof', layer);
  for (let round = 0; round < rounds; round++) {
    const difference = bench.try(lanes, outputs, (_, put) => {
      input.forms.forEach((form, i) => {
        const { codes } = book.of(form);
        put(i, codes.length === 0 ? anyCode(form, rng.below) : codes[rng.below(codes.length)]);
      });
    });
    if (difference !== undefined) return { vectors: lanes * (round + 1), difference };
  }
  return { vectors: lanes * rounds };
}

/** Try one vector: the given codes, and any value of the other elements. */
export function tryOne(
  tried: Tried,
  book: CodeBook,
  output: number,
  bits: ReadonlyMap<number, readonly number[]>,
): CounterExample | undefined {
  const { forms } = tried.claim.input;
  return new Bench(tried).try(1, [output], (_, put) => {
    forms.forEach((form, i) => {
      const own = bits.get(i);
      if (own === undefined) put(i, book.of(form).codes[0] ?? 0);
      else
        put(
          i,
          own.reduce((sum, bit, j) => sum + bit * 2 ** j, 0),
        );
    });
  });
}

const maxTries = 1000;

/** A code of a form that has too many to list. */
function anyCode(form: Form, below: (n: number) => number): number {
  for (let tries = 0; tries < maxTries; tries++) {
    const code = form.weights.reduce((sum, _, j) => sum + below(2) * 2 ** j, 0);
    const value = decodeForm(form, (j) => bitAt(code, j) === 1);
    if (value >= form.low && value <= form.high) return code;
  }
  return 0;
}

/** Codes may have more bits than whole numbers have for shifts. */
const bitAt = (code: number, j: number): number => Math.floor(code / 2 ** j) % 2;

/** Puts values on a layer's inputs and compares its outputs. */
class Bench {
  private readonly tried: Tried;
  private readonly x: readonly number[];
  private readonly y: readonly number[];

  constructor(tried: Tried) {
    this.tried = tried;
    this.x = tried.compiled.slots('x') ?? [];
    this.y = tried.compiled.slots(tried.claim.port) ?? [];
  }

  try(
    count: number,
    outputs: readonly number[],
    fill: (lane: number, put: (element: number, code: number) => void) => void,
  ): CounterExample | undefined {
    const { compiled, claim } = this.tried;
    const { input, output } = claim;
    const { memory } = compiled;
    for (const slot of this.x) memory.fill(0, wordsPerSlot * slot, wordsPerSlot * (slot + 1));
    const values = Array.from({ length: count }, (_, lane) => {
      const codes = new Float64Array(input.forms.length);
      fill(lane, (element, code) => {
        codes[element] = code;
      });
      return Int32Array.from(codes, (code, i) => this.put(lane, i, code));
    });
    compiled.evaluate();
    for (const [lane, given] of values.entries()) {
      const expected = claim.step(given);
      for (const o of outputs) {
        const at = output.offsets[o];
        const bit = (j: number): boolean => bitOf(compiled, this.y[at + j], lane) === 1;
        const got = decodeForm(output.forms[o], bit);
        if (got === expected[o]) continue;
        const [wanted, found] = [expected[o], got].map((value) => claim.shown(o, value));
        return { output: o, expected: wanted, got: found, values: given };
      }
    }
    return undefined;
  }

  /** Put a code on an element's bits; its value. */
  private put(lane: number, element: number, code: number): number {
    const { input } = this.tried.claim;
    const form = input.forms[element];
    const { memory } = this.tried.compiled;
    for (let j = 0; j < form.weights.length; j++)
      if (bitAt(code, j) === 1)
        memory[wordsPerSlot * this.x[input.offsets[element] + j] + (lane >> 5)] |= 1 << (lane & 31);
    return decodeForm(form, (j) => bitAt(code, j) === 1);
  }
}
