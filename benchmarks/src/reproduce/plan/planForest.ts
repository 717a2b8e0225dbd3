import { equivalenceMargin } from '../claims.ts';
import { forestChart } from '../report/charts.ts';
import type { Chart } from '../stage.ts';
import { paperDifferences } from './paperDifferences.ts';
import type { Plan } from './plan.ts';
import type { JudgedClaim } from './planReport.ts';

/** All claims of a plan that have pairs: each seed's difference, their mean and interval, and the paper's difference. */
export function planForest(plan: Plan, claims: readonly JudgedClaim[]): Chart {
  const rows = claims.flatMap(({ claim, test, differences }) =>
    test === undefined
      ? []
      : [
          {
            label: claim.claim,
            group: claim.test === 'equal' ? 'to be equal' : 'to be above',
            mean: test.difference,
            low: test.low,
            high: test.high,
            seeds: differences,
            paper: paperDifferences[claim.id],
          },
        ],
  );
  return forestChart({
    rows,
    margin: plan.tests?.margin ?? equivalenceMargin,
    x: 'difference in points of top-1, first minus second',
  });
}
