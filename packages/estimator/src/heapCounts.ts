import type { AdderStyle, SumPlan } from '@hbnn/core';
import type { NumberForm } from './numberForms.ts';

/** What the sums of a layer's place are made of. */
export interface HeapCounts {
  /** Seven bits that become three, in circuits with carry chains. */
  readonly counters: number;
  /** Three rows that become one: their columns, and the chains themselves. */
  readonly chainColumns: number;
  readonly chains: number;
  /** Three bits that become two; and two that become two. */
  readonly fullAdders: number;
  readonly halfAdders: number;
}

type Tally = { -readonly [key in keyof HeapCounts]: HeapCounts[key] };

const bitLength = (value: number): number => (value <= 0 ? 0 : Math.floor(Math.log2(value)) + 1);

/** How many bits of each weight are to be added: the generator's bit heap without its bits. */
class Heights {
  readonly #columns: number[] = [];
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
      if (minus !== negative) this.base -= 2 ** column;
      while (this.#columns.length <= column) this.#columns.push(0);
      this.#columns[column]++;
    }
  }

  addForm({ base, weights }: NumberForm, factor: number): void {
    this.base += factor * base;
    for (const weight of weights) this.add(factor * weight);
  }

  /** Reduce to one bit per column, as the generator does, and tell what that takes. */
  reduce(low: number, high: number, chains: boolean, tally: Tally): NumberForm {
    const width = bitLength(high - this.base);
    const columns = Array.from({ length: width }, (_, i) => this.#columns[i] ?? 0);
    const put = (i: number): void => {
      if (i < width) columns[i]++;
    };
    const [first, end] = chains ? withChains(columns, put, tally) : withAdders(columns, put, tally);
    const weights: number[] = [];
    for (let i = first; i < end; i++) weights.push(2 ** i);
    return { base: this.base, weights, low, high };
  }
}

/** Whole groups of every column's bits as they stand. */
function round(columns: number[], put: (i: number) => void, size: number, outputs: number): number {
  const groups = columns.map((height) => Math.floor(height / size));
  groups.forEach((count, i) => {
    columns[i] -= size * count;
  });
  groups.forEach((count, i) => {
    for (let g = 0; g < count; g++) for (let n = 0; n < outputs; n++) put(i + n);
  });
  return groups.reduce((a, b) => a + b, 0);
}

const lowest = (columns: readonly number[]): number =>
  Math.max(
    0,
    columns.findIndex((height) => height > 0),
  );

function withChains(
  columns: number[],
  put: (i: number) => void,
  tally: Tally,
): [first: number, end: number] {
  while (columns.some((height) => height > 6)) tally.counters += round(columns, put, 7, 3);
  const first = columns.findIndex((height) => height > 1);
  if (first < 0) return [lowest(columns), columns.length];
  for (let i = first; i < columns.length; i++) {
    const rows = i === first ? 5 : 3;
    while (columns[i] > rows) {
      const taken = columns[i] >= 6 ? 6 : 3;
      columns[i] -= taken;
      if (taken === 6) tally.counters++;
      else tally.fullAdders++;
      put(i);
      put(i + 1);
      if (taken === 6) put(i + 2);
    }
  }
  let last = columns.length;
  while (columns[last - 1] === 0) last--;
  const end = Math.min(columns.length, last + 2);
  tally.chains++;
  tally.chainColumns += end - first;
  return [lowest(columns), end];
}

function withAdders(
  columns: number[],
  put: (i: number) => void,
  tally: Tally,
): [first: number, end: number] {
  while (columns.some((height) => height > 2)) tally.fullAdders += round(columns, put, 3, 2);
  for (let i = 0; i < columns.length; i++)
    while (columns[i] > 1) {
      const taken = Math.min(3, columns[i]);
      columns[i] -= taken;
      if (taken === 3) tally.fullAdders++;
      else tally.halfAdders++;
      put(i);
      put(i + 1);
    }
  let end = columns.length;
  while (end > 0 && columns[end - 1] === 0) end--;
  return [lowest(columns), end];
}

/**
 * Count what a place's sums take: heaps of bits are reduced as `hbnn verilog` does it, by their heights alone.
 *
 * @param forms of the inputs
 * @returns the counts, and the form of each output's sum
 */
export function heapCounts(
  { classes, additions, values, outputs, inputs }: SumPlan,
  forms: readonly NumberForm[],
  style: AdderStyle,
): HeapCounts & { readonly sums: readonly NumberForm[] } {
  const chains = style === 'xc7';
  const tally: Tally = { counters: 0, chainColumns: 0, chains: 0, fullAdders: 0, halfAdders: 0 };
  const sources = [...forms];
  for (const terms of classes) {
    const heights = new Heights();
    let [low, high] = [0, 0];
    for (const { source, sign } of terms) {
      const form = sources[source];
      heights.addForm(form, sign);
      low += sign > 0 ? form.low : -form.high;
      high += sign > 0 ? form.high : -form.low;
    }
    sources.push(heights.reduce(low, high, chains, tally));
  }
  const heaps = Array.from({ length: outputs }, () => new Heights());
  for (const { output, source, factor } of additions)
    heaps[output].addForm(sources[source], factor);
  const sums = heaps.map((heights, o) => {
    let [low, high] = [0, 0];
    forms.forEach((form, i) => {
      const w = values[o * inputs + i];
      low += w * (w > 0 ? form.low : form.high);
      high += w * (w > 0 ? form.high : form.low);
    });
    return heights.reduce(low, high, chains, tally);
  });
  return { ...tally, sums };
}
