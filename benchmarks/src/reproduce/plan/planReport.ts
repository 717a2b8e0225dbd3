import cdf from '@stdlib/stats-base-dists-t-cdf';
import { deviation, mean, type Paired, paired, significance } from '../../results/statistics.ts';
import { equivalenceMargin, pEquation, pointsText } from '../claims.ts';
import type { LedgerLine } from '../ledger/ledger.ts';
import { table1 } from '../paper.ts';
import type { Verdict } from '../stage.ts';
import { holm } from './holm.ts';

import { claimsOf, type Plan, type PlanClaim, type PlanSetting, plannedPower } from './plan.ts';
import { linesByKey, linesOf, settingsOf } from './planLines.ts';
import { wrapped } from './planPage.ts';

import { powerAbove, powerEqual, seedsFor } from './power.ts';

/** A claim of a plan as the ledger decides it. */
export interface JudgedClaim {
  readonly claim: PlanClaim;
  /** Pairs of trainings with the same seed that the ledger has. */
  readonly pairs: number;
  /** Difference in points of each of them, in the order of their seeds. */
  readonly differences: readonly number[];
  /** Difference in points over all pairs, with its 95 % interval ("above") or 90 % interval ("equal"). */
  readonly test?: Paired;
  /** p value of the claim's test alone, over its first `seedsUncorrected` pairs. */
  readonly p?: number;
  /** p value over all pairs, corrected by Holm over all claims of the plan. */
  readonly pHolm?: number;
  readonly verdict: Verdict | 'interim';
  readonly verdictHolm: Verdict | 'interim';
  /** For an undecided claim: pairs that would decide it with the planned power, were its difference and spread as measured. */
  readonly pairsToDecide?: number;
}

/** Top-1 in percent by seed, of the plan's seeds alone. */
function accuraciesOf(plan: Plan, id: string, lines: readonly LedgerLine[]): Map<number, number> {
  const setting = settingsOf(plan).find((each) => each.id === id);
  if (setting === undefined) throw new Error(`plan ${plan.name}: no setting ${id}`);
  const found = linesOf(plan, setting, linesByKey(lines));
  return new Map(found.map(([seed, { top1 }]) => [seed, 100 * top1]));
}

/** p value of a claim's test: two-sided for "above", the larger of both one-sided ones for "equal". */
function pValue(kind: PlanClaim['test'], test: Paired, margin = equivalenceMargin): number {
  if (kind === 'above') return test.p;
  const error = errorOf(test);
  if (error === 0) return Number(Math.abs(test.difference) >= margin);
  const room = margin - Math.abs(test.difference);
  return cdf(-room / error, test.n - 1);
}

/** Judge a claim's test: p is corrected for `tests` claims, and so is the level at which the opposite is found. */
function verdictOf(kind: PlanClaim['test'], test: Paired, p: number, tests: number): Verdict {
  if (kind === 'above') {
    if (p >= significance) return 'undecided';
    return test.difference > 0 ? 'holds' : 'does not hold';
  }
  if (p < significance) return 'holds';
  const beyond = Math.abs(test.difference) - equivalenceMargin;
  const error = errorOf(test);
  const pOutside = error === 0 ? Number(beyond <= 0) : cdf(-beyond / error, test.n - 1);
  return pOutside < significance / tests ? 'does not hold' : 'undecided';
}

/** The standard error of a difference. */
const errorOf = (test: Paired): number => (test.high - test.low) / 2 / test.reach;

/**
 * Judge all claims of a plan: by each test alone over the first seeds, as many as it needs for its power, and corrected
 * by Holm over all seeds. A claim whose seeds are not all there yet is interim, whatever it looks like.
 */
export function judgePlan(plan: Plan, lines: readonly LedgerLine[]): JudgedClaim[] {
  const claims = claimsOf(plan);
  const tested = claims.map((claim) => {
    const [a, b] = [claim.a, claim.b].map((id) => accuraciesOf(plan, id, lines));
    const seeds = [...a.keys()].filter((seed) => b.has(seed)).slice(0, claim.seedsHolm);
    const level = claim.test === 'above' ? 1 - significance : 1 - 2 * significance;
    const testOf = (count: number): Paired | undefined => {
      const [of, to] = [a, b].map((values) =>
        seeds.slice(0, count).map((seed) => values.get(seed) as number),
      );
      return paired(of, to, level);
    };
    return {
      claim,
      pairs: seeds.length,
      differences: seeds.map((seed) => (a.get(seed) as number) - (b.get(seed) as number)),
      all: testOf(claim.seedsHolm),
      first: testOf(claim.seedsUncorrected),
    };
  });
  // A claim that cannot be tested yet counts as one of the tests, with nothing found.
  const corrected = holm(tested.map(({ claim, all }) => (all ? pValue(claim.test, all) : 1)));
  return tested.map(({ claim, pairs, differences, all, first }, i): JudgedClaim => {
    if (all === undefined || first === undefined) {
      return { claim, pairs, differences, verdict: 'interim', verdictHolm: 'interim' };
    }
    const p = pValue(claim.test, first);
    const judged = pairs >= claim.seedsUncorrected;
    const verdict = judged ? verdictOf(claim.test, first, p, 1) : 'interim';
    const judgedHolm = pairs >= claim.seedsHolm;
    const verdictHolm = judgedHolm
      ? verdictOf(claim.test, all, corrected[i], claims.length)
      : 'interim';
    const pairsToDecide = verdict === 'undecided' ? toDecide(claim, all) : undefined;
    return {
      claim,
      pairs,
      differences,
      test: all,
      p,
      pHolm: corrected[i],
      verdict,
      verdictHolm,
      pairsToDecide,
    };
  });
}

function toDecide({ test: kind }: PlanClaim, test: Paired): number {
  const sd = errorOf(test) * Math.sqrt(test.n);
  const distance = Math.abs(test.difference);
  const gap = Math.abs(equivalenceMargin - distance);
  return seedsFor(plannedPower, (n) =>
    kind === 'above'
      ? powerAbove(n, sd, distance, significance)
      : powerEqual(n, sd, gap, significance),
  );
}

const fixed = (value: number | undefined, digits = 2): string => value?.toFixed(digits) ?? '';

function claimRow(judged: JudgedClaim): string {
  const { claim, pairs, test, p, pHolm, verdict, verdictHolm, pairsToDecide } = judged;
  const difference =
    test === undefined
      ? ''
      : `${pointsText(test.difference)} (${pointsText(test.low)} … ${pointsText(test.high)})`;
  const planned = `${claim.seedsUncorrected}, ${claim.seedsHolm}`;
  const cells = [
    claim.claim,
    difference,
    verdictText(verdict, p),
    verdictText(verdictHolm, pHolm),
    pairs,
    planned,
    pairsToDecide ?? '–',
  ];
  return `| ${cells.join(' | ')} |`;
}

const verdictText = (verdict: Verdict | 'interim', p: number | undefined): string =>
  p === undefined ? verdict : `${verdict}, ${pEquation(p).replaceAll(' ', '\u00a0')}`;

/** A setting such as "alexnet 1.4/float" with the network's name. */
const settingText = (id: string): string =>
  id.replace(/^alexnet\b/, 'AlexNet-BN').replace(/^mobilenet\b/, 'MobileNet');

/** The table of settings and accuracies. A plan of Table 1's rows also gets the paper's accuracy and the bits per weight. */
function settingsTable(plan: Plan, lines: readonly LedgerLine[]): string[] {
  const besideTable1 = settingsOf(plan).some(({ row }) => row !== undefined);
  const more = besideTable1 ? ['bits per weight', "Table 1's row", 'the paper, ImageNet'] : [];
  const head = ['setting', 'seeds', 'mean top-1', 'standard deviation', ...more, 'values'];
  const rows = settingsOf(plan).map((setting) => {
    const list = [...accuraciesOf(plan, setting.id, lines).values()];
    const centre = list.length > 0 ? fixed(mean(list)) : '';
    const seeds = `${list.length} of ${setting.seeds}`;
    const { row } = setting;
    const paper = table1.find(([number]) => number === row)?.[5];
    const beside = [fixed(bitsOf(plan, setting, lines), 3), `${row ?? ''}`, `${paper ?? ''}`];
    const values = list.map((value) => value.toFixed(2)).join(' ');
    const cells = [settingText(setting.id), seeds, centre, fixed(deviation(list))];
    return [...cells, ...(besideTable1 ? beside : []), values];
  });
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

/** Bits per weight of a setting: the mean over its trainings where they learned them, else as configured. */
function bitsOf(
  plan: Plan,
  setting: PlanSetting,
  lines: readonly LedgerLine[],
): number | undefined {
  const found = linesOf(plan, setting, linesByKey(lines)).flatMap(
    ([, { weightBits }]) => weightBits ?? [],
  );
  if (found.length > 0) return mean(found);
  const bits = Number(setting.config.weights);
  return Number.isFinite(bits) ? bits : undefined;
}

/** The state of a plan as a page and as CSV. */
export function planReportFiles(
  plan: Plan,
  claims: readonly JudgedClaim[],
  lines: readonly LedgerLine[],
): { page: string; csv: string } {
  const settings = settingsOf(plan).map((setting) => ({
    setting,
    values: accuraciesOf(plan, setting.id, lines),
  }));
  const done = settings.reduce((sum, { values }) => sum + values.size, 0);
  const all = settings.reduce((sum, { setting }) => sum + setting.seeds, 0);
  const page = `${[
    `# ${plan.title}: results`,
    '',
    `So far, ${done} of the ${all} planned trainings are finished. The command \`pnpm bench:reproduce --plan-report ` +
      `${plan.name}\` made this page.`,
    '',
    'Each claim compares two settings that are trained with the same seeds. A pair is two trainings with the same ' +
      'seed: one with each setting. “1.4/1.4 bits” means 1.4 bits on average for the inputs of the layers and for ' +
      'the weights. A difference in the table is the top-1 accuracy of the first setting minus that of the second, ' +
      'in points. The brackets behind a difference in the table contain its confidence interval. For a claim ' +
      'that one accuracy is above another, the table has a 95 % confidence interval of the difference. For a claim ' +
      'that two accuracies are equal, the table has a 90 % confidence interval of the difference. Each claim gets ' +
      'two verdicts:',
    '',
    '- The verdict **by its own test** comes from a test of the claim alone, with the seeds that were planned for ' +
      'this test.',
    '- The verdict **by Holm** comes from a stricter test of all claims together (Holm’s correction), which needs ' +
      'more seeds.',
    '',
    'A verdict is “interim” until all trainings that were planned for the verdict are finished.',
    '',
    ...(claims.some(({ test }) => test)
      ? [
          `![Differences in accuracy for all claims, with confidence intervals](${plan.name}-results.svg)`,
          '',
          'Each small dot of the figure is the difference in accuracy between two trainings with the same seed. ' +
            'Each large dot of the figure is the difference in accuracy between the two settings that a claim compares, ' +
            'averaged over the seeds. The line through a large dot of the figure is the confidence interval of the ' +
            'average difference between two settings. Each diamond of the figure shows the HBNN paper’s own result on ' +
            'ImageNet: the difference in accuracy between the two settings of a claim. The grey band of the figure marks ' +
            'differences of at most ' +
            `±${plan.tests?.margin ?? equivalenceMargin} point, which count as equal.`,
          '',
        ]
      : []),
    '## Comparisons',
    '',
    'The table has a row for each claim. The column “pairs” counts the finished pairs of trainings. In the ' +
      'column “planned”, the first number says how many seeds were planned for the claim’s own test, and the second ' +
      'number for the stricter test of all claims together (Holm’s test). In the column “own test”, each claim is ' +
      'tested alone, on the planned number of pairs. If more pairs of trainings are finished, only the first ones ' +
      'count for the column “own test”. Holm’s test, which tests all claims together, uses every finished pair ' +
      'of trainings. The differences in the table are means over all finished pairs of trainings. The column “to ' +
      'decide” estimates how many pairs of trainings it takes to decide a claim that is still undecided.',
    '',
    '| claim | difference | own test | Holm’s test | pairs | planned | to decide |',
    '| --- | --- | --- | --- | ---: | ---: | ---: |',
    ...claims.map(claimRow),
    '',
    '## Settings',
    '',
    'The table gives the top-1 accuracies of the trainings, in percent. Each setting is a network with the bits of its ' +
      'weights and of its layer inputs, such as 1.4/float. The column “values” has the accuracy for each seed.',
    '',
    ...settingsTable(plan, lines),
  ]
    .flatMap(wrapped)
    .join('\n')}\n`;
  const csv = `${[
    'claim,test,a,b,pairs,planned,planned_holm,difference,low,high,p,verdict,p_holm,verdict_holm',
    ...claims.map(({ claim, pairs, test, p, pHolm, verdict, verdictHolm }) => {
      const planned = [pairs, claim.seedsUncorrected, claim.seedsHolm];
      const interval = [test?.difference, test?.low, test?.high].map((value) => fixed(value, 10));
      const verdicts = [p ?? '', verdict, pHolm ?? '', verdictHolm];
      return [claim.id, claim.test, claim.a, claim.b, ...planned, ...interval, ...verdicts].join(
        ',',
      );
    }),
  ].join('\n')}\n`;
  return { page, csv };
}
