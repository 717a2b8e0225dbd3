import { type LayerStep, random } from '@hbnn/core';
import { type Compiled, lanes } from './compile.ts';
import type { Bus, DesignLayer } from './design.ts';
import { bitOf, wordsPerSlot } from './simulate.ts';
import { decodeForm, type Form, formKey } from './value.ts';

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
  readonly layer: DesignLayer;
  readonly step: LayerStep;
}

/** Codes that stand for a value in the form's range. */
interface Codes {
  readonly codes: readonly number[];
  readonly values: readonly number[];
}

const mostBits = 20;
/** Values of an output's inputs that are all tried. */
export const mostCombinations = 2 ** mostBits;

/** Codes of forms, each form's once. */
export class CodeBook {
  private readonly known = new Map<string, Codes>();

  of(form: Form): Codes {
    const key = formKey(form);
    let found = this.known.get(key);
    if (found === undefined) {
      const all = form.weights.length > mostBits ? [] : [...Array(2 ** form.weights.length).keys()];
      const valued = all.map((code) => [code, decodeForm(form, (j) => ((code >> j) & 1) === 1)]);
      const inRange = valued.filter(([, value]) => value >= form.low && value <= form.high);
      found = { codes: inRange.map(([code]) => code), values: inRange.map(([, value]) => value) };
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
  const { input } = tried.layer;
  const rounds: Round[] = [];
  for (const o of outputs) {
    const free = rounds.find(({ used }) => !reads[o].some((i) => used.has(i)));
    const round = free ?? { outputs: [], used: new Set<number>(), combinations: 0 };
    if (free === undefined) rounds.push(round);
    round.outputs.push(o);
    for (const i of reads[o]) round.used.add(i);
    round.combinations = Math.max(round.combinations, book.combinations(input, reads[o]));
  }
  const bench = new Bench(tried, book);
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
            put(i, rest % codes.length);
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
  const { layer, input } = tried.layer;
  const bench = new Bench(tried, book);
  const rng = random(seed, 'proof', layer);
  for (let round = 0; round < rounds; round++) {
    const difference = bench.try(lanes, outputs, (_, put) => {
      input.forms.forEach((form, i) => {
        const { codes } = book.of(form);
        put(i, codes.length === 0 ? 0 : rng.below(codes.length));
      });
    });
    if (difference !== undefined) return { vectors: lanes * (round + 1), difference };
  }
  return { vectors: lanes * rounds };
}

/** Puts values on a layer's inputs and compares its outputs. */
class Bench {
  private readonly tried: Tried;
  private readonly book: CodeBook;
  private readonly x: readonly number[];
  private readonly y: readonly number[];

  constructor(tried: Tried, book: CodeBook) {
    this.tried = tried;
    this.book = book;
    this.x = tried.compiled.slots('x') ?? [];
    this.y = tried.compiled.slots('y') ?? [];
  }

  try(
    count: number,
    outputs: readonly number[],
    fill: (lane: number, put: (element: number, choice: number) => void) => void,
  ): CounterExample | undefined {
    const { compiled, step } = this.tried;
    const { input, output } = this.tried.layer;
    const { memory } = compiled;
    for (const slot of this.x) memory.fill(0, wordsPerSlot * slot, wordsPerSlot * (slot + 1));
    const values = Array.from({ length: count }, (_, lane) => {
      const choices = new Int32Array(input.forms.length);
      fill(lane, (element, choice) => {
        choices[element] = choice;
      });
      return Int32Array.from(choices, (choice, i) => this.put(lane, i, choice));
    });
    compiled.evaluate();
    for (const [lane, given] of values.entries()) {
      const expected = step(given);
      for (const o of outputs) {
        const at = output.offsets[o];
        const bit = (j: number): boolean => bitOf(compiled, this.y[at + j], lane) === 1;
        const got = decodeForm(output.forms[o], bit);
        if (got !== expected[o]) return { output: o, expected: expected[o], got, values: given };
      }
    }
    return undefined;
  }

  /** Put one of an element's codes on its bits; its value. */
  private put(lane: number, element: number, choice: number): number {
    const { input } = this.tried.layer;
    const form = input.forms[element];
    const { codes, values } = this.book.of(form);
    const { memory } = this.tried.compiled;
    for (let j = 0; j < form.weights.length; j++)
      if ((codes[choice] >> j) & 1)
        memory[wordsPerSlot * this.x[input.offsets[element] + j] + (lane >> 5)] |= 1 << (lane & 31);
    return values[choice] ?? form.base;
  }
}
