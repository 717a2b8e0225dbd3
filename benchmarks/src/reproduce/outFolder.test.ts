import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { outFolder } from './outFolder.ts';

describe('the folder of a report', () => {
  it('is the profile’s own for the whole profile and for some of its stages', () => {
    const { folder, why } = outFolder({}, 'quick');
    expect(folder).toMatch(/benchmarks\/results\/quick$/);
    expect(why).toBeUndefined();
  });

  it.each([
    [{ seeds: '1' }, '--seeds:'],
    [{ epochs: '1' }, '--epochs:'],
    [{ maxSteps: '3', batch: '8' }, '--max-steps, --batch:'],
  ])('is another, which git ignores, for a changed profile: %j', (options, named) => {
    const { folder, why } = outFolder(options, 'cifar10');
    expect(folder).toMatch(/benchmarks\/results\/cifar10-custom$/);
    expect(why).toContain(named);
    const { status } = spawnSync('git', ['check-ignore', '-q', `${folder}/results.json`]);
    expect(status).toBe(0);
  });

  it('is what --out says', () => {
    expect(outFolder({ out: 'here', seeds: '1' }, 'quick')).toEqual({ folder: resolve('here') });
  });
});
