import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hbnn, hbnnProcess, startHbnn, temporary } from './process.ts';

const settings = { limit: 320, testLimit: 50, epochs: 2, batch: 32, recalibrate: 0 };
/** Weights that no training survives. */
const diverging = { learningRate: 1e30, weights: 'float' };

const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('hbnn sweep', () => {
  it('goes on where it was stopped, and ends with the bytes of one left alone', async () => {
    const dir = temporary();
    const file = join(dir, 'sweep.json');
    const [alone, cut] = [join(dir, 'alone'), join(dir, 'cut')];
    // The last trainings are long enough to be stopped.
    const configurations = [{ weights: 1.4 }, { weights: 2, epochs: 16 }, diverging];
    writeFileSync(file, JSON.stringify({ settings, configurations, seeds: 2 }));

    const whole = hbnnProcess('sweep', file, '--out', alone, '--json');
    expect(whole.code, whole.err).toBe(5);
    const shown = JSON.parse(whole.out) as { failed: { job: string; error: string }[] };
    expect(shown).toMatchObject({ trainings: 6, ended: 4 });
    const bad = [
      'learningRate-1e-30_weights-float/seed-1',
      'learningRate-1e-30_weights-float/seed-2',
    ];
    expect(shown.failed.map(({ job }) => job)).toEqual(bad);
    expect(linesOf(join(alone, 'failures.jsonl'))).toEqual(shown.failed);
    const results = linesOf(join(alone, 'results.jsonl'));
    const names = [
      'weights-1.4/seed-1',
      'weights-1.4/seed-2',
      'weights-2_epochs-16/seed-1',
      'weights-2_epochs-16/seed-2',
    ];
    expect(results.map(({ job }) => job)).toEqual(names);
    expect(results[0]).toMatchObject({ seed: 1, values: { weights: 1.4 }, testImages: 50 });
    expect(Object.keys(results[0])).not.toContain('seconds');
    const times = linesOf(join(alone, 'times.jsonl'));
    expect(times.map(({ job }) => job)).toEqual(names);

    const child = startHbnn('sweep', file, '--out', cut);
    const gone = new Promise<number | null>((done) => child.once('exit', done));
    const first = join(cut, 'runs', names[0], 'manifest.json');
    while (!existsSync(first) && child.exitCode === null) await setTimeout(2);
    child.kill('SIGINT');
    expect(await gone).toBe(130);
    const kept = linesOf(join(cut, 'results.jsonl'));
    expect(kept).toEqual(results.slice(0, kept.length));
    const before = readFileSync(first);
    const resumed = hbnnProcess('sweep', '--out', cut, '--workers', '2');
    expect(resumed.code, resumed.err).toBe(5);
    expect(readFileSync(first).equals(before)).toBe(true);
    const bytes = (out: string): string => readFileSync(join(out, 'results.jsonl'), 'utf8');
    expect(bytes(cut)).toBe(bytes(alone));

    // The folder takes more of the same, and no other sweep.
    writeFileSync(
      file,
      JSON.stringify({ settings, configurations: [{ weights: 2, epochs: 16 }], seeds: 2 }),
    );
    const less = hbnn('sweep', file, '--out', cut);
    expect([less.code, less.err]).toEqual([
      2,
      expect.stringContaining('weights-1.4/seed-1 is not in the file'),
    ]);
    expect(existsSync(join(cut, 'run.lock'))).toBe(false);
  });

  it('checks all settings before it makes the folder', () => {
    const dir = temporary();
    const out = join(dir, 'out');
    const file = join(dir, 'sweep.json');
    const refused = (value: object): string => {
      writeFileSync(file, JSON.stringify(value));
      const { code, err } = hbnn('sweep', file, '--out', out);
      expect(code, err).toBe(2);
      expect(existsSync(out)).toBe(false);
      return err;
    };
    expect(refused({ settings, grid: { weights: [1.4, 2], pools: [[0], [9]] } })).toContain(
      `${file}: grid.pools.1`,
    );
    expect(refused({ settings: { epoch: 1 } })).toContain(
      `${file}: unknown setting 'epoch'; did you mean 'epochs'?`,
    );
  });
});
