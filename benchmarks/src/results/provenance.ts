import { execFileSync } from 'node:child_process';
import { cpus, platform, release, totalmem } from 'node:os';

/** What a number needs beside it to be believed: code, machine, command. */
export interface Provenance {
  readonly commit: string;
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly backend: string;
  readonly command: string;
}

function git(...args: string[]): string | undefined {
  try {
    const cwd = new URL('.', import.meta.url);
    return execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
}

/** The commit, and whether the sources beside results and docs differ from it. */
function commit(): string {
  const head = git('rev-parse', 'HEAD')?.trim();
  if (head === undefined) return 'unknown (not a git checkout)';
  const changed = git(
    'status',
    '--porcelain',
    '--',
    ':/packages',
    ':/benchmarks/src',
    ':/datasets',
  );
  return changed?.trim() ? `${head} with local changes` : head;
}

export function provenance(backend: string, command: string): Provenance {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return {
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} threads, ${memory} GiB, ${platform()} ${release()}`,
    node: process.version,
    backend,
    command,
  };
}
