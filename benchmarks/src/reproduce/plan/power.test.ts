import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { paired } from '../../results/statistics.ts';
import { powerAbove, powerEqual, seedsFor } from './power.ts';

/** Pairs of values whose differences are normal, by Box and Muller. */
function differences(n: number, mean: number, deviation: number, seed: number): number[] {
  const rng = random(seed, 'power test');
  return Array.from({ length: n }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - rng.uniform()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * rng.uniform());
  });
}

/** How often a test says yes over trials, seeds 1 to 4,000. */
function shareOf(
  n: number,
  mean: number,
  deviation: number,
  level: number,
  yes: (low: number, high: number) => boolean,
): number {
  const trials = 4000;
  let count = 0;
  for (let seed = 1; seed <= trials; seed++) {
    const values = differences(n, mean, deviation, seed);
    const test = paired(
      values,
      values.map(() => 0),
      level,
    );
    if (test !== undefined && yes(test.low, test.high)) count++;
  }
  return count / trials;
}

describe('the power of the tests', () => {
  // Two standard errors of a share over 4,000 trials are at most 0.016.
  const tolerance = 0.016;

  it.each([
    [5, 0.9, 1, 0.05],
    [8, 0.9, 1, 0.05],
    [16, 1.1, 1, 0.05 / 16],
  ])(
    'above: n = %d, σ = %d, δ = %d, α = %d agrees with trials of the test itself',
    (n, sd, d, alpha) => {
      const share = shareOf(n, d, sd, 1 - alpha, (low) => low > 0);
      expect(Math.abs(powerAbove(n, sd, d, alpha) - share)).toBeLessThan(tolerance);
    },
  );

  it.each([
    [8, 0.9, 0.05],
    [11, 0.9, 0.05],
    [20, 0.9, 0.05 / 16],
  ])('equal: n = %d, σ = %d, α = %d agrees with trials of the test itself', (n, sd, alpha) => {
    const share = shareOf(n, 0, sd, 1 - 2 * alpha, (low, high) => low > -1 && high < 1);
    expect(Math.abs(powerEqual(n, sd, 1, alpha) - share)).toBeLessThan(tolerance);
  });

  it('agrees with the noncentral t distribution', () => {
    // Its values at 10, 12 and 13 differences of mean 1 and deviation 1: 0.803, 0.883, 0.911 (numpy, 3 million trials).
    expect(powerAbove(10, 1, 1, 0.05)).toBeCloseTo(0.803, 3);
    expect(powerAbove(12, 1, 1, 0.05)).toBeCloseTo(0.883, 3);
    expect(seedsFor(0.9, (n) => powerAbove(n, 1, 1, 0.05))).toBe(13);
  });

  it('grows with the seeds', () => {
    const grows = (power: (n: number) => number): void => {
      for (let n = 2; n < 30; n++) expect(power(n + 1)).toBeGreaterThanOrEqual(power(n));
    };
    grows((n) => powerAbove(n, 1, 1, 0.05));
    grows((n) => powerEqual(n, 1, 1, 0.05));
  });
});
