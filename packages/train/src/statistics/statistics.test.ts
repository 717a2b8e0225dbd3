import { describe, expect, it } from 'vitest';
import { compare } from './judge.ts';
import { meanInterval, paired } from './statistics.ts';
import { twoSidedP, twoSidedQuantile } from './studentT.ts';

describe("Student's t distribution", () => {
  // quantile(0.975, nu) and quantile(0.95, nu) of @stdlib/stats-base-dists-t-quantile 0.2.3.
  const quantiles: [degrees: number, at95: number, at90: number][] = [
    [1, 12.7062047361747, 6.31375151467504],
    [2, 4.30265272974946, 2.91998558035372],
    [3, 3.18244630528371, 2.35336343480182],
    [4, 2.77644510519779, 2.13184678632665],
    [5, 2.57058183563632, 2.01504837333302],
    [9, 2.2621571627982, 1.83311293265624],
    [10, 2.22813885198627, 1.81246112281168],
    [30, 2.0422724563012, 1.69726088659396],
    [100, 1.98397151852356, 1.6602343260853392],
  ];

  it.each(quantiles)(
    'has the quantiles of another library with %i degrees of freedom',
    (nu, at95, at90) => {
      expect(twoSidedQuantile(0.95, nu)).toBeCloseTo(at95, 9);
      expect(twoSidedQuantile(0.9, nu)).toBeCloseTo(at90, 9);
      expect(twoSidedP(at95, nu)).toBeCloseTo(0.05, 12);
      expect(twoSidedP(-at90, nu)).toBeCloseTo(0.1, 12);
      expect(twoSidedP(0, nu)).toBe(1);
    },
  );

  it('is the Cauchy distribution and the closed form of two degrees', () => {
    for (const t of [0.1, 1, 3, 50]) {
      expect(twoSidedP(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(t), 14);
      expect(twoSidedP(t, 2)).toBeCloseTo(1 - t / Math.sqrt(2 + t * t), 14);
    }
  });
});

describe('settings compared over seeds', () => {
  const named = (name: string, ...values: number[]): { name: string; values: number[] } => ({
    name,
    values,
  });

  it('are above, below, equal within a margin, or undecided', () => {
    const a = named('a', 82.5, 81.9, 83.0, 82.2);
    const b = named('b', 79.1, 80.0, 78.2, 79.9);
    expect(compare(a, b)).toMatchObject({ verdict: 'higher', inWords: 'a is above b', seeds: 4 });
    expect(compare(b, a)).toMatchObject({ verdict: 'lower', inWords: 'b is below a' });
    const c = named('c', 82.4, 82.0, 83.1, 82.1);
    expect(compare(a, c)).toMatchObject({ verdict: 'equal' });
    expect(compare(a, c)?.inWords).toBe('a and c are equal within 1 point');
    expect(compare(a, c, 0.05)).toMatchObject({ verdict: 'undecided' });
    expect(compare(a, c, 0.05)?.inWords).toMatch(/^undecided with 4 seeds/);
    const d = named('d', 82.1, 81.5, 82.7, 81.8);
    expect(compare(a, d)?.inWords).toBe('a is above d, by less than 1 point');
    expect(compare(named('x', 1), named('y', 2))).toBeUndefined();
  });

  it('have both intervals of the paired test', () => {
    const [a, b] = [named('a', 5, 7, 9), named('b', 4, 7, 7)];
    const found = compare(a, b);
    const [wide, narrow] = [paired(a.values, b.values), paired(a.values, b.values, 0.9)];
    expect(found?.interval95).toEqual({ low: wide?.low, high: wide?.high });
    expect(found?.interval90).toEqual({ low: narrow?.low, high: narrow?.high });
    expect(found?.difference).toBe(1);
  });

  it('that are the same for every seed differ by nothing', () => {
    const same = named('a', 50, 50.5);
    expect(compare(same, same)).toMatchObject({ verdict: 'equal', difference: 0, p: 1 });
  });

  it('have an interval of the mean', () => {
    // Mean 2, s = 1, t(0.975, 2) = 4.30265.
    const { low, high } = meanInterval([1, 2, 3]) ?? { low: 0, high: 0 };
    expect(low).toBeCloseTo(2 - 4.30265272974946 / Math.sqrt(3), 9);
    expect(high).toBeCloseTo(2 + 4.30265272974946 / Math.sqrt(3), 9);
    expect(meanInterval([1])).toBeUndefined();
  });
});
