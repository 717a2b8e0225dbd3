import { drawSvg } from '@hbnn/cli/drawing';
import { describe, expect, it } from 'vitest';
import { above, pointsText } from '../claims.ts';
import type { Plot, ResultRow } from '../stage.ts';
import { type AccuracyPanel, accuracyChart, equalSpans } from './accuracyChart.ts';
import { withFigures, withoutDrawn } from './stageFigures.ts';
import type { StageReport } from './stageReport.ts';

const stageOf = (
  stage: string,
  rows: readonly ResultRow[],
  more: Partial<StageReport> = {},
): StageReport => ({
  stage,
  title: 'Table 1: accuracy',
  about: 'About.',
  rows,
  claims: [],
  plots: [],
  provenance: {
    commit: '0123456789',
    date: '2026-01-01',
    machine: 'a machine',
    node: 'v20',
    backend: 'wasm',
    command: 'pnpm bench:reproduce',
  },
  ...more,
});

const measured = (label: string, values: readonly number[], columns = {}): ResultRow => ({
  label,
  kind: 'measured',
  unit: '% top-1',
  ours: values.reduce((sum, value) => sum + value, 0) / values.length,
  values,
  seeds: values.map((_, i) => i),
  columns,
});

/** The values of a field in all data of a specification, in the order of its layers. */
function valuesOf(spec: unknown, field: string): unknown[] {
  if (typeof spec !== 'object' || spec === null) return [];
  const own = Reflect.get(spec, 'values') as unknown;
  const rows = (Array.isArray(own) ? own : []).filter(
    (row) => typeof row === 'object' && row !== null && field in row,
  );
  return [
    ...rows.map((row) => Reflect.get(row as object, field) as unknown),
    ...Object.values(spec).flatMap((inner) => valuesOf(inner, field)),
  ];
}

const plotOf = (stage: StageReport): Plot => {
  const [plot] = withFigures(stage).plots;
  return plot;
};

describe('a chart of accuracies', () => {
  const panels: readonly AccuracyPanel[] = [
    {
      title: 'ours',
      points: [
        { x: 1, values: [60, 61, 62] },
        { x: 1.5, values: [63] },
        { x: 2, values: [64, 66] },
      ],
    },
    { title: 'paper', points: [{ x: 1, values: [70] }], isPaper: true, rule: 71 },
  ];

  it('has panels in which a point of accuracy has the same height', () => {
    const [[low, high], [otherLow, otherHigh]] = equalSpans(panels);
    expect(high - low).toBeCloseTo(otherHigh - otherLow, 9);
    // The t interval of three seeds with a deviation of 1 reaches 4.303 / √3 points.
    expect(low).toBeLessThan(61 - 2.48);
    expect((otherLow + otherHigh) / 2).toBeCloseTo(70.5, 9);
  });

  it('shows seeds, means, intervals of at least three seeds, and the paper’s values', async () => {
    const chart = accuracyChart({ panels, x: 'bits', y: 'top-1', isFitted: false });
    expect(valuesOf(chart.spec, 'low')).toEqual([expect.closeTo(58.516, 3)]);
    expect(valuesOf(chart.spec, 'what').filter((what) => what === 'one seed')).toHaveLength(5);
    const svg = await drawSvg(chart.spec);
    for (const what of ['mean of the seeds', 'one seed', 'HBNN paper'])
      expect(svg).toContain(`>${what}</text>`);
    const narrow = await drawSvg(chart.narrow ?? {});
    expect(Number(/ width="(\d+)"/.exec(narrow)?.[1])).toBeLessThanOrEqual(360);
  });
});

describe('the figures of stages', () => {
  it('have the paper’s distances as diamonds on our bars', async () => {
    const bar = (selection: string, ours: number, paper?: number): ResultRow => ({
      label: selection,
      kind: 'computed',
      unit: '‖T − B‖/‖T‖',
      ours,
      paper,
      columns: { mix: '7/2/1', 'average bits': 1.4, selection },
    });
    const rules = ['top-down', 'bottom-up', 'random', 'optimal, not in the paper', 'homogeneous'];
    const rows = [bar('middle-out', 0.33, 0.3287), ...rules.map((rule) => bar(rule, 0.53))];
    const { spec, narrow, caption } = plotOf(stageOf('figure2a', rows));
    const width = / width="(\d+)"/.exec(await drawSvg(narrow ?? {}))?.[1];
    expect(Number(width)).toBeLessThanOrEqual(360);
    expect(valuesOf(spec, 'source')).toEqual(['HBNN paper']);
    expect(await drawSvg(spec)).toContain('>HBNN paper</text>');
    expect(caption).toContain('Each diamond');
  });

  it('compare variants with the reference above them, seed by seed', () => {
    const reference = { 'against the reference': '' };
    const other = { 'against the reference': '+1.00' };
    const rows = [
      measured('AlexNet 1.4/1.4, the paper', [60, 61], reference),
      measured('– static', [61, 63], other),
      measured('MobileNet 1.4/1.4, the paper', [50, 50], reference),
      measured('– static', [49, 50], other),
    ];
    const { spec, file } = plotOf(stageOf('input-maps', rows));
    expect(file).toBe('input-maps');
    expect(valuesOf(spec, 'seed')).toEqual([1, 2, -1, 0]);
    expect([...new Set(valuesOf(spec, 'mean'))]).toEqual([1.5, -0.5]);
    expect([...new Set(valuesOf(spec, 'group'))]).toEqual(['AlexNet 1.4/1.4', 'MobileNet 1.4/1.4']);
  });

  it('show the claims of a table, and none without paired tests', () => {
    const claim = above('2h', 'A is above B', [60, 61, 62.5], [61, 61.5, 64.4], 6.9);
    const rows = [measured('a', [60])];
    const { spec, caption } = plotOf(stageOf('table1', rows, { claims: [claim] }));
    expect(valuesOf(spec, 'paper')).toContain(6.9);
    expect(caption).toContain('the HBNN paper’s difference');
    expect(withFigures(stageOf('table1', rows)).plots).toEqual([]);
  });

  it('stay as they are where the report draws none, and are drawn again in the same way', () => {
    const stage = stageOf('table2', [measured('a', [60])]);
    expect(withFigures(stage)).toBe(stage);
    const claim = above('2h', 'A is above B', [60, 61, 62.5], [61, 61.5, 64.4]);
    const once = withFigures(stageOf('table1', [measured('a', [60])], { claims: [claim] }));
    expect(withFigures(once)).toEqual(once);
    expect(withoutDrawn(once).plots).toEqual([]);
    expect(withFigures(withoutDrawn(once))).toEqual(once);
    expect(withoutDrawn(stage)).toBe(stage);
  });
});

it('rounds a difference once, from its full value', () => {
  expect(pointsText(-0.55498)).toBe('−0.55');
  const claim = above('q', 'a is above b', [60, 60.00004], [60.55498, 60.55502]);
  expect(claim.because).toContain('difference −0.55 points');
});
