import type { Form } from '@hbnn/circuit';

/** Where hardware and model part. */
export interface Difference {
  readonly layer: string;
  /** Row, column and channel; the number of a score. */
  readonly output: string;
  readonly expected: number;
  readonly got: number;
  /** What was tried: an image of the whole network, or values put on the layer's own inputs. */
  readonly found: string;
}

export function position([, width, channels]: readonly number[], i: number): string {
  const pixel = Math.floor(i / channels);
  return `row ${Math.floor(pixel / width)}, column ${pixel % width}, channel ${i % channels}`;
}

/**
 * Bits of a form that stand for a number: exactly it where the weights are those of binary; else those of the form's
 * ends exactly, and any bits for what lies between. A negative number over weights of 32 bits is in two's complement.
 */
export function codeOf(
  { base, weights, low, high }: Form,
  value: number,
  below: (n: number) => number,
): number[] {
  const [unit] = weights;
  const binary = weights.every((weight, i) => weight === unit * 2 ** i);
  if (binary) {
    const code = Math.floor((value - base) / unit);
    return weights.map((_, i) => ((Math.floor(code / 2 ** i) % 2) + 2) % 2);
  }
  if (value === low) return weights.map((weight) => (weight < 0 ? 1 : 0));
  if (value === high) return weights.map((weight) => (weight > 0 ? 1 : 0));
  return weights.map(() => below(2));
}
