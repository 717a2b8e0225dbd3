import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  scripts: Record<string, string>;
};
// bench:reproduce has a parser of its own.
const benches = Object.entries(scripts)
  .filter(([name]) => name.startsWith('bench:') && name !== 'bench:reproduce')
  .map(([name, command]) => [name, command.split(' ').at(-1) as string] as const);

const run = (file: string, ...args: string[]) =>
  spawnSync(
    process.execPath,
    ['--conditions=hbnn-source', '--import', 'tsx', `${root}${file}`, ...args],
    { cwd: root, encoding: 'utf8' },
  );

describe('options of benches', () => {
  it.each(benches)(
    '%s says at its top how it is started, and reads its options so',
    (name, file) => {
      const text = readFileSync(`${root}${file}`, 'utf8');
      expect(text.slice(0, text.indexOf('import '))).toContain(`pnpm ${name}`);
      expect(text).toContain('scriptOptions(import.meta.url, ');
    },
  );

  it('prints the top comment for --help', () => {
    const { status, stdout } = run('benchmarks/src/hardware/folds.ts', '--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^`pnpm bench:folds \[--seed 1\]`: each layer of CNV/);
    expect(stdout).not.toContain('//');
  });

  it('ends with a line for an unknown option and for bad values', () => {
    const unknown = run('benchmarks/src/hardware/folds.ts', '--colour');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toBe(
      "pnpm bench:folds: Unknown option '--colour'; see 'pnpm bench:folds --help'\n",
    );
    const bad = run('benchmarks/src/hardware/wholeNetworks.ts', '--narrower', '3');
    expect(bad.status).toBe(2);
    expect(bad.stderr).toMatch(/^pnpm bench:networks: --narrower: expected 1, 2 or 4.*\n$/);
  });

  it.each([
    ['networks', '--bits', 'abc', 'pairs such as 1.4/1.4'],
    ['mutants', '--again', '/nonexistent', '/nonexistent: could not be read'],
    ['calibrate', '--count', 'abc', 'a whole number'],
    ['calibrate', '--targets', 'foo', 'one of xc7, ice40'],
    ['lanes', '--only', 'foo', "some of '2 / 1'"],
    ['largest', '--gates', '/nonexistent', '/nonexistent: could not be read'],
    ['parts', '--gates', '/nonexistent', '/nonexistent: could not be read'],
    ['files', '--networks', 'foo', 'one of alexnet'],
    ['rtl', '--layers', 'abc', 'a whole number'],
    ['core', '--max', '-5', 'at least 10000 elements'],
    ['digest', '--synthesized', '-3', 'a whole number from 0'],
    ['circuits', '--only', 'zzz', 'a part of dense:144x16 1 bit'],
    ['growth', '--count', '0', 'at least 1'],
    ['kernels', '--batch', '1.5', 'a whole number'],
  ])('bench:%s refuses %s %s before it starts', (bench, option, value, expected) => {
    const name = `bench:${bench}`;
    const { status, stdout, stderr } = run(scripts[name].split(' ').at(-1) ?? '', option, value);
    expect(stderr).toMatch(/^.*; .*\n$/);
    expect(stderr).toMatch(new RegExp(`^pnpm ${name}: ${option}: (expected )?${expected}`));
    expect([status, stdout]).toEqual([2, '']);
  });

  it('says in a line that a value is missing', () => {
    const missing = run('benchmarks/src/speed/coreSpeed.ts', '--max', '--json');
    expect(missing.status).toBe(2);
    expect(missing.stderr).toMatch(/^pnpm bench:core: --max: expected a value, got .*; give .*\n$/);
  });
});
