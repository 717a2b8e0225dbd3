import { type Paired, paired, significance } from '../results/statistics.ts';
import type { Claim, Verdict } from './stage.ts';

/** Two settings count as equal when their difference is surely within so many points of accuracy. */
export const equivalenceMargin = 1;

/** A difference in points, with its sign. */
export const pointsText = (value: number): string =>
  `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(2)}`;

function interval(test: Paired, level: number): string {
  return (
    `difference ${pointsText(test.difference)} points, ${Math.round(100 * level)} % interval ` +
    `${pointsText(test.low)} … ${pointsText(test.high)}, ${test.n} paired seeds`
  );
}

const tooFew = 'fewer than two seeds: no statistic can judge it';

/**
 * Judge "a is above b" by the paired t test: holds when the 95 % interval of the difference lies above
 * 0, does not hold when it lies below, else undecided.
 */
export function above(
  id: string,
  claim: string,
  a: readonly number[],
  b: readonly number[],
): Claim {
  const test = paired(a, b);
  if (test === undefined) return { id, claim, verdict: 'undecided', because: tooFew };
  const verdict: Verdict = test.low > 0 ? 'holds' : test.high < 0 ? 'does not hold' : 'undecided';
  const because = `paired t test: ${interval(test, 1 - significance)}, p = ${test.p.toPrecision(2)}`;
  return { id, claim, verdict, because };
}

/**
 * Judge "a equals b" by two one-sided t tests: holds when the 90 % interval of the difference lies within
 * ± the margin, does not hold when it lies wholly outside, else undecided.
 */
export function equal(
  id: string,
  claim: string,
  a: readonly number[],
  b: readonly number[],
  margin: number = equivalenceMargin,
): Claim {
  const level = 1 - 2 * significance;
  const test = paired(a, b, level);
  if (test === undefined) return { id, claim, verdict: 'undecided', because: tooFew };
  const inside = test.low > -margin && test.high < margin;
  const outside = test.low > margin || test.high < -margin;
  const verdict: Verdict = inside ? 'holds' : outside ? 'does not hold' : 'undecided';
  const because = `two one-sided t tests, margin ±${margin} point: ${interval(test, level)}`;
  return { id, claim, verdict, because };
}
