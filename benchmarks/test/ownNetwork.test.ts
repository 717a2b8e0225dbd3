import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { promisedLines, runExample } from '../../scripts/readmeExample.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

it('the guide to a network of one’s own runs from training to Verilog and prints what it says', () => {
  const code = readFileSync(here('../examples/ownNetwork.ts'), 'utf8');
  const promised = promisedLines(code);
  const flags = ['--conditions=hbnn-source', '--import', 'tsx'];
  const ran = runExample({ language: 'ts', code, promised }, { place: here('.'), flags });
  expect(ran.code, ran.err).toBe(0);
  expect(ran.lines).toEqual(promised);
  expect(ran.lines.length).toBeGreaterThan(5);
});

it('the guide to a network of one’s own shows each part of the program, in order', () => {
  const code = readFileSync(here('../examples/ownNetwork.ts'), 'utf8');
  const page = readFileSync(here('../../docs/guide/own-network.md'), 'utf8');
  const regions = [...code.matchAll(/^\/\/ #region (\w+)$/gm)].map(([, name]) => name);
  const shown = [...page.matchAll(/^<<< .*ownNetwork\.ts#(\w+)/gm)].map(([, name]) => name);
  expect(shown).toEqual(regions);
});
