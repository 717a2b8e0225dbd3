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

/** How many bits of each weight are to be added: the generator's bit heap without its bits. */
class Heights {
  readonly #columns: number[] = [];
  /** How many of each column's bits are inverted ones. */
  readonly #inverted: number[] = [];
  base = 0;

  /** A bit, its weight in signed digits of which no two are neighbours (3 is 2 + 1). */
  add(weight: number): void {
    const negative = weight < 0;
    let rest = Math.abs(weight);
    for (let column = 0; rest > 0; column++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 0) continue;
      const minus = rest % 4 === 3 && rest !== 3;
      if (minus) rest++;
      // A negative digit takes the inverted bit, and a constant.
      const inverted = minus !== negative;
      if (inverted) this.base -= 2 ** column;
      while (this.#columns.length <= column) {
        this.#columns.push(0);
        this.#inverted.push(0);
      }
      this.#columns[column]++;
      if (inverted) this.#inverted[column]++;
    }
  }

  addForm({ base, weights }: Form, factor: number): void {
    this.base += factor * base;
    for (const weight of weights) this.add(factor * weight);
  }

  /** The sum as a number, and what that takes. */
  number(low: number, high: number, style: AdderStyle, tally: Tally): Form {
    if (style === 'xc7') tally.tables += this.#invertedAlone();
    const by = (heights: readonly number[], width: number): Compression =>
      compressToNumber(heights, width, style);
    return this.reduce(low, high, by, tally);
  }

  /** Inverted bits that have their columns to themselves, and become the sum's as they are. */
  #invertedAlone(): number {
    const chained = this.#columns.findIndex((height) => height > 1);
    const alone = chained < 0 ? this.#inverted : this.#inverted.slice(0, chained);
    return alone.reduce((sum, count) => sum + count, 0);
  }

  /** What is left of the heap, as the generator reduces it, and tell what that takes. */
  reduce(
    low: number,
    high: number,
    by: (heights: readonly number[], width: number) => Compression,
    tally: Tally,
  ): Form {
    const { chain, heights, ...steps } = by(this.#columns, bitLength(high - this.base));
    tally.counters += steps.counters;
    tally.fullAdders += steps.fullAdders;
    tally.halfAdders += steps.halfAdders;
    if (chain !== undefined) {
      tally.chains++;
      tally.chainPlaces += chain.places;
    }
    const weights = heights.flatMap((height, i) => new Array<number>(height).fill(2 ** i));
    return { base: this.base, weights, low, high };
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
  const sources = [...forms];
  for (const { terms, uses } of classes) {
    const heights = new Heights();
    let [low, high] = [0, 0];
    for (const { source, factor } of terms) {
      const form = sources[source];
      heights.addForm(form, factor);
      low += factor * (factor > 0 ? form.low : form.high);
      high += factor * (factor > 0 ? form.high : form.low);
    }
    const forUses = (columns: readonly number[], width: number): Compression =>
      compressForUses(columns, width, style, uses);
    sources.push(heights.reduce(low, high, forUses, tally));
  }
  const heaps = Array.from({ length: outputs }, () => new Heights());
  for (const { output, source, factor } of additions)
    heaps[output].addForm(sources[source], factor);
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
