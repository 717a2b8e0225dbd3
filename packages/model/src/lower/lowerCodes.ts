import type { FloatTensor } from '@hbnn/core';
import { type Int8Weights, type PlaneWeights, rowLength } from '../integerModel.ts';
import type { TrainedWeights, WeightCodes } from '../trainedModel.ts';
import { inputOf } from './inputOf.ts';
import type { LoweredWeights } from './lowerWeights.ts';

/** Codes of more bits become weights of 8 bits: as planes they would take as many planes, and as much memory. */
const maxPlanes = 4;

/** The largest magnitude of weights of 8 bits. */
const maxInt8 = 127;

/** The largest code that planes hold: Σ k_n of `multiplesOf`. */
const largestIn = (bits: number): number => (bits === 1 ? 1 : 2 ** (bits - 1));

/** k_n of as many planes: 2^(bits − 2), …, 2, 1, 1, which hold every code up to their sum, 0 with no plane. */
const multiplesOf = (bits: number): number[] =>
  bits === 1 ? [1] : [...Array.from({ length: bits - 1 }, (_, n) => 2 ** (bits - 2 - n)), 1];

/**
 * k_n of the planes for codes beyond those of 8-bit weights: 64, …, 2, 1, 1 up to ±128, and 128, …, 2, 1 up to ±255.
 * Weights of the first kind mostly need fewer planes.
 */
const multiplesFor = (largest: number): number[] =>
  largest <= largestIn(8) ? multiplesOf(8) : Array.from({ length: 8 }, (_, n) => 2 ** (7 - n));

/** Whole numbers as integer weights with the same values: the scales are left to what follows. */
export function lowerCodes({ shape, values, bits, scales }: WeightCodes): LoweredWeights {
  const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const row = values.length / shape[0];
  const factors = scales.map((scale, o) =>
    values.subarray(o * row, (o + 1) * row).some((value) => value !== 0) ? scale : 0,
  );
  const areFew = bits <= maxPlanes && largest <= largestIn(bits);
  if (!areFew && largest <= maxInt8) {
    const weights: Int8Weights = {
      kind: 'int8',
      shape: [...shape],
      values: Int8Array.from(values),
    };
    return { weights, factors, error: 0 };
  }
  const weights = planesOf(shape, values, areFew ? multiplesOf(bits) : multiplesFor(largest));
  return { weights, factors, error: 0, multiples: weights.multiples.map(([k]) => k) };
}

/** Values as planes: each plane brings the sum nearer to the value, and the last one needed meets it. */
function planesOf(
  shape: readonly number[],
  values: Int16Array,
  multiples: readonly number[],
): PlaneWeights {
  const bits = new Uint8Array(values.length);
  const signs = new Uint8Array(values.length);
  values.forEach((value, i) => {
    for (let rest = value; rest !== 0; bits[i]++) {
      const isPositive = rest > 0;
      if (isPositive) signs[i] |= 1 << bits[i];
      rest -= isPositive ? multiples[bits[i]] : -multiples[bits[i]];
    }
  });
  const used = Math.max(
    1,
    bits.reduce((most, width) => Math.max(most, width), 0),
  );
  return {
    kind: 'planes',
    shape: [...shape],
    bits,
    signs,
    multiples: multiples.slice(0, used).map((k) => Uint8Array.of(k)),
    scalePer: 'tensor',
    mapPer: 'element',
  };
}

/** What codes stand for. */
export function valuesOf({ shape, values, scales }: WeightCodes): FloatTensor {
  const row = values.length / shape[0];
  const data = Float64Array.from(values, (value, i) => value * scales[Math.floor(i / row)]);
  return { shape, data };
}

/** What one of an output's inputs means, where it has not gone into the weights; filters add up inputs that mean the same. */
export function slopeBehind(trained: TrainedWeights, slopes: Float64Array, output: number): number {
  if (trained.kind === 'float') return 1;
  if (trained.kind === 'residual') return slopes[0];
  const { shape } = trained.codes;
  return slopes[inputOf(shape, slopes.length, output * rowLength(shape))];
}
