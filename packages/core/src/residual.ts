import { balancedMapBits } from './balanced.ts';
import { type BitMap, countBits } from './bitMap.ts';
import { HbnnError } from './error.ts';
import { parseScalePer, type ScalePer, unitsOf } from './granularity.ts';
import { geometry, type Layout } from './layout.ts';
import { parseScaleForm, restrictScales, type ScaleForm } from './scaleForm.ts';
import { signBit } from './sign.ts';
import { elementCount, type FloatTensor, sameShape, shapeText } from './tensor.ts';

/** One round of residual binarization: which elements take part, their signs, and the scale. */
export interface Plane {
  /** μ_n, one, or one per output; 0 where there are no members. */
  readonly scales: Float32Array;
  /** 1 where the element takes part, row-major like the tensor. */
  readonly members: Uint8Array;
  /** 1 means +1, 0 means −1; 0 outside members. */
  readonly signs: Uint8Array;
}

/** T ≈ Σ μ_n B_n over planes n = 1, 2, …; an element of b bits is in the first b planes. */
export interface ResidualTensor {
  readonly shape: readonly number[];
  readonly layout: Layout;
  readonly scalePer: ScalePer;
  readonly map: BitMap;
  readonly planes: readonly Plane[];
}

/**
 * How a row-major tensor falls into groups that share scales: group = floor(i / run) mod groups.
 * One group of everything, groups of a contiguous run (outputs-first), or groups in turn
 * (outputs-last, run 1).
 */
export interface Groups {
  readonly count: number;
  readonly run: number;
}

export function scaleGroups(
  shape: readonly number[],
  layout: Layout,
  scalePer: ScalePer,
  where = 'binarize',
): Groups {
  const { outputs, outputStride } = geometry(shape, layout, where);
  if (parseScalePer(scalePer) === 'tensor' || outputs === 1)
    return { count: 1, run: elementCount(shape) };
  return { count: outputs, run: outputStride };
}

/** |E_n| of a member after the first n scales: a ← |a − μ|, exact mirror of E − μ·sign(E). */
function magnitudeAfter(magnitude: number, scales: readonly Float64Array[], n: number, g: number) {
  let a = magnitude;
  for (let plane = 0; plane < n; plane++) a = Math.abs(a - scales[plane][g]);
  return a;
}

/**
 * Compute the scales of Eq. 5 for a bit map: μ_n = mean of |E_{n−1}| over the members of plane n,
 * summed in index order in float64, and not rounded: E_n subtracts what is written to
 * scales[n][group]. Scales to keep are these, rounded once to float32 (`roundScales`).
 *
 * Only magnitudes matter here: |E − μ·sign(E)| = | |E| − μ | exactly, also for sign(0) = −1.
 */
export function meanScales(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  scales: readonly Float64Array[],
): void {
  const sums = new Float64Array(groups.count);
  const counts = new Float64Array(groups.count);
  scales.forEach((target, n) => {
    if (groups.count === 1) sumPlane(x, bits, scales, n, sums, counts);
    else sumPlaneByGroup(x, bits, groups, scales, n, sums, counts);
    for (let g = 0; g < groups.count; g++) target[g] = counts[g] > 0 ? sums[g] / counts[g] : 0;
  });
}

/** Without branches on the map, which is as good as random: others than members add 0. */
function sumPlane(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  scales: readonly Float64Array[],
  n: number,
  sums: Float64Array,
  counts: Float64Array,
): void {
  const first = n > 0 ? scales[0][0] : 0;
  const second = n > 1 ? scales[1][0] : 0;
  let sum = 0;
  let count = 0;
  const isMember = Float64Array.from({ length: 9 }, (_, width) => Number(width > n));
  if (n < 3) {
    // |E_0|, |E_1| and |E_2| alike: subtracting 0 changes nothing.
    for (let i = 0; i < x.length; i++) {
      const member = isMember[bits[i]];
      sum += member * Math.abs(Math.abs(Math.abs(x[i]) - first) - second);
      count += member;
    }
  } else
    for (let i = 0; i < x.length; i++) {
      let a = Math.abs(x[i]);
      for (let plane = 0; plane < n; plane++) a = Math.abs(a - scales[plane][0]);
      const member = isMember[bits[i]];
      sum += member * a;
      count += member;
    }
  sums[0] = sum;
  counts[0] = count;
}

function sumPlaneByGroup(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  scales: readonly Float64Array[],
  n: number,
  sums: Float64Array,
  counts: Float64Array,
): void {
  sums.fill(0);
  counts.fill(0);
  let g = 0;
  for (let start = 0; start < x.length; start += groups.run) {
    const end = start + groups.run;
    for (let i = start; i < end; i++) {
      if (bits[i] <= n) continue;
      sums[g] += magnitudeAfter(Math.abs(x[i]), scales, n, g);
      counts[g]++;
    }
    if (++g === groups.count) g = 0;
  }
}

/** The number of members of each plane, [plane][group]. */
function planeCounts(bits: Uint8Array, groups: Groups, planes: number): Float64Array[] {
  const counts = exactScales(planes, groups);
  for (let i = 0; i < bits.length; i++) {
    const g = Math.floor(i / groups.run) % groups.count;
    for (let n = 0; n < bits[i]; n++) counts[n][g]++;
  }
  return counts;
}

/** `meanScales`, brought to a form: what binarization with such scales subtracts. */
export function formedScales(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  form: ScaleForm,
  scales: readonly Float64Array[],
): void {
  meanScales(x, bits, groups, scales);
  if (form !== 'free') restrictScales(form, scales, planeCounts(bits, groups, scales.length));
}

/** Round scales to the float32 that is kept. */
export function roundScales(
  scales: readonly Float64Array[],
  rounded: readonly Float32Array[],
): void {
  scales.forEach((plane, n) => {
    rounded[n].set(plane);
  });
}

/**
 * Write Σ float32(μ_n) B_n with greedy signs (B_n = sign E_{n−1}, E_n = E_{n−1} − μ_n B_n with the
 * unrounded μ_n): accumulated in float64 in plane order, rounded once to float32.
 */
export function writeGreedy(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  scales: readonly Float64Array[],
  out: Float32Array,
): void {
  const planes = Math.max(3, scales.length);
  const steps = new Float64Array(planes * stepStride);
  let g = 0;
  for (let start = 0; start < x.length; start += groups.run) {
    const end = start + groups.run;
    if (groups.run > 64) {
      fillSteps(scales, g, steps);
      if (planes === 3) writeRun3(x, bits, start, end, steps, out);
      else writeRun(x, bits, start, end, steps, planes, out);
    } else
      for (let i = start; i < end; i++) {
        let rest: number = x[i];
        let sum = 0;
        for (let n = 0; n < bits[i]; n++) {
          const step = signBit(rest) === 1 ? scales[n][g] : -scales[n][g];
          sum += Math.fround(step);
          rest -= step;
        }
        out[i] = sum;
      }
    if (++g === groups.count) g = 0;
  }
}

/** Entries per plane of a table of steps: one for each bitwidth 0 … 8 and sign bit. */
const stepStride = 18;

/** steps[n · 18 + 2 · bits + sign bit] = ±μ_n for members of plane n, 0 for others. */
function fillSteps(scales: readonly Float64Array[], g: number, steps: Float64Array): void {
  for (let n = 0; n < scales.length; n++) {
    for (let width = 0; width <= 8; width++) {
      const scale = width > n ? scales[n][g] : 0;
      // 0 − scale, not −scale: an approximation has no −0.
      steps[n * stepStride + 2 * width] = 0 - scale;
      steps[n * stepStride + 2 * width + 1] = scale;
    }
  }
}

/** Every element goes through every plane, with a step of 0 where it is no member: no branches on data. */
function writeRun(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  start: number,
  end: number,
  steps: Float64Array,
  planes: number,
  out: Float32Array,
): void {
  for (let i = start; i < end; i++) {
    let rest: number = x[i];
    let sum = 0;
    const at = 2 * bits[i];
    for (let n = 0; n < planes; n++) {
      const step = steps[n * stepStride + at + signBit(rest)];
      sum += Math.fround(step);
      rest -= step;
    }
    out[i] = sum;
  }
}

/** The same for up to 3 planes, unrolled. */
function writeRun3(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  start: number,
  end: number,
  steps: Float64Array,
  out: Float32Array,
): void {
  for (let i = start; i < end; i++) {
    const value = x[i];
    const at = 2 * bits[i];
    const first = steps[at + signBit(value)];
    const second = steps[stepStride + at + signBit(value - first)];
    const third = steps[2 * stepStride + at + signBit(value - first - second)];
    out[i] = Math.fround(first) + Math.fround(second) + Math.fround(third);
  }
}

/** The planes of greedy signs, as values to keep; their scales rounded to float32. */
export function greedyPlanes(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  scales: readonly Float64Array[],
): Plane[] {
  const rounded = scales.map((plane) => Float32Array.from(plane));
  const planes = emptyPlanes(x.length, rounded);
  for (let i = 0; i < x.length; i++) {
    const g = Math.floor(i / groups.run) % groups.count;
    let rest: number = x[i];
    for (let n = 0; n < bits[i]; n++) {
      const { members, signs } = planes[n];
      members[i] = 1;
      signs[i] = signBit(rest);
      rest -= signs[i] === 1 ? scales[n][g] : -scales[n][g];
    }
  }
  return planes;
}

/** Planes with scales (copied) and no members yet. */
export function emptyPlanes(count: number, scales: readonly Float32Array[]): Plane[] {
  return scales.map((plane) => ({
    scales: plane.slice(),
    members: new Uint8Array(count),
    signs: new Uint8Array(count),
  }));
}

/** The most bits of any element. */
export function widestOf(bits: Uint8Array): number {
  return countBits(bits).reduce((widest, count, width) => (count > 0 ? width : widest), 0);
}

/**
 * Binarize a tensor under a bit map (Eq. 5). With E_0 = T, in round n over the members {j : M_j >= n}:
 * B_n = sign(E_{n−1}), μ_n = mean |E_{n−1}|, E_n = E_{n−1} − μ_n B_n, all in float64. The scales that
 * are returned are the μ_n rounded once to float32.
 *
 * @param t weights of 1 to 4 dimensions
 * @param map bits per element, t's shape; 0-bit elements become 0
 * With scales of a form (`ScaleForm`) the μ_n are those of Eq. 5, brought to the form together; signs and residuals
 * follow the formed ones.
 *
 * @param o scales per 'tensor' (default) or 'output' (a tensor of one dimension is one output); layout 'outputs-first' (default); scaleForm 'free' (default)
 * @returns as many planes as the widest element has bits
 * @throws HbnnError when the shapes differ, or a scale is too large for float32
 */
export function binarize(
  t: FloatTensor,
  map: BitMap,
  o: { scalePer?: ScalePer; layout?: Layout; scaleForm?: ScaleForm } = {},
): ResidualTensor {
  const { scalePer = 'tensor', layout = 'outputs-first' } = o;
  const form = parseScaleForm(o.scaleForm ?? 'free', 'binarize');
  if (!sameShape(t.shape, map.shape))
    throw new HbnnError(
      `binarize: bit map shape ${shapeText(map.shape)} does not match weights shape ${shapeText(t.shape)}; build it with selectBits(weights, …)`,
    );
  const groups = scaleGroups(t.shape, layout, scalePer);
  const scales = exactScales(widestOf(map.bits), groups);
  formedScales(t.data, map.bits, groups, form, scales);
  const planes = greedyPlanes(t.data, map.bits, groups, scales);
  checkScales(
    planes.map((plane) => plane.scales),
    'binarize',
  );
  return { shape: [...t.shape], layout, scalePer, map, planes };
}

export function scaleArrays(planes: number, groups: Groups): Float32Array[] {
  return Array.from({ length: planes }, () => new Float32Array(groups.count));
}

/** Scales in float64, as `meanScales` computes them. */
export function exactScales(planes: number, groups: Groups): Float64Array[] {
  return Array.from({ length: planes }, () => new Float64Array(groups.count));
}

/** @throws HbnnError when a scale is not finite */
export function checkScales(scales: readonly Float32Array[], where: string): void {
  if (!scales.every((plane) => plane.every(Number.isFinite)))
    throw new HbnnError(
      `${where}: expected magnitudes whose mean fits float32 (below 3.4e38), got larger ones; scale the tensor down`,
    );
}

/** Compute T_B = Σ μ_n B_n, summed in float64 in plane order and rounded once to float32. */
export function approximate(r: ResidualTensor): FloatTensor {
  const groups = scaleGroups(r.shape, r.layout, r.scalePer);
  const sums = new Float64Array(elementCount(r.shape));
  for (const { scales, members, signs } of r.planes) {
    let g = 0;
    for (let start = 0; start < sums.length; start += groups.run) {
      const end = start + groups.run;
      // Signs are 0 outside members: (2·sign − member) is +1, −1 or 0.
      for (let i = start; i < end; i++) sums[i] += (2 * signs[i] - members[i]) * scales[g];
      if (++g === groups.count) g = 0;
    }
  }
  const data = new Float32Array(sums);
  return { shape: [...r.shape], data };
}

/**
 * Compute the normalized distance ‖T − T_B‖ / ‖T‖ (Euclidean norms, summed in float64). 0 for a zero
 * tensor approximated by zeros, Infinity for a zero tensor approximated by anything else.
 *
 * @throws HbnnError when the shapes differ
 */
export function distance(t: FloatTensor, approximation: FloatTensor): number {
  if (!sameShape(t.shape, approximation.shape))
    throw new HbnnError(
      `distance: expected two tensors of one shape, got ${shapeText(t.shape)} and ${shapeText(approximation.shape)}; compare a tensor with its own approximation`,
    );
  // Relative to the largest magnitude, so that squares neither overflow nor vanish.
  let largest = 0;
  for (let i = 0; i < t.data.length; i++) largest = Math.max(largest, Math.abs(t.data[i]));
  const unit = largest > 0 ? largest : 1;
  let error = 0;
  let norm = 0;
  for (let i = 0; i < t.data.length; i++) {
    const value = t.data[i] / unit;
    const difference = (t.data[i] - approximation.data[i]) / unit;
    error += difference * difference;
    norm += value * value;
  }
  return error === 0 ? 0 : Math.sqrt(error / norm);
}

/**
 * Count what a binarized tensor takes to store, in bits.
 *
 * - signs: Σ bits over elements
 * - mapEntropy: units · −Σ p_b log2 p_b, the least that a code of the map's bitwidths can take; p_b is
 *   the share of the units, whatever their sizes
 * - mapStored: units · ceil(log2(number of different bitwidths)), a fixed-width code; of a balanced map Σ over its
 *   groups of ceil(log2(arrangements of the group's bitwidths))
 * - scales: 32 per scale (planes × 1 or outputs)
 * - total: signs + mapStored + scales
 *
 * A unit is what shares one bitwidth (an element where the map does not say otherwise).
 */
export function storedBits(r: ResidualTensor): {
  signs: number;
  mapEntropy: number;
  mapStored: number;
  scales: number;
  total: number;
} {
  const counts = countBits(r.map.bits);
  const signs = counts.reduce((sum, count, bits) => sum + count * bits, 0);
  const unitBits = bitsOfUnits(r);
  const units = unitBits.length;
  const used = countBits(unitBits).filter((count) => count > 0);
  const mapEntropy = used.reduce((sum, count) => sum - count * Math.log2(count / units), 0);
  const mapStored =
    r.map.balance === undefined
      ? units * Math.ceil(Math.log2(used.length))
      : balancedMapBits(r.map.bits, r.shape, r.layout, r.map.balance);
  const scales = 32 * r.planes.reduce((sum, plane) => sum + plane.scales.length, 0);
  return { signs, mapEntropy, mapStored, scales, total: signs + mapStored + scales };
}

/** The bitwidth of each unit, as they are stored. */
function bitsOfUnits({ map, shape, layout }: ResidualTensor): Uint8Array {
  if (!map.mapPer || map.mapPer === 'element') return map.bits;
  const { count, of } = unitsOf(shape, layout, map.mapPer);
  const found = new Uint8Array(count);
  for (let i = 0; i < of.length; i++) found[of[i]] = map.bits[i];
  return found;
}
