import { type Interval, type Paired, paired, significance } from './statistics.ts';
import { twoSidedP } from './studentT.ts';

/** Two settings count as equal when their difference is surely within this many points of accuracy. */
export const equivalenceMargin = 1;

/**
 * What a test says of a claim. For "a equals b", `below` and `above`: a surely differs from b, but whether by more than
 * the margin is open.
 */
export type Verdict = 'holds' | 'does not hold' | 'undecided' | 'below' | 'above';

/** A paired test behind a verdict, in points. */
export interface ClaimTest extends Interval {
  /** Mean of a − b, with the interval that the verdict rests on. */
  readonly difference: number;
  /** The difference of each pair, in the order of the seeds. */
  readonly differences: readonly number[];
  /** The p value: for "above" the two-sided one, for "equal" the larger of both one-sided ones. */
  readonly p: number;
}

/** A verdict with the statistic and the rule that gave it. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly because: string;
  /** Undefined where a claim is judged by no paired test. */
  readonly test?: ClaimTest;
}

/** A difference in points, with its sign. */
export const pointsText = (value: number): string =>
  `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(2)}`;

function intervalText(test: Paired, level: number): string {
  return (
    `difference ${pointsText(test.difference)} points, ${Math.round(100 * level)} % interval ` +
    `${pointsText(test.low)} … ${pointsText(test.high)}, ${test.n} paired seeds`
  );
}

function claimTest(a: readonly number[], b: readonly number[], test: Paired, p: number): ClaimTest {
  const { difference, low, high, n } = test;
  return {
    difference,
    low,
    high,
    p,
    differences: Array.from({ length: n }, (_, i) => a[i] - b[i]),
  };
}

/** p of "the difference is not within ± margin", the larger of both one-sided tests. */
function pOfEqual(test: Paired, margin: number): number {
  const error = (test.high - test.low) / 2 / test.reach;
  const room = margin - Math.abs(test.difference);
  if (error === 0) return Number(room <= 0);
  const half = twoSidedP(Math.abs(room) / error, test.n - 1) / 2;
  return room > 0 ? half : 1 - half;
}

const tooFew: Judgement = {
  verdict: 'undecided',
  because: 'fewer than two seeds: no statistic can judge it',
};

/**
 * Judge "a is above b" by the paired t test: holds when the 95 % interval of the difference lies above
 * 0, does not hold when it lies below, else undecided.
 */
export function judgeAbove(a: readonly number[], b: readonly number[]): Judgement {
  const test = paired(a, b);
  if (test === undefined) return tooFew;
  const verdict: Verdict = test.low > 0 ? 'holds' : test.high < 0 ? 'does not hold' : 'undecided';
  const because = `paired t test: ${intervalText(test, 1 - significance)}, p = ${test.p.toPrecision(2)}`;
  return { verdict, because, test: claimTest(a, b, test, test.p) };
}

/**
 * Judge "a equals b" by two one-sided t tests: holds when the 90 % interval of the difference lies within
 * ± the margin, does not hold when it lies wholly outside, is `below` or `above` when it leaves out 0, else undecided.
 *
 * @param margin in the unit of the values
 */
export function judgeEqual(
  a: readonly number[],
  b: readonly number[],
  margin: number = equivalenceMargin,
): Judgement {
  const level = 1 - 2 * significance;
  const test = paired(a, b, level);
  if (test === undefined) return tooFew;
  const inside = test.low > -margin && test.high < margin;
  const outside = test.low > margin || test.high < -margin;
  const open = test.high < 0 ? 'below' : test.low > 0 ? 'above' : 'undecided';
  const verdict: Verdict = inside ? 'holds' : outside ? 'does not hold' : open;
  const because = `two one-sided t tests, margin ±${margin} point: ${intervalText(test, level)}`;
  return { verdict, because, test: claimTest(a, b, test, pOfEqual(test, margin)) };
}

/** Two settings compared over the same seeds, in points. */
export interface Comparison {
  /** Mean of a − b. */
  readonly difference: number;
  readonly interval95: Interval;
  readonly interval90: Interval;
  /** The p value of the two-sided paired t test. */
  readonly p: number;
  readonly seeds: number;
  readonly verdict: 'higher' | 'lower' | 'equal' | 'undecided';
  readonly inWords: string;
}

const intervalOf = ({ low, high }: Interval): Interval => ({ low, high });

/**
 * Compare a with b: higher or lower where the 95 % interval of the paired difference leaves out 0, else equal where
 * the 90 % interval lies within ± the margin, else undecided.
 *
 * @param a in percent, one value for each seed
 * @param b values of the same seeds, in the same order
 * @param margin in points
 * @returns undefined for fewer than two seeds
 */
export function compare(
  a: { readonly name: string; readonly values: readonly number[] },
  b: { readonly name: string; readonly values: readonly number[] },
  margin: number = equivalenceMargin,
): Comparison | undefined {
  const wide = paired(a.values, b.values);
  const narrow = paired(a.values, b.values, 1 - 2 * significance);
  if (wide === undefined || narrow === undefined) return undefined;
  const above = judgeAbove(a.values, b.values).verdict;
  const equal = judgeEqual(a.values, b.values, margin).verdict === 'holds';
  const points = margin === 1 ? '1 point' : `${margin} points`;
  const within = equal ? `, by less than ${points}` : '';
  const verdicts: [Comparison['verdict'], string] =
    above === 'holds'
      ? ['higher', `${a.name} is above ${b.name}${within}`]
      : above === 'does not hold'
        ? ['lower', `${a.name} is below ${b.name}${within}`]
        : equal
          ? ['equal', `${a.name} and ${b.name} are equal within ${points}`]
          : ['undecided', `undecided with ${wide.n} seeds; more seeds narrow the interval`];
  const [verdict, inWords] = verdicts;
  return {
    difference: wide.difference,
    interval95: intervalOf(wide),
    interval90: intervalOf(narrow),
    p: wide.p,
    seeds: wide.n,
    verdict,
    inWords,
  };
}
