import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hbnn, startHbnn, temporary } from './process.ts';

const line = (step: number, more: object = {}): string =>
  JSON.stringify({ step, epoch: 0, loss: 2 / step, accuracy: 0.1 * step, ...more });

function runFolder(dir: string, name: string, lines: readonly string[]): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'metrics.jsonl'), `${lines.join('\n')}\n`);
  return folder;
}

describe('hbnn plot', () => {
  it('draws several runs as one page that asks for nothing from outside', () => {
    const dir = temporary();
    const rate = { learningRate: 0.1, seconds: 3 };
    const validated = { ...rate, validationLoss: 1, validationAccuracy: 0.5 };
    const runs = [
      runFolder(dir, 'first', [line(1, rate), line(2, rate), line(3, validated)]),
      // A run of an earlier version, and a line cut short.
      runFolder(dir, 'a <b> & "c"', [line(1), line(2), '{"step": 3, "lo']),
    ];
    writeFileSync(join(runs[0], 'result.json'), JSON.stringify({ top1: 0.4375 }));
    const out = join(dir, 'plot.html');
    const args = runs.flatMap((run) => ['--run', run]);
    const { code, out: text, err } = hbnn('plot', ...args, '--out', out, '--json');
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(text)).toEqual({ page: out, runs: 2, points: 5 });
    const page = readFileSync(out, 'utf8');
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page).not.toMatch(/(src|href)="(?!#|data:)/);
    expect(page).not.toMatch(/<script|@import|url\((?!#)/);
    expect(page).toContain('a &lt;b&gt; &amp; ');
    expect(page).not.toContain('a <b>');
    // The test accuracy is the run's own; what was seen in training has its own column.
    const heads = [...page.matchAll(/<th>(.*?)<\/th>/g)].map(([, head]) => head);
    expect(heads.slice(3, 6)).toEqual([
      'test accuracy (%)',
      'best validation accuracy (%)',
      'training accuracy (%)',
    ]);
    const rows = [...page.matchAll(/<tr><td>(.*?)<\/td>(.*?)<\/tr>/g)].map(([, , cells]) =>
      [...cells.matchAll(/>([^<>]+)</g)].map(([, cell]) => cell),
    );
    expect(rows.map((cells) => cells.slice(2, 5))).toEqual([
      ['43.75', '50.00', '30.00'],
      ['–', '–', '20.00'],
    ]);
    // The legend of each chart says which line is which run.
    const legends = [...page.matchAll(/aria-label="(Symbol legend for [^"]*)"/g)];
    const ofRuns = legends.filter(([, label]) => label.includes(' color'));
    expect(ofRuns).toHaveLength(3);
    for (const [, label] of ofRuns) expect(label).toContain(`2 values: ${runs[0]}, `);
    expect(page.split(`>${runs[0]}</text>`)).toHaveLength(1 + 3);
    // The legend of training and validation has lines to tell them apart by.
    const symbols = [...page.matchAll(/<path [^>]*stroke-dasharray="[^"]*"[^>]*>/g)].map(
      ([path]) => path,
    );
    const legend = symbols.filter((path) => path.includes('stroke="#374151"'));
    expect(legend.length).toBeGreaterThanOrEqual(2);
    // Two runs of one learning rate are both to be seen: the line below is wider.
    const widths = [...page.matchAll(/stroke-width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(new Set(widths.filter((width) => width > 1.5)).size).toBeGreaterThanOrEqual(2);
  });

  it('answers bad input with one line and exit code 2', () => {
    const dir = temporary();
    const empty = runFolder(dir, 'empty', []);
    const good = runFolder(dir, 'good', [line(1)]);
    const cases: [string[], string][] = [
      [
        ['--run', dir, '--out', join(dir, 'x.html')],
        `got the folder ${dir}; give the --out of hbnn`,
      ],
      [['--run', empty, '--out', join(dir, 'x.html')], 'no line yet'],
      [['--run', good, '--out', join(dir, 'no', 'x.html')], 'could not be written'],
      [['--run', good], '--out'],
    ];
    for (const [args, named] of cases) {
      const { code, err } = hbnn('plot', ...args);
      expect(code, args.join(' ')).toBe(2);
      expect(err.trimEnd().split('\n')).toHaveLength(1);
      expect(err).toContain(named);
    }
  });
});

describe('a validated run', () => {
  const small = [
    '--limit',
    '400',
    '--test-limit',
    '200',
    '--learning-rate',
    '0.2',
    '--batch',
    '32',
  ];

  it('keeps its best weights, writes for TensorBoard, and is locked while it trains', async () => {
    const out = join(temporary(), 'run');
    const watched = [...small, '--validation', '100', '--augment', 'crop:2,flip'];
    const settings = [...watched, '--epochs', '40', '--patience', '1', '--tensorboard'];
    const child = startHbnn('train', ...settings, '--out', out);
    const ended = new Promise((done) => child.once('exit', done));
    while (!existsSync(join(out, 'metrics.jsonl')) && child.exitCode === null) await setTimeout(5);
    // Held still, so that it cannot end while the second one starts.
    child.kill('SIGSTOP');
    const second = hbnn('train', '--resume', '--out', out);
    child.kill('SIGCONT');
    expect(second.code).toBe(2);
    expect(second.err).toContain(`process ${child.pid} on`);
    await ended;
    expect(child.exitCode).toBe(0);
    expect(existsSync(join(out, 'run.lock'))).toBe(false);
    const result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as {
      trainImages: number;
      top1: number;
      stoppedEarly: boolean;
      epochs: unknown[];
      best: { epoch: number };
    };
    expect([result.trainImages, result.stoppedEarly]).toEqual([300, true]);
    expect(result.best.epoch).toBe(result.epochs.length - 2);
    const top1 = (weights: string): number => {
      const { code, out: text, err } = hbnn('eval', '--run', out, '--weights', weights, '--json');
      expect(code, err).toBe(0);
      return (JSON.parse(text) as { top1: number }).top1;
    };
    expect(top1('last')).toBe(result.top1);
    expect(top1('best')).toBeGreaterThan(0.1);
    expect(hbnn('eval', '--run', out, '--weights', 'first').err).toContain("'first'");
    expect(readdirSync(join(out, 'tensorboard'))).toHaveLength(1);
  });
});
