import { escapeHtml, pageStyle } from '@hbnn/cli/drawing';
import { blocksHtml, inlineHtml } from './htmlText.ts';
import { forestCaption } from './markdown.ts';
import { type Origin, ownOrigins, sharedOrigin } from './origin.ts';
import { type ReportTable, table } from './reportTable.ts';
import { scales } from './scales.ts';
import type { Report, StageReport } from './stageReport.ts';
import {
  pValues,
  reasonParts,
  reportedClaims,
  shortId,
  summary,
  verdictColours,
  verdictText,
} from './summary.ts';

/** The verdicts' colours on black. */
const darkVerdicts: typeof verdictColours = {
  holds: '#7fc784',
  'does not hold': '#ff9a92',
  undecided: '#a9b0bb',
  below: '#cfa5ea',
  above: '#8ab8f2',
};

const verdictClass = (verdict: string): string => verdict.replaceAll(' ', '-');
const verdictStyles = (colours: typeof verdictColours): string =>
  Object.entries(colours)
    .map(([verdict, colour]) => `.${verdictClass(verdict)} { color: ${colour}; }`)
    .join(' ');

const style = `${pageStyle}
h1 { font-size: 1.7rem; margin-bottom: .3rem; } h2 { margin-top: 2.6rem; border-bottom: 2px solid var(--line); padding-bottom: .25rem; }
nav a { margin-right: 1rem; } .about { color: var(--soft); } li { margin: .3rem 0; } th.number { text-align: right; }
.verdict { min-width: 7em; font-weight: 600; } ${verdictStyles(verdictColours)}
.scale { background: #fff8e6; border-left: 4px solid #d9a400; padding: .5rem .8rem; margin: .8rem 0; }
body { max-width: 1120px; } .summary { font-size: 1.1rem; padding: 1rem 1.2rem; background: var(--panel); border-radius: 8px; }
header { font-weight: 600; border-bottom: 1px solid var(--line); padding-bottom: .6rem; } summary { cursor: pointer; color: var(--accent); margin: .8rem 0; }
.table { --ground: #fff; --edge: rgb(0 0 0 / .22); background: linear-gradient(to right, var(--ground) 50%, transparent) left / 28px 100% no-repeat local,
  linear-gradient(to left, var(--ground) 50%, transparent) right / 28px 100% no-repeat local, linear-gradient(to right, var(--edge), transparent) left / 10px 100% no-repeat scroll,
  linear-gradient(to left, var(--edge), transparent) right / 10px 100% no-repeat scroll; }
table.numbers { font-size: .82rem; } td, th { overflow-wrap: break-word; } .whole { white-space: nowrap; } .phone { display: none; }
@media (min-width: 601px) { table:not(.numbers) td:nth-child(2) { min-width: 16em; } table:not(.numbers) td:nth-child(4) { min-width: 5em; } }
@media screen and (min-width: 900px) {
  figure.narrow { display: grid; grid-template-columns: auto 1fr; gap: 2rem; align-items: start; } figure.narrow figcaption { position: sticky; top: 1rem; }
}
@media (max-width: 600px) {
  figure { overflow-x: auto; } td, th { padding: .25rem; } table.numbers { font-size: .72rem; } table.numbers :is(td, th) { padding-inline: .35rem; } table.numbers td:first-child:not(.number) { min-width: 7em; }
  table:not(.numbers) { font-size: .8rem; } table:not(.numbers) :is(thead, tbody) { display: block; }
  table:not(.numbers) tr { display: flex; flex-wrap: wrap; border-bottom: 1px solid var(--line); }
  table:not(.numbers) :is(td, th) { box-sizing: border-box; flex: 0 0 4.2rem; min-width: 0; border: 0; white-space: normal; }
  table:not(.numbers) :is(td, th):nth-child(1) { flex-basis: 2rem; } table:not(.numbers) :is(td, th):nth-child(2) { flex: 1 1 6rem; }
  table:not(.numbers) :is(td, th):nth-child(3) { flex-basis: 5.6rem; } table:not(.numbers) td:last-child { flex-basis: 100%; }
  table:not(.numbers) th:last-child { display: none; } td.because::before { content: 'because: '; color: var(--soft); }
}
@media screen and (max-width: 600px) { .wide:has(+ .phone) { display: none; } .phone { display: block; } .wide:not(:has(+ .phone)) svg { min-width: 900px; } }
@media screen and (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --ink: #dfdfd6; --soft: #a0a0a8; --line: #3c3f44; --accent: #a8b1ff; --panel: #202127; } body { background: #1b1b1f; }
  .table { --ground: #1b1b1f; --edge: rgb(255 255 255 / .25); }
  .scale { background: #2b2717; } figure svg { filter: invert(.895) hue-rotate(180deg); } ${verdictStyles(darkVerdicts)}
}
@media print {
  @page { margin: 12mm; } body { max-width: none; margin: 0; font-size: 10px; } nav { display: none; }
  .table { overflow: visible; background: none; } details::details-content { content-visibility: visible; block-size: auto; } summary { display: none; } table, table.numbers { font-size: 7.5px; width: 100%; }
  td, th { padding: .15rem .3rem; }
  h2 { break-after: avoid; } figure, tr, .scale { break-inside: avoid; } thead { display: table-header-group; }
}
`;

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

/** Tables of more rows are folded. */
const foldedRows = 40;

function htmlTable({ head, body, isNumeric }: ReportTable): string {
  const classOf = (i: number): string => (isNumeric[i] ? ' class="number"' : '');
  const row = (values: readonly string[]): string =>
    `<tr>${values.map((v, i) => `<td${classOf(i)}>${wholeIntervals(escapeHtml(v))}</td>`).join('')}</tr>`;
  const heads = head.map((name, i) => `<th${classOf(i)}>${escapeHtml(name)}</th>`).join('');
  return `<div class="table"><table class="numbers"><thead><tr>${heads}</tr></thead><tbody>${body.map(row).join('\n')}</tbody></table></div>`;
}

function claimsTable(report: Report): string {
  const stageOf = new Map(
    report.stages.flatMap(({ stage, claims }) => claims.map(({ id }) => [id, stage] as const)),
  );
  const rows = reportedClaims(report).map((claim) => {
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
  return `<div class="table"><table><thead>${head}</thead><tbody>${rows.join('\n')}</tbody></table></div>`;
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
function originHtml({ title, rows }: Origin): string {
  const lines = rows.map(
    ([what, value]) => `<tr><td>${inlineHtml(what)}</td><td>${inlineHtml(value)}</td></tr>`,
  );
  const table = `<div class="table"><table class="numbers"><tbody>${lines.join('\n')}</tbody></table></div>`;
  return `<details><summary>${title}</summary>${table}</details>`;
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
  const numbers = htmlTable(whole);
  const rows = whole.body.length;
  return `<section id="${stage.stage}"><h2>${escapeHtml(stage.title)}</h2>
<div class="about">${blocksHtml(stage.about)}\n${explained(stage.stage)}</div>${scale}
${figures.join('\n')}
${rows > foldedRows ? `<details><summary>All ${rows} rows</summary>${numbers}</details>` : numbers}
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
<link rel="icon" href="data:,"><style>${style}</style></head><body>
<header><a href="${docs}index.md">HBNN</a></header>
<main><h1>HBNN reproduction, profile ${report.profile}</h1>
<div class="summary">${blocksHtml(summary(report))}</div>
${blocksHtml(report.about)}<nav>${links.join(' ')}</nav>
<h2>Claims</h2><div class="about">${blocksHtml(report.rules)}</div>
${figure}
${claimsTable(report)}
<p>The files <code>results.csv</code> and <code>results.json</code> beside this page have all numbers.</p>
${report.stages.map((stage) => section(stage, svgs, ownOrigins(report, stage))).join('\n')}
${shared === undefined ? '' : originHtml(shared)}
</main></body></html>
`;
}
