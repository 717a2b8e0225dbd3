import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ComparisonResults } from '../src/compare/results.ts';
import { hbnn, startHbnn, temporary } from './process.ts';

const small = [
  '--limit',
  '300',
  '--test-limit',
  '200',
  '--epochs',
  '1',
  '--batch',
  '32',
  '--learning-rate',
  '0.2',
  '--recalibrate',
  '64',
];
const two = ['--weights', '1,2', '--seeds', '2', ...small];
const read = (folder: string): ComparisonResults =>
  JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as ComparisonResults;

describe('hbnn compare-settings', () => {
  it('interrupted and resumed, ends with the results of one left alone', async () => {
    const dir = temporary();
    const [alone, cut] = [join(dir, 'alone'), join(dir, 'cut')];
    const ended = hbnn('compare-settings', ...two, '--out', alone, '--json');
    expect(ended.code, ended.err).toBe(0);
    const child = startHbnn('compare-settings', ...two, '--checkpoint-seconds', '0', '--out', cut);
    const gone = new Promise((done) => child.once('exit', done));
    const first = join(cut, 'runs', 'weights-1', 'seed-1', 'result.json');
    const second = join(cut, 'runs', 'weights-2', 'seed-1', 'config.json');
    while (!(existsSync(first) && existsSync(second)) && child.exitCode === null)
      await setTimeout(5);
    child.kill('SIGKILL');
    await gone;
    expect(existsSync(join(cut, 'results.json'))).toBe(false);
    const before = readFileSync(first);
    const resumed = hbnn('compare-settings', '--out', cut, '--resume');
    expect(resumed.code, resumed.err).toBe(0);
    // What was finished is taken as it is.
    expect(readFileSync(first).equals(before)).toBe(true);
    const [a, b] = [read(alone), read(cut)];
    expect(b.settings).toEqual(a.settings);
    expect(b.differences).toEqual(a.differences);
    expect(JSON.parse(ended.out)).toMatchObject({ settings: a.settings });

    expect(a.settings.map(({ setting }) => setting)).toEqual(['weights 1', 'weights 2']);
    expect(a.settings.map(({ seeds }) => seeds)).toEqual([
      [1, 2],
      [1, 2],
    ]);
    const [one, other] = a.settings.map(({ accuracies }) => accuracies);
    const mean = (other[0] - one[0] + other[1] - one[1]) / 2;
    expect(a.differences).toHaveLength(1);
    expect(a.differences[0]).toMatchObject({ setting: 'weights 2', against: 'weights 1' });
    expect(a.differences[0].difference).toBeCloseTo(mean, 9);
    for (const [i, folder] of ['weights-1', 'weights-2'].entries()) {
      const result = join(alone, 'runs', folder, 'seed-2', 'result.json');
      const { top1, config } = JSON.parse(readFileSync(result, 'utf8')) as {
        top1: number;
        config: { weights: number; seed: number };
      };
      expect(config).toMatchObject({ weights: i + 1, seed: 2 });
      expect(a.settings[i].accuracies[1]).toBeCloseTo(100 * top1, 9);
    }

    const csv = readFileSync(join(alone, 'results.csv'), 'utf8').trimEnd().split('\n');
    expect(csv).toHaveLength(5);
    expect(csv[0]).toMatch(/^setting,weights,seed,top1,/);
    expect(csv[1]).toMatch(/^weights 1,1,1,0\.\d+,/);
    const svg = readFileSync(join(alone, 'plot.svg'), 'utf8');
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain('weights 2');
    // Four seeds and two means; Vega writes an accessible label for each mark.
    expect(svg.match(/aria-roledescription="point"/g)).toHaveLength(4);
    expect(svg.match(/aria-roledescription="tick"/g)).toHaveLength(2);
    expect(resumed.out).toMatch(/paired difference +points +95 % interval +90 % interval/);
    expect(resumed.out).toMatch(/weights 2 − weights 1 /);

    const again = hbnn('compare-settings', ...two, '--out', alone);
    expect(again.code).toBe(2);
    expect(again.err).toContain('holds a comparison already; go on with it by --resume');
    const changed = [...two, '--momentum', '0.5', '--resume'];
    const refused = hbnn('compare-settings', ...changed, '--out', alone);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('momentum is 0.9 there and 0.5 here');
    // More seeds are trained beside those that are there.
    const more = hbnn('compare-settings', '--out', alone, '--resume', '--seeds', '3', '--json');
    expect(more.code, more.err).toBe(0);
    const third = read(alone);
    expect(third.settings[0].accuracies.slice(0, 2)).toEqual(one);
    expect(third.settings[0].seeds).toEqual([1, 2, 3]);
  });

  it('answers bad input with one line and exit code 2, and writes nothing', () => {
    const dir = temporary();
    const out = join(dir, 'out');
    const config = join(dir, 'config.json');
    writeFileSync(config, JSON.stringify({ limit: 100, frobnicate: 1 }));
    const cases: [string[], string][] = [
      [['--weights', '1.4'], 'a training flag with two or more values, as in --weights 1.4,2'],
      [['--weights', '1,1.0'], "'weights 1' and 'weights 1.0', which train the same"],
      [['--weights', '1,1'], "--weights: expected different values, got '1' twice"],
      [['--weights', '1,'], "--weights: expected values between commas, got '1,'"],
      [['--weights', '1,2', '--seeds', '1'], '--seeds: expected at least 2'],
      [['--weights', '1,2', '--seeds', 'x'], "--seeds: expected a whole number such as 6, got 'x'"],
      [['--weights', '1,2', '--margin', '0'], '--margin: expected more than 0 points'],
      [['--weights', '1,some'], "'some'"],
      [['--weights', '1,2', '--limit', '0'], '--limit: expected more than 0, got 0'],
      [['--weights', 'float,1.4', '--select', 'random'], '--select: has no effect with float'],
      [['--weights', '1,2', '--config', config], 'frobnicate'],
      [['--weights', '1,2', '--backend', 'gpu'], "'gpu'"],
      [
        ['--network', 'vgg8,fcn4', '--limit', '64'],
        "setting 'network vgg8': network vgg8 on images of 28×28×1, which are too small for it",
      ],
      [['--resume'], 'there is no comparison in'],
    ];
    for (const [args, named] of cases) {
      const { code, err } = hbnn('compare-settings', ...args, '--out', out);
      const lines = err.trimEnd().split('\n');
      expect(code, args.join(' ')).toBe(2);
      expect(lines.at(-1)).toContain(named);
      expect(lines.filter((line) => !line.startsWith('backend '))).toHaveLength(1);
      expect(existsSync(out)).toBe(false);
    }
  });
});
