import { treeSize } from '../integerModel.ts';
import type { Limits } from './limits.ts';

/**
 * Fold y = slope · x + offset and the comparisons of residual binarization into whole thresholds on x.
 *
 * At node m the trained network asks y > t, t = Σ ±μ of the planes before. With slope > 0 that is x > u,
 * u = (t − offset) / slope, for whole x the same as x ≥ floor(u) + 1; with slope < 0 it is x < u, that is not
 * x ≥ ceil(u). A slope of 0 leaves offset > t: met by every x or by none.
 *
 * A ReLU in front, with or without a batch norm behind it, makes the question min(max(y, a), b) > t: every x meets it
 * where t < a, none where t ≥ b, and in between it is y > t.
 *
 * @param scales μ_n, one per plane
 * @param limits a and b of each channel, where a ReLU lies between y and the comparisons
 * @returns thresholds [channels, 2^planes − 1] and flips [channels]
 */
export function lowerThresholds(
  slopes: Float64Array,
  offsets: Float64Array,
  scales: readonly number[],
  limits?: Limits,
): { thresholds: Int32Array; flips: Uint8Array } {
  const nodes = treeSize(scales.length);
  const levels = nodeLevels(scales);
  const thresholds = new Int32Array(slopes.length * nodes);
  const flips = Uint8Array.from(slopes, (slope) => (slope < 0 ? 1 : 0));
  slopes.forEach((slope, c) => {
    for (let node = 1; node <= nodes; node++) {
      const [level, at] = [levels[node], c * nodes + node - 1];
      if (limits !== undefined && level < limits.minimums[c]) thresholds[at] = ends(slope).met;
      else if (limits !== undefined && level >= limits.maximums[c])
        thresholds[at] = ends(slope).unmet;
      else thresholds[at] = threshold(slope, offsets[c], level);
    }
  });
  return { thresholds, flips };
}

const always = -(2 ** 31);
/** No sum reaches it: checkModel keeps all below. */
const never = 2 ** 31 - 1;

/** The thresholds of a comparison that every x meets, and that none meets; a negative slope turns it round. */
const ends = (slope: number): { met: number; unmet: number } =>
  slope < 0 ? { met: never, unmet: always } : { met: always, unmet: never };

function threshold(slope: number, offset: number, level: number): number {
  if (slope === 0) return offset > level ? always : never;
  const at = (level - offset) / slope;
  const whole = slope > 0 ? Math.floor(at) + 1 : Math.ceil(at);
  return Math.max(always, Math.min(never, whole));
}

/** The level each node compares with: node 1 with 0, node 2m + bit with its parent's ± the parent's μ. */
function nodeLevels(scales: readonly number[]): Float64Array {
  const levels = new Float64Array(2 ** scales.length);
  for (let node = 1; node < levels.length / 2; node++) {
    const plane = Math.floor(Math.log2(node));
    levels[2 * node] = levels[node] - scales[plane];
    levels[2 * node + 1] = levels[node] + scales[plane];
  }
  return levels;
}
