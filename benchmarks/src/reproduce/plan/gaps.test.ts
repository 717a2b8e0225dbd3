import { drawSvg } from '@hbnn/cli/drawing';
import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import type { LedgerLine } from '../ledger/ledger.ts';
import { designs } from './designs.ts';
import { gapsByEpochs, gapsByParameters } from './gapCharts.ts';
import { gapReport } from './gapReport.ts';
import {
  gapDifferences,
  gapsOf,
  gapTrends,
  planeThrough,
  plannedReach,
  pooledSpread,
} from './gaps.ts';
import { makePlan, type Plan, plannedTrainings } from './plan.ts';

const data = { label: 'CIFAR-10', sha256: 'a'.repeat(64) };
const pilot = {
  deviation: 0.8529,
  degreesOfFreedom: 18,
  commit: 'f'.repeat(40),
  pairs: [{ stage: 's', a: 'a', b: 'b', differences: [1, 2, 3] }],
};
const plan: Plan = makePlan(designs.scale, {
  pilot,
  data,
  trainImages: 50_000,
  speeds: new Map(),
});

/** Points that weights and inputs lose at width 1 and after one epoch, by their bits. */
const losses: Readonly<Record<string, number>> = { float: 0, '1': 6, '1.4': 3, '2': 2.5 };

/** Lines of the plan's trainings in their order, with gaps that shrink by 1 per doubled width and 0.5 per doubled epochs. */
function linesOf(noise: number): LedgerLine[] {
  const rng = random(1, 'gaps test');
  return plannedTrainings(plan).map(({ config }): LedgerLine => {
    const { widthMultiplier: width = 1, epochs, weights, inputs } = config;
    const float = weights === 'float' && inputs === 'float';
    const size = Math.log2(width) + 0.5 * Math.log2(epochs);
    const gap = float ? 0 : losses[`${weights}`] + 2 * losses[`${inputs}`] - size;
    const top1 = (60 + 3 * size - gap + noise * (rng.uniform() - 0.5)) / 100;
    return {
      config,
      data,
      trainImages: 50_000,
      testImages: 10_000,
      top1,
      top5: 0.95,
      testLoss: 1,
      trainLoss: 1,
      epochs: [],
      steps: 1,
      parameters: Math.round((config.network === 'mobilenet' ? 9_000 : 39_000) * width ** 2),
      weightsSha256: 'b'.repeat(64),
      seconds: 1,
      imagesPerSecond: 1,
      backend: 'wasm',
      code: { core: 'x', train: 'x', wasm: 'x', datasets: 'x' },
      commit: 'c',
      machine: 'm',
      node: 'n',
      tensorflow: 't',
      ended: '2026-01-01T00:00:00Z',
    };
  });
}

describe('a study of gaps', () => {
  it('is done seed by seed, in each the smallest first, with all bits of a size together', () => {
    const order = plannedTrainings(plan);
    expect(order).toHaveLength(3 * 3 * 3 * 2 * 7);
    const seeds = order.map(({ config }) => config.seed);
    expect(seeds).toEqual([...seeds].sort((a, b) => a - b));
    expect(new Set(seeds)).toEqual(new Set([401, 402, 403]));
    const costs = order
      .slice(0, order.length / 3)
      .map(({ config: { widthMultiplier = 1, epochs } }) => [widthMultiplier, epochs]);
    expect(costs).toEqual([...costs].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
    for (let n = 0; n < order.length; n += 7) {
      const { network, widthMultiplier, epochs, weights } = order[n].config;
      expect(weights).toBe('float');
      for (const { config } of order.slice(n, n + 7))
        expect(config).toMatchObject({ network, epochs });
      expect(order.slice(n, n + 7).map(({ config }) => config.widthMultiplier)).toEqual(
        new Array(7).fill(widthMultiplier),
      );
    }
    // Width 1 is the network of the other plans: no field more, so that its digests agree.
    expect('widthMultiplier' in order[60].config).toBe(false);
  });

  it('pools deviations within groups, with the degrees of freedom of each size once', () => {
    // Worked by hand: squares 2 + 8 over 1 + 1, and 2 over 2; two groups of one size count once.
    const groups = [
      { size: 'a', values: [1, 3] },
      { size: 'a', values: [2, 6] },
      { size: 'b', values: [1, 2, 3] },
      { size: 'c', values: [9] },
    ];
    expect(pooledSpread(groups)).toEqual({ deviation: Math.sqrt(12 / 4), degreesOfFreedom: 3 });
    expect(pooledSpread(groups.slice(3))).toBeUndefined();
  });

  it('fits a plane, and none through points on a line', () => {
    const points = [-1, 0, 1].flatMap((x) => [1, 2, 3].map((z) => ({ x, z, y: 4 - x + 0.5 * z })));
    const slopes = planeThrough(points);
    expect(slopes?.x).toBeCloseTo(-1, 12);
    expect(slopes?.z).toBeCloseTo(0.5, 12);
    // Each slope's variance is σ² / Σ (x − mean)², and the sum is 6 here.
    expect(slopes?.factorX).toBeCloseTo(1 / 6, 12);
    expect(planeThrough(points.filter(({ x }) => x === 0))).toBeUndefined();
    expect(planeThrough([])).toBeUndefined();
    // t of 18 degrees of freedom is 2.101: 2.101 · 0.8529 / √3, and over √18 for 27 gaps.
    const reach = plannedReach(plan);
    expect(reach.gap).toBeCloseTo(1.0345, 3);
    expect(reach.perDoubling).toBeCloseTo(0.4223, 3);
  });

  it('finds gaps and how they move', () => {
    const gaps = gapsOf(plan, linesOf(0));
    const of = (id: string) => gaps.find((gap) => gap.id === id);
    const wide = of('alexnet 1/1, 2 × the channels, 4 epochs');
    expect(wide?.gap?.value).toBeCloseTo(6 + 12 - 1 - 1, 9);
    expect(wide?.gap?.reach).toBeCloseTo(0, 9);
    expect(wide).toMatchObject({ done: 3, parameters: 4 * 39_000 });
    expect(of('alexnet float/float, 2 × the channels, 4 epochs')?.gap).toBeUndefined();
    const trends = gapTrends(gaps);
    expect(trends).toHaveLength(12);
    for (const { perWidth, perEpochs } of trends) {
      expect(perWidth.value).toBeCloseTo(-1, 9);
      expect(perEpochs.value).toBeCloseTo(-0.5, 9);
    }
    const differences = gapDifferences(gaps, '1.4', '2');
    expect(differences).toHaveLength(2 * 2 * 9);
    for (const { gap, inputs } of differences)
      expect(gap?.value).toBeCloseTo(inputs === 'float' ? 0.5 : 1.5, 9);
  });

  it('reports what is done, and claims nothing without trainings', async () => {
    const none = gapReport(plan, []);
    expect(none.figures).toEqual([]);
    expect(none.page).toContain('So far, 0 of the 378 planned trainings');
    expect(none.page).not.toMatch(/^[|!]|^##/m);
    const lines = linesOf(1.5);
    // One seed of the first sizes alone: gaps without intervals, and no change with the width.
    const early = gapReport(plan, lines.slice(0, 40));
    expect(early.page).toContain('So far, 40 of the 378 planned trainings');
    expect(early.page).toContain('interim');
    expect(early.page).not.toContain('±  ');
    expect(early.page).not.toContain('How the gaps move');
    expect(early.figures).toHaveLength(2);
    const whole = gapReport(plan, lines);
    expect(whole.page).not.toContain('interim');
    expect(whole.page).toContain('| 0.5 × the channels, 2 epochs | 12 of 12 | 9,750 |');
    expect(
      whole.page.match(/How the gaps move[\s\S]*?Gaps against/)?.[0].match(/^\| /gm),
    ).toHaveLength(2 + 12 + 4);
    const rows = whole.csv.trimEnd().split('\n');
    expect(rows).toHaveLength(1 + 126);
    expect(new Set(rows.map((row) => row.split(',').length))).toEqual(new Set([12]));
    expect(rows[2]).toMatch(/,401:\S+ 402:\S+ 403:\S+$/);
    for (const { chart } of [early, whole].flatMap(({ figures }) => figures)) {
      const widthOf = (svg: string): number => Number(/ width="(\d+)"/.exec(svg)?.[1]);
      expect(widthOf(await drawSvg(chart.spec))).toBeLessThanOrEqual(860);
      expect(widthOf(await drawSvg(chart.narrow as object))).toBeLessThanOrEqual(360);
    }
  });

  it('draws each seed, mean and interval, in a panel for each length or width', async () => {
    const gaps = gapsOf(plan, linesOf(1.5));
    for (const [chart, panels] of [
      [gapsByParameters(gaps), ['AlexNet-BN', '2 epochs', '8 epochs']],
      [gapsByEpochs(gaps), ['MobileNet', '0.5 × the channels', '2 × the channels']],
    ] as const) {
      for (const spec of [chart?.spec, chart?.narrow]) {
        const svg = await drawSvg(spec as object);
        for (const title of panels) expect(svg).toContain(title);
        // 108 gaps: their means and 3 seeds each.
        expect(svg.match(/aria-roledescription="point"/g)).toHaveLength(108 * 4);
        expect(svg.match(/aria-roledescription="rule mark"/g)).toHaveLength(108);
      }
    }
  });
});
