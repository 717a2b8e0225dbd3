import { type BitMap, countBits } from './bitMap.ts';
import { HbnnError } from './error.ts';
import { parseScalePer, type ScalePer } from './granularity.ts';
import { geometry, type Layout } from './layout.ts';
import { parseScaleForm, restrictScales, type ScaleForm } from './scaleForm.ts';
import { signBit } from './sign.ts';
import {
  checkFloatTensor,
  elementCount,
  type FloatTensor,
  sameShape,
  shapeText,
} from './tensor.ts';

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

const groupOf = (element: number, { count, run }: Groups): number =>
  Math.floor(element / run) % count;

/**
 * Equation 5. With E_0 = T, in round n over the members {j : M_j >= n} of each group that shares a scale:
 *
 *     B_n = sign(E_{n−1}),   μ_n = mean |E_{n−1}|,   E_n = E_{n−1} − μ_n B_n
 *
 * All of it is in float64, sums run in index order, and E_n subtracts the unrounded μ_n.
 *
 * @param fixed scales to use in place of the means, [plane][group]
 * @returns the scales, [plane][group], and the planes, whose scales are these rounded once to float32
 */
export function residualPlanes(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  planeCount: number,
  fixed?: readonly Float64Array[],
): { readonly scales: readonly Float64Array[]; readonly planes: Plane[] } {
  const residual = Float64Array.from(x);
  const scales: Float64Array[] = [];
  const planes: Plane[] = [];
  for (let n = 0; n < planeCount; n++) {
    const scale = fixed?.[n] ?? meanMagnitudes(residual, bits, groups, n);
    const members = new Uint8Array(x.length);
    const signs = new Uint8Array(x.length);
    for (let i = 0; i < x.length; i++) {
      if (bits[i] <= n) continue;
      members[i] = 1;
      signs[i] = signBit(residual[i]);
      const mu = scale[groupOf(i, groups)];
      residual[i] -= signs[i] === 1 ? mu : -mu;
    }
    scales.push(scale);
    planes.push({ scales: Float32Array.from(scale), members, signs });
  }
  return { scales, planes };
}

/** Compute μ_n of each group: the mean |E_{n−1}| over the members of plane n, 0 where there are none. */
function meanMagnitudes(
  residual: Float64Array,
  bits: Uint8Array,
  groups: Groups,
  n: number,
): Float64Array {
  const sums = new Float64Array(groups.count);
  const counts = new Float64Array(groups.count);
  for (let i = 0; i < residual.length; i++) {
    if (bits[i] <= n) continue;
    sums[groupOf(i, groups)] += Math.abs(residual[i]);
    counts[groupOf(i, groups)]++;
  }
  return sums.map((sum, g) => (counts[g] > 0 ? sum / counts[g] : 0));
}

/**
 * Binarize a tensor under a bit map (Eq. 5, see `residualPlanes`). With scales of a form (`ScaleForm`) the μ_n of
 * Eq. 5 are brought to the form together, and signs and residuals follow the formed ones.
 *
 * @param t weights of 1 to 4 dimensions
 * @param map bits per element, t's shape; elements of 0 bits become 0
 * @param o scales per 'tensor' (default) or 'output' (a tensor of one dimension is one output); layout 'outputs-first' (default); scaleForm 'free' (default)
 * @returns as many planes as the widest element has bits
 * @throws HbnnError when the shapes differ, or a scale is too large for float32
 */
export function binarize(
  t: FloatTensor,
  map: BitMap,
  o: { scalePer?: ScalePer; layout?: Layout; scaleForm?: ScaleForm } = {},
): ResidualTensor {
  checkFloatTensor(t, 'binarize');
  const { scalePer = 'tensor', layout = 'outputs-first' } = o;
  const form = parseScaleForm(o.scaleForm ?? 'free', 'binarize');
  if (!sameShape(t.shape, map.shape))
    throw new HbnnError(
      `binarize: bit map shape ${shapeText(map.shape)} does not match weights shape ${shapeText(t.shape)}; build it with selectBits(weights, …)`,
    );
  const groups = scaleGroups(t.shape, layout, scalePer);
  const width = widestOf(map.bits);
  const free = residualPlanes(t.data, map.bits, groups, width);
  if (form !== 'free') restrictScales(form, free.scales, planeCounts(map.bits, groups, width));
  const { planes } =
    form === 'free' ? free : residualPlanes(t.data, map.bits, groups, width, free.scales);
  checkScales(
    planes.map((plane) => plane.scales),
    'binarize',
  );
  return { shape: [...t.shape], layout, scalePer, map, planes };
}

/** The most bits of any element. */
export function widestOf(bits: Uint8Array): number {
  return countBits(bits).reduce((widest, count, width) => (count > 0 ? width : widest), 0);
}

/** Count the members of each plane, [plane][group]. */
export function planeCounts(bits: Uint8Array, groups: Groups, planes: number): Float64Array[] {
  const counts = exactScales(planes, groups);
  for (let i = 0; i < bits.length; i++) {
    const g = groupOf(i, groups);
    for (let n = 0; n < bits[i]; n++) counts[n][g]++;
  }
  return counts;
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

/**
 * Compute T_B = Σ μ_n B_n, summed in float64 in plane order and rounded once to float32.
 *
 * @throws HbnnError when a sum is too large for float32, although each of its scales fits
 */
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
  for (let i = 0; i < data.length; i++)
    if (!Number.isFinite(data[i]))
      throw new HbnnError(
        `approximate: expected sums of scales that fit float32 (below 3.4e38), got ${sums[i].toPrecision(3)} at index ${i}; scale the tensor down`,
      );
  return { shape: [...r.shape], data };
}

/**
 * Compute the normalized distance ‖T − T_B‖ / ‖T‖ (Euclidean norms, summed in float64). 0 for a zero
 * tensor approximated by zeros, Infinity for a zero tensor approximated by anything else.
 *
 * @throws HbnnError when the shapes differ
 */
export function distance(t: FloatTensor, approximation: FloatTensor): number {
  checkFloatTensor(t, 'distance');
  checkFloatTensor(approximation, 'distance');
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
