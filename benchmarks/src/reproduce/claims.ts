import { equivalenceMargin, judgeAbove, judgeEqual } from '@hbnn/train/statistics';
import type { Claim } from './stage.ts';

export { equivalenceMargin, pointsText } from '@hbnn/train/statistics';

/** Judge the claim "a is above b" (`judgeAbove`). */
export function above(
  id: string,
  claim: string,
  a: readonly number[],
  b: readonly number[],
): Claim {
  return { id, claim, ...judgeAbove(a, b) };
}

/** Judge the claim "a equals b" (`judgeEqual`). */
export function equal(
  id: string,
  claim: string,
  a: readonly number[],
  b: readonly number[],
  margin: number = equivalenceMargin,
): Claim {
  return { id, claim, ...judgeEqual(a, b, margin) };
}
