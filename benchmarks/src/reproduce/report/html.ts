import { escapeHtml, pageStyle } from '@hbnn/cli/drawing';
import { claimRow, scales, table } from './markdown.ts';
import type { Report, StageReport } from './stageReport.ts';

const style = `${pageStyle}
h1 { font-size: 1.7rem; margin-bottom: .3rem; } h2 { margin-top: 2.6rem; border-bottom: 2px solid var(--line); padding-bottom: .25rem; }
nav a { margin-right: 1rem; } table.numbers td:last-child { white-space: nowrap; } .about { color: var(--soft); }
.verdict { white-space: nowrap; font-weight: 600; } .holds { color: #2f7d32; } .fails { color: #b3261e; } .undecided { color: #8a6d00; }
.scale { background: #fff8e6; border-left: 4px solid #d9a400; padding: .5rem .8rem; margin: .8rem 0; }
details summary { cursor: pointer; color: var(--accent); }
`;

const numeric = /^[−-]?[\d.]+( ± [\d.]+)?$/;

function htmlTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const row = (values: readonly string[]): string =>
    `<tr>${values.map((v) => `<td${numeric.test(v) ? ' class="number"' : ''}>${escapeHtml(v)}</td>`).join('')}</tr>`;
  const heads = head.map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  return `<div class="table"><table class="numbers"><thead><tr>${heads}</tr></thead><tbody>${body.map(row).join('\n')}</tbody></table></div>`;
}

const verdictClass = { holds: 'holds', 'does not hold': 'fails', undecided: 'undecided' } as const;

function claimsTable(report: Report): string {
  const rows = report.stages
    .flatMap((stage) => stage.claims)
    .map((claim) => {
      const [id, text, , because] = claimRow(claim);
      const verdict = `<td class="verdict ${verdictClass[claim.verdict]}">${claim.verdict}</td>`;
      return `<tr><td>${id}</td><td>${escapeHtml(text)}</td>${verdict}<td>${escapeHtml(because)}</td></tr>`;
    });
  const head = '<tr><th></th><th>claim</th><th>at this scale</th><th>because</th></tr>';
  return `<div class="table"><table><thead>${head}</thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function section(stage: StageReport, svgs: ReadonlyMap<string, string>): string {
  const { head, body } = table(stage);
  const measured = scales(stage);
  const { provenance: p } = stage;
  const scale =
    measured.length === 0
      ? ''
      : `<p class="scale"><b>Reduced scale</b>, ours: ${escapeHtml(measured.join('; '))}.</p>`;
  const figures = stage.plots.map(
    ({ file, title, caption }) =>
      `<figure role="img" aria-label="${escapeHtml(title)}">${svgs.get(file) ?? ''}<figcaption>${escapeHtml(caption)}</figcaption></figure>`,
  );
  const numbers = htmlTable(head, body);
  const long = body.length > 30;
  return `<section id="${stage.stage}"><h2>${escapeHtml(stage.title)}</h2>
<p class="about">${escapeHtml(stage.about)}</p>${scale}
${figures.join('\n')}
${long ? `<details><summary>All ${body.length} numbers</summary>${numbers}</details>` : numbers}
<small>commit ${escapeHtml(p.commit)}; ${p.date}; ${escapeHtml(p.machine)}; Node ${p.node}; backend ${p.backend}; <code>${escapeHtml(p.command)}</code></small></section>`;
}

/** The report as one self-contained page. */
export function html(report: Report, svgs: ReadonlyMap<string, string>): string {
  const links = report.stages.map(({ stage }) => `<a href="#${stage}">${stage}</a>`).join(' ');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>HBNN reproduction, profile ${report.profile}</title>
<link rel="icon" href="data:,"><style>${style}</style></head><body>
<h1>HBNN reproduction, profile ${report.profile}</h1>
<p>${escapeHtml(report.about)}</p><nav>${links}</nav>
<h2>The paper’s claims</h2><p class="about">${escapeHtml(report.rules)}</p>
${claimsTable(report)}
${report.stages.map((stage) => section(stage, svgs)).join('\n')}
</body></html>
`;
}
