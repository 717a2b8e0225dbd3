// `pnpm test`: lint, types and every package's tests through turbo, then the true counts on a line of
// their own. Exits with 1 when anything failed or a package reported no tests.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

const folders = ['packages', '.'].flatMap((parent) =>
  readdirSync(join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => join(root, parent, entry.name))
    .filter((folder) => existsSync(join(folder, 'vitest.config.ts'))),
);
const report = (folder: string): string => join(folder, '.vitest', 'report.json');
for (const folder of folders) rmSync(report(folder), { force: true });

// A locally installed turbo and biome. Tests that wait for signals and processes leave a core to a third package.
const run = (command: string, ...args: string[]): boolean =>
  spawnSync(join(root, 'node_modules', '.bin', command), args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  }).status === 0;

const style = run('biome', 'check', '.');
if (!style) console.error('FAILED: biome check; mend it with `pnpm format`');
const exported = run('knip', '--include', 'exports,types', '--no-progress', '--no-config-hints');
if (!exported) console.error('FAILED: something is exported that nothing imports');
const tasks = run('turbo', 'run', '//#typecheck', 'test', '--continue', '--concurrency=3');

let passed = 0;
let failed = 0;
let skipped = 0;
for (const folder of folders) {
  if (!existsSync(report(folder))) {
    console.error(`${folder}: its tests gave no report`);
    failed++;
    continue;
  }
  const counts = JSON.parse(readFileSync(report(folder), 'utf8')) as VitestReport;
  passed += counts.numPassedTests;
  failed += counts.numFailedTests;
  skipped += counts.numPendingTests + counts.numTodoTests;
  // A file that fails to load fails no test of its own, but fails.
  if (counts.numFailedTests === 0) failed += counts.numFailedTestSuites;
}
if (!style) console.error('biome check failed: see above, mend with `pnpm format`');
if (!exported) console.error('something is exported that nothing imports: see above');
if (!tasks) console.error('a type check or a test failed: see above');
// Each of these checks counts as one, and so does a type check that failed beside tests that passed.
failed += Number(!style) + Number(!exported) + Number(!tasks && failed === 0);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = style && exported && tasks && failed === 0 ? 0 : 1;
