import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it("the README's example runs and prints what it says", () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  // Inside the package, so that '@hbnn/core' is found as its users find it.
  const folder = mkdtempSync(join(fileURLToPath(new URL('.', import.meta.url)), '.readme-'));
  try {
    const file = join(folder, 'example.ts');
    writeFileSync(file, code);
    const flags = ['--conditions=hbnn-source', '--import', 'tsx', file];
    const printed = execFileSync(process.execPath, flags, { encoding: 'utf8' }).trim().split('\n');
    const promised = [...code.matchAll(/\);(?: |\n *)\/\/ (.*)$/gm)].map((match) => match[1]);
    expect(printed.slice(0, 2)).toEqual(promised.slice(0, 2));
    expect(Number(printed[2])).toBeCloseTo(1.4, 4);
    expect(printed[3]).toBe(promised[3]);
    expect(promised.length).toBe(printed.length);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
