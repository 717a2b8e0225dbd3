export {
  type ClaimTest,
  type Comparison,
  compare,
  equivalenceMargin,
  type Judgement,
  judgeAbove,
  judgeEqual,
  pointsText,
  type Verdict,
} from './judge.ts';
export {
  curvature,
  deviation,
  type Interval,
  mean,
  meanInterval,
  type Paired,
  paired,
  significance,
} from './statistics.ts';
