import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readmeExample, runExample } from '../../../scripts/readmeExample.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The last lines of the README's commands, as JSON. */
interface Results {
  readonly binarized: { averageBits: number; bits: Record<string, number>; distance: number };
  readonly trained: { top1: number };
  readonly tested: { top1: number; images: number };
}

it("the README's commands run one after another", () => {
  const example = readmeExample(here('../README.md'));
  // The source stands in for the installed command.
  const prelude = `npx() { shift; node '${here('../src/main.ts')}' "$@"; }`;
  const env = { NODE_OPTIONS: '--conditions=hbnn-source --import tsx' };
  const ran = runExample(example, { place: here('.'), prelude, env });
  expect(ran.code, ran.err).toBe(0);
  expect(ran.lines).toHaveLength(4);
  const [, binarized, trained, tested] = ran.lines.map((line) => JSON.parse(line) as unknown);
  const results = { binarized, trained, tested } as Results;
  expect(results.binarized.averageBits).toBeCloseTo(1.4, 4);
  expect(results.binarized.bits).toEqual({ 1: 12902, 2: 3687, 3: 1843 });
  expect(results.binarized.distance).toBeCloseTo(0.329, 2);
  expect(results.tested.images).toBe(500);
  expect(results.tested.top1).toBe(results.trained.top1);
});
