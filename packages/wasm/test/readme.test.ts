import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { kernelTable, modelKernelTable } from '../src/index.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${folder}README.md`, 'utf8');

test("the README's example prints what it says", () => {
  const code = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const wanted = /console\.log\(.*\); \/\/ (.*)/.exec(code)?.[1];
  const node = ['--conditions=hbnn-source', '--import', 'tsx', '--input-type=module', '-e', code];
  const found = spawnSync(process.execPath, node, { cwd: folder, encoding: 'utf8' });
  expect([found.stderr, found.stdout.trim()]).toEqual(['', wanted]);
});

test('its examples of integer models run', { timeout: 60_000 }, () => {
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
  expect(examples).toHaveLength(2);
  for (const code of examples) {
    const all = `${code}\nconsole.log(scores.length > 0 && loaded !== undefined);`;
    const node = ['--conditions=hbnn-source', '--import', 'tsx', '--input-type=module', '-e', all];
    const found = spawnSync(process.execPath, node, { cwd: folder, encoding: 'utf8' });
    expect([found.stderr, found.stdout.trim()]).toEqual(['', 'true']);
  }
});

/** The cells of the table that follows a heading row. */
function tableAfter(heading: string): string[][] {
  const lines = readme.split('\n').map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
  const first = lines.findIndex((cells) => cells.join(' | ') === heading) + 2;
  expect(first, heading).toBeGreaterThan(1);
  const end = lines.findIndex((cells, i) => i >= first && cells.length === 0);
  return lines.slice(first, end);
}

test("the README's tables are the rows of the kernels' tables", () => {
  expect(tableAfter('training kernel | stands in for | operation')).toEqual(
    kernelTable.map((row) => [
      `\`${row.name}\``,
      'replaces' in row ? `\`${row.replaces.kernel}\`` : '',
      row.operation,
    ]),
  );
  expect(tableAfter('inference kernel | operation')).toEqual(
    modelKernelTable.map(({ name, operation }) => [`\`${name}\``, operation]),
  );
});
