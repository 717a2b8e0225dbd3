import { chartConfig, colours, legendConfig } from '@hbnn/cli/drawing';
import type { Chart } from '../stage.ts';
import { type Estimate, precisionText, type SettingGap } from './gaps.ts';
import { networkName } from './networkNames.ts';

/** A gap that is there to be drawn, at a place of the horizontal axis. */
interface GapPoint {
  /** Lines of the panel's title. */
  readonly panel: readonly [network: string, size: string];
  readonly network: string;
  readonly series: string;
  readonly bits: string;
  readonly kind: string;
  readonly x: number;
  readonly gap: Estimate;
  readonly seeds: readonly number[];
}

/** What lies on the horizontal axis, and what the panels differ in. */
interface Axis {
  readonly title: string;
  /** Labels of the ticks, as Vega formats numbers. */
  readonly format: string;
  readonly valueOf: (setting: SettingGap) => number | undefined;
  readonly panelOf: (setting: SettingGap) => number;
  readonly panelTitle: (value: number) => string;
}

const bitsText = (weights: string): string => `${weights} bit${weights === '1' ? '' : 's'}`;
const kinds = ['weights alone', 'weights and inputs'] as const;

function pointsOf(gaps: readonly SettingGap[], axis: Axis): GapPoint[] {
  return gaps.flatMap((setting): GapPoint[] => {
    const x = axis.valueOf(setting);
    if (setting.gap === undefined || x === undefined) return [];
    return [
      {
        panel: [networkName(setting.network), axis.panelTitle(axis.panelOf(setting))],
        network: setting.network,
        series: precisionText(setting),
        bits: bitsText(setting.weights),
        kind: kinds[setting.inputs === 'float' ? 0 : 1],
        x,
        gap: setting.gap,
        seeds: [...setting.bySeed.values()],
      },
    ];
  });
}

/** Series are drawn this far apart, as a factor of the horizontal place, so that they do not hide each other. */
const apart = 2 ** 0.09;

/** The numbers of one panel: its series beside each other, each seed as a dot. */
function panelValues(points: readonly GapPoint[], order: readonly string[]): object[] {
  return points.flatMap(({ series, bits, kind, x, gap, seeds }) => {
    const place = x * apart ** (order.indexOf(series) - (order.length - 1) / 2);
    const shared = { series, bits, kind, line: kind, x: place };
    const ends = gap.reach !== undefined && {
      low: gap.value - gap.reach,
      high: gap.value + gap.reach,
    };
    return [{ ...shared, gap: gap.value, ...ends }, ...seeds.map((seed) => ({ ...shared, seed }))];
  });
}

/** The ends of the vertical axis that panels of one network share. */
function domainOf(points: readonly GapPoint[]): [number, number] {
  const values = points.flatMap(({ gap: { value, reach = 0 }, seeds }) => [
    value - reach,
    value + reach,
    ...seeds,
  ]);
  return [Math.min(0, ...values), Math.max(0, ...values)];
}

interface Look {
  readonly width: number;
  readonly height: number;
  /** Entries of the legends beside each other. */
  readonly legendColumns: number;
  /** Panels beside each other, of which the first names their vertical axis. */
  readonly beside: boolean;
}

function panel(
  points: readonly GapPoint[],
  all: readonly GapPoint[],
  axis: Axis,
  { width, height, legendColumns, beside }: Look,
  column: number,
): object {
  const order = [...new Set(all.map(({ series }) => series))];
  const ofNetwork = all.filter(({ network }) => network === points[0].network);
  const ticks = [...new Set(ofNetwork.map(({ x }) => x))].sort((a, b) => a - b);
  const room = 1.35;
  const x = {
    field: 'x',
    type: 'quantitative',
    title: axis.title,
    scale: { type: 'log', domain: [ticks[0] / room, ticks[ticks.length - 1] * room], nice: false },
    axis: { values: ticks, format: axis.format, grid: false },
  };
  const y = (field: string): object => ({
    field,
    type: 'quantitative',
    title: beside && column > 0 ? null : 'gap to float in points',
    scale: { domain: domainOf(ofNetwork), nice: true },
  });
  const legend = { columns: beside ? 2 : 1, symbolOpacity: 1, symbolFillColor: '#374151' };
  const bits = [...new Set(all.map((point) => point.bits))];
  const color = {
    field: 'bits',
    type: 'nominal',
    scale: { domain: bits, range: colours.slice(0, bits.length) },
    legend: { columns: legendColumns, symbolOpacity: 1, symbolType: 'square' },
  };
  const shape = {
    field: 'kind',
    type: 'nominal',
    scale: { domain: kinds, range: ['circle', 'diamond'] },
    legend,
  };
  // A field of its own, because the legend shows shapes alone.
  const dash = {
    field: 'line',
    type: 'nominal',
    scale: {
      domain: kinds,
      range: [
        [1, 0],
        [4, 3],
      ],
    },
    legend: null,
  };
  const only = (field: string): object[] => [{ filter: `isValid(datum.${field})` }];
  return {
    width,
    height,
    title: { text: points[0].panel, fontSize: 12 },
    data: { values: panelValues(points, order) },
    layer: [
      {
        transform: only('gap'),
        mark: { type: 'line', strokeWidth: 1.4 },
        encoding: { x, y: y('gap'), color, strokeDash: dash, detail: { field: 'series' } },
      },
      {
        transform: only('low'),
        mark: { type: 'rule', strokeWidth: 1.4 },
        encoding: { x, y: y('low'), y2: { field: 'high' }, color },
      },
      {
        transform: only('seed'),
        mark: { type: 'point', filled: true, size: 14, opacity: 0.5, xOffset: 6 },
        encoding: { x, y: y('seed'), color, shape },
      },
      {
        transform: only('gap'),
        mark: { type: 'point', filled: true, size: 50, opacity: 1 },
        encoding: { x, y: y('gap'), color, shape },
      },
    ],
  };
}

/** A row of panels for each network on a wide page, and on a phone one panel below the other. */
function gapChart(gaps: readonly SettingGap[], axis: Axis): Chart | undefined {
  const points = pointsOf(gaps, axis);
  if (points.length === 0) return undefined;
  const networks = [...new Set(points.map(({ network }) => network))];
  const rows = networks.map((network) => {
    const ofNetwork = points.filter((point) => point.network === network);
    const sizes = [...new Set(ofNetwork.map(({ panel: [, size] }) => size))];
    return sizes.map((size) => ofNetwork.filter((point) => point.panel[1] === size));
  });
  const wide: Look = { width: 195, height: 230, legendColumns: 3, beside: true };
  const phone: Look = { width: 275, height: 220, legendColumns: 3, beside: false };
  const drawn = (row: readonly (readonly GapPoint[])[], look: Look): object[] =>
    row.map((of, column) => panel(of, points, axis, look, column));
  return {
    spec: { vconcat: rows.map((row) => ({ hconcat: drawn(row, wide) })), config: chartConfig },
    narrow: { vconcat: drawn(rows.flat(), phone), config: phoneConfig },
  };
}

/** Legends lie below each other where they have no room beside each other. */
const phoneConfig = {
  ...chartConfig,
  legend: { ...legendConfig, layout: { top: { direction: 'vertical', anchor: 'start' } } },
};

/** Gaps against the parameters of the network, one panel for each number of epochs; undefined where there are none. */
export const gapsByParameters = (gaps: readonly SettingGap[]): Chart | undefined =>
  gapChart(gaps, {
    title: 'parameters',
    format: '.3~s',
    valueOf: ({ parameters }) => parameters,
    panelOf: ({ epochs }) => epochs,
    panelTitle: (epochs) => `${epochs} epochs`,
  });

/** Gaps against the number of epochs, one panel for each width; undefined where there are none. */
export const gapsByEpochs = (gaps: readonly SettingGap[]): Chart | undefined =>
  gapChart(gaps, {
    title: 'epochs',
    format: 'd',
    valueOf: ({ epochs }) => epochs,
    panelOf: ({ widthMultiplier }) => widthMultiplier,
    panelTitle: (width) => `${width} × the channels`,
  });
