import { significance } from '../../results/statistics.ts';
import { equivalenceMargin, pointsText, pText } from '../claims.ts';
import { holm } from '../plan/holm.ts';
import type { Chart, Claim } from '../stage.ts';
import { forestChart } from './charts.ts';
import { listText, rowsText } from './listText.ts';
import type { Report } from './stageReport.ts';

/** A claim with its p value corrected by Holm over all paired tests of the report. */
export interface ReportedClaim extends Claim {
  readonly pHolm?: number;
}

/** All claims of a report, in order of their names. */
export function reportedClaims({ stages }: Report): ReportedClaim[] {
  const claims = stages
    .flatMap((stage) => stage.claims)
    .toSorted((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  const tested = claims.filter(({ test }) => test !== undefined);
  const corrected = holm(tested.map(({ test }) => test?.p ?? 1));
  return claims.map((claim) => {
    const at = tested.indexOf(claim);
    return at < 0 ? claim : { ...claim, pHolm: corrected[at] };
  });
}

/** The colours of verdicts in figures and tables, which can be told apart on white and on black. */
export const verdictColours: Readonly<Record<Claim['verdict'], string>> = {
  holds: '#2f7d32',
  'does not hold': '#b3261e',
  undecided: '#6b7280',
  below: '#8a5aa8',
  above: '#1f5fa8',
};

/** A claim's name: of "q1 AlexNet", which ends in the first word of its claim, only "q1". */
export const shortId = ({ id, claim }: Claim): string =>
  claim.startsWith(id.split(' ').at(-1) ?? '') ? id.split(' ')[0] : id;

/** A verdict as people read it. */
export function verdictText({ verdict }: Claim): string {
  return verdict === 'below' || verdict === 'above' ? `${verdict}, by how much is open` : verdict;
}

/** p values of a claim: alone, and corrected; empty for one without a test. */
export const pValues = ({ test, pHolm }: ReportedClaim): string =>
  test === undefined || pHolm === undefined ? '' : `${pText(test.p)} (${pText(pHolm)})`;

/** A long reason in its parts, which semicolons separate. */
export const reasonParts = (because: string): string[] =>
  because.length > 200 ? because.split('; ') : [because];

/** What stands on the part that opens to show the table of claims. */
export const claimsTitle = (claims: readonly Claim[]): string =>
  `All claims with their verdicts, p values and reasons (${rowsText(claims.length)})`;

/** What came out, as Markdown: the central claim, then a list of how many claims hold, and which. */
export function summary(report: Report): string {
  const claims = reportedClaims(report);
  const named = (...verdicts: Claim['verdict'][]): string[] =>
    claims.filter(({ verdict }) => verdicts.includes(verdict)).map(({ id }) => id);
  const tested = claims.filter(({ pHolm }) => pHolm !== undefined);
  const kept = tested.filter(
    ({ verdict, pHolm = 1 }) => verdict === 'holds' && pHolm < significance,
  ).length;
  const holding = tested.filter(({ verdict }) => verdict === 'holds').length;
  const central = claims.find(({ id }) => id === '2a');
  const open = named('undecided', 'below', 'above');
  const all = `${claims.length} claims in this report`;
  const [held, refuted] = [named('holds'), named('does not hold')];
  const tests = `of the ${tested.length} claims`;
  const counts = [
    held.length === 0
      ? `Of the ${all}, none holds.`
      : `Of the ${all}, ${held.length} ${held.length < 2 ? 'holds' : 'hold'}: ${listText(held)}.`,
    refuted.length === 0
      ? ''
      : `Of the ${all}, ${refuted.length} ${refuted.length < 2 ? 'does' : 'do'} not hold: ${listText(refuted)}.`,
    open.length === 0
      ? ''
      : `For ${open.length} of the ${all}, the tests do not show whether the claim holds or not: ${listText(open)}.`,
    tested.length === 0
      ? ''
      : `Paired tests check ${tested.length} of the claims in this report. Without a correction for the number of ` +
        `tests, ${holdText(holding, tests)}. With Holm’s correction for the number of tests, ` +
        `${holdText(kept, tests)}.`,
  ];
  const list = counts.filter((text) => text !== '').map((text) => `- ${text}`);
  const about = central === undefined ? [] : [centralText(central)];
  return [...about, ...(about.length > 0 ? [planned] : []), list.join('\n')].join('\n\n');
}

/** Where the comparison with enough seeds is. */
const planned =
  'With only a few seeds for each setting, many comparisons stay undecided. Our [planned experiment](' +
  'https://github.com/hbnn/hbnn/blob/main/benchmarks/results/plans/cifar-results.md) trains each setting with 10 to ' +
  '18 seeds. The planned experiment compares weights of 1 bit, 1.4 bits and 2 bits.';

/** Such as "1 of the 13 claims holds". */
const holdText = (count: number, ofClaims: string): string =>
  `${count === 0 ? 'none' : count} ${ofClaims} ${count < 2 ? 'holds' : 'hold'}`;

function centralText(claim: Claim): string {
  const asked = 'Do weights of 1.4 bits on average reach the accuracy of 2-bit weights?';
  const { test } = claim;
  if (test === undefined) return `${asked} No network was trained to answer the question.`;
  const answers: Readonly<Record<Claim['verdict'], string>> = {
    holds: 'Weights of 1.4 bits are as accurate as 2-bit weights in our small network.',
    'does not hold':
      'Weights of 1.4 bits are not as accurate as 2-bit weights in our small network.',
    undecided:
      'It is undecided whether 1.4-bit weights are as accurate as 2-bit weights in our small network.',
    below:
      'Weights of 1.4 bits are less accurate than 2-bit weights in our small network, perhaps by less than 1 point.',
    above:
      'Weights of 1.4 bits are more accurate than 2-bit weights in our small network, perhaps by less than 1 point.',
  };
  return (
    `${asked} ${answers[claim.verdict]} ` +
    `The accuracy with 1.4-bit weights minus the accuracy with 2-bit weights is ${pointsText(test.difference)} ` +
    'points. The 90 % confidence interval of this difference in accuracy goes from ' +
    `${pointsText(test.low)} to ${pointsText(test.high)} points. Weights of 1.4 bits and of 2 bits were compared ` +
    `with ${test.differences.length} seeds.`
  );
}

/** All claims of a report that paired tests judge: seeds, means with intervals, and the paper's differences. */
export const claimsForest = (report: Report): Chart | undefined =>
  forestOfClaims(reportedClaims(report));

/** Some claims in a forest plot, coloured by their verdicts; undefined where no paired test judges any. */
export function forestOfClaims(claims: readonly Claim[]): Chart | undefined {
  const rows = claims.flatMap((claim) => {
    const { test, paper } = claim;
    if (test === undefined) return [];
    const { difference: mean, low, high, differences: seeds } = test;
    const label = `${shortId(claim)}  ${claim.claim}`;
    return [{ label, group: claim.verdict, mean, low, high, seeds, paper }];
  });
  if (rows.length === 0) return undefined;
  return forestChart({
    rows,
    margin: equivalenceMargin,
    x: 'difference in points, first minus second',
    colors: verdictColours,
  });
}

const cell = (value: string | number | undefined): string => {
  const text = `${value ?? ''}`;
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** All numbers of a report as CSV. */
export function numbersCsv({ stages }: Report): string {
  const head =
    'stage,label,kind,unit,ours,standard_deviation,seeds,values,paper,scale,commit,command';
  const lines = stages.flatMap(({ stage, rows, provenance }) =>
    rows.map((row) =>
      [
        stage,
        row.label,
        row.kind,
        row.unit,
        row.ours,
        row.spread,
        row.seeds?.join(' '),
        row.values?.join(' '),
        row.paper,
        row.scale,
        provenance.commit,
        provenance.command,
      ]
        .map(cell)
        .join(','),
    ),
  );
  return `${[head, ...lines].join('\n')}\n`;
}
