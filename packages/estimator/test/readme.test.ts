import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${folder}README.md`, 'utf8');

test("the README's example prints what it says", () => {
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const promised = [...code.matchAll(/\);(?: |\n *)\/\/ (.*)$/gm)].map((match) => match[1]);
  const node = ['--conditions=hbnn-source', '--import', 'tsx', '--input-type=module', '-e', code];
  const found = spawnSync(process.execPath, node, { cwd: folder, encoding: 'utf8' });
  expect([found.stderr, found.stdout.trim().split('\n')]).toEqual(['', promised]);
});
