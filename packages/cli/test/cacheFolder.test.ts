import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const folder = temporary();
const before = process.env.HBNN_CACHE;
afterAll(() => {
  if (before === undefined) delete process.env.HBNN_CACHE;
  else process.env.HBNN_CACHE = before;
  rmSync(folder, { recursive: true, force: true });
});

it('says what to do where the cache of synthesis cannot be made', () => {
  const [model, rtl, file] = ['net.hbnn', 'rtl', 'file'].map((name) => join(folder, name));
  writeFileSync(file, '');
  process.env.HBNN_CACHE = join(file, 'cache');
  expect(hbnn('random', '--layer', 'dense:4x2', '--seed', '1', '--out', model).code).toBe(0);
  expect(hbnn('verilog', '--model', model, '--out', rtl).code).toBe(0);
  const { code, err } = hbnn('synth', '--rtl', rtl, '-q');
  expect(err).toMatch(/cache: could not be made .*set HBNN_CACHE to a folder that can be written/);
  expect(code).toBe(2);
  expect(hbnn('synth', '--rtl', rtl, '-q', '--no-cache').code).toBe(0);
});
