import { chartConfig, colours } from '@hbnn/cli/drawing';

interface Value {
  readonly x: unknown;
  readonly series: unknown;
  readonly y: number | undefined;
  /** One standard deviation, drawn as an error bar. */
  readonly spread?: number;
}

const withBars = (values: readonly Value[]): object[] =>
  values.map(({ x, series, y, spread }) => ({
    x,
    series,
    y,
    ...(spread !== undefined && y !== undefined && { low: y - spread, high: y + spread }),
  }));

const errorBars = (x: object, extra: object = {}): object => ({
  transform: [{ filter: 'isValid(datum.low)' }],
  mark: { type: 'rule', color: '#374151', strokeWidth: 1.2 },
  encoding: { x, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' }, ...extra },
});

/** Grouped bars, with rules across where there is something to compare with. */
export function barChart(o: {
  values: readonly Value[];
  x: { title: string; order: readonly string[] };
  y: { title: string; zero?: boolean };
  rules?: readonly { y: number; label: string }[];
}): object {
  const x = { field: 'x', type: 'nominal', sort: o.x.order, title: o.x.title };
  const series = [...new Set(o.values.map((value) => value.series))];
  const offset = { xOffset: { field: 'series', sort: series } };
  const heights = o.values.flatMap(({ y }) => (y === undefined ? [] : [y]));
  const low = o.y.zero === false ? Math.max(0, Math.floor((Math.min(...heights) - 3) / 5) * 5) : 0;
  const high =
    o.y.zero === false ? { domainMax: Math.ceil((Math.max(...heights) + 1) / 5) * 5 } : {};
  const bars = {
    mark: { type: 'bar', clip: true },
    encoding: {
      x: { ...x, axis: { labelAngle: o.x.order.length > 6 ? -35 : 0, labelLimit: 320 } },
      ...offset,
      y: {
        field: 'y',
        type: 'quantitative',
        title: o.y.title,
        scale: { domainMin: low, ...high, nice: false, zero: false },
      },
      y2: { datum: low },
      color: { field: 'series', type: 'nominal', sort: series },
    },
  };
  const rules = (o.rules ?? []).flatMap(({ y, label }) => [
    {
      data: { values: [{ y, label }] },
      mark: { type: 'rule', strokeDash: [4, 3], color: '#6b7280' },
      encoding: { y: { field: 'y', type: 'quantitative' } },
    },
    {
      data: { values: [{ y, label }] },
      mark: { type: 'text', align: 'left', x: 'width', dx: 4, fontSize: 10, color: '#6b7280' },
      encoding: { y: { field: 'y', type: 'quantitative' }, text: { field: 'label' } },
    },
  ]);
  return {
    width: 640,
    height: 280,
    data: { values: withBars(o.values) },
    layer: [bars, errorBars(x, offset), ...rules],
    config: chartConfig,
  };
}

interface Panel {
  readonly title: string;
  readonly values: readonly (Value & { readonly x: number })[];
  /** A dashed line across. */
  readonly rule?: number;
  /** A straight line fitted to the points. */
  readonly trend?: boolean;
}

/** Points and lines over a number, one panel beside the other. */
export function lineChart(o: { panels: readonly Panel[]; x: string; y: string }): object {
  const scale = { zero: false, nice: true, padding: 12 };
  const panels = o.panels.map((panel) => {
    const x = { field: 'x', type: 'quantitative', title: o.x, scale };
    const y = { field: 'y', type: 'quantitative', title: o.y, scale };
    const color = { value: colours[0] };
    const line = panel.trend
      ? {
          mark: { type: 'line', strokeDash: [5, 3], color: '#9ca3af' },
          transform: [{ regression: 'y', on: 'x' }],
          encoding: { x, y },
        }
      : { mark: { type: 'line' }, encoding: { x, y, color } };
    const rule = {
      data: { values: [{ y: panel.rule }] },
      mark: { type: 'rule', strokeDash: [4, 3], color: '#6b7280' },
      encoding: { y },
    };
    return {
      width: 310,
      height: 260,
      title: panel.title,
      data: { values: withBars(panel.values) },
      layer: [
        line,
        errorBars(x),
        { mark: { type: 'point', filled: true, size: 55 }, encoding: { x, y, color } },
        ...(panel.rule === undefined ? [] : [rule]),
      ],
    };
  });
  return { hconcat: panels, config: chartConfig };
}

/** One line of a forest plot. */
export interface ForestRow {
  readonly label: string;
  /** What the claim asks: rows are coloured by it. */
  readonly group: string;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** The value of each seed, drawn as dots. */
  readonly seeds: readonly number[];
  /** The paper's value, where it prints one. */
  readonly paper?: number;
}

/** Differences with their intervals, one below the other, beside a shaded margin of equality and a line at 0. */
export function forestChart(o: {
  rows: readonly ForestRow[];
  margin: number;
  x: string;
  /** Colours of groups; by default one after the other. */
  colors?: Readonly<Record<string, string>>;
}): object {
  // Labels stand above their rows, so that the chart is narrow enough for a phone.
  const rows = o.rows.map((row) => ({ ...row, text: inLines(row.label) }));
  const lines = Math.max(1, ...rows.map(({ text }) => text.length));
  const step = lines * lineHeight + 38;
  const center = step / 2 - 14;
  const y = {
    field: 'label',
    type: 'nominal',
    sort: rows.map(({ label }) => label),
    scale: { padding: 0 },
    axis: null,
  };
  const groups = [...new Set(rows.map(({ group }) => group))];
  const legendRows = Math.ceil(groups.length / legendColumns);
  const range = groups.map((group, i) => o.colors?.[group] ?? colours[i % colours.length]);
  const color = { field: 'group', type: 'nominal', scale: { domain: groups, range } };
  const of = (values: readonly object[], mark: object, x: object, extra: object = {}): object => ({
    data: { values },
    mark: { yOffset: center, ...mark },
    encoding: { y, x, ...extra },
  });
  const value = (field: string): object => ({ field, type: 'quantitative', title: o.x });
  const seeds = rows.flatMap(({ label, group, seeds }) =>
    seeds.map((seed) => ({ label, group, seed })),
  );
  const paper = rows.filter((row) => row.paper !== undefined);
  const zero = { values: [{ low: -o.margin, high: o.margin, zero: 0 }] };
  return {
    width: 410,
    height: { step },
    // Without fonts Vega takes text for wider than it is.
    autosize: 'none',
    padding: { left: 14, right: 14, top: 18 + 18 * legendRows, bottom: 48 },
    layer: [
      {
        data: zero,
        mark: { type: 'rect', color: '#f3f4f6' },
        encoding: { x: value('low'), x2: { field: 'high' } },
      },
      {
        data: zero,
        mark: { type: 'rule', strokeDash: [4, 3], color: '#6b7280' },
        encoding: { x: value('zero') },
      },
      ...Array.from({ length: lines }, (_, line) =>
        of(
          rows.flatMap(({ label, text }) => {
            const at = line - (lines - text.length);
            return at < 0 ? [] : [{ label, text: text[at] }];
          }),
          {
            type: 'text',
            align: 'left',
            fontSize: labelSize,
            color: '#1f2937',
            yOffset: center - 16 - (lines - 0.5 - line) * lineHeight,
          },
          { value: 0 },
          { text: { field: 'text' } },
        ),
      ),
      of(
        seeds,
        { type: 'point', filled: true, size: 16, opacity: 0.45, yOffset: center + 7 },
        value('seed'),
        { color },
      ),
      of(rows, { type: 'rule', strokeWidth: 2 }, value('low'), { x2: { field: 'high' }, color }),
      of(rows, { type: 'point', filled: true, size: 70, opacity: 1 }, value('mean'), { color }),
      of(
        paper,
        {
          type: 'point',
          shape: 'diamond',
          filled: true,
          size: 60,
          color: '#111827',
          yOffset: center - 7,
        },
        value('paper'),
      ),
    ],
    config: {
      ...chartConfig,
      axis: { labelFontSize: labelSize, titleFontSize: labelSize, gridColor: '#e5e7eb' },
      axisX: { titleFontWeight: 500, tickCount: 8 },
      legend: {
        labelFontSize: labelSize,
        labelLimit: 0,
        title: null,
        orient: 'top',
        columns: legendColumns,
      },
    },
  };
}

const legendColumns = 3;
const labelSize = 13;
const lineHeight = 17;

/** Letters that fit above a row. */
const longest = 61;

/** A label in lines that fit above a row; a long one breaks after its colon first. */
function inLines(label: string): string[] {
  if (label.length <= longest) return [label];
  return label.split(/(?<=:) /).flatMap((part) => {
    const lines: string[] = [];
    for (const word of part.split(' ')) {
      const longer = `${lines.at(-1)} ${word}`;
      if (lines.length > 0 && longer.length <= longest) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
  });
}
