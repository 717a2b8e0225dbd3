import { describe, expect, it } from 'vitest';
import { openProfile } from '../profile.ts';
import { layerMixes } from './figure3a.ts';
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
    expect(rows.filter(({ columns }) => columns?.row !== 'c')).toHaveLength(39);
    expect(claims[0].verdict, claims[0].because).toBe('holds');
    const estimated = rows.filter(({ columns }) => columns?.row === 'c');
    expect(estimated.length).toBeGreaterThan(16);
    for (const { ours } of estimated) expect(ours).toBeGreaterThan(0);
    expect(claims.map(({ id }) => id)).toEqual(['5a', '5b', '5c']);
    expect(agrees({ printed: 2.97, digits: 2, law: 2.985 })).toBe(false);
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
