import { chartConfig, colours } from '@hbnn/cli/drawing';
import { meanInterval } from '@hbnn/train/statistics';
import { mean } from '../../results/statistics.ts';
import type { Chart } from '../stage.ts';
import { panelChart } from './charts.ts';

/** The accuracies of one setting: one for each seed, or the one that the paper prints. */
export interface AccuracyPoint {
  readonly x: number;
  readonly values: readonly number[];
}

/** Accuracies of our networks or of the paper's, in a panel of their own. */
export interface AccuracyPanel {
  readonly title: string;
  readonly points: readonly AccuracyPoint[];
  readonly isPaper?: boolean;
  /** A dashed line across, at the accuracy of another setting. */
  readonly rule?: number;
}

interface AccuracyChart {
  readonly panels: readonly AccuracyPanel[];
  readonly x: string;
  readonly y: string;
  /** Draw a straight line that is fitted to all trainings, in place of lines from point to point. */
  readonly isFitted: boolean;
}

/** The fewest seeds whose mean gets an interval. */
const minSeeds = 3;

/** What the marks of a chart are, as its legend has it. */
const looks = [
  { what: 'mean of the seeds', shape: 'circle', color: colours[0] },
  { what: 'one seed', shape: 'circle', color: '#7ea6d6' },
  { what: 'HBNN paper', shape: 'diamond', color: '#111827' },
] as const;

/** All values that a panel shows, with the ends of intervals. */
const shownValues = ({ points, rule }: AccuracyPanel): number[] => [
  ...points.flatMap(({ values }) => [...values, ...intervalEnds(values)]),
  ...(rule === undefined ? [] : [rule]),
];

/** The ends of the interval of a mean; none for too few seeds. */
function intervalEnds(values: readonly number[]): number[] {
  const interval = values.length < minSeeds ? undefined : meanInterval(values);
  return interval === undefined ? [] : [interval.low, interval.high];
}

/** Vertical domains of panels, each around its own values and all equally long, so that a point is equally high in all. */
export function equalSpans(panels: readonly AccuracyPanel[]): (readonly [number, number])[] {
  const ends = panels.map((panel) => {
    const values = shownValues(panel);
    return [Math.min(...values), Math.max(...values)] as const;
  });
  const span = 1.1 * Math.max(...ends.map(([low, high]) => high - low));
  return ends.map(([low, high]) => [(low + high - span) / 2, (low + high + span) / 2]);
}

/** Accuracies over a number: each seed, the means with their intervals, and the paper's in a panel beside ours. */
export function accuracyChart(o: AccuracyChart): Chart {
  const all = o.panels.flatMap(({ points }) => points.map(({ x }) => x));
  const domains = equalSpans(o.panels);
  const x = {
    field: 'x',
    type: 'quantitative',
    title: o.x,
    scale: { zero: false, nice: false, padding: 12, domain: [Math.min(...all), Math.max(...all)] },
  };
  const { spec, narrow } = panelChart(
    ({ width, legendColumns }) =>
      o.panels.map((panel, i) => {
        const scale = { domain: domains[i], nice: false, zero: false };
        const y = (field: string): object => ({
          field,
          type: 'quantitative',
          title: o.y,
          scale,
        });
        const layer = panelLayers(panel, { x, y, legendColumns, isFitted: o.isFitted });
        return { width, height: 260, title: panel.title, layer };
      }),
    looks.length,
  );
  const config = { ...chartConfig, legend: { orient: 'top', title: null, labelFontSize: 11 } };
  return { spec: { ...spec, config }, narrow: narrow && { ...narrow, config } };
}

interface PanelLook {
  readonly x: object;
  readonly y: (field: string) => object;
  readonly legendColumns: number;
  readonly isFitted: boolean;
}

/** A panel from its lowest layer to its uppermost one. */
function panelLayers(panel: AccuracyPanel, { x, y, legendColumns, isFitted }: PanelLook): object[] {
  const means = panel.points.flatMap(({ x, values }) =>
    values.length === 0 ? [] : [{ x, top1: mean(values), what: looks[panel.isPaper ? 2 : 0].what }],
  );
  const trainings = panel.points.flatMap(({ x, values }) =>
    values.map((top1) => ({ x, top1, what: looks[1].what })),
  );
  const seeds = trainings.filter(
    ({ x }) => (panel.points.find((point) => point.x === x)?.values.length ?? 0) > 1,
  );
  const intervals = panel.points.flatMap(({ x, values }) => {
    const [low, high] = intervalEnds(values);
    return low === undefined ? [] : [{ x, low, high }];
  });
  const domain = looks.map(({ what }) => what);
  const scaled = (range: readonly string[]): object => ({
    field: 'what',
    type: 'nominal',
    scale: { domain, range },
    legend: { columns: legendColumns, symbolOpacity: 1 },
  });
  const marks = {
    color: scaled(looks.map(({ color }) => color)),
    shape: scaled(looks.map(({ shape }) => shape)),
  };
  const line = isFitted
    ? {
        data: { values: trainings },
        transform: [{ regression: 'top1', on: 'x' }],
        mark: { type: 'line', strokeDash: [5, 3], color: '#9ca3af' },
        encoding: { x, y: y('top1') },
      }
    : {
        data: { values: means },
        mark: { type: 'line', strokeWidth: 1.4, color: panel.isPaper ? '#6b7280' : colours[0] },
        encoding: { x, y: y('top1') },
      };
  const rule = {
    data: { values: [{ rule: panel.rule }] },
    mark: { type: 'rule', strokeDash: [4, 3], color: '#6b7280' },
    encoding: { y: y('rule') },
  };
  return [
    ...(panel.rule === undefined ? [] : [rule]),
    line,
    {
      data: { values: intervals },
      mark: { type: 'rule', color: colours[0], strokeWidth: 1.6 },
      encoding: { x, y: y('low'), y2: { field: 'high' } },
    },
    {
      data: { values: seeds },
      // Seeds stand right of their mean, which would hide them.
      mark: { type: 'point', filled: true, size: 18, opacity: 1, xOffset: 6 },
      encoding: { x, y: y('top1'), ...marks },
    },
    {
      data: { values: means },
      mark: { type: 'point', filled: true, size: 55, opacity: 1 },
      encoding: { x, y: y('top1'), ...marks },
    },
  ];
}
