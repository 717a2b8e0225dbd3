import { escapeHtml } from '@hbnn/cli/drawing';
import { blocksHtml, inlineHtml } from './htmlText.ts';
import { forestCaption, readingTitle } from './markdown.ts';
import { type Origin, originLine, originTitle, ownOrigins, sharedOrigin } from './origin.ts';
import { reportStyle, verdictClass } from './pageStyle.ts';
import { foldedTitle, type ReportTable, table } from './reportTable.ts';
import { scales } from './scales.ts';
import type { Report, StageReport } from './stageReport.ts';
import {
  claimsTitle,
  pValues,
  reasonParts,
  reportedClaims,
  shortId,
  summary,
  verdictText,
} from './summary.ts';

/** Where the documentation lies; the site puts its own pages in the place of this. */
const docs = 'https://github.com/hbnn/hbnn/blob/main/docs/';

/** The page that explains what a stage measures. */
const pages: Readonly<Record<string, readonly [page: string, title: string]>> = {
  figure2a: ['guide/bit-maps.md', 'Bit maps and selection'],
  figure2b: ['guide/which-rule.md', 'Which rule to use'],
  figure3a: ['guide/training.md', 'Training'],
  figure3b: ['guide/bit-maps.md', 'Bit maps and selection'],
  table1: ['guide/training.md', 'Training'],
  table2: ['guide/estimates.md', 'Estimates of area and energy'],
  'mix-insensitivity': ['guide/bit-maps.md', 'Bit maps and selection'],
  'input-maps': ['guide/integer-models.md', 'Integer models'],
  'weight-variants': ['guide/which-rule.md', 'Which rule to use'],
};

function explained(stage: string): string {
  const found = pages[stage];
  return found === undefined
    ? ''
    : `<p>The page <a href="${docs}${found[0]}">${found[1]}</a> explains what is measured.</p>`;
}

/** Intervals such as (−0.12 … +1.39) stay on one line. */
const wholeIntervals = (text: string): string =>
  text.replace(/\([^()]+ … [^()]+\)/g, '<span class="whole">$&</span>');

/** A part that opens. */
const folded = (title: string, content: string): string =>
  `<details><summary>${escapeHtml(title)}</summary>${content}</details>`;

/** A table that scrolls sideways where it is too wide, also by the keyboard; its name is for screen readers. */
const scrolling = (name: string, table: string): string =>
  `<div class="table" tabindex="0" role="group" aria-label="${escapeHtml(name)}">${table}</div>`;

function htmlTable(name: string, { head, body, isNumeric }: ReportTable): string {
  const classOf = (i: number): string => (isNumeric[i] ? ' class="number"' : '');
  const row = (values: readonly string[]): string =>
    `<tr>${values.map((v, i) => `<td${classOf(i)}>${wholeIntervals(escapeHtml(v))}</td>`).join('')}</tr>`;
  const heads = head.map((name, i) => `<th${classOf(i)}>${escapeHtml(name)}</th>`).join('');
  const rows = body.map(row).join('\n');
  return scrolling(
    name,
    `<table class="numbers"><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table>`,
  );
}

function claimsTable(report: Report): string {
  const stageOf = new Map(
    report.stages.flatMap(({ stage, claims }) => claims.map(({ id }) => [id, stage] as const)),
  );
  const claims = reportedClaims(report);
  const rows = claims.map((claim) => {
    const { id, claim: text, because, verdict } = claim;
    const cells = [
      `<td><a href="#${stageOf.get(id)}">${shortId(claim)}</a></td><td>${escapeHtml(text)}</td>`,
      `<td class="verdict ${verdictClass(verdict)}">${verdictText(claim)}</td>`,
      `<td>${escapeHtml(pValues(claim))}</td><td class="because">${reasonParts(because).map(escapeHtml).join('<br>')}</td>`,
    ];
    return `<tr>${cells.join('')}</tr>`;
  });
  const names = ['#', 'claim', 'at this scale', 'p (Holm)', 'because'];
  const head = `<tr>${names.map((name) => `<th>${name}</th>`).join('')}</tr>`;
  return folded(
    claimsTitle(claims),
    scrolling(
      'All claims',
      `<table><thead>${head}</thead><tbody>${rows.join('\n')}</tbody></table>`,
    ),
  );
}

/** A figure with its caption; one that is too wide for a phone has a version that a phone shows in its place. */
function figureHtml(svgs: ReadonlyMap<string, string>, file: string, caption: string): string {
  const drawn = (name: string, kind: string): string => {
    const svg = svgs.get(name);
    return svg === undefined ? '' : `<div class="${kind}">${svg}</div>`;
  };
  const isNarrow = Number(/ width="(\d+)"/.exec(svgs.get(file) ?? '')?.[1]) <= 480;
  const svg = drawn(file, isNarrow ? 'whole' : 'wide') + drawn(`${file}-narrow`, 'phone');
  return `<figure${isNarrow ? ' class="narrow"' : ''}>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

/** An origin as a table in a part that opens. */
function originHtml(origin: Origin): string {
  const lines = origin.rows.map(
    ([what, value]) => `<tr><td>${inlineHtml(what)}</td><td>${inlineHtml(value)}</td></tr>`,
  );
  const table = scrolling(
    origin.title,
    `<table class="numbers"><tbody>${lines.join('\n')}</tbody></table>`,
  );
  return folded(originTitle(origin), table);
}

function section(
  stage: StageReport,
  svgs: ReadonlyMap<string, string>,
  origins: readonly Origin[],
): string {
  const measured = scales(stage);
  const scale =
    measured.length === 0 ? '' : `<p class="scale">${inlineHtml(measured.join(' '))}</p>`;
  const figures = stage.plots.map(({ file, caption }) => figureHtml(svgs, file, caption));
  const whole = table(stage);
  const numbers = htmlTable(`The numbers of ${stage.title}`, whole);
  const title = foldedTitle(stage, whole);
  return `<section id="${stage.stage}"><h2>${escapeHtml(stage.title)}</h2>
${figures.join('\n')}
<div class="about">${blocksHtml(stage.about)}\n${explained(stage.stage)}</div>${scale}
${title === undefined ? numbers : folded(title, numbers)}
${origins.map(originHtml).join('\n')}</section>`;
}

/** Numbers that stay on the line of their sign, such as 90 %. */
const unbroken = (page: string): string => page.replaceAll(/(?<=\d) (?=[%×])/g, '\u00a0');

/** The report as one self-contained page, with pictures that have names of their own. */
export const html = (report: Report, svgs: ReadonlyMap<string, string>): string =>
  unbroken(page(report, svgs));

function page(report: Report, svgs: ReadonlyMap<string, string>): string {
  const shared = sharedOrigin(report);
  const figure = svgs.has('claims') ? figureHtml(svgs, 'claims', forestCaption) : '';
  const links = report.stages.map(
    ({ stage, title }) => `<a href="#${stage}">${escapeHtml(title.split(':')[0])}</a>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>HBNN reproduction, profile ${report.profile}</title>
<link rel="icon" href="data:,"><style>${reportStyle}</style></head><body>
<header><a href="${docs}index.md">HBNN</a></header>
<main><h1>HBNN reproduction, profile ${report.profile}</h1>
<p class="origin">${escapeHtml(originLine(report))}</p>
<div class="summary">${blocksHtml(summary(report))}</div>
<nav>${links.join(' ')}</nav>
<h2>Claims</h2>
${figure}
${claimsTable(report)}
<h2>${readingTitle}</h2>
${blocksHtml(report.about)}<div class="about">${blocksHtml(report.rules)}</div>
<p>The files <code>results.csv</code> and <code>results.json</code> beside this page have all numbers.</p>
${report.stages.map((stage) => section(stage, svgs, ownOrigins(report, stage))).join('\n')}
${shared === undefined ? '' : originHtml(shared)}
</main></body></html>
`;
}
