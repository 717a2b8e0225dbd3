import {
  type AdderStyle,
  type Compression,
  compressForUses,
  compressToNumber,
  type SumPlan,
} from '@hbnn/core';
import type { Form } from '@hbnn/core/gates';
import { type LogicCounts, noLogic, type Tally } from './netlistCounts.ts';

const bitLength = (value: number): number => (value <= 0 ? 0 : Math.floor(Math.log2(value)) + 1);

/** Bits of each weight 2^i that something has, how many of them are inverted ones, and what has to be added to them. */
interface Bits {
  readonly heights: readonly number[];
  readonly inverted: readonly number[];
  readonly base: number;
}

/** A source of a plan: what it adds, its least and its largest value. */
interface Source {
  readonly low: number;
  readonly high: number;
  /** What it adds when it counts `factor` times. */
  times(factor: number): Bits;
}

/** Places of a factor's signed digits of which no two are neighbours (3 is 2 + 1), negative ones as −1 − place. */
function digitsOf(factor: number): number[] {
  const digits: number[] = [];
  let rest = Math.abs(factor);
  for (let place = 0; rest > 0; place++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 0) continue;
    const minus = rest % 4 === 3 && rest !== 3;
    if (minus) rest++;
    digits.push(minus !== factor < 0 ? -1 - place : place);
  }
  return digits;
}

/** What bits add at each of a factor's digits: at a negative one the inverted bits, and a constant. */
function atDigits(digits: readonly number[], heights: readonly number[], base: number): Bits {
  const own: number[] = [];
  const inverted: number[] = [];
  let sum = base;
  for (const digit of digits) {
    const place = digit < 0 ? -1 - digit : digit;
    while (own.length < place + heights.length) {
      own.push(0);
      inverted.push(0);
    }
    for (let i = 0; i < heights.length; i++) {
      own[place + i] += heights[i];
      if (digit >= 0) continue;
      inverted[place + i] += heights[i];
      sum -= heights[i] * 2 ** (place + i);
    }
  }
  return { heights: own, inverted, base: sum };
}

const one: readonly number[] = [1];

/** An input's form as a source; what it adds is found once for each factor. */
function sourceOf({ base, weights, low, high }: Form): Source {
  const known = new Map<number, Bits>();
  const times = (factor: number): Bits => {
    let bits = known.get(factor);
    if (bits === undefined) {
      const digits = weights.flatMap((weight) => digitsOf(factor * weight));
      bits = atDigits(digits, one, factor * base);
      known.set(factor, bits);
    }
    return bits;
  };
  return { low, high, times };
}

const sourcesKnown = new WeakMap<Form, Source>();

function knownSource(form: Form): Source {
  let source = sourcesKnown.get(form);
  if (source === undefined) {
    source = sourceOf(form);
    sourcesKnown.set(form, source);
  }
  return source;
}

/** How many bits of each weight are to be added: the generator's bit heap without its bits. */
class Heights {
  readonly #columns: number[] = [];
  /** How many of each column's bits are inverted ones. */
  readonly #inverted: number[] = [];
  #base = 0;

  add({ heights, inverted, base }: Bits): void {
    this.#base += base;
    for (let i = this.#columns.length; i < heights.length; i++) {
      this.#columns.push(0);
      this.#inverted.push(0);
    }
    for (let i = 0; i < heights.length; i++) {
      this.#columns[i] += heights[i];
      this.#inverted[i] += inverted[i];
    }
  }

  /** The sum as a number, and what that takes. */
  number(low: number, high: number, style: AdderStyle, tally: Tally): Form {
    if (style === 'xc7') tally.tables += this.#invertedAlone();
    const by = (heights: readonly number[], width: number): Compression =>
      compressToNumber(heights, width, style);
    const left = this.#reduce(high, by, tally);
    const weights: number[] = [];
    for (let i = 0; i < left.length; i++) for (let n = 0; n < left[i]; n++) weights.push(2 ** i);
    return { base: this.#base, weights, low, high };
  }

  /** What is left of the heap for other heaps that take it so many times, and tell what that takes. */
  forUses(low: number, high: number, style: AdderStyle, uses: number, tally: Tally): Source {
    const by = (heights: readonly number[], width: number): Compression =>
      compressForUses(heights, width, style, uses);
    const left = this.#reduce(high, by, tally);
    const base = this.#base;
    return { low, high, times: (factor) => atDigits(digitsOf(factor), left, factor * base) };
  }

  /** Inverted bits that have their columns to themselves, and become the sum's as they are. */
  #invertedAlone(): number {
    const chained = this.#columns.findIndex((height) => height > 1);
    const alone = chained < 0 ? this.#inverted : this.#inverted.slice(0, chained);
    return alone.reduce((sum, count) => sum + count, 0);
  }

  /** Bits that are left in each column, as the generator reduces the heap, and tell what that takes. */
  #reduce(
    high: number,
    by: (heights: readonly number[], width: number) => Compression,
    tally: Tally,
  ): readonly number[] {
    const { chain, heights, ...steps } = by(this.#columns, bitLength(high - this.#base));
    tally.counters += steps.counters;
    tally.fullAdders += steps.fullAdders;
    tally.halfAdders += steps.halfAdders;
    if (chain !== undefined) {
      tally.chains++;
      tally.chainPlaces += chain.places;
    }
    return heights;
  }
}

/**
 * Count what a place's sums take: heaps of bits are reduced as `hbnn verilog` does it, by their heights alone.
 *
 * @param forms of the inputs
 * @returns the counts, and the form of each output's sum
 */
export function heapCounts(
  { classes, additions, values, outputs, inputs }: SumPlan,
  forms: readonly Form[],
  style: AdderStyle,
): LogicCounts & { readonly sums: readonly Form[] } {
  const tally: Tally = { ...noLogic };
  const sources = forms.map(knownSource);
  for (const { terms, uses } of classes) {
    const heights = new Heights();
    let [low, high] = [0, 0];
    for (const { source, factor } of terms) {
      const of = sources[source];
      heights.add(of.times(factor));
      low += factor * (factor > 0 ? of.low : of.high);
      high += factor * (factor > 0 ? of.high : of.low);
    }
    sources.push(heights.forUses(low, high, style, uses, tally));
  }
  const heaps = Array.from({ length: outputs }, () => new Heights());
  for (const { output, source, factor } of additions)
    heaps[output].add(sources[source].times(factor));
  const lows = Float64Array.from(forms, ({ low }) => low);
  const highs = Float64Array.from(forms, (form) => form.high);
  const sums = heaps.map((heights, o) => {
    let [low, high] = [0, 0];
    for (let i = 0, at = o * inputs; i < inputs; i++, at++) {
      const w = values[at];
      low += w * (w > 0 ? lows[i] : highs[i]);
      high += w * (w > 0 ? highs[i] : lows[i]);
    }
    return heights.number(low, high, style, tally);
  });
  return { ...tally, sums };
}
