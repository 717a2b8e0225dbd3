import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readmeExample, runExample } from '../../scripts/readmeExample.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

it("the README's example prints what it says", () => {
  const example = readmeExample(here('../README.md'), 'ts');
  const flags = ['--conditions=hbnn-source', '--import', 'tsx'];
  const ran = runExample(example, { place: here('.'), flags });
  expect(ran.code, ran.err).toBe(0);
  expect(ran.lines).toEqual(example.promised);
});
