import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readmeExample, runExample } from '../../../scripts/readmeExample.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));

test("the README's example prints what it says", () => {
  const example = readmeExample(`${folder}README.md`);
  const flags = ['--conditions=hbnn-source', '--import', 'tsx'];
  const ran = runExample(example, { place: folder, flags });
  expect(ran.err).toBe('');
  expect(ran.lines).toEqual(example.promised);
});
