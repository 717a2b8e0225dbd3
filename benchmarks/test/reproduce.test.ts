import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundledReproduce } from './bundle.ts';

function reproduce(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundledReproduce, ...args], {
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

interface Results {
  profile: string;
  stages: {
    stage: string;
    rows: { label: string; ours?: number; paper?: number; seeds?: number[] }[];
    provenance: Record<string, string>;
  }[];
}

describe('bench:reproduce', () => {
  it('reproduces figure 2a within the reading error of the printed plot', () => {
    const out = join(mkdtempSync(join(tmpdir(), 'hbnn-reproduce-')), 'deep');
    const { code, out: text } = reproduce('--only', 'figure2a', '--out', out, '--json');
    expect(code).toBe(0);
    const { claims } = JSON.parse(text) as { claims: { verdict: string }[] };
    expect(claims.map(({ verdict }) => verdict)).toEqual(['holds', 'holds', 'holds']);
    const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Results;
    const printed = results.stages[0].rows.filter(({ paper }) => paper !== undefined);
    expect(printed).toHaveLength(22);
    for (const { ours, paper } of printed) {
      expect(Math.abs((ours as number) - (paper as number))).toBeLessThan(0.003);
    }
  });

  it('trains, keeps what other stages found, and writes a self-contained report', () => {
    const out = mkdtempSync(join(tmpdir(), 'hbnn-reproduce-'));
    expect(reproduce('--only', 'table2', '--out', out).code).toBe(0);
    const short = ['--max-steps', '3', '--seeds', '2', '--jobs', '1', '--out', out];
    const { code, err } = reproduce('--only', 'mix-insensitivity', ...short);
    expect(code, err).toBe(0);
    const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Results;
    expect(results.stages.map(({ stage }) => stage)).toEqual(['mix-insensitivity', 'table2']);
    const [{ rows, provenance }] = results.stages;
    expect(rows.map(({ seeds }) => seeds)).toEqual([
      [11, 12],
      [11, 12],
    ]);
    expect(Object.keys(provenance)).toEqual([
      'commit',
      'date',
      'machine',
      'node',
      'backend',
      'command',
    ]);
    expect(provenance.command).toContain('--max-steps 3');
    const html = readFileSync(join(out, 'report.html'), 'utf8');
    // It loads nothing, and its links lead into the documentation alone.
    expect(html).not.toMatch(
      /src="(?!data:)|href="(?!#|data:|https:\/\/github\.com\/hbnn\/hbnn\/)/,
    );
    expect(html).toContain('We train on the data set');
    expect(existsSync(join(out, 'report.md'))).toBe(true);
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as {
      from: { stages: Record<string, { weightsSha256: string[] }> };
      files: object;
    };
    expect(manifest.from.stages.table2.weightsSha256).toEqual([]);
    expect(new Set(manifest.from.stages['mix-insensitivity'].weightsSha256).size).toBe(4);
    expect(Object.keys(manifest.files)).toContain('results.json');
  });

  it('refuses a report folder that cannot be written before it trains', () => {
    const { code, err } = reproduce('--out', join(bundledReproduce, 'below'));
    expect(code).toBe(2);
    expect(err).toContain('choose another --out');
  });

  it('answers bad input with one line and exit code 2', () => {
    const cases: [string[], string][] = [
      [['--only', 'figure9'], "'figure9'"],
      [['--profile', 'huge'], "'huge'"],
      [['--seeds', '0'], '--seeds'],
      [['--epochs', 'x'], '--epochs'],
      [['--colour'], '--colour'],
      [['--backend', 'gpu', '--only', 'table2'], "'gpu'"],
      [['--profile', 'imagenet', '--only', 'table1'], '--from'],
      [['--profile', 'cifar10', '--only', 'table1', '--from', '/no/where'], '/no/where'],
    ];
    for (const [args, named] of cases) {
      const out = join(mkdtempSync(join(tmpdir(), 'hbnn-reproduce-')), 'out');
      const { code, err } = reproduce(...args, '--out', out);
      expect(code, args.join(' ')).toBe(2);
      expect(err.trimEnd().split('\n'), err).toHaveLength(1);
      expect(err).toContain(named);
      expect(existsSync(out)).toBe(false);
    }
  });
});
