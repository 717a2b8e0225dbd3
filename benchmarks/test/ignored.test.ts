import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Pages, and the sources whose help has examples. */
const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.md', 'packages/cli/src/*.ts'],
  { cwd: root, encoding: 'utf8' },
)
  .trim()
  .split('\n')
  // Committed results say how they were made, not what to try.
  .filter((file) => !file.endsWith('.test.ts') && !file.startsWith('benchmarks/results/'));

/** What a text's examples write: their --out, and what NumPy saves; names in capitals stand for others. */
const writtenIn = (text: string): string[] =>
  [
    ...text.matchAll(
      /(?:hbnn|bench:\w+) [^\n`]*--out ([\w./-]*[a-z][\w./-]*)|\bsave\('([\w.]+\.npy)'/g,
    ),
  ]
    .map(([, out, saved]) => out ?? saved)
    .filter((name) => !name.startsWith('/'))
    // `hbnn lower` says beside a model what it was made from.
    .flatMap((name) => (name.endsWith('.hbnn') ? [name, `${name}.manifest.json`] : [name]));

it('what examples write into the repository is no change for git', () => {
  const written = files.flatMap((file) => writtenIn(readFileSync(join(root, file), 'utf8')));
  expect(written).toContain('binarized');
  expect(written).toContain('w.npy');
  // Folders are matched as such; whether there is one does not matter.
  const paths = [...new Set(written)].map((name) => (/\.\w+$/.test(name) ? name : `${name}/x`));
  const { stdout } = spawnSync('git', ['check-ignore', '--no-index', ...paths], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(paths.filter((path) => !stdout.split('\n').includes(path))).toEqual([]);
});

it('the first command of the README has results alone on stdout', () => {
  const [, first] = /```sh\n(npx .* bench:reproduce)\n```/.exec(
    readFileSync(join(root, 'README.md'), 'utf8'),
  ) as RegExpExecArray;
  // -s leaves out the script's own line; useStderr sends an install's lines elsewhere.
  expect(first).toMatch(/^npx -y pnpm@[\d.]+ -s bench:reproduce$/);
  const settings = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  expect(settings).toMatch(/^useStderr: true$/m);
});
