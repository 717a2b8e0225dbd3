import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** The colours of series, in order. */
export const colours: readonly string[] = [
  '#1f5fa8',
  '#d9822b',
  '#5a8f3c',
  '#8a5aa8',
  '#b04a4a',
  '#6b7280',
];

/** The look of every legend: a Vega-Lite `config.legend`. */
export const legendConfig: object = {
  labelFontSize: 11,
  labelLimit: 0,
  title: null,
  orient: 'top',
};

/** The look of every chart: a Vega-Lite `config`. */
export const chartConfig: object = {
  background: 'white',
  font: 'system-ui, sans-serif',
  axis: {
    labelFontSize: 11,
    // The outermost label stands below its tick too.
    labelFlush: false,
    titleFontSize: 12,
    gridColor: '#e5e7eb',
    titleFontWeight: 500,
  },
  legend: legendConfig,
  view: { stroke: null },
  range: { category: colours },
};

/** Draw a Vega-Lite specification as SVG text. */
export async function drawSvg(chart: object): Promise<string> {
  const { spec } = compile(chart as TopLevelSpec);
  const view = new View(parse(spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Text as it stands in HTML, in elements and attributes. */
export const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

/** The style that pages of charts and tables have in common, with the site's colours and type. */
export const pageStyle = `
:root { color-scheme: light; --ink: #3c3c43; --soft: #67676c; --line: #e2e2e3; --accent: #3451b2; --panel: #f6f6f7; }
body { font: 16px/1.6 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; color: var(--ink); max-width: 980px; margin: 2rem auto; padding: 0 1.2rem; background: #fff; }
a { color: var(--accent); } figure { margin: 1.4rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption, small { color: var(--soft); }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
`;
