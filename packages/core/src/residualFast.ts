// The scales and approximations of `residual.ts`, bit for bit, for a training loop that binarizes at every step: memory is
// the caller's, and no loop over a large tensor branches on the map, which is as good as random. An element that is no
// member of a plane takes part with 0. `test/binarizer.test.ts` and `packages/train/src/ops/binarize.test.ts` compare.

import { type Groups, planeCounts } from './residual.ts';
import { restrictScales, type ScaleForm } from './scaleForm.ts';
import { signBit } from './sign.ts';

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
