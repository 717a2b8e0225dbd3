import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readmeExample, runExample } from '../../../scripts/readmeExample.ts';

it("the README's example runs and prints what it says", () => {
  const example = readmeExample(new URL('../README.md', import.meta.url));
  const place = fileURLToPath(new URL('.', import.meta.url));
  const flags = ['--conditions=hbnn-source', '--import', 'tsx'];
  const ran = runExample(example, { place, flags });
  expect(ran.code, ran.err).toBe(0);
  expect(ran.lines).toEqual(example.promised);
  expect(ran.lines.length).toBeGreaterThan(0);
});
