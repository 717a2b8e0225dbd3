import { Compressions } from '../netlist/compression.ts';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { digitCount, digitPlaces } from '../netlist/signedDigits.ts';

/** What the rows' signs are of: of each column the input, and how many times it counts. */
export interface Columns {
  readonly inputs: number;
  readonly sources: Int32Array;
  readonly factors: Int32Array;
}

/** The bits that a source has when an input is one bit. */
export interface Shape {
  readonly heights: readonly number[];
  readonly bits: number;
  /** Its largest value less its smallest. */
  readonly max: number;
}

/** Columns added up: what that takes, and what is left. */
export interface Sum {
  readonly cost: number;
  readonly shape: Shape;
}

/** What searches for shared sums have worked out, for the next ones that are handed the same memo. */
export class SumMemo {
  readonly compressions = new Compressions();
  /** Sums of inputs that are one bit each: [uses][inputs]. */
  readonly sumsOfInputs: Readonly<Record<AdderStyle, (Sum | 'no gain')[][]>> = {
    xc7: [],
    gates: [],
  };
}

export const input: Shape = { heights: [1], bits: 1, max: 1 };

export function shapesOf({ factors }: Columns): readonly Shape[] | undefined {
  if (factors.every((factor) => factor === 1)) return undefined;
  const known: Shape[] = [];
  return Array.from(factors, (factor) => {
    known[factor] ??= shapeOf(factor);
    return known[factor];
  });
}

function shapeOf(factor: number): Shape {
  const heights: number[] = [];
  for (let digits = digitPlaces(factor); digits > 0; digits >>= 1) heights.push(digits & 1);
  return { heights, bits: digitCount(factor), max: Math.abs(factor) };
}

export const widthOf = (max: number): number => 32 - Math.clz32(max);
