import type { Literal } from './netlist.ts';

/** How bits stand for a whole number: base + Σ weights[i] · bit i, from `low` to `high`. */
export interface Form {
  readonly base: number;
  readonly weights: readonly number[];
  readonly low: number;
  readonly high: number;
}

/** A number somewhere in a netlist. */
export interface Value {
  readonly form: Form;
  readonly bits: readonly Literal[];
}

/** A pixel less its zero. */
export const pixelForm = (zero: number): Form => ({
  base: -zero,
  weights: [1, 2, 4, 8, 16, 32, 64, 128],
  low: -zero,
  high: 255 - zero,
});

/** Σ ±k_n: a bit of 1 stands for +k_n. */
export function planesForm(multiples: readonly number[]): Form {
  const high = multiples.reduce((sum, k) => sum + k, 0);
  return { base: -high, weights: multiples.map((k) => 2 * k), low: -high, high };
}

/** The number that the bits from `at` on stand for. */
export function decodeForm({ base, weights }: Form, bit: (i: number) => boolean): number {
  let value = base;
  for (let i = 0; i < weights.length; i++) if (bit(i)) value += weights[i];
  return value;
}

/** What tells forms apart, as text. */
export const formKey = ({ base, weights, low, high }: Form): string =>
  `${base}:${weights.join()}:${low}:${high}`;

/** How a person reads a form. */
export function describeForm({ base, weights, low, high }: Form): string {
  const constant = base === 0 ? '' : base > 0 ? ` + ${base}` : ` - ${-base}`;
  const binary = weights.every((weight, i) => weight === weights[0] * 2 ** i);
  const width = weights.length;
  if (width === 0) return `always ${base}`;
  if (binary && weights[0] > 0) {
    const factor = weights[0] === 1 ? '' : `${weights[0]} * `;
    const range = width === 1 ? 'v[0]' : `v[${width - 1}:0]`;
    return `${factor}${range}${constant}, ${low} to ${high}`;
  }
  const terms = weights.map((weight, i) => `${weight} * v[${i}]`).join(' + ');
  return `${terms.replaceAll('+ -', '- ')}${constant}, ${low} to ${high}`;
}
