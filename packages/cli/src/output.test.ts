import { afterEach, expect, it, vi } from 'vitest';
import { commandName, nameParts, printable, tableText } from './output.ts';

afterEach(() => vi.unstubAllEnvs());

it.each([
  [undefined, 'pnpm/10', '/home/x', 'hbnn'],
  ['hbnn', 'pnpm/10', '/src/hbnn', 'pnpm -s hbnn'],
  ['hbnn', 'pnpm/10', '/src/hbnn/docs', 'pnpm -s hbnn'],
  ['hbnn', 'pnpm/10', '/src/hbnn-runs', 'pnpm -s -C /src/hbnn hbnn'],
  ['hbnn', 'npm/10', '/home/x', 'npm run -s --prefix /src/hbnn hbnn --'],
  ['hbnn', 'npm/10', '/src/hbnn', 'npm run -s hbnn --'],
])('script %s of %s, typed in %s, is called %s', (script, agent, typedIn, expected) => {
  vi.stubEnv('npm_lifecycle_event', script);
  vi.stubEnv('npm_config_user_agent', agent);
  vi.stubEnv('npm_execpath', '/usr/lib/node_modules/pnpm/bin/pnpm.cjs');
  vi.stubEnv('npm_package_json', '/src/hbnn/package.json');
  vi.stubEnv('INIT_CWD', typedIn);
  expect(commandName()).toBe(expected);
});

it('pnpm that npx fetched is called by npx', () => {
  vi.stubEnv('npm_lifecycle_event', 'hbnn');
  vi.stubEnv('npm_config_user_agent', 'pnpm/10.34.9 npm/? node/v20.20.2 linux x64');
  vi.stubEnv('npm_execpath', '/home/x/.npm/_npx/c80d/node_modules/pnpm/bin/pnpm.cjs');
  vi.stubEnv('npm_package_json', '/src/hbnn/package.json');
  vi.stubEnv('INIT_CWD', '/src/hbnn');
  expect(commandName()).toBe('npx -y pnpm@10.34.9 -s hbnn');
});

it.each([
  ['energyPerFrameJ', 'energy per frame', 'J'],
  ['areaUm2', 'area', 'µm²'],
  ['peakMiB', 'peak', 'MiB'],
  ['framesPerSecond', 'frames per second', undefined],
  ['latencyCycles', 'latency cycles', undefined],
  ['luts', 'luts', undefined],
  ['conv2_reluOut', 'conv2_reluOut', undefined],
  ['Dense1', 'Dense1', undefined],
  ['rtl/hbnnTop.v', 'rtl/hbnnTop.v', undefined],
])('the field %s is read as %s in %s', (name, words, unit) => {
  expect(nameParts(name)).toEqual({ words, ...(unit !== undefined && { unit }) });
});

it('tables head their columns with words', () => {
  expect(tableText([{ layer: 'myLayer', blockRams: 2, powerW: 0.5 }])).toBe(
    '  layer    block rams  power (W)\n  myLayer           2        0.5\n',
  );
});

it('writes control characters and bytes that are no text in letters', () => {
  expect(printable('a\u001b[31mb\u0007\tc\u202ed\ufffd µ…\n')).toBe(
    'a\\x1b[31mb\\x07\\x09c\\u202ed\\ufffd µ…\n',
  );
});
