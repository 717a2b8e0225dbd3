import { twoSidedP, twoSidedQuantile } from './studentT.ts';

/** Level of every test here, two-sided, not corrected for the number of comparisons. */
export const significance = 0.05;

/** The mean of values; NaN for none. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sample standard deviation (n − 1); undefined for fewer than two values. */
export function deviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** Both ends of an interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The interval of a mean by the t distribution: mean ± t · s / √n.
 *
 * @returns undefined for fewer than two values
 */
export function meanInterval(
  values: readonly number[],
  level: number = 1 - significance,
): Interval | undefined {
  const spread = deviation(values);
  if (spread === undefined) return undefined;
  const reach = (twoSidedQuantile(level, values.length - 1) * spread) / Math.sqrt(values.length);
  const centre = mean(values);
  return { low: centre - reach, high: centre + reach };
}

/** A paired comparison: mean difference, its interval and the two-sided p value of a t test. */
export interface Paired extends Interval {
  readonly n: number;
  readonly difference: number;
  /** Standard errors from the difference to either end of the interval. */
  readonly reach: number;
  readonly p: number;
}

/**
 * Compare two settings trained with the same seeds by the paired t test.
 *
 * @param a one value for each seed
 * @param b values of the same seeds, in the same order
 * @param level of the interval of the mean difference a − b
 * @returns undefined for fewer than two pairs, which no statistic can judge
 */
export function paired(
  a: readonly number[],
  b: readonly number[],
  level: number = 1 - significance,
): Paired | undefined {
  const n = Math.min(a.length, b.length);
  const differences = Array.from({ length: n }, (_, i) => a[i] - b[i]);
  const spread = deviation(differences);
  if (spread === undefined) return undefined;
  const difference = mean(differences);
  const error = spread / Math.sqrt(n);
  const reach = twoSidedQuantile(level, n - 1);
  const p = error === 0 ? Number(difference === 0) : twoSidedP(difference / error, n - 1);
  const [low, high] = [difference - reach * error, difference + reach * error];
  return { n, difference, low, high, reach, p };
}

/**
 * Test whether what a straight line left is curved: fit it by a quadratic polynomial in x and test the
 * quadratic term by a t test (n − 3 degrees of freedom).
 *
 * @param x values centred on their mean
 * @param rest residuals of the least-squares line
 */
export function curvature(
  x: readonly number[],
  rest: readonly number[],
): { quadratic: number; p: number } {
  const n = x.length;
  // The part of x² that no line in x explains; rest is free of lines already.
  const squares = x.map((v) => v * v);
  const m = mean(squares);
  const tilt = mean(x.map((v, i) => v * squares[i])) / mean(squares);
  const pure = squares.map((s, i) => s - m - tilt * x[i]);
  const norm = pure.reduce((sum, v) => sum + v * v, 0);
  if (n <= 3 || norm === 0) return { quadratic: 0, p: 1 };
  const quadratic = pure.reduce((sum, v, i) => sum + v * rest[i], 0) / norm;
  const left = rest.reduce((sum, r, i) => sum + (r - quadratic * pure[i]) ** 2, 0);
  const error = Math.sqrt(left / (n - 3) / norm);
  return { quadratic, p: error === 0 ? 0 : twoSidedP(quadratic / error, n - 3) };
}
