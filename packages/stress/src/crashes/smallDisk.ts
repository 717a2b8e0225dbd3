import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A disk in memory; undefined where mounting is not permitted. */
export interface SmallDisk {
  readonly folder: string;
  /** The number of bytes that stay free. */
  fill(freeBytes: number): void;
  makeReadOnly(): void;
  remove(): void;
}

const ran = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const diskBytes = 2 ** 20;

/** Mount a disk of 1 MiB at a folder. */
export function smallDisk(folder: string): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true });
  if (!ran('mount', '-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', folder)) return undefined;
  return {
    folder,
    fill(freeBytes) {
      const { bavail, bsize } = statfsSync(folder);
      const bytes = Math.max(0, bavail * bsize - freeBytes);
      writeFileSync(join(folder, 'filler'), new Uint8Array(bytes));
    },
    makeReadOnly() {
      ran('mount', '-o', 'remount,ro', folder);
    },
    remove() {
      // A process that has just ended may hold it for a moment.
      for (let tries = 0; tries < 50 && !ran('umount', folder); tries++)
        spawnSync('sleep', ['0.1']);
      rmdirSync(folder);
    },
  };
}

/** Temporary files that lie below a folder. */
export const temporaryBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.tmp$|(^|\/)\.(hbnn|unpack)-/.test(name),
  );
