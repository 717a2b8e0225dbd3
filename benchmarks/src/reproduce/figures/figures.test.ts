import { runConfig } from '@hbnn/train';
import { describe, expect, it } from 'vitest';
import { openProfile } from '../profile.ts';
import type { Setting, SettingResults } from '../stage.ts';
import { layerMixes } from './figure3a.ts';
import { table1 } from './table1.ts';
import { agrees, asicLaw, fpgaLaw, table2 } from './table2.ts';

describe('Table 2', () => {
  it('follows from the scaling laws, with the full chip as a cap', () => {
    expect(fpgaLaw('VGG-8', 1, 1.4)).toEqual({
      percent: expect.closeTo(29.68, 9),
      kfps: expect.closeTo(15.642857, 5),
      watts: expect.closeTo(5.04, 9),
    });
    const full = fpgaLaw('VGG-8', 4, 1.2);
    expect(full.percent).toBe(100);
    expect(full.watts).toBeCloseTo(16.98, 2);
    expect(asicLaw('VGG-8', 1.2).mm2).toBeCloseTo(2.1816, 9);
  });

  it('has every printed figure within its last digit', () => {
    const profile = openProfile('quick', {});
    const { claims, rows } = table2.conclude(profile, new Map());
    expect(rows.filter(({ columns }) => columns?.row !== 'c' && columns?.row !== 'd')).toHaveLength(
      39,
    );
    expect(claims[0].verdict, claims[0].because).toBe('holds');
    const estimated = rows.filter(({ columns }) => columns?.row === 'c');
    expect(estimated.length).toBeGreaterThan(16);
    for (const { ours } of estimated) expect(ours).toBeGreaterThan(0);
    expect(claims.map(({ id }) => id)).toEqual(['5a', '5b', '5c', '5f', '5g']);
    // An area at 1 bit, divided by itself.
    const atOneBit = estimated.filter(
      ({ unit, columns }) =>
        unit === '× 1 bit' && columns?.bits === 1 && columns?.unfolding === 'whole',
    );
    expect(atOneBit.map(({ ours }) => ours)).toEqual(Array.from({ length: 8 }, () => 1));
    const areaTexts = claims.filter(({ id }) => ['5b', '5c', '5f', '5g'].includes(id));
    for (const { because } of areaTexts)
      expect(because.match(/: \d\.\d\d at 1\.2 bits \(/g), because).toHaveLength(2);
    const synthesized = rows.filter(({ columns }) => columns?.row === 'd');
    expect(new Set(synthesized.map(({ columns }) => columns?.bits))).toEqual(
      new Set([1, 1.2, 1.4, 2]),
    );
    const products = new Map(
      synthesized
        .filter(({ columns }) => columns?.quantity === 'LUTs × cycles')
        .map(({ columns, ours }) => [columns?.bits, ours]),
    );
    // The paper's second claim, in our own Verilog: circuits shrink with the average bits.
    expect(products.get(1.4)).toBeLessThan(0.68);
    expect(products.get(1.2)).toBeLessThan(products.get(1.4) ?? 0);
    expect(products.get(2)).toBe(1);
    expect(agrees({ printed: 2.97, digits: 2, law: 2.985 })).toBe(false);
  });
});

describe('Table 1', () => {
  /** A run of each setting; only what the rows need. */
  const resultsOf = (settings: readonly Setting[]): SettingResults =>
    new Map(
      settings.map(({ id, config, seeds }) => [
        id,
        seeds.map((seed) => ({
          config: runConfig({ ...config, seed }),
          backend: 'wasm',
          data: 'd',
          trainImages: 10,
          testImages: 10,
          parameters: 1,
          steps: 1,
          top1: 0.5,
          top5: 0.9,
          testLoss: 1,
          trainLoss: 1,
          epochs: [],
          seconds: 1,
          weightsSha256: '0'.repeat(64),
          weightBits: config.quantizer === undefined ? undefined : 1.5,
        })),
      ]),
    );
  const methods = (settings: readonly Setting[]): unknown[] =>
    settings.flatMap(({ config: { quantizer } }) => quantizer ?? []);

  it('trains the rows of other papers by their quantizers, a few in the quick profile', () => {
    expect(methods(table1.settings(openProfile('quick', {})))).toEqual(['twn', 'xnor-net']);
    const all = methods(table1.settings(openProfile('cifar10', {})));
    expect(all.slice(0, 7)).toEqual('sq-bwn sq-twn twn bnn xnor-net dorefa:1/2 qnn:1/2'.split(' '));
    expect(all).toHaveLength(11);
  });

  it('quotes a row of another paper only where there is no training of it', () => {
    const quick = openProfile('quick', {});
    const { rows } = table1.conclude(quick, resultsOf(table1.settings(quick)));
    const ofRow = (row: number | string) => rows.filter(({ columns }) => columns?.row === row);
    const quoted = rows.filter(({ kind }) => kind === 'quoted');
    expect(quoted.map(({ columns }) => columns?.row)).toEqual([1, 2, 7, 9, 10]);
    expect(ofRow(4)).toMatchObject([{ kind: 'measured', ours: 50, paper: 54.2, seeds: [11] }]);
    expect(ofRow(8)).toMatchObject([{ kind: 'measured', ours: 50, paper: 44.2 }]);
    expect(ofRow('–')).toHaveLength(1);
    const cifar10 = openProfile('cifar10', {});
    const whole = table1.conclude(cifar10, resultsOf(table1.settings(cifar10))).rows;
    expect(whole.filter(({ kind }) => kind === 'quoted')).toEqual([]);
    const later = whole.filter(({ columns }) => columns?.row === '–');
    expect(later.map(({ columns }) => columns?.bits)).toEqual([
      'float/2',
      ...Array.from({ length: 4 }, () => 'float/1.5'),
    ]);
  });
});

describe('layer-level mixes', () => {
  it('come as near to each target as whole layers allow, each mix once', () => {
    const mixes = layerMixes([54, 432, 576, 720], [1, 1.4, 1.4, 2]);
    expect(mixes.map(({ bits }) => bits)).toEqual([
      [1, 1, 1, 1],
      [1, 1, 1, 2],
      [2, 2, 2, 2],
    ]);
    expect(mixes[1].average).toBeCloseTo(1 + 720 / 1782, 12);
  });
});

describe('profiles', () => {
  it('take seeds, epochs and data from the command line', () => {
    const p = openProfile('cifar10', { seeds: 2, epochs: 3, from: '/data', maxSteps: 9, batch: 8 });
    expect(p.deciding).toHaveLength(2);
    expect(p.others).toHaveLength(2);
    expect(p.alexNet).toMatchObject({ epochs: 3, maxSteps: 9, batch: 8 });
    expect(p.common).toMatchObject({ from: '/data', data: 'cifar10' });
  });
});
