import { elementProblem, sweepElements } from './elements.ts';
import type { Sorted } from './sorted.ts';

/** Averages of a climb are multiples of this, so that climbs to neighbouring averages share their way. */
const climbStep = 0.1;
/** The ratios of a plane's scale to that before it that climbs start from. */
const climbRatios = [0.45, 0.55, 0.65, 0.8];

/**
 * Starts that come from lower averages: from a bit below, in steps, each going on from the best of
 * the step before and from scales in geometric sequence.
 *
 * @param mean of the pool's magnitudes
 * @param enough a relative improvement of the squared error below which sweeps stop
 */
export function climb(
  pool: Sorted,
  range: { readonly minBits: number; readonly maxBits: number },
  average: number,
  mean: number,
  enough: number,
): Float64Array[][] {
  const all = { count: 1, run: pool.values.length };
  const tolerance = pool.values.length / 2000;
  const fresh = () =>
    climbRatios.flatMap((ratio) =>
      [0.8, 1.3].map((top) =>
        Array.from({ length: range.maxBits }, (_, n) => Float64Array.of(top * mean * ratio ** n)),
      ),
    );
  let best: { scales: Float64Array[]; error: number; price: number }[] = [];
  const last = Math.ceil(average / climbStep - 1e-9) - 1;
  const first = Math.max(range.minBits / climbStep, last - 10);
  for (let step = Math.round(first); step <= last; step++) {
    const budget = Math.round(step * climbStep * pool.values.length);
    const problem = elementProblem(pool, all, range.minBits, range.maxBits, budget);
    const starts = [...best.map(({ scales }) => scales.map((plane) => plane.slice())), ...fresh()];
    const found = starts.map((scales) => ({
      scales,
      ...sweepElements(problem, scales, { sweeps: 8, price: 0, tolerance, enough }),
    }));
    best = found.sort((a, b) => a.error - b.error).slice(0, 4);
  }
  return [...best.map(({ scales }) => scales), ...fresh()];
}
