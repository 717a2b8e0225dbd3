import { equivalenceMargin, judgeAbove, judgeEqual } from '@hbnn/train/statistics';
import type { Claim } from './stage.ts';

export { equivalenceMargin, pointsText } from '@hbnn/train/statistics';

/** Judge the claim "a is above b" (`judgeAbove`), beside what the paper prints for a − b. */
export function above(
  id: string,
  claim: string,
  a: readonly number[],
  b: readonly number[],
  paper?: number,
): Claim {
  return { id, claim, ...judgeAbove(a, b), paper };
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
