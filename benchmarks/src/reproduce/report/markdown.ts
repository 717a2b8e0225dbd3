import { type Origin, originLine, originTitle, ownOrigins, sharedOrigin } from './origin.ts';
import { foldedTitle, type ReportTable, table } from './reportTable.ts';
import { scales } from './scales.ts';
import type { Report, StageReport } from './stageReport.ts';
import {
  claimsTitle,
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

/** A part that opens. */
const folded = (title: string, content: string): string =>
  [`<details>\n<summary>${title}</summary>`, content, '</details>'].join('\n\n');

/** An origin as a table in a part that opens. */
const originMarkdown = (origin: Origin): string =>
  folded(
    originTitle(origin),
    markdownTable({ head: ['what', 'value'], body: origin.rows, isNumeric: [false, false] }),
  );

function stageMarkdown(stage: StageReport, origins: readonly Origin[]): string {
  const measured = scales(stage);
  const whole = table(stage);
  const title = foldedTitle(stage, whole);
  const numbers = markdownTable(whole);
  return [
    `## ${stage.title}`,
    ...stage.plots.map(
      ({ file, title, caption }) => `![${title}](figures/${file}.svg)\n\n${caption}`,
    ),
    stage.about,
    ...(measured.length > 0 ? [measured.join(' ')] : []),
    title === undefined ? numbers : folded(title, numbers),
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

/** The heading of what a reader of the claims may ask. */
export const readingTitle = 'How to read this report';

/** The report as Markdown; pictures lie beside it in figures/. */
export function markdown(report: Report, forest: boolean): string {
  const shared = sharedOrigin(report);
  const claims = reportedClaims(report);
  const claimsTable = markdownTable({
    head: ['#', 'claim', 'at this scale', 'p (Holm)', 'because'],
    body: claims.map(claimRow),
    isNumeric: [false, false, false, false, false],
  });
  return `${[
    `# HBNN reproduction, profile ${report.profile}`,
    originLine(report),
    summary(report),
    '## Claims',
    ...(forest ? [`![${forestTitle}](figures/claims.svg)\n\n${forestCaption}`] : []),
    folded(claimsTitle(claims), claimsTable),
    `## ${readingTitle}`,
    report.about,
    report.rules,
    ...report.stages.map((stage) => stageMarkdown(stage, ownOrigins(report, stage))),
    ...(shared === undefined ? [] : [originMarkdown(shared)]),
  ].join('\n\n')}\n`;
}
