import type { NibblePlane } from './featureMap.ts';
import { type GroupRuns, greatestDivisor } from './loadingKernels.ts';
import type { ProductWeights } from './productWeights.ts';

/** The largest span of the sums over a whole plane, which are uint16; those over a run are uint8. */
const maxPlaneSpan = 65535;

/** How a plane's tables are summed: see assembly/inference/lookup.ts. */
export interface PlaneRuns {
  readonly plane: NibblePlane;
  readonly places: number;
  /** Each group has { uint32 length, uint8 starts[4] } for each run, and runs of no tables up to `runCount`. */
  readonly runs: readonly Uint8Array[];
  readonly runCount: number;
  /** The sum of each output's negative weights, as a positive number. */
  readonly negatives: Int32Array;
  /** The largest span of an output's sum. */
  readonly span: number;
}

/** Plan the runs of a plane; undefined where a table or the whole sum spans too much. */
export function planeRuns(
  plane: NibblePlane,
  weights: ProductWeights,
  quads: Int8Array,
  positions: number,
): PlaneRuns | undefined {
  const { multiple } = plane;
  if (weights.divisors.some((divisor) => 2 * multiple * divisor > maxPlaneSpan)) return undefined;
  const groups = Math.ceil(weights.outputs / 4);
  const negatives = new Int32Array(groups * 4);
  const lists: GroupRuns[] = [];
  const places = positions * plane.rows;
  const groupQuads = quads.length / groups;
  for (let g = 0; g < groups; g++) {
    const own = quads.subarray(g * groupQuads, g * groupQuads + 16 * places);
    const group = weights.loops.runs(own, places);
    if (group === undefined) return undefined;
    lists.push(group);
    negatives.set(group.negatives, g * 4);
  }
  const span = lists.reduce((largest, group) => Math.max(largest, group.span), 0);
  const bytes = lists.reduce((longest, group) => Math.max(longest, group.runs.length), 0);
  const runs = lists.map((group) => filledUp(group.runs, bytes));
  return { plane, places, runs, runCount: bytes / 8, negatives, span };
}

/** Runs with those of no tables after them. */
function filledUp(runs: Uint8Array, bytes: number): Uint8Array {
  if (runs.length === bytes) return runs;
  const filled = new Uint8Array(bytes);
  filled.set(runs);
  return filled;
}

/** How the sums of planes go together: see the planes of `lookup` in assembly/inference/lookup.ts. */
export interface PlaneFactors {
  /** k_n over the divisor of the planes that go together with it. */
  readonly multiple: number;
  /** That divisor for the last of them, else 0. */
  readonly divisor: number;
}

/** Sum as many planes together as fit into uint16. */
export function planesTogether(planes: readonly PlaneRuns[]): PlaneFactors[] {
  const factors: PlaneFactors[] = [];
  for (let first = 0; first < planes.length; ) {
    let end = first + 1;
    while (end < planes.length && spanOf(planes.slice(first, end + 1)) <= maxPlaneSpan) end++;
    const together = planes.slice(first, end);
    const divisor = divisorOf(together);
    for (const { plane } of together)
      factors.push({ multiple: plane.multiple / divisor, divisor: 0 });
    factors[end - 1] = { ...factors[end - 1], divisor };
    first = end;
  }
  return factors;
}

const divisorOf = (planes: readonly PlaneRuns[]): number =>
  planes.reduce((divisor, { plane }) => greatestDivisor(plane.multiple, divisor), 0);

/** The span of planes' sums, each times its k_n over their divisor. */
const spanOf = (planes: readonly PlaneRuns[]): number =>
  planes.reduce((sum, { plane, span }) => sum + plane.multiple * span, 0) / divisorOf(planes);
