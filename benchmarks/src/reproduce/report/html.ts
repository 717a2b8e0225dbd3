import { escapeHtml, pageStyle } from '@hbnn/cli/drawing';
import { forestCaption, forestTitle, scales, table } from './markdown.ts';
import type { Report, StageReport } from './stageReport.ts';
import { pText, reportedClaims, shortId, summary, verdictText } from './summary.ts';

const style = `${pageStyle}
h1 { font-size: 1.7rem; margin-bottom: .3rem; } h2 { margin-top: 2.6rem; border-bottom: 2px solid var(--line); padding-bottom: .25rem; }
nav a { margin-right: 1rem; } table.numbers td:last-child { white-space: nowrap; } .about { color: var(--soft); }
.verdict { white-space: nowrap; font-weight: 600; } .holds { color: #2f7d32; } .fails { color: #b3261e; } .undecided { color: #8a6d00; }
.scale { background: #fff8e6; border-left: 4px solid #d9a400; padding: .5rem .8rem; margin: .8rem 0; }
body { max-width: 1120px; } .summary { font-size: 1.1rem; padding: 1rem 1.2rem; background: var(--panel); border-radius: 8px; }
header { font-weight: 600; border-bottom: 1px solid var(--line); padding-bottom: .6rem; } summary { cursor: pointer; color: var(--accent); margin: .8rem 0; }
table.numbers { font-size: .82rem; } td, th { overflow-wrap: break-word; }
@media (max-width: 600px) {
  figure { overflow-x: auto; } figure:not(.narrow) svg { min-width: 900px; } td, th { padding: .25rem; }
  table:not(.numbers) { font-size: .8rem; } table:not(.numbers) :is(thead, tbody) { display: block; }
  table:not(.numbers) tr { display: flex; flex-wrap: wrap; border-bottom: 1px solid var(--line); }
  table:not(.numbers) :is(td, th) { box-sizing: border-box; flex: 0 0 3.6rem; min-width: 0; border: 0; white-space: normal; }
  table:not(.numbers) :is(td, th):nth-child(1) { flex-basis: 2rem; } table:not(.numbers) :is(td, th):nth-child(2) { flex: 1 1 6rem; }
  table:not(.numbers) :is(td, th):nth-child(3) { flex-basis: 5.2rem; } table:not(.numbers) :is(td, th):last-child { flex-basis: 100%; }
}
@media print {
  @page { margin: 12mm; } body { max-width: none; margin: 0; font-size: 10px; } nav { display: none; }
  .table { overflow: visible; } details::details-content { content-visibility: visible; block-size: auto; } summary { display: none; } table, table.numbers { font-size: 7.5px; width: 100%; }
  td, th { padding: .15rem .3rem; } table.numbers td:last-child { white-space: normal; }
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
  return found === undefined ? '' : `Explained in <a href="${docs}${found[0]}">${found[1]}</a>.`;
}

/** Tables of more rows are folded. */
const foldedRows = 12;

const numeric = /^[−-]?[\d.]+( ± [\d.]+)?$/;

function htmlTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const row = (values: readonly string[]): string =>
    `<tr>${values.map((v) => `<td${numeric.test(v) ? ' class="number"' : ''}>${escapeHtml(v)}</td>`).join('')}</tr>`;
  const heads = head.map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  return `<div class="table"><table class="numbers"><thead><tr>${heads}</tr></thead><tbody>${body.map(row).join('\n')}</tbody></table></div>`;
}

const verdictClass = {
  holds: 'holds',
  'does not hold': 'fails',
  undecided: 'undecided',
  below: 'undecided',
  above: 'undecided',
} as const;

function claimsTable(report: Report): string {
  const stageOf = new Map(
    report.stages.flatMap(({ stage, claims }) => claims.map(({ id }) => [id, stage] as const)),
  );
  const rows = reportedClaims(report).map((claim) => {
    const { id, claim: text, because, verdict } = claim;
    const cells = [
      `<td><a href="#${stageOf.get(id)}">${shortId(claim)}</a></td><td>${escapeHtml(text)}</td>`,
      `<td class="verdict ${verdictClass[verdict]}">${verdictText(claim)}</td>`,
      `<td>${escapeHtml(pText(claim))}</td><td class="because">${escapeHtml(because)}</td>`,
    ];
    return `<tr>${cells.join('')}</tr>`;
  });
  const names = ['number', 'claim', 'at this scale', 'p (Holm)', 'because'];
  const head = `<tr>${names.map((name) => `<th>${name}</th>`).join('')}</tr>`;
  return `<div class="table"><table><thead>${head}</thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function section(stage: StageReport, svgs: ReadonlyMap<string, string>): string {
  const { head, body } = table(stage);
  const measured = scales(stage);
  const { provenance: p } = stage;
  const scale =
    measured.length === 0
      ? ''
      : `<p class="scale"><b>Our scale (data, networks and training)</b>: ${escapeHtml(measured.join('; '))}.</p>`;
  const figures = stage.plots.map(
    ({ file, title, caption }) =>
      `<figure${widthClass(svgs.get(file))} role="img" aria-label="${escapeHtml(title)}">${svgs.get(file) ?? ''}<figcaption>${escapeHtml(caption)}</figcaption></figure>`,
  );
  const numbers = htmlTable(head, body);
  return `<section id="${stage.stage}"><h2>${escapeHtml(stage.title)}</h2>
<p class="about">${escapeHtml(stage.about)} ${explained(stage.stage)}</p>${scale}
${figures.join('\n')}
${body.length > foldedRows ? `<details><summary>All ${body.length} rows</summary>${numbers}</details>` : numbers}
<small>commit ${escapeHtml(p.commit)}; ${p.date}; ${escapeHtml(p.machine)}; Node ${p.node}; backend ${p.backend}; <code>${escapeHtml(p.command)}</code></small></section>`;
}

/** The report as one self-contained page. */
export function html(report: Report, svgs: ReadonlyMap<string, string>): string {
  const forest = svgs.get('claims');
  const figure = forest
    ? `<figure${widthClass(forest)} role="img" aria-label="${forestTitle}">${forest}<figcaption>${forestCaption}</figcaption></figure>`
    : '';
  const links = report.stages.map(({ stage }) => `<a href="#${stage}">${stage}</a>`).join(' ');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>HBNN reproduction, profile ${report.profile}</title>
<link rel="icon" href="data:,"><style>${style}</style></head><body>
<header><a href="${docs}index.md">HBNN</a></header>
<main><h1>HBNN reproduction, profile ${report.profile}</h1>
<p class="summary">${escapeHtml(summary(report))}</p>
<p>${escapeHtml(report.about)}</p><nav>${links}</nav>
<h2>The paper’s claims</h2><p class="about">${escapeHtml(report.rules)}</p>
${figure}
${claimsTable(report)}
<p>All numbers lie beside this page in <code>results.csv</code> and <code>results.json</code>.</p>
${report.stages.map((stage) => section(stage, svgs)).join('\n')}
</main></body></html>
`;
}

/** The class of a figure that a phone shows whole. */
function widthClass(svg = ''): string {
  return Number(/ width="(\d+)"/.exec(svg)?.[1]) <= 480 ? ' class="narrow"' : '';
}
