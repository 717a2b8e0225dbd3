import { featureCount, type PlannedLayer } from '@hbnn/core';

/** How bits stand for a number: base + Σ weights · bit, from `low` to `high`. */
export interface NumberForm {
  readonly base: number;
  readonly weights: readonly number[];
  readonly low: number;
  readonly high: number;
}

/** A pixel less its zero. */
export const pixelForm = (zero: number): NumberForm => ({
  ...{ base: -zero, weights: [1, 2, 4, 8, 16, 32, 64, 128], low: -zero, high: 255 - zero },
});

/** Σ ±k_n, a bit each. */
function planesForm(multiples: readonly number[]): NumberForm {
  const high = multiples.reduce((sum, k) => sum + k, 0);
  return { base: -high, weights: multiples.map((k) => 2 * k), low: -high, high };
}

/** A number in binary. */
function binaryForm(low: number, high: number): NumberForm {
  const width = Math.max(1, Math.ceil(Math.log2(high - low + 1)));
  return { base: low, weights: Array.from({ length: width }, (_, i) => 2 ** i), low, high };
}

/** Forms of a layer's outputs that are no sums of products. */
export function formsAfter(
  { layer, output, outputBound }: PlannedLayer,
  before: readonly NumberForm[],
): NumberForm[] {
  const all = (form: NumberForm): NumberForm[] =>
    Array.from({ length: featureCount(output) }, () => form);
  switch (layer.kind) {
    case 'threshold': {
      const forms = Array.from({ length: layer.multiples.length + 1 }, (_, bits) =>
        planesForm([...layer.multiples.subarray(0, bits)]),
      );
      return Array.from(layer.bits, (bits) => forms[bits]);
    }
    case 'maxPool':
      // A largest of sign bits has as many; of mixed widths the widest.
      return all(before.reduce((a, b) => (b.weights.length > a.weights.length ? b : a)));
    case 'requantize':
      return all(binaryForm(layer.minimum, layer.maximum));
    case 'conv':
    case 'depthwise':
    case 'dense':
    case 'sumPool':
      return all(binaryForm(-outputBound, outputBound));
    default:
      return layer satisfies never;
  }
}
