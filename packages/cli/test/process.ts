import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const flags = ['--conditions=hbnn-source', '--import', 'tsx', main];

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Run hbnn to its end, as a person would. */
export function hbnn(...args: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...args], {
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

/** Run hbnn with its standard output going to a file or device. */
export function hbnnTo(path: string, ...args: string[]): Ended {
  const out = openSync(path, 'w');
  try {
    const { status, stderr } = spawnSync(process.execPath, [...flags, ...args], {
      ...{ encoding: 'utf8', stdio: ['ignore', out, 'pipe'] },
    });
    return { code: status, out: '', err: stderr };
  } finally {
    closeSync(out);
  }
}

/** Start hbnn and leave it running. */
export function startHbnn(...args: string[]): ChildProcess {
  return spawn(process.execPath, [...flags, ...args], { stdio: 'ignore' });
}

export const temporary = (): string => mkdtempSync(join(tmpdir(), 'hbnn-cli-'));
