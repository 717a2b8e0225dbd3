import type { FloatTensor, ResidualTensor } from '@hbnn/core';
import { allowedMultiples, HbnnError, nearestMultiples } from '@hbnn/core';
import type { Int8Weights, IntegerWeights, PlaneWeights } from '../integerModel.ts';
import type { TrainedLayer, TrainedWeights } from '../trainedModel.ts';
import { inputOf } from './inputOf.ts';
import type { LoweredLayer } from './lowerState.ts';

export type LinearLayer = Extract<TrainedLayer, { kind: 'conv' | 'depthwise' | 'dense' }>;

/**
 * Whole weights, and what one stands for: trained weight of output o ≈ factors[o] · whole. The factor of an output
 * whose weights are all 0 is 0, so that a scale common to several outputs is not chosen for sums that are always 0.
 */
export interface LoweredWeights {
  readonly weights: IntegerWeights;
  readonly factors: Float64Array;
  /** ‖lowered − trained‖ / ‖trained‖. */
  readonly error: number;
  readonly multiples?: readonly number[];
}

/** What the report of lowering calls each kind of weights. */
export const whatBecomes = {
  codes: 'weight codes',
  float: 'weights of 8 bits',
  residual: 'weight scales',
} as const satisfies Record<TrainedWeights['kind'], LoweredLayer['what']>;

/** Binarized weights with whole multiples of one factor for the tensor's scales, or for each output's. */
export function lowerPlanes(
  residual: ResidualTensor,
  scaleBits: number,
  name: string,
): LoweredWeights {
  const { shape, planes, map, scalePer, layout } = residual;
  if (layout !== 'outputs-first')
    throw new HbnnError(
      `${name}: expected weights with outputs first, got ${layout}; bring the outputs to the first axis before they are binarized`,
    );
  const groups = scalePer === 'tensor' ? 1 : shape[0];
  const run = map.bits.length / groups;
  const counts = membersOf(map.bits, planes.length, groups, run);
  const allowed = allowedMultiples(`integers:${scaleBits}`);
  const found = Array.from({ length: groups }, (_, g) =>
    nearestMultiples(
      planes.map((plane) => plane.scales[g]),
      counts.map((plane) => Math.max(1, plane[g])),
      allowed,
    ),
  );
  const weights: PlaneWeights = {
    kind: 'planes',
    shape: [...shape],
    bits: map.bits.slice(),
    signs: packedSigns(residual),
    multiples: planes.map((_, n) => Uint8Array.from(found, ({ multiples }) => multiples[n])),
    scalePer: groups === 1 ? 'tensor' : 'output',
    mapPer: map.mapPer ?? 'element',
  };
  const factors = Float64Array.from(
    { length: shape[0] },
    (_, o) => found[groups === 1 ? 0 : o].factor,
  );
  const scaleOf = (n: number, g: number): number => found[g].factor * found[g].multiples[n];
  const error = scaleError(weights, residual, scaleOf, run);
  return { weights, factors, error, multiples: found[0].multiples };
}

/** Members of each plane, [plane][group]. */
function membersOf(bits: Uint8Array, planes: number, groups: number, run: number): Float64Array[] {
  const counts = Array.from({ length: planes }, () => new Float64Array(groups));
  for (let i = 0; i < bits.length; i++) {
    const g = Math.floor(i / run);
    for (let n = 0; n < bits[i]; n++) counts[n][g]++;
  }
  return counts;
}

function packedSigns({ planes, map }: ResidualTensor): Uint8Array {
  const signs = new Uint8Array(map.bits.length);
  planes.forEach((plane, n) => {
    for (let i = 0; i < signs.length; i++) signs[i] |= plane.signs[i] << n;
  });
  return signs;
}

function scaleError(
  { bits, signs }: PlaneWeights,
  { planes }: ResidualTensor,
  scaleOf: (plane: number, group: number) => number,
  run: number,
): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < bits.length; i++) {
    const g = Math.floor(i / run);
    let trained = 0;
    let lowered = 0;
    for (let n = 0; n < bits[i]; n++) {
      const sign = (signs[i] >> n) & 1 ? 1 : -1;
      trained += sign * planes[n].scales[g];
      lowered += sign * scaleOf(n, g);
    }
    difference += (trained - lowered) ** 2;
    norm += trained ** 2;
  }
  return norm === 0 ? 0 : Math.sqrt(difference / norm);
}

/**
 * Float weights as 8-bit ones, −127 … 127, to the nearest: one factor per output, or one for all.
 *
 * @param slopes what each input channel's whole numbers stand for: it goes into the weights
 */
export function lowerFloats(
  { shape, data }: FloatTensor,
  slopes: Float64Array,
  perOutput: boolean,
): LoweredWeights {
  const outputs = shape[0];
  const row = data.length / outputs;
  const scaled = Float64Array.from(data, (w, i) => w * slopes[inputOf(shape, slopes.length, i)]);
  const largest = new Float64Array(outputs);
  scaled.forEach((w, i) => {
    const o = Math.floor(i / row);
    largest[o] = Math.max(largest[o], Math.abs(w));
  });
  const all = largest.reduce((a, b) => Math.max(a, b), 0);
  const factors = largest.map((max) => (perOutput ? max : all) / 127);
  const values = Int8Array.from(scaled, (w, i) => {
    const factor = factors[Math.floor(i / row)];
    return factor === 0 ? 0 : Math.round(w / factor);
  });
  let difference = 0;
  let norm = 0;
  scaled.forEach((w, i) => {
    difference += (w - values[i] * factors[Math.floor(i / row)]) ** 2;
    norm += w ** 2;
  });
  const weights: Int8Weights = { kind: 'int8', shape: [...shape], values };
  return { weights, factors, error: norm === 0 ? 0 : Math.sqrt(difference / norm) };
}
