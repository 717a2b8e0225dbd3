import { chartConfig, colours, legendConfig } from '@hbnn/cli/drawing';
import type { Chart } from '../stage.ts';

/** How panels are drawn: on a wide page side by side, on a phone one below the other. */
export interface PanelLayout {
  readonly width: number;
  readonly legendColumns: number;
}

/** Panels that share a legend, for a wide page and for a phone. */
export function panelChart(
  panels: (layout: PanelLayout) => readonly object[],
  legendColumns = 1,
): Chart {
  return {
    spec: { hconcat: panels({ width: 310, legendColumns }), config: chartConfig },
    narrow: { vconcat: panels({ width: 270, legendColumns: 1 }), config: chartConfig },
  };
}

interface Bar {
  readonly category: string;
  readonly series: string;
  readonly value: number | undefined;
}

interface BarChart {
  readonly bars: readonly Bar[];
  /** The paper's values of some bars, drawn as diamonds. */
  readonly paper?: readonly Bar[];
  readonly category: { readonly title: string; readonly order: readonly string[] };
  readonly value: { readonly title: string };
  /** Values to compare the bars with: dashed lines across them. */
  readonly rules: readonly { readonly value: number; readonly label: string }[];
}

/** The channels of bars, their size, and where the label of a rule stands. */
const upright = {
  category: 'x',
  offset: 'xOffset',
  value: 'y',
  end: 'y2',
  size: { width: 640, height: 280 },
  axis: { labelAngle: -35 },
  label: { align: 'left', x: 'width', dx: 4 },
  labelText: (label: string): string => label,
  legend: {},
  config: chartConfig,
} as const;
const lying = {
  category: 'y',
  offset: 'yOffset',
  value: 'x',
  end: 'x2',
  size: { width: 265, height: { step: 8 } },
  axis: {},
  label: { baseline: 'bottom', y: 0, dy: -3 },
  // Labels stand side by side here, where only the first word of each has room.
  labelText: (label: string): string => label.split(' ')[0],
  legend: { columns: 2, offset: 24 },
  // Legends lie below each other where they have no room beside each other.
  config: {
    ...chartConfig,
    legend: { ...legendConfig, layout: { top: { direction: 'vertical', anchor: 'start' } } },
  },
} as const;

/** Groups of bars with rules across; on a phone the bars lie below each other. */
export const barChart = (o: BarChart): Chart => ({
  spec: bars(o, upright),
  narrow: bars(o, lying),
});

function bars(o: BarChart, way: typeof upright | typeof lying): object {
  const series = [...new Set(o.bars.map((bar) => bar.series))];
  const value = { field: 'value', type: 'quantitative', title: o.value.title };
  const rules = o.rules.flatMap((rule) => [
    {
      data: { values: [rule] },
      mark: { type: 'rule', strokeDash: [4, 3], color: '#6b7280' },
      encoding: { [way.value]: value },
    },
    {
      data: { values: [{ ...rule, label: way.labelText(rule.label) }] },
      mark: { type: 'text', fontSize: 10, color: '#6b7280', ...way.label },
      encoding: { [way.value]: value, text: { field: 'label' } },
    },
  ]);
  const place = {
    [way.category]: {
      field: 'category',
      type: 'nominal',
      sort: o.category.order,
      title: o.category.title,
      axis: { labelLimit: 320, ...way.axis },
    },
    [way.offset]: { field: 'series', sort: series },
    [way.value]: { ...value, scale: { domainMin: 0, nice: false } },
  };
  const paper = (o.paper ?? []).map((bar) => ({ ...bar, source: 'HBNN paper' }));
  const diamonds = {
    data: { values: paper },
    mark: {
      type: 'point',
      filled: true,
      size: 52,
      opacity: 1,
      color: '#111827',
      stroke: 'white',
      strokeWidth: 1.2,
    },
    encoding: {
      ...place,
      shape: {
        field: 'source',
        type: 'nominal',
        scale: { range: ['diamond'] },
        legend: {
          ...way.legend,
          symbolFillColor: '#111827',
          symbolStrokeColor: '#111827',
          symbolOpacity: 1,
        },
      },
    },
  };
  const ofBars = {
    mark: { type: 'bar', clip: true },
    encoding: {
      ...place,
      [way.end]: { datum: 0 },
      color: { field: 'series', type: 'nominal', sort: series, legend: way.legend },
    },
  };
  return {
    ...way.size,
    data: { values: o.bars },
    layer: [ofBars, ...rules, ...(paper.length > 0 ? [diamonds] : [])],
    config: way.config,
  };
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

/** What a forest plot shows. */
interface ForestOptions {
  readonly rows: readonly ForestRow[];
  readonly margin: number;
  readonly x: string;
  /** Colours of groups, in the order of the legend; by default one after the other. */
  readonly colors?: Readonly<Record<string, string>>;
}

/**
 * Differences with their intervals, one below the other, beside a shaded margin of equality and a line at 0. Wide, labels
 * stand left of their rows; narrow, above them.
 */
export const forestChart = (o: ForestOptions): Chart => ({
  spec: forest(o, true),
  narrow: forest(o, false),
});

function forest(o: ForestOptions, wide: boolean): object {
  const rows = o.rows.map((row) => ({ ...row, text: inLines(row.label, wide ? 61 : 48) }));
  const lines = Math.max(1, ...rows.map(({ text }) => text.length));
  // The room of labels left of their rows, in pixels.
  const longestLine = Math.max(0, ...rows.flatMap(({ text }) => text.map(({ length }) => length)));
  const labelRoom = wide ? 7 * longestLine + 16 : 0;
  const step = wide ? Math.max(36, lines * lineHeight + 12) : lines * lineHeight + 38;
  const center = wide ? 0 : step / 2 - 14;
  const y = {
    field: 'label',
    type: 'nominal',
    sort: rows.map(({ label }) => label),
    scale: { padding: 0 },
    axis: null,
  };
  const paper = rows.flatMap((row) => (row.paper === undefined ? [] : { ...row, group: 'paper' }));
  const { groups, color, shape } = looksOf([...rows, ...paper], o.colors);
  const columns = wide && groups.length <= 4 ? groups.length : legendColumns;
  const legendRows = Math.ceil(groups.length / columns);
  const of = (values: readonly object[], mark: object, x: object, extra: object = {}): object => ({
    data: { values },
    mark: { yOffset: center, ...mark },
    encoding: { y, x, ...extra },
  });
  const value = (field: string): object => ({ field, type: 'quantitative', title: o.x });
  const seeds = rows.flatMap(({ label, group, seeds }) =>
    seeds.map((seed) => ({ label, group, seed })),
  );
  const labels = Array.from({ length: lines }, (_, line) => line).flatMap((line) => {
    return [...new Set(rows.map(({ text }) => text.length))].flatMap((length) => {
      // Lines of a label left of its row are around the row's middle; above a row the last one is lowest.
      const at = wide ? line : line - (lines - length);
      const texts = rows.flatMap(({ label, text }) =>
        text.length === length && at >= 0 && at < length ? [{ label, text: text[at] }] : [],
      );
      if (texts.length === 0) return [];
      const yOffset = wide
        ? (at - (length - 1) / 2) * lineHeight
        : center - 16 - (lines - 0.5 - line) * lineHeight;
      const mark = { type: 'text', align: 'left', fontSize: labelSize, yOffset };
      const looks = wide ? [{ color: ink }] : [halo, { color: ink }];
      const x = { value: -labelRoom };
      return looks.map((look) => of(texts, { ...mark, ...look }, x, { text: { field: 'text' } }));
    });
  });
  const zero = { values: [{ low: -o.margin, high: o.margin, zero: 0 }] };
  return {
    width: wide ? Math.max(410, 940 - labelRoom) : 330,
    height: { step },
    // Without fonts Vega takes text for wider than it is.
    autosize: 'none',
    padding: {
      left: labelRoom + 14,
      right: 14,
      top: 18 + 18 * legendRows,
      bottom: 48,
    },
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
      ...labels,
      of(
        seeds,
        { type: 'point', filled: true, size: 16, opacity: 0.45, yOffset: center + 7 },
        value('seed'),
        { color, shape },
      ),
      of(rows, { type: 'rule', strokeWidth: 2 }, value('low'), { x2: { field: 'high' }, color }),
      of(rows, { type: 'point', filled: true, size: 70, opacity: 1 }, value('mean'), {
        color,
        shape,
      }),
      of(
        paper,
        { type: 'point', filled: true, size: 60, opacity: 1, yOffset: center - 7 },
        value('paper'),
        { color, shape },
      ),
    ],
    config: wide ? { ...forestConfig, legend: { ...forestConfig.legend, columns } } : forestConfig,
  };
}

/** The groups of a forest plot with their colours and shapes: diamonds for the paper's values. */
function looksOf(
  rows: readonly { readonly group: string }[],
  colors?: Readonly<Record<string, string>>,
): { groups: string[]; color: object; shape: object } {
  const present = [...new Set(rows.map(({ group }) => group))];
  const rank = (group: string): number => Object.keys(colors ?? {}).indexOf(group);
  const groups = present.sort(
    (a, b) => Number(a === 'paper') - Number(b === 'paper') || rank(a) - rank(b),
  );
  const colourOf = (group: string, i: number): string =>
    group === 'paper' ? '#111827' : (colors?.[group] ?? colours[i % colours.length]);
  const scale = (range: readonly string[]): object => ({
    field: 'group',
    type: 'nominal',
    scale: { domain: groups, range },
  });
  return {
    groups,
    color: scale(groups.map(colourOf)),
    shape: scale(groups.map((group) => (group === 'paper' ? 'diamond' : 'circle'))),
  };
}

/** The colour of labels. */
const ink = '#1f2937';

/** What a label has behind it, so that no line runs through its letters. */
export const halo = { color: 'white', stroke: 'white', strokeWidth: 4, strokeJoin: 'round' };

const legendColumns = 3;
const labelSize = 13;
const lineHeight = 17;

const forestConfig = {
  ...chartConfig,
  axis: {
    labelFontSize: labelSize,
    labelFlush: false,
    titleFontSize: labelSize,
    gridColor: '#e5e7eb',
  },
  axisX: { titleFontWeight: 500, tickCount: 8 },
  legend: {
    labelFontSize: labelSize,
    labelLimit: 0,
    symbolOpacity: 1,
    symbolSize: 70,
    title: null,
    orient: 'top',
    columns: legendColumns,
  },
};

/** Break a label into lines of at most `longest` letters. A long label breaks after its colon first. */
function inLines(label: string, longest: number): string[] {
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
