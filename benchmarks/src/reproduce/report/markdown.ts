import type { ResultRow } from '../stage.ts';
import type { Report, StageReport } from './stageReport.ts';
import {
  pText,
  type ReportedClaim,
  reportedClaims,
  shortId,
  summary,
  verdictText,
} from './summary.ts';

const minus = (text: string): string => text.replace(/^-/, '−');

/** Our number with its spread, as it stands in tables. */
function ownText(row: ResultRow): string {
  if (row.ours === undefined) return '–';
  const digits = row.unit.startsWith('%') && row.kind === 'measured' ? 2 : 4;
  const rounded =
    row.kind === 'estimated' ||
    (row.kind === 'measured' && row.seeds === undefined) ||
    (row.kind === 'computed' && !row.unit.startsWith('‖'));
  const value = rounded ? `${row.ours}` : row.ours.toFixed(digits);
  return minus(row.spread === undefined ? value : `${value} ± ${row.spread.toFixed(digits)}`);
}

function paperText(row: ResultRow): string {
  return row.paper === undefined ? '–' : `${row.paper}`;
}

/** What a number rests on: seeds, nothing but arithmetic, or a model with its error. */
function certainty({ kind, seeds, error = 0 }: ResultRow): string {
  switch (kind) {
    case 'measured':
      return `${seeds?.length ?? '–'}`;
    case 'computed':
      return 'exact';
    case 'estimated':
      return `estimate ± ${Math.round(100 * error)} %`;
    case 'quoted':
      return '';
    default:
      return kind satisfies never;
  }
}

/** The columns of a stage's table and its cells. */
export function table(stage: StageReport): { head: string[]; body: string[][] } {
  const own = Object.keys(Object.assign({}, ...stage.rows.map(({ columns }) => columns ?? {})));
  const labelled = own.length === 0 || stage.rows.every(({ kind }) => kind === 'measured');
  const head = [...(labelled ? ['setting'] : []), ...own, 'ours', 'seeds', 'paper', 'unit'];
  const body = stage.rows.map((row) => [
    ...(labelled ? [row.label] : []),
    ...own.map((name) => `${row.columns?.[name] ?? ''}`),
    row.kind === 'quoted' ? 'quoted only' : ownText(row),
    certainty(row),
    paperText(row),
    row.unit,
  ]);
  return { head, body };
}

const cells = (values: readonly string[]): string =>
  `| ${values.map((v) => v.replaceAll('|', '\\|')).join(' | ')} |`;

const markdownTable = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [cells(head), cells(head.map(() => '---')), ...body.map(cells)].join('\n');

const claimRow = (claim: ReportedClaim): string[] => [
  shortId(claim),
  claim.claim,
  `**${verdictText(claim)}**`,
  pText(claim),
  claim.because,
];

/** Texts that differ only in the commit at their end, put together with all their commits. */
function joinedCommits(texts: ReadonlySet<string>): string[] {
  const commits = new Map<string, string[]>();
  for (const text of texts) {
    const [, head = text, commit] = /^(.*), commit ([0-9a-f]{7})\)$/.exec(text) ?? [];
    const found = commits.get(head) ?? [];
    commits.set(head, commit === undefined ? found : [...found, commit]);
  }
  return [...commits].map(([head, found]) => {
    if (found.length === 0) return head;
    return `${head}, commit${found.length > 1 ? 's' : ''} ${found.join(' and ')})`;
  });
}

/** Scales of a stage's numbers, each once; trainings on the same images are put together. */
export function scales(stage: StageReport): string[] {
  const together = new Map<string, string[]>();
  for (const scale of joinedCommits(new Set(stage.rows.flatMap(({ scale }) => scale ?? [])))) {
    const [, images = scale, training] = /^(.*?images); (.*)$/.exec(scale) ?? [];
    const trainings = together.get(images) ?? [];
    together.set(images, training === undefined ? trainings : [...trainings, training]);
  }
  return [...together].map(([images, trainings]) =>
    trainings.length === 0 ? images : `${images}; ${trainings.join('; ')}`,
  );
}

function stageMarkdown(stage: StageReport): string {
  const { head, body } = table(stage);
  const measured = scales(stage);
  const { provenance: p } = stage;
  return [
    `## ${stage.title}`,
    stage.about,
    ...(measured.length > 0
      ? [`**Our scale (data, networks and training)**: ${measured.join('; ')}.`]
      : []),
    ...stage.plots.map(
      ({ file, title, caption }) => `![${title}](figures/${file}.svg)\n\n*${caption}*`,
    ),
    markdownTable(head, body),
    `<small>commit ${p.commit}; ${p.date}; ${p.machine}; Node ${p.node}; backend ${p.backend}; \`${p.command}\`</small>`,
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
    markdownTable(
      ['', 'claim', 'at this scale', 'p (Holm)', 'because'],
      reportedClaims(report).map(claimRow),
    ),
    ...report.stages.map(stageMarkdown),
  ].join('\n\n')}\n`;
}
