import { type Origin, ownOrigins, sharedOrigin } from './origin.ts';
import { type ReportTable, table } from './reportTable.ts';
import { scales } from './scales.ts';
import type { Report, StageReport } from './stageReport.ts';
import {
  pValues,
  type ReportedClaim,
  reasonParts,
  reportedClaims,
  shortId,
  summary,
  verdictText,
} from './summary.ts';

const cells = (values: readonly string[]): string =>
  `| ${values.map((v) => v.replaceAll('|', '\\|')).join(' | ')} |`;

const markdownTable = ({ head, body, isNumeric }: ReportTable): string =>
  [
    cells(head),
    cells(isNumeric.map((numeric) => (numeric ? '---:' : '---'))),
    ...body.map(cells),
  ].join('\n');

const claimRow = (claim: ReportedClaim): string[] => [
  shortId(claim),
  claim.claim,
  `**${verdictText(claim)}**`,
  pValues(claim),
  reasonParts(claim.because).join('<br>'),
];

/** An origin as a table in a part that opens. */
const originMarkdown = ({ title, rows }: Origin): string =>
  [
    `<details>\n<summary>${title}</summary>`,
    markdownTable({ head: ['what', 'value'], body: rows, isNumeric: [false, false] }),
    '</details>',
  ].join('\n\n');

function stageMarkdown(stage: StageReport, origins: readonly Origin[]): string {
  const measured = scales(stage);
  return [
    `## ${stage.title}`,
    stage.about,
    ...(measured.length > 0 ? [measured.join(' ')] : []),
    ...stage.plots.map(
      ({ file, title, caption }) => `![${title}](figures/${file}.svg)\n\n${caption}`,
    ),
    markdownTable(table(stage)),
    ...origins.map(originMarkdown),
  ].join('\n\n');
}

/** What the picture of all claims shows. */
export const forestTitle = 'Differences in accuracy for all claims that are judged by paired tests';
export const forestCaption =
  'Each claim compares two settings, such as 1.4 and 2 bits. Each small dot of the figure is the difference in accuracy ' +
  'between two settings for one seed. Each large dot of the figure is the difference in accuracy between the two settings ' +
  'that a claim compares, averaged over the seeds. The line ' +
  'through a large dot of the figure is the confidence interval of the average difference between two ' +
  'settings. The confidence intervals in the figure are 95 % intervals for claims “A is above B”, and 90 % intervals ' +
  'for claims “A equals B”. Each diamond of the figure is the HBNN paper’s difference in accuracy for a claim. The ' +
  'grey band of the figure marks differences of at most ±1 point, which count as equal.';

/** The report as Markdown; pictures lie beside it in figures/. */
export function markdown(report: Report, forest: boolean): string {
  const shared = sharedOrigin(report);
  return `${[
    `# HBNN reproduction, profile ${report.profile}`,
    summary(report),
    report.about,
    '## Claims',
    report.rules,
    ...(forest ? [`![${forestTitle}](figures/claims.svg)\n\n${forestCaption}`] : []),
    markdownTable({
      head: ['#', 'claim', 'at this scale', 'p (Holm)', 'because'],
      body: reportedClaims(report).map(claimRow),
      isNumeric: [false, false, false, false, false],
    }),
    ...report.stages.map((stage) => stageMarkdown(stage, ownOrigins(report, stage))),
    ...(shared === undefined ? [] : [originMarkdown(shared)]),
  ].join('\n\n')}\n`;
}
