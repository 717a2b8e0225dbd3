import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { kernelTable, modelKernelTable } from '../src/index.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${folder}README.md`, 'utf8');

const runIt = (code: string): string[] => {
  const node = ['--conditions=hbnn-source', '--import', 'tsx', '--input-type=module', '-e', code];
  const found = spawnSync(process.execPath, node, { cwd: folder, encoding: 'utf8' });
  return [found.stderr, ...found.stdout.trim().split('\n')];
};
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, code]) => code,
  );

test('its examples print what they say', { timeout: 60_000 }, () => {
  const examples = [...blocks('ts'), ...blocks('js')].filter((code) => !code.includes('document.'));
  expect(examples).toHaveLength(3);
  for (const code of examples) {
    const wanted = [...code.matchAll(/console\.log\(.*\);\s\/\/ (.*)/g)].map(([, said]) => said);
    const all = `${code}\nconsole.log('the end');`;
    expect(runIt(all)).toEqual(['', ...wanted, 'the end']);
  }
});

/** The cells of the table that follows a heading row. */
function tableAfter(heading: string): string[][] {
  const lines = readme.split('\n').map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|').replaceAll('≤', '<=')),
  );
  const first = lines.findIndex((cells) => cells.join(' | ') === heading) + 2;
  expect(first, heading).toBeGreaterThan(1);
  const end = lines.findIndex((cells, i) => i >= first && cells.length === 0);
  return lines.slice(first, end);
}

test("the README's tables are the rows of the kernels' tables", () => {
  expect(tableAfter('training kernel | replaces in TensorFlow.js | operation')).toEqual(
    kernelTable.map((row) => [
      `\`${row.name}\``,
      'replaces' in row ? `\`${row.replaces.kernel}\`` : '–',
      row.operation,
    ]),
  );
  expect(tableAfter('inference kernel | operation')).toEqual(
    modelKernelTable.map(({ name, operation }) => [`\`${name}\``, operation]),
  );
});
