import { type Origin, ownOrigin, sharedOrigin } from './origin.ts';
import { type ReportTable, table } from './reportTable.ts';
import { scales } from './scales.ts';
import type { Report, StageReport } from './stageReport.ts';
import {
  pValues,
  type ReportedClaim,
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
  claim.because,
];

const originMarkdown = (origin: Origin | undefined): string[] =>
  origin === undefined ? [] : [`<small>${origin.text}; \`${origin.command}\`</small>`];

function stageMarkdown(stage: StageReport, origin: Origin | undefined): string {
  const measured = scales(stage);
  return [
    `## ${stage.title}`,
    stage.about,
    ...(measured.length > 0
      ? [`**Our scale (data, networks and training)**: ${measured.join('; ')}.`]
      : []),
    ...stage.plots.map(
      ({ file, title, caption }) => `![${title}](figures/${file}.svg)\n\n*${caption}*`,
    ),
    markdownTable(table(stage)),
    ...originMarkdown(origin),
  ].join('\n\n');
}

/** What the picture of all claims shows. */
export const forestTitle = 'Claims judged by paired tests';
export const forestCaption =
  'A small dot of the figure is the difference in accuracy between two settings for one seed. Each large dot of ' +
  'the figure is the mean over the seeds, and the line through it is the confidence interval of the difference (95 ' +
  '% for a claim “A is above B”, 90 % for “A equals B”). Diamonds of the figure are the paper’s differences in ' +
  'accuracy between the same two settings. In the grey band of the figure, settings count as equal (±1 point).';

/** The report as Markdown; pictures lie beside it in figures/. */
export function markdown(report: Report, forest: boolean): string {
  return `${[
    `# HBNN reproduction, profile ${report.profile}`,
    summary(report),
    report.about,
    '## The paper’s claims',
    report.rules,
    ...(forest ? [`![${forestTitle}](figures/claims.svg)\n\n*${forestCaption}*`] : []),
    markdownTable({
      head: ['', 'claim', 'at this scale', 'p (Holm)', 'because'],
      body: reportedClaims(report).map(claimRow),
      isNumeric: [false, false, false, false, false],
    }),
    ...report.stages.map((stage) => stageMarkdown(stage, ownOrigin(report, stage))),
    ...originMarkdown(sharedOrigin(report)),
  ].join('\n\n')}\n`;
}
