import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { outFolder } from './outFolder.ts';

describe('the folder of a report', () => {
  it.each([
    [{}, 'own/cifar10'],
    [{ seeds: '1' }, 'own/cifar10-custom'],
    [{ epochs: '1' }, 'own/cifar10-custom'],
    [{ maxSteps: '3', batch: '8' }, 'own/cifar10-custom'],
  ])('is one that git ignores, and is named, unless asked otherwise: %j', (options, name) => {
    const { folder, why } = outFolder(options, 'cifar10');
    expect(folder.endsWith(`benchmarks/results/${name}`)).toBe(true);
    expect(why).toContain(`benchmarks/results/${name}`.split('/').at(-1));
    const { status } = spawnSync('git', ['check-ignore', '-q', `${folder}/results.json`]);
    expect(status).toBe(0);
  });

  it('is the committed one when asked for, and for the whole profile alone', () => {
    const { folder, why } = outFolder({ committed: true }, 'quick');
    expect(folder.endsWith('benchmarks/results/quick')).toBe(true);
    expect(why).toBeUndefined();
    expect(() => outFolder({ committed: true, seeds: '1' }, 'quick')).toThrow(HbnnError);
  });

  it('is what --out says', () => {
    expect(outFolder({ out: 'here', seeds: '1' }, 'quick')).toEqual({ folder: resolve('here') });
  });
});
