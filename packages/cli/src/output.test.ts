import { afterEach, expect, it, vi } from 'vitest';
import { commandName } from './output.ts';

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
  vi.stubEnv('npm_package_json', '/src/hbnn/package.json');
  vi.stubEnv('INIT_CWD', typedIn);
  expect(commandName()).toBe(expected);
});
