import { pageStyle } from '@hbnn/cli/drawing';
import { verdictColours } from './summary.ts';

/** The verdicts' colours on black. */
const darkVerdicts: typeof verdictColours = {
  holds: '#7fc784',
  'does not hold': '#ff9a92',
  undecided: '#a9b0bb',
  below: '#cfa5ea',
  above: '#8ab8f2',
};

/** The class of a verdict in the page. */
export const verdictClass = (verdict: string): string => verdict.replaceAll(' ', '-');
const verdictStyles = (colours: typeof verdictColours): string =>
  Object.entries(colours)
    .map(([verdict, colour]) => `.${verdictClass(verdict)} { color: ${colour}; }`)
    .join(' ');

/** The style of a report's page, on screen and in print. */
export const reportStyle = `${pageStyle}
h1 { font-size: 1.7rem; margin-bottom: .3rem; } .origin { margin: 0 0 1.2rem; font-size: .82rem; color: var(--soft); } h2 { margin-top: 2.6rem; border-bottom: 2px solid var(--line); padding-bottom: .25rem; }
nav { margin-top: .8rem; } nav a { display: inline-block; margin-right: 1rem; } .about { color: var(--soft); } li { margin: .3rem 0; } th.number { text-align: right; }
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
@page { margin: 14mm 12mm 18mm; @bottom-center { content: counter(page) ' / ' counter(pages); font: 8pt system-ui, sans-serif; color: #67676c; } }
@media print {
  :root { font-size: 10px; } .origin { font-size: .9em; } .summary { font-size: 1em; } h2 { margin-top: 2rem; }
  body { max-width: none; margin: 0; padding: 0; font-size: 1rem; } nav { display: none; } header { padding-bottom: .2rem; } .summary { border: 1px solid var(--line); }
  .table { overflow: visible; background: none; } table, table.numbers { font-size: 8px; width: 100%; } td, th { padding: .15rem .3rem; }
  details::details-content { content-visibility: visible; block-size: auto; } summary { list-style: none; color: inherit; font-weight: 600; }
  h2, h3, summary { break-after: avoid; } p, li { orphans: 3; widows: 3; } thead { display: table-header-group; }
  figure, tr, .scale, .summary, .table:not(:has(tr:nth-child(21))) { break-inside: avoid; } figure svg { max-height: 205mm; }
}
`;
