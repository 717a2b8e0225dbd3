import { treeSize } from '../integerModel.ts';
/**
 * Fold y = slope · x + offset and the comparisons of residual binarization into whole thresholds on x.
 *
 * At node m the trained network asks y > t, t = Σ ±μ of the planes before. With slope > 0 that is x > u,
 * u = (t − offset) / slope, for whole x the same as x ≥ floor(u) + 1; with slope < 0 it is x < u, that is not
 * x ≥ ceil(u). A slope of 0 leaves offset > t: met by every x or by none.
 *
 * A ReLU in front makes the question min(max(y, 0), c) > t: every x meets it where t < 0, none where t ≥ c, and in between
 * it is y > t.
 *
 * @param scales μ_n, one per plane
 * @param ceiling c, where a ReLU lies between y and the comparisons
 * @returns thresholds [channels, 2^planes − 1] and flips [channels]
 */
export function lowerThresholds(
  slopes: Float64Array,
  offsets: Float64Array,
  scales: readonly number[],
  ceiling?: number,
): { thresholds: Int32Array; flips: Uint8Array } {
  const nodes = treeSize(scales.length);
  const levels = nodeLevels(scales);
  const thresholds = new Int32Array(slopes.length * nodes);
  const flips = Uint8Array.from(slopes, (slope) => (slope < 0 ? 1 : 0));
  slopes.forEach((slope, c) => {
    for (let node = 1; node <= nodes; node++) {
      thresholds[c * nodes + node - 1] = threshold(slope, offsets[c], levels[node], ceiling);
    }
  });
  return { thresholds, flips };
}

const always = -(2 ** 31);
/** No sum reaches it: checkModel keeps all below. */
const never = 2 ** 31 - 1;

function threshold(slope: number, offset: number, level: number, ceiling?: number): number {
  const [met, unmet] = slope < 0 ? [never, always] : [always, never];
  if (ceiling !== undefined && level < 0) return met;
  if (ceiling !== undefined && level >= ceiling) return unmet;
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
