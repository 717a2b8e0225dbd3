import type { AdderStyle, Compression, Form, SumPlan } from '@hbnn/circuit';
import type { EstimateMemo } from './memo.ts';
import { type LogicCounts, noLogic, type Tally } from './netlistCounts.ts';

const bitLength = (value: number): number => (value <= 0 ? 0 : Math.floor(Math.log2(value)) + 1);

/** What goes into heaps: bits of each weight 2^i, or of any weights; what has to be added to them; least and largest value. */
interface Source {
  readonly heights?: readonly number[];
  readonly weights?: readonly number[];
  readonly base: number;
  readonly low: number;
  readonly high: number;
}

/** How many bits of each weight are to be added: the generator's bit heap without its bits. */
class Heights {
  readonly #columns: number[] = [];
  /** How many of each column's bits are inverted ones. */
  readonly #inverted: number[] = [];
  #base = 0;
  readonly #memo: EstimateMemo;

  constructor(memo: EstimateMemo) {
    this.#memo = memo;
  }

  add({ heights, weights, base }: Source, factor: number): void {
    this.#base += factor * base;
    if (heights !== undefined) {
      const digits = this.#memo.digitsOf(factor);
      for (let d = 0; d < digits.length; d++)
        for (let i = 0; i < heights.length; i++) this.#put(digits[d], i, heights[i]);
      return;
    }
    if (weights === undefined) return;
    for (let w = 0; w < weights.length; w++) {
      const digits = this.#memo.digitsOf(factor * weights[w]);
      for (let d = 0; d < digits.length; d++) this.#put(digits[d], 0, 1);
    }
  }

  /** So many bits beside a digit's place: at a negative one the inverted bits, and a constant. */
  #put(digit: number, beside: number, count: number): void {
    const column = (digit < 0 ? -1 - digit : digit) + beside;
    while (this.#columns.length <= column) {
      this.#columns.push(0);
      this.#inverted.push(0);
    }
    this.#columns[column] += count;
    if (digit >= 0) return;
    this.#inverted[column] += count;
    this.#base -= count * 2 ** column;
  }

  /** The sum as a number, and what that takes. */
  number(low: number, high: number, style: AdderStyle, tally: Tally): Form {
    if (style === 'xc7') tally.tables += this.#invertedAlone();
    const width = bitLength(high - this.#base);
    const left = counted(this.#memo.sums.compressions.toNumber(this.#columns, width, style), tally);
    const weights: number[] = [];
    for (let i = 0; i < left.length; i++) for (let n = 0; n < left[i]; n++) weights.push(2 ** i);
    return { base: this.#base, weights, low, high };
  }

  /** What is left of the heap for other heaps that take it so many times, and tell what that takes. */
  forUses(low: number, high: number, style: AdderStyle, uses: number, tally: Tally): Source {
    const width = bitLength(high - this.#base);
    const heights = counted(
      this.#memo.sums.compressions.forUses(this.#columns, width, style, uses),
      tally,
    );
    return { heights, base: this.#base, low, high };
  }

  /** Inverted bits that have their columns to themselves, and become the sum's as they are. */
  #invertedAlone(): number {
    const chained = this.#columns.findIndex((height) => height > 1);
    const alone = chained < 0 ? this.#inverted : this.#inverted.slice(0, chained);
    return alone.reduce((sum, count) => sum + count, 0);
  }
}

/** Tell what a heap's reduction takes, as the generator does it. */
function counted(built: Compression, tally: Tally): readonly number[] {
  tally.counters += built.counters;
  tally.fullAdders += built.fullAdders;
  tally.halfAdders += built.halfAdders;
  if (built.chain !== undefined) {
    tally.chains++;
    tally.chainPlaces += built.chain.places;
  }
  return built.heights;
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
  memo: EstimateMemo,
): LogicCounts & { readonly sums: readonly Form[] } {
  const tally: Tally = { ...noLogic };
  const sources: Source[] = [...forms];
  for (const { terms, uses } of classes) {
    const heights = new Heights(memo);
    let [low, high] = [0, 0];
    for (const { source, factor } of terms) {
      const of = sources[source];
      heights.add(of, factor);
      low += factor * (factor > 0 ? of.low : of.high);
      high += factor * (factor > 0 ? of.high : of.low);
    }
    sources.push(heights.forUses(low, high, style, uses, tally));
  }
  const heaps = Array.from({ length: outputs }, () => new Heights(memo));
  for (const { output, source, factor } of additions) heaps[output].add(sources[source], factor);
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
