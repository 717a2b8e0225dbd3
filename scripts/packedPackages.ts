// What the checks of packed packages have in common: run a program, pack, install as a user would.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** A fault of the packages, of which no stack is printed. */
export class Fault extends Error {}

const begun = performance.now();

/** Say how far a check has come. */
export function say(text: string): void {
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stderr.write(`${seconds.padStart(6)} s  ${text}\n`);
}

export function expect(condition: boolean, fault: string): void {
  if (!condition) throw new Fault(fault);
}

/** Run a program to its end and return what it printed. */
export function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Fault(
    `${command} ${args.join(' ')}: ${error ?? `exit code ${status}`}\n${stdout}${stderr}`,
  );
}

/** Pack packages; returns the tarballs. */
export function pack(sources: readonly string[], folder: string): string[] {
  mkdirSync(folder);
  for (const source of sources) run(source, 'pnpm', 'pack', '--pack-destination', folder);
  const tarballs = readdirSync(folder).map((file) => join(folder, file));
  expect(tarballs.length === sources.length, `packed ${tarballs.length} packages: ${tarballs}`);
  return tarballs;
}

/** Install tarballs, and packages by name and version, in an empty folder. */
export function install(folder: string, packages: readonly string[]): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', ...packages);
}
