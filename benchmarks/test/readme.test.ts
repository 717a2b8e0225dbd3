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

it('the page of limits counts the claims of the quick report as its results do', () => {
  const { stages } = JSON.parse(readFileSync(here('../results/quick/results.json'), 'utf8')) as {
    stages: { claims: { verdict: string }[] }[];
  };
  const verdicts = stages.flatMap(({ claims }) => claims.map(({ verdict }) => verdict));
  const count = (verdict: string): number => verdicts.filter((v) => v === verdict).length;
  const limits = readFileSync(here('../../docs/guide/limits.md'), 'utf8').replace(/\s+/g, ' ');
  expect(limits).toContain(
    `| tested | ${verdicts.length} | | hold | ${count('holds')} | | do not hold | ${count('does not hold')} | | undecided | ${count('undecided')} |`,
  );
});

it("the project README's example prints a distance", () => {
  const ran = runExample(readmeExample(here('../../README.md'), 'ts'), { place: here('.'), flags });
  expect(ran.code, ran.err).toBe(0);
  const distance = Number(ran.lines[0]);
  expect(distance).toBeGreaterThan(0);
  expect(distance).toBeLessThan(1);
});

it('the README of wasm has the committed times of loading', () => {
  const stored = JSON.parse(readFileSync(here('../results/speed/loading.json'), 'utf8')) as {
    rows: { network: string; engine: string; startMs: number; loadMs: number }[];
  };
  const text = readFileSync(here('../../packages/wasm/README.md'), 'utf8');
  const titles = { alexnet: 'AlexNet', mobilenet: 'MobileNet', vgg8: 'VGG-8' };
  const timesOf = (network: string, engine: string) => {
    const row = stored.rows.find((each) => each.network === network && each.engine === engine);
    if (row === undefined) throw new Error(`no time of ${network} in ${engine}`);
    return row;
  };
  for (const [network, title] of Object.entries(titles)) {
    const int8 = timesOf(network, 'litert int8');
    const own = timesOf(network, 'hbnn');
    const cells = [int8.startMs, int8.loadMs, own.loadMs].map((ms) => `${ms.toFixed(0)} ms`);
    const row = new RegExp(`^\\| ${[title, ...cells].join(' +\\| +')} +\\|$`, 'm');
    expect(text).toMatch(row);
  }
});
