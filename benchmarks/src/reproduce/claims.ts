import { equivalenceMargin, judgeAbove, judgeEqual } from '@hbnn/train/statistics';
import type { Claim } from './stage.ts';

export { equivalenceMargin, pointsText } from '@hbnn/train/statistics';

/** A smaller p value is not written out. */
const smallestP = 1e-4;

/** A p value as a table has it: with two digits, such as 0.10. */
export const pText = (p: number): string =>
  p < smallestP ? `< ${smallestP.toFixed(4)}` : p.toPrecision(2);

/** A p value as a sentence has it, such as p = 0.10. */
export const pEquation = (p: number): string => `p ${p < smallestP ? '' : '= '}${pText(p)}`;

/** Judge the claim "a is above b" (`judgeAbove`), beside what the paper prints for a − b. */
export function above(
  id: string,
  claim: string,
  a: readonly number[],
  b: readonly number[],
  paper?: number,
): Claim {
  const { verdict, because, test } = judgeAbove(a, b);
  // The judgement writes out p values of any size.
  const reason = test === undefined ? because : because.replace(/p = \S+$/, pEquation(test.p));
  return { id, claim, verdict, because: reason, test, paper };
}

/** Judge the claim "a equals b" within the margin (`judgeEqual`), beside what the paper prints for a − b. */
export function equal(
  id: string,
  claim: string,
  a: readonly number[],
  b: readonly number[],
  paper?: number,
): Claim {
  return { id, claim, ...judgeEqual(a, b, equivalenceMargin), paper };
}
