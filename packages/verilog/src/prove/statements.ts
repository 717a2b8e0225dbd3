import type { Bus, Form } from '@hbnn/circuit';
import { channelThresholds } from '@hbnn/model';
import type { Wanted } from './claim.ts';
import { type PlacedLayer, type Terms, windowElements } from './modelSums.ts';

/** Number as a signed literal of so many bits. */
export const literal = (value: number, width: number): string =>
  `${value < 0 ? '-' : ''}${width}'sd${Math.abs(value)}`;

export const bitsFor = (max: number): number => max.toString(2).length + 2;

/**
 * State what an output of a layer should be in plain Verilog, from the model alone: `+` over constants, comparisons and
 * choices.
 *
 * @param elements numbers of the input's elements, as `e0`, `e1`, … in this order
 */
export function wantedOf(
  { layer, input, output }: PlacedLayer,
  { forms }: Bus,
  o: number,
  elements: readonly number[],
  terms: Terms | undefined,
): (width: number) => Wanted {
  const of = (element: number): string => `e${elements.indexOf(element)}`;
  if (terms !== undefined) return sumStatement(forms, elements, terms);
  const own = forms[o] === undefined ? 1 : magnitude(forms[o]);
  switch (layer.kind) {
    case 'maxPool': {
      const window = windowElements({ layer, input, output }, o);
      const lines = window.map((element, n) =>
        n === 0 ? of(element) : `${of(element)} > m${n - 1} ? ${of(element)} : m${n - 1}`,
      );
      const max = window.reduce((largest, i) => Math.max(largest, magnitude(forms[i])), 1);
      return () => ({
        lines: lines.map((line, n) => `wire signed [W-1:0] m${n} = ${line};`),
        value: `m${lines.length - 1}`,
        max,
      });
    }
    case 'threshold': {
      const { multiples, flips, bits } = layer;
      const c = o % input[2];
      const thresholds = channelThresholds(layer, c);
      const least = layer.thresholds.reduce((most, t) => Math.max(most, Math.abs(t)), own);
      const after = (n: number, node: number, width: number): string => {
        if (n === bits[o]) return literal(0, width);
        const met = `(${of(o)} >= ${literal(thresholds[node - 1], width)})`;
        const [whenMet, otherwise] = flips[c] === 1 ? [0, 1] : [1, 0];
        const next = (bit: number): string =>
          `(${literal(bit === 1 ? multiples[n] : -multiples[n], width)} + ${after(n + 1, 2 * node + bit, width)})`;
        return `(${met} ? ${next(whenMet)} : ${next(otherwise)})`;
      };
      const max = multiples.reduce((sum, k) => sum + k, least);
      return (width) => ({ lines: [], value: after(0, 1, width), max });
    }
    case 'requantize': {
      const { multipliers, offsets, shifts, minimum, maximum } = layer;
      const c = o % input[2];
      const max = Math.max(
        own * Math.abs(multipliers[c]) + Math.abs(offsets[c]),
        ...[minimum, maximum, own].map(Math.abs),
      );
      return (width) => ({
        lines: [
          `wire signed [W-1:0] scaled = (${of(o)} * ${literal(multipliers[c], width)} + ${literal(offsets[c], width)}) >>> ${shifts[c]};`,
        ],
        value: `scaled < ${literal(minimum, width)} ? ${literal(minimum, width)} : scaled > ${literal(maximum, width)} ? ${literal(maximum, width)} : scaled`,
        max,
      });
    }
    default:
      throw new Error(`${layer.name}: sums have terms`);
  }
}

/** State a sum of a layer's inputs: each bit of theirs by the weight that it has. */
export function sumStatement(
  forms: readonly Form[],
  elements: readonly number[],
  terms: Terms,
): (width: number) => Wanted {
  const used = terms.filter(([, weight]) => weight !== 0);
  const max = used.reduce((sum, [i, w]) => sum + Math.abs(w) * magnitude(forms[i]), 1);
  return (width) => {
    const constant = used.reduce((sum, [i, weight]) => sum + weight * forms[i].base, 0);
    const bits = used.flatMap(([i, weight]) =>
      forms[i].weights.map(
        (unit, j) => `(x${elements.indexOf(i)}[${j}] ? ${literal(weight * unit, width)} : 0)`,
      ),
    );
    return { lines: [], value: [literal(constant, width), ...bits].join(' + '), max };
  };
}

export const magnitude = ({ base, weights }: Form): number =>
  weights.reduce((sum, weight) => sum + Math.abs(weight), Math.abs(base));

/** Whether every pattern of bits stands for a value in the form's range. */
export function whole({ base, weights, low, high }: Form): boolean {
  const sum = (sign: number): number =>
    weights.reduce((all, weight) => all + (Math.sign(weight) === sign ? weight : 0), base);
  return sum(-1) >= low && sum(1) <= high;
}
