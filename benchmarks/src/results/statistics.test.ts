import cdf from '@stdlib/stats-base-dists-t-cdf';
import quantile from '@stdlib/stats-base-dists-t-quantile';
import { describe, expect, it } from 'vitest';
import { above, equal } from '../reproduce/claims.ts';
import { curvature, deviation, mean, paired } from './statistics.ts';

describe('statistics', () => {
  // R: t.test(c(82.5, 81.9, 83.0, 82.2), c(79.1, 80.0, 78.2, 79.9), paired = TRUE)
  const a = [82.5, 81.9, 83.0, 82.2];
  const b = [79.1, 80.0, 78.2, 79.9];

  it('give mean and sample deviation', () => {
    expect(mean([1, 2, 3, 6])).toBe(3);
    expect(deviation([1, 2, 3, 6])).toBeCloseTo(Math.sqrt(14 / 3), 12);
    expect(deviation([5])).toBeUndefined();
  });

  it('agree with the textbook paired t test', () => {
    const test = paired(a, b);
    // Differences 3.4, 1.9, 4.8, 2.3: mean 3.1, sd 1.29872…, t(0.975, 3) = 3.18245.
    expect(test?.difference).toBeCloseTo(3.1, 10);
    const error = Math.sqrt((0.3 ** 2 + 1.2 ** 2 + 1.7 ** 2 + 0.8 ** 2) / 3) / 2;
    expect(test?.low).toBeCloseTo(3.1 - 3.182446 * error, 5);
    expect(test?.high).toBeCloseTo(3.1 + 3.182446 * error, 5);
    // Two-sided p of t = 3.1/error on 3 degrees of freedom, in closed form.
    const t = 3.1 / error;
    const p = 1 - (2 / Math.PI) * (Math.atan(t / Math.sqrt(3)) + (t * Math.sqrt(3)) / (3 + t * t));
    expect(test?.p).toBeCloseTo(p, 10);
  });

  it("have the p values and intervals of another library's t distribution", () => {
    for (let n = 2; n <= 40; n++) {
      const x = Array.from({ length: n }, (_, i) => Math.sin(1 + i * i) + 0.4);
      const zeros = new Array<number>(n).fill(0);
      const t = mean(x) / ((deviation(x) ?? 0) / Math.sqrt(n));
      for (const level of [0.9, 0.95, 0.99]) {
        const test = paired(x, zeros, level);
        expect(test?.p).toBeCloseTo(2 * cdf(-Math.abs(t), n - 1), 12);
        const reach = (quantile((1 + level) / 2, n - 1) * mean(x)) / t;
        expect(test?.high).toBeCloseTo(mean(x) + reach, 9);
      }
    }
  });

  it('tell a curved relation from a straight one', () => {
    const x = [-1.5, -1, -0.5, 0, 0.5, 1, 1.5];
    const noise = [0.02, -0.03, 0.01, 0.02, -0.01, -0.02, 0.01];
    const line = (y: readonly number[]): number[] => {
      const slope = x.reduce((s, v, i) => s + v * y[i], 0) / x.reduce((s, v) => s + v * v, 0);
      return y.map((v, i) => v - mean(y) - slope * x[i]);
    };
    const bent = curvature(x, line(x.map((v, i) => 3 + 2 * v - 0.7 * v * v + noise[i])));
    expect(bent.quadratic).toBeCloseTo(-0.7, 1);
    expect(bent.p).toBeLessThan(1e-4);
    expect(curvature(x, line(x.map((v, i) => 3 + 2 * v + noise[i]))).p).toBeGreaterThan(0.05);
  });

  it('judge by intervals, and not at all from one seed', () => {
    expect(above('x', 'a over b', a, b).verdict).toBe('holds');
    expect(above('x', 'b over a', b, a).verdict).toBe('does not hold');
    expect(above('x', 'noise', [1, 2, 3], [2, 1, 3]).verdict).toBe('undecided');
    expect(above('x', 'one seed', [9], [1]).verdict).toBe('undecided');
    expect(equal('x', 'same', [1, 2, 3], [1.1, 2.1, 2.9]).verdict).toBe('holds');
    expect(equal('x', 'far', [5, 6, 7], [2, 3.1, 4]).verdict).toBe('does not hold');
    expect(equal('x', 'lower', [1, 2, 3], [1.9, 2.8, 4.1]).verdict).toBe('below');
    expect(equal('x', 'higher', [1.9, 2.8, 4.1], [1, 2, 3]).verdict).toBe('above');
    expect(equal('x', 'loose', [1, 5, 3], [2, 1, 6]).verdict).toBe('undecided');
    expect(equal('x', 'one seed', [1], [1]).verdict).toBe('undecided');
  });
});
