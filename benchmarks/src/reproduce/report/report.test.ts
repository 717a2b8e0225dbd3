import { drawSvg } from '@hbnn/cli/drawing';
import { describe, expect, it } from 'vitest';
import { above, pEquation, pText } from '../claims.ts';
import type { ResultRow } from '../stage.ts';
import { barChart, forestChart, panelChart } from './charts.ts';
import { namedSvg } from './figureSvg.ts';
import { html } from './html.ts';
import { blocksHtml, codeHtml, inlineHtml } from './htmlText.ts';
import { type LabelledPoint, labelBox, labelPlaces, stepsOf } from './labelPlaces.ts';
import { markdown } from './markdown.ts';
import { originLine } from './origin.ts';
import { table } from './reportTable.ts';
import { scales, sources } from './scales.ts';
import type { Report, StageReport } from './stageReport.ts';
import { pValues, reportedClaims, summary, verdictColours } from './summary.ts';

const provenance = {
  commit: '0123456789',
  date: '2026-01-01',
  machine: 'a machine',
  node: 'v20',
  backend: 'wasm',
  command: 'pnpm bench:reproduce --from-ledger',
};

const stageOf = (rows: readonly ResultRow[], more: Partial<StageReport> = {}): StageReport => ({
  stage: 'figure2b',
  title: 'Figure 2b: accuracy',
  about: 'The plan `table1`.',
  rows,
  claims: [],
  plots: [],
  provenance,
  ...more,
});

const measured = (label: string, more: Partial<ResultRow> = {}): ResultRow => ({
  label,
  kind: 'measured',
  unit: '% top-1',
  ours: 60,
  seeds: [1],
  ...more,
});

const reportOf = (...stages: readonly StageReport[]): Report => ({
  profile: 'quick',
  about: 'About.',
  rules: 'Rules.',
  stages,
});

/** The head of our accuracies, which breaks after its comma only. */
const percent = 'ours, %\u00a0top\u20111';

describe('the table of a stage', () => {
  it('has a unit that all rows share in its head, and ours beside the paper’s', () => {
    const { head, body, isNumeric } = table(
      stageOf([
        measured('1-bit', { ours: 60.123, spread: 0.5, seeds: [1, 2, 3], paper: 48.3 }),
        measured('float', { moreColumns: { 'our top-5': '90.00' } }),
      ]),
    );
    expect(head).toEqual(['setting', percent, 'paper', 'our top\u20115', 'seeds']);
    expect(body).toEqual([
      ['1-bit', '60.12 ± 0.50', '48.3', '–', '3'],
      ['float', '60.00', '–', '90.00', '1'],
    ]);
    expect(isNumeric).toEqual([false, true, true, true, true]);
  });

  it('leaves out columns without any value, and keeps units that differ', () => {
    const estimate = { kind: 'estimated', error: 0.1, columns: { row: 'c' } } as const;
    const { head, body } = table(
      stageOf([
        { ...estimate, label: 'a', unit: 'LUT', ours: -3 },
        { ...estimate, label: 'b', unit: 'W', ours: 4 },
      ]),
    );
    expect(head).toEqual(['row', 'ours', 'unit', 'seeds']);
    expect(body[0]).toEqual(['c', '−3', 'LUT', 'estimate ± 10 %']);
  });

  it('names rows of the paper’s tables by their columns alone', () => {
    const rows = [measured('1 AlexNet', { columns: { row: 1, model: 'AlexNet' } })];
    expect(table(stageOf(rows)).head).toEqual(['row', 'model', percent, 'seeds']);
    const bits = [measured('layers 1,1', { columns: { 'average bits': 1 } })];
    expect(table(stageOf(bits)).head.slice(0, 2)).toEqual(['setting', 'average bits']);
  });
});

it('joins the scales of networks that were trained equally', () => {
  const scale = (training: string): ResultRow =>
    measured('a', { scale: `CIFAR-10, 50,000 training images; ${training}` });
  const steps = '3,128 steps of 64 images';
  expect(
    scales(
      stageOf([
        scale(`alexnet-bn, 39,601 parameters, ${steps}`),
        scale(`mobilenet, 9,704 parameters, ${steps}`),
        scale(`alexnet-bn, 39,600 parameters, ${steps}`),
        scale('fcn4, 7,877 parameters, 10 steps of 8 images'),
      ]),
    ),
  ).toEqual([
    'We train on the data set “CIFAR-10”, with 50,000 training images.',
    'Our reduced AlexNet-BN (`alexnet-bn`) has 39,600 to 39,601 parameters, depending on the setting.',
    'Our reduced MobileNet (`mobilenet`) has 9,704 parameters.',
    'Our small network of four convolutions (`fcn4`) has 7,877 parameters.',
    `Each training of \`alexnet-bn\` and \`mobilenet\` takes ${steps}.`,
    'Each training of `fcn4` takes 10 steps of 8 images.',
  ]);
  const made = (commit: string): ResultRow =>
    measured('b', { scale: `It was made (\`pnpm bench\`, commit ${commit})` });
  const circuits = stageOf(['0000001', '0000002', '0000003', '0000001'].map(made));
  expect(scales(circuits)).toEqual(['It was made.']);
  expect(sources(circuits)).toEqual([['`pnpm bench`', '0000001, 0000002, 0000003']]);
  expect(sources(stageOf([scale('fcn4, 7,877 parameters, 10 steps of 8 images')]))).toEqual([]);
});

describe('the claims of a report', () => {
  const claim = above('2c', 'middle-out is above bottom-up', [60, 61, 62.5], [61, 61.5, 64.4]);
  const report = reportOf(stageOf([], { claims: [claim] }));

  it('have one form of p values in all cells', () => {
    const [reported] = reportedClaims(report);
    const p = /p = (.*)$/.exec(claim.because)?.[1];
    expect(p).toMatch(/^0\.\d+$/);
    expect(pValues(reported)).toBe(`${p} (${p})`);
    const whole = { ...claim, test: claim.test && { ...claim.test, p: 1 } };
    expect(pValues({ ...whole, pHolm: 1e-6 })).toBe('1.0 (< 0.0001)');
  });

  it('write p values with two digits, and none below 0.0001', () => {
    expect([0.1, 0.0104, 1, 1e-4].map(pText)).toEqual(['0.10', '0.010', '1.0', '0.00010']);
    expect(pEquation(0.1)).toBe('p = 0.10');
    const sure = above('2b', 'a is above b', [61, 61.001, 61], [60, 60, 60]);
    expect(sure.because).toMatch(/3 paired seeds, p < 0\.0001$/);
  });

  it('are counted in words where none is left', () => {
    expect(summary(report)).toContain('number of tests, none of the 1 claims');
  });

  it('have verdicts of five colours, the same in figure and table', async () => {
    expect(new Set(Object.values(verdictColours)).size).toBe(5);
    const page = html(report, new Map());
    for (const [verdict, colour] of Object.entries(verdictColours))
      expect(page).toContain(`.${verdict.replaceAll(' ', '-')} { color: ${colour}; }`);
    expect(page).toContain('<td class="verdict undecided">undecided</td>');
  });
});

describe('the page of a report', () => {
  const rows = [measured('a', { paper: 50 }), measured('b')];

  it('says once what all parts have in common, and otherwise at each part', () => {
    const other = { ...provenance, backend: 'none needed' };
    const alike = [stageOf(rows), stageOf(rows, { stage: 'table2', provenance: other })];
    const count = (text: string): number => text.split('0123456').length - 1;
    // The first page has it too, under the title.
    expect(count(markdown(reportOf(...alike), false))).toBe(2);
    expect(markdown(reportOf(...alike), false)).toContain('| backend of the trainings | wasm |');
    expect(count(html(reportOf(...alike), new Map()))).toBe(2);
    const later = stageOf(rows, { provenance: { ...provenance, date: '2026-02-02' } });
    expect(count(markdown(reportOf(...alike, later), false))).toBe(4);
  });

  it('says date, commit, machine and data set in a line under the title', () => {
    const scale = 'CIFAR-10, 50,000 training images; fcn4, 7,877 parameters, 10 steps of 8 images';
    const report = reportOf(stageOf([measured('a', { scale })]), stageOf(rows, { stage: 'b' }));
    const line = 'date 2026-01-01 · commit 0123456 · machine a machine · data set CIFAR-10';
    expect(originLine(report)).toBe(line);
    expect(html(report, new Map())).toContain(`</h1>\n<p class="origin">${line}</p>`);
    expect(markdown(report, false).split('\n\n')[1]).toBe(line);
    const later = stageOf(rows, { provenance: { ...provenance, date: '2026-02-02' } });
    expect(originLine(reportOf(stageOf(rows), later))).toMatch(/^dates 2026-01-01; 2026-02-02 · /);
  });

  it('has claims and figures first, and folds tables of more than six rows', () => {
    const plot = { file: 'f', title: 'A title', caption: 'A caption.', spec: {} };
    const of = (count: number): Report =>
      reportOf(
        stageOf(
          Array.from({ length: count }, (_, i) => measured(`${i}`, { paper: 50 })),
          { plots: [plot] },
        ),
      );
    const title = 'The numbers of “Figure 2b” (7 rows): setting, ours, paper and seeds';
    for (const text of [html(of(7), new Map()), markdown(of(7), false)]) {
      const places = [
        'All claims with their verdicts',
        'About.',
        'A caption.',
        'The plan ',
        `<summary>${title}</summary>`,
      ].map((part) => text.indexOf(part));
      expect(places).not.toContain(-1);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
    }
    for (const text of [html(of(6), new Map()), markdown(of(6), false)])
      expect(text).not.toContain('<summary>The numbers');
  });

  it('prints with page numbers, open parts and whole rows', () => {
    const page = html(reportOf(stageOf(rows)), new Map());
    expect(page).toMatch(/@page \{ margin: [^}]*@bottom-center \{ content: counter\(page\)/);
    const print = page.slice(page.indexOf('@media print'));
    expect(print).toContain('details::details-content { content-visibility: visible;');
    expect(print).toMatch(/figure, tr, [^{]*\{ break-inside: avoid; \}/);
    expect(print).toContain('thead { display: table-header-group; }');
    expect(page).not.toContain('<script');
  });

  it('links to the parts by their titles and has no raw Markdown', () => {
    const page = html(reportOf(stageOf(rows)), new Map());
    expect(page).toContain('<nav><a href="#figure2b">Figure 2b</a></nav>');
    expect(page).toContain('<p>The plan <code>table1</code>.</p>');
    expect(page).toContain('<td class="number">–</td>');
    expect(page.split('</style>')[1]).not.toContain('`');
  });

  it('shows the narrow figure of a wide one on phones', () => {
    const plot = { file: 'f', title: 'A "title"', caption: 'c', spec: {} };
    const report = reportOf(stageOf(rows, { plots: [plot] }));
    const wide = '<svg width="700"></svg>';
    const both = html(report, new Map(Object.entries({ f: wide, 'f-narrow': '<svg></svg>' })));
    expect(both).toContain(`<figure><div class="wide">${wide}</div><div class="phone">`);
    expect(html(report, new Map([['f', '<svg width="438"></svg>']]))).toContain(
      '<figure class="narrow"><div class="whole"',
    );
  });
});

describe('text of Markdown as HTML', () => {
  it('has code, bold words, paragraphs and lists', () => {
    expect(inlineHtml('a < `b<c` and **d & e**')).toBe(
      'a &lt; <code>b&lt;c</code> and <b>d &amp; e</b>',
    );
    expect(blocksHtml('One.\n\n- two\n- `three`')).toBe(
      '<p>One.</p>\n<ul><li>two</li>\n<li><code>three</code></li></ul>',
    );
  });

  it('keeps options whole', () => {
    expect(codeHtml('hbnn --save 3')).toBe('<code>hbnn <span class="whole">--save</span> 3</code>');
  });
});

it('makes a picture one image with one name', async () => {
  const spec = {
    data: { values: [{ x: 1 }] },
    layer: [
      { mark: 'rule', encoding: { x: { field: 'x', type: 'quantitative' } } },
      { mark: 'point', encoding: { x: { field: 'x', type: 'quantitative' } } },
    ],
  };
  const svg = namedSvg(await drawSvg(spec), 'A "title"');
  expect(svg).toMatch(/^<svg role="img" aria-label="A &quot;title&quot;" /);
  expect(svg.match(/ (role|aria-[a-z]+)=/g)).toEqual([' role=', ' aria-label=']);
});

describe('charts', () => {
  const widthOf = async (chart: object | undefined): Promise<number> =>
    Number(/ width="(\d+)"/.exec(await drawSvg(chart as object))?.[1]);

  it('are narrow enough for a phone', async () => {
    const bars = barChart({
      bars: ['middle-out', 'bottom-up'].map((series) => ({ category: '7/2/1', series, value: 1 })),
      category: { title: 'mix', order: ['7/2/1'] },
      value: { title: 'distance' },
      rules: [{ value: 0.5, label: '2 bits' }],
    });
    expect(await widthOf(bars.spec)).toBeGreaterThan(600);
    expect(await widthOf(bars.narrow)).toBeLessThanOrEqual(360);
  });

  it('give panels a legend of one column on a phone', () => {
    const layouts: object[] = [];
    panelChart((layout) => {
      layouts.push(layout);
      return [];
    }, 3);
    expect(layouts).toEqual([
      { width: 310, legendColumns: 3 },
      { width: 270, legendColumns: 1 },
    ]);
  });

  it('name verdicts and the paper’s value in a legend of full colours', async () => {
    const row = { mean: 0, low: -1, high: 1, seeds: [0, 1] };
    const { spec, narrow } = forestChart({
      rows: [
        { ...row, label: 'a', group: 'above' },
        { ...row, label: 'b', group: 'holds', paper: 2 },
      ],
      margin: 1,
      x: 'difference',
      colors: verdictColours,
    });
    expect(await drawSvg(narrow ?? spec)).toContain('>paper</text>');
    const svg = await drawSvg(spec);
    const legend = svg.slice(svg.indexOf('role-legend'));
    const names = [...legend.matchAll(/>(holds|above|paper)<\/text>/g)].map(([, name]) => name);
    expect(names).toEqual(['holds', 'above', 'paper']);
    const symbols = legend.match(/<path [^>]*fill="#[^>]*>/g) ?? [];
    expect(symbols).toHaveLength(3);
    for (const symbol of symbols) expect(symbol).not.toMatch(/opacity="0/);
  });
});

describe('labels of points', () => {
  const room = { width: 300, height: 200, fontSize: 10 };
  const overlaps = (points: readonly LabelledPoint[], lines: ReturnType<typeof stepsOf>) => {
    const found = labelPlaces(points, { ...room, lines });
    const boxes = [...points.map((point, i) => labelBox(point, found[i], 10)), ...lines];
    return boxes.filter((a, i) =>
      boxes
        .slice(i + 1)
        .some(
          (b) =>
            i < points.length &&
            a.left < b.right &&
            b.left < a.right &&
            a.top < b.bottom &&
            b.top < a.bottom,
        ),
    );
  };

  it('cover neither each other nor lines, and stay inside', () => {
    const points = [
      { text: '1/1', x: 20, y: 180 },
      { text: '1/2', x: 104, y: 104 },
      { text: '1/1.4', x: 100, y: 96 },
      { text: '1.4/1.4', x: 122, y: 102 },
      { text: '2/2', x: 298, y: 20 },
    ];
    expect(overlaps(points, stepsOf([points[0], points[2], points[4]]))).toEqual([]);
    const [last] = labelPlaces(points, { ...room, lines: [] }).slice(-1);
    expect(last.align).toBe('right');
  });
});
