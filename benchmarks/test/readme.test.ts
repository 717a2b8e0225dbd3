import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { withOutcomes } from '../../docs/scripts/outcomes.mjs';
import { readmeExample, runExample } from '../../scripts/readmeExample.ts';

const flags = ['--conditions=hbnn-source', '--import', 'tsx'];
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

it('the project README says what the committed results say', () => {
  const readme = readFileSync(here('../../README.md'), 'utf8');
  expect(readme).toBe(withOutcomes(readme, here('../results')));
});

it("the project README's example prints a distance", () => {
  const ran = runExample(readmeExample(here('../../README.md'), 'ts'), { place: here('.'), flags });
  expect(ran.code, ran.err).toBe(0);
  const distance = Number(ran.lines[0]);
  expect(distance).toBeGreaterThan(0);
  expect(distance).toBeLessThan(1);
});
