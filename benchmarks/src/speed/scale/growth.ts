/** One measured size. */
export interface Point {
  readonly size: number;
  readonly cpuSeconds: number;
  /** The most memory that the process held while it worked. */
  readonly peakMiB: number;
}

/** What grows with the size to this power, over the sizes from `from` on. */
export interface Growth {
  readonly exponent: number;
  readonly from: number;
}

/** In less time, the compiling of JavaScript hides what grows. */
const minSeconds = 0.1;
/** A process holds some 10 MiB more or less by chance. */
const minMiB = 20;

/** The exponent e of y = c · size^e by least squares in logarithms; undefined for fewer than three sizes. */
function exponentOf(used: readonly (readonly [size: number, y: number])[]): Growth | undefined {
  if (used.length < 3) return undefined;
  const logs = used.map(([size, y]) => [Math.log(size), Math.log(y)] as const);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(logs.map(([each]) => each)), mean(logs.map(([, each]) => each))];
  const up = logs.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  const across = logs.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
  return { exponent: Number((up / across).toFixed(2)), from: used[0][0] };
}

/** How the time grows, over the sizes that take at least 0.1 s. */
export const timeGrowth = (points: readonly Point[]): Growth | undefined =>
  exponentOf(
    points.flatMap(({ size, cpuSeconds }) =>
      cpuSeconds >= minSeconds ? [[size, cpuSeconds] as const] : [],
    ),
  );

/** How the memory beyond that of the smallest size grows, over the sizes that take at least 20 MiB more. */
export function memoryGrowth(points: readonly Point[]): Growth | undefined {
  const [{ peakMiB: least } = { peakMiB: 0 }, ...others] = points;
  return exponentOf(
    others.flatMap(({ size, peakMiB }) =>
      peakMiB - least >= minMiB ? [[size, peakMiB - least] as const] : [],
    ),
  );
}
