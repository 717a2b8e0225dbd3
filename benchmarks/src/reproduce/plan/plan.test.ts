import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawSvg } from '@hbnn/cli/drawing';
import { runConfig } from '@hbnn/train';
import { describe, expect, it } from 'vitest';
import { deviation } from '../../results/statistics.ts';
import { readLedger } from '../ledger/ledger.ts';
import type { Design } from './design.ts';
import { designs } from './designs.ts';
import { holm } from './holm.ts';
import { paperDifferences } from './paperDifferences.ts';
import { readPilot } from './pilot.ts';
import { claimsOf, makePlan, type Plan, plannedTrainings, readPlan, seedsOf } from './plan.ts';
import { planForest } from './planForest.ts';
import { planPage } from './planPage.ts';
import { judgePlan, planReportFiles } from './planReport.ts';
import { runPlan } from './runPlan.ts';

const pilot = {
  deviation: 0.5,
  degreesOfFreedom: 18,
  commit: 'f'.repeat(40),
  pairs: [{ stage: 's', a: 'a', b: 'b', differences: [1, 2, 3] }],
};

/** A design of trainings that take seconds. */
const small: Design = {
  name: 'small',
  title: 'A small experiment',
  about: 'For the test.',
  common: { data: 'fashion-mnist-subset', epochs: 1, maxSteps: 3, limit: 300, testLimit: 200 },
  parts: [
    {
      name: 'first',
      about: 'Two settings.',
      settings: [
        { id: 'a', config: { widths: [4], weights: '1.4' } },
        { id: 'b', config: { widths: [4], weights: '2' } },
      ],
      claims: [{ id: 'a-b', claim: 'a equals b', test: 'equal', a: 'a', b: 'b' }],
    },
    {
      name: 'second',
      about: 'One more.',
      settings: [{ id: 'c', config: { widths: [4], weights: '1' } }],
      claims: [{ id: 'a-c', claim: 'a is above c', test: 'above', a: 'a', b: 'c' }],
    },
  ],
  firstSeed: 5,
  block: 2,
};

const planOf = (design: Design): Plan =>
  makePlan(design, { pilot, trainImages: 300, speeds: new Map([['a', 100]]) });

describe('plans', () => {
  it('pool the spread of the committed paired differences', () => {
    const found = readPilot();
    expect(found.pairs.every(({ differences }) => differences.length === 3)).toBe(true);
    const squares = found.pairs.map(({ differences }) => (deviation(differences) as number) ** 2);
    const pooled = Math.sqrt(squares.reduce((sum, v) => sum + v, 0) / squares.length);
    expect(found.deviation).toBeCloseTo(pooled, 4);
    expect(found.degreesOfFreedom).toBe(2 * found.pairs.length);
  });

  it('give each setting the seeds its claims need, and order trainings so that every prefix is balanced', () => {
    const plan = planOf(small);
    const [claim] = claimsOf(plan);
    expect(claim.seedsHolm).toBeGreaterThan(claim.seedsUncorrected);
    expect(claim.powerOfBlock).toBeGreaterThan(claim.powerOfBlockHolm);
    const order = plannedTrainings(plan);
    const names = order.map(({ setting, config }) => `${setting.id}${config.seed}`);
    expect(names.slice(0, 10)).toEqual([
      'a5',
      'b5',
      'a6',
      'b6',
      'c5',
      'c6',
      'a7',
      'b7',
      'a8',
      'b8',
    ]);
    expect(new Set(names).size).toBe(names.length);
    const settings = plan.parts.flatMap((part) => part.settings);
    expect(order).toHaveLength(settings.reduce((sum, { seeds }) => sum + seeds, 0));
    // Within a part no setting is ever more than one seed ahead of another.
    for (let n = 0; n <= order.length; n++) {
      const counts = ['a', 'b'].map(
        (id) => order.slice(0, n).filter((t) => t.setting.id === id).length,
      );
      expect(Math.abs(counts[0] - counts[1])).toBeLessThanOrEqual(1);
    }
    expect(planPage(plan, 2)).toContain('A small experiment');
    const long = planPage({ ...plan, about: 'ten words that '.repeat(30).trim() }, 2);
    const prose = long.split('\n').filter((text) => !text.startsWith('|'));
    expect(Math.max(...prose.map((text) => text.length))).toBeLessThanOrEqual(120);
    expect(long.replaceAll('\n', ' ')).toContain('ten words that '.repeat(30).trim());
  });

  it.each(Object.keys(designs))(
    '%s is committed as its design says, with its tests and seeds',
    (name) => {
      const design = designs[name];
      const plan = readPlan(name);
      const made = makePlan(design, {
        pilot: plan.spread,
        data: plan.data,
        trainImages: plan.trainImages,
        speeds: new Map(),
      });
      const withoutSpeeds = plan.parts.map((part) => ({
        ...part,
        settings: part.settings.map(({ imagesPerCpuSecond: _, ...rest }) => rest),
      }));
      expect(JSON.parse(JSON.stringify({ ...made }))).toEqual({ ...plan, parts: withoutSpeeds });
      const ids = design.parts.flatMap((part) => part.settings.map(({ id }) => id));
      for (const { a, b } of claimsOf(plan)) expect(ids).toEqual(expect.arrayContaining([a, b]));
      const pilotSeeds = [1, 2, 3];
      for (const part of plan.parts)
        for (const setting of part.settings)
          expect(seedsOf(plan, setting).filter((seed) => pilotSeeds.includes(seed))).toEqual([]);
    },
  );

  it('correct p values by Holm', () => {
    // Worked by hand: 0.01·4, 0.02·3 = 0.06, 0.03·2 = 0.06 again, 0.9.
    const corrected = holm([0.9, 0.02, 0.01, 0.03]);
    [0.9, 0.06, 0.04, 0.06].forEach((p, i) => {
      expect(corrected[i]).toBeCloseTo(p, 12);
    });
  });
});

describe('the paper beside a plan', () => {
  it('has differences for claims that there are', () => {
    const ids = Object.values(designs).flatMap(({ parts }) =>
      parts.flatMap(({ claims }) => claims.map(({ id }) => id)),
    );
    expect(ids).toEqual(expect.arrayContaining(Object.keys(paperDifferences)));
    expect(paperDifferences['mobilenet-1.4-is-2-inputs']).toBeCloseTo(64.7 - 63, 9);
    expect(paperDifferences['alexnet-above-bottom-up']).toBeCloseTo(55.2 - 51.6, 9);
  });
});

describe('running a plan', () => {
  it('goes on where it stopped, keeps each training once, and comes to the same weights again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hbnn-plan-'));
    const plan: Plan = { ...planOf(small), parts: planOf(small).parts.slice(0, 1) };
    const short: Plan = {
      ...plan,
      parts: plan.parts.map((part) => ({
        ...part,
        settings: part.settings.map((setting) => ({ ...setting, seeds: 2 })),
        claims: part.claims.map((claim) => ({ ...claim, seedsUncorrected: 2, seedsHolm: 2 })),
      })),
    };
    const options = (name: string) => ({
      ledger: join(folder, `${name}.jsonl`),
      cache: join(folder, `${name}-cache`),
      log: join(folder, `${name}.log`),
      jobs: 1,
      backend: 'wasm' as const,
      anyCode: false,
      meter: { update: () => undefined, stop: () => undefined },
    });
    await runPlan(short, options('once'));
    const once = readLedger(options('once').ledger);
    expect(once.map(({ config }) => `${config.weights} ${config.seed}`)).toEqual([
      '1.4 5',
      '2 5',
      '1.4 6',
      '2 6',
    ]);
    // No time at all: no training begins. Then the rest, then nothing is left to do.
    await runPlan(short, { ...options('again'), minutes: 0 });
    expect(readLedger(options('again').ledger)).toEqual([]);
    await runPlan(short, options('again'));
    await runPlan(short, options('again'));
    const again = readLedger(options('again').ledger);
    expect(again.map(({ weightsSha256 }) => weightsSha256)).toEqual(
      once.map(({ weightsSha256 }) => weightsSha256),
    );
    expect(readFileSync(options('again').log, 'utf8')).toContain('4 of 4 trainings done');

    const measured = { ...short, data: once[0].data };
    const [judged] = judgePlan(measured, once);
    expect(judged.pairs).toBe(2);
    expect(judged.verdict).not.toBe('interim');
    expect(judgePlan(measured, once.slice(0, 2))[0].verdict).toBe('interim');
    const report = planReportFiles(measured, [judged], once);
    expect(report.csv.trimEnd().split('\n')).toHaveLength(2);
    expect(report.page).not.toContain('the paper, ImageNet');
    // The same trainings as rows of Table 1, the second by a quantizer that told its bits.
    const [part] = measured.parts;
    const [first, second] = part.settings;
    const rows = {
      ...part,
      settings: [
        { ...first, row: 5 },
        { ...second, row: 4 },
      ],
    };
    const told = once.map((line) =>
      line.config.weights === 2 ? { ...line, weightBits: 1.585 } : line,
    );
    const { page } = planReportFiles({ ...measured, parts: [rows] }, [judged], told);
    expect(page).toContain(
      "| standard deviation | bits per weight | Table 1's row | the paper, ImageNet | values |",
    );
    const cells = (id: string): string[] | undefined =>
      page
        .split('\n')
        .find((text) => text.startsWith(`| ${id} |`))
        ?.split(' | ');
    expect(cells('a')?.slice(4, 7)).toEqual(['1.400', '5', '55.2']);
    expect(cells('b')?.slice(4, 7)).toEqual(['1.585', '4', '54.2']);
    const [of, to] = [once.slice(0, 2), once.slice(2)].map(([a, b]) => 100 * (a.top1 - b.top1));
    expect(judged.differences.map((each) => each.toFixed(6))).toEqual(
      [of, to].map((each) => each.toFixed(6)),
    );
    const svg = await drawSvg(planForest(measured, [judged]).spec);
    expect(svg).toContain(judged.claim.claim);
    expect(svg.match(/aria-roledescription="point"/g)?.length).toBe(3);
    await expect(
      runPlan({ ...short, data: { label: 'others', sha256: '0'.repeat(64) } }, options('again')),
    ).rejects.toThrow('images');
    expect(runConfig(once[0].config).from).toBeUndefined();
  }, 120_000);
});
