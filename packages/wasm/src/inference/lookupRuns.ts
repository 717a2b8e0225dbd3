import type { NibblePlane } from './featureMap.ts';
import type { TableRuns } from './loadingKernels.ts';
import type { ProductWeights } from './productWeights.ts';
import { greatestDivisor } from './weightCodes.ts';

/** The largest span of the sums over a whole plane, which are uint16; those over a run are uint8. */
const maxPlaneSpan = 65535;

/** How a plane's tables are summed: see assembly/inference/lookup.ts. */
export interface PlaneRuns extends TableRuns {
  readonly plane: NibblePlane;
  readonly places: number;
}

/** Plan the runs of a plane; undefined where a table or the whole sum spans too much. */
export function planeRuns(
  plane: NibblePlane,
  { divisors, outputs, loops }: ProductWeights,
  quads: Int8Array,
  positions: number,
): PlaneRuns | undefined {
  const { multiple } = plane;
  if (divisors.some((divisor) => 2 * multiple * divisor > maxPlaneSpan)) return undefined;
  const places = positions * plane.rows;
  const runs = loops.runs(quads, Math.ceil(outputs / 4), places);
  return runs && { ...runs, plane, places };
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
