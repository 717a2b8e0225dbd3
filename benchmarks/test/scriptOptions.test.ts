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
});
