// `pnpm test`: lint, types and every package's tests through turbo, then the true counts on a line of
// their own. Exits with 1 when anything failed or a package reported no tests; a run that is stopped counts nothing.
import { type ChildProcess, spawn } from 'node:child_process';
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

let stoppedBy: 'SIGINT' | 'SIGTERM' | undefined;
const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    stoppedBy = signal;
    for (const child of running) child.kill();
  });

// The locally installed tools; true when the command ended well.
const run = (command: string, ...args: string[]): Promise<boolean> =>
  new Promise((settle) => {
    const child = spawn(join(root, 'node_modules', '.bin', command), args, {
      cwd: root,
      stdio: 'inherit',
      shell: process.platform === 'win32',
    });
    running.add(child);
    child.on('error', () => settle(false));
    child.on('close', (code) => {
      running.delete(child);
      settle(code === 0);
    });
  });
const turbo = (count: number, ...args: string[]): Promise<boolean> =>
  run('turbo', 'run', ...args, '--continue', `--concurrency=${count}`);

// The kernels are those that the installation compiled, unless they changed since. The packages whose tests take longest
// start first and beside the others, so that no core waits for them at the end. Many of their tests wait for processes,
// which leaves time for two more packages on two cores.
const long = ['@hbnn/cli', '@hbnn/verilog'];
const tests = async (): Promise<boolean> => {
  if (!(await turbo(1, 'build:wasm')) || stoppedBy !== undefined) return false;
  const ended = await Promise.all([
    turbo(2, 'test', ...long.map((name) => `--filter=${name}`)),
    turbo(2, '//#typecheck', 'test', ...long.map((name) => `--filter=!${name}`)),
  ]);
  return ended.every(Boolean);
};

const [style, exported, tasks] = await Promise.all([
  run('biome', 'check', '.'),
  run('knip', '--include', 'exports,types', '--no-progress', '--no-config-hints'),
  tests(),
]);

if (stoppedBy !== undefined) {
  console.error(`stopped by ${stoppedBy}: nothing was counted; run the tests again`);
  process.exit(stoppedBy === 'SIGINT' ? 130 : 143);
}

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
