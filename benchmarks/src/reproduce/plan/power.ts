import chiSquareQuantile from '@stdlib/stats-base-dists-chisquare-quantile';
import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import tQuantile from '@stdlib/stats-base-dists-t-quantile';

/** Steps of the integral over the sample deviation; 2,000 leave an error below 1e-4. */
const steps = 2000;
/** More seeds than anyone will train. */
const maxSeeds = 1000;

/**
 * Mean of f over what the standard error of a mean of n values may come to. The sample variance of normal values is
 * σ²·χ²/(n − 1) and does not depend on their mean, so the power of a t test is such a mean of normal probabilities.
 */
function meanOverErrors(n: number, deviation: number, f: (error: number) => number): number {
  let sum = 0;
  for (let i = 0; i < steps; i++) {
    const chiSquare = chiSquareQuantile((i + 0.5) / steps, n - 1);
    sum += f(deviation * Math.sqrt(chiSquare / (n - 1) / n));
  }
  return sum / steps;
}

/**
 * Power of the paired t test, two-sided at level α, to find a difference above 0: the probability that the 1 − α
 * interval of n differences of mean δ and standard deviation σ lies above 0.
 */
export function powerAbove(
  n: number,
  deviation: number,
  difference: number,
  alpha: number,
): number {
  if (n < 2) return 0;
  const reach = tQuantile(1 - alpha / 2, n - 1);
  const trueError = deviation / Math.sqrt(n);
  return meanOverErrors(n, deviation, (error) =>
    normalCdf((difference - reach * error) / trueError, 0, 1),
  );
}

/**
 * Power of two one-sided t tests, each at level α, to find two settings equal within ± the margin: the probability
 * that the 1 − 2α interval of n differences of mean 0 and standard deviation σ lies within the margin.
 */
export function powerEqual(n: number, deviation: number, margin: number, alpha: number): number {
  if (n < 2) return 0;
  const reach = tQuantile(1 - alpha, n - 1);
  const trueError = deviation / Math.sqrt(n);
  return meanOverErrors(n, deviation, (error) => {
    const room = (margin - reach * error) / trueError;
    return room <= 0 ? 0 : 2 * normalCdf(room, 0, 1) - 1;
  });
}

/** The fewest seeds with which a test reaches a power; power grows with the seeds. */
export function seedsFor(power: number, powerOf: (n: number) => number): number {
  let n = 2;
  while (n < maxSeeds && powerOf(n) < power) n++;
  return n;
}
