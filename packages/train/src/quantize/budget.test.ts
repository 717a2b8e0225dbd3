import { describe, expect, it } from 'vitest';
import { shareBudget } from './budget.ts';

const averages = [1, 2, 3];

describe('shareBudget', () => {
  it('buys the steps that save most error per bit first', () => {
    const table = [
      { layer: 'steep', weights: 100, averages, errors: [1, 0.2, 0.1] },
      { layer: 'flat', weights: 100, averages, errors: [0.3, 0.25, 0.2] },
    ];
    expect(shareBudget(table, 1.5)).toEqual([2, 1]);
    // 0.1 per 100 bits for the steep one's second step, 0.05 for the flat one's first.
    expect(shareBudget(table, 1.75)).toEqual([2.5, 1]);
    expect(shareBudget(table, 2.5)).toEqual([3, 2]);
  });

  it('counts what a step costs by the weights of the layer', () => {
    const table = [
      { layer: 'large', weights: 900, averages, errors: [1, 0.4, 0.3] },
      { layer: 'small', weights: 100, averages, errors: [1, 0.5, 0.4] },
    ];
    expect(shareBudget(table, 1.1)).toEqual([1, 2]);
  });

  it('takes steps on the convex hull alone, where an error falls late', () => {
    const table = [
      { layer: 'late', weights: 100, averages, errors: [1, 0.99, 0] },
      { layer: 'even', weights: 100, averages, errors: [1, 0.6, 0.5] },
    ];
    expect(shareBudget(table, 2)).toEqual([3, 1]);
  });

  it('meets the budget for any table', () => {
    const table = [1, 2, 3].map((n) => ({
      layer: `${n}`,
      weights: 70 * n,
      averages,
      errors: [n, 0.5 * n, 0.4],
    }));
    for (const average of [1, 1.3, 1.9, 2.6, 3]) {
      const bits = shareBudget(table, average).reduce((sum, b, i) => sum + b * 70 * (i + 1), 0);
      expect(bits).toBeCloseTo(average * 420, 6);
    }
  });
});
