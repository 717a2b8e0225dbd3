import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { HbnnError } from '@hbnn/core';

/** Who trains into a run folder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When it took the folder, ISO 8601. */
  readonly since: string;
  /** What tells the process from a later one of the same number, where the system says it. */
  readonly process?: string;
}

const lookAgainMs = 100;

/** Folders this process trains into: on systems that do not date processes, the only way to know. */
const held = new Set<string>();

const lockFile = (dir: string): string => join(dir, 'run.lock');

/**
 * Take a run folder for this process, so that no other trains into it. A lock whose process is dead is
 * taken over; one of another machine cannot be judged and stays.
 *
 * @param waitSeconds how long to wait for the folder to become free
 * @param onWait called once with who has the folder, when the wait begins
 * @returns what gives the folder back
 * @throws HbnnError naming the process that has the folder
 */
export async function lockRunFolder(
  dir: string,
  waitSeconds = 0,
  onWait?: (holder: string) => void,
): Promise<() => void> {
  const key = resolve(dir);
  const file = lockFile(dir);
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    process: processMark(process.pid),
  };
  const text = `${JSON.stringify(mine)}\n`;
  const start = performance.now();
  let waits = false;
  while (!create(file, text)) {
    const found = contentOf(file);
    if (found === undefined) continue;
    // A lock appears before its content does: one that says nothing gets a second.
    const seconds = holderOf(found) === undefined ? Math.max(1, waitSeconds) : waitSeconds;
    if (isFree(found, key)) takeAway(file, found);
    else if (performance.now() - start >= 1000 * seconds) throw inUse(dir, found);
    else {
      const holder = holderOf(found);
      if (!waits && holder !== undefined) onWait?.(nameOf(holder));
      waits ||= holder !== undefined;
      await setTimeout(lookAgainMs);
    }
  }
  held.add(key);
  return () => {
    held.delete(key);
    if (contentOf(file) === text) rmSync(file, { force: true });
  };
}

/** Refuse a folder that another process trains into. */
export function refuseLocked(dir: string): void {
  const found = contentOf(lockFile(dir));
  if (found !== undefined && !isFree(found, resolve(dir))) throw inUse(dir, found);
}

function create(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new HbnnError(`${file}: could not be written (${(error as Error).message})`);
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HbnnError(`${file}: could not be read (${(error as Error).message})`);
  }
}

/** Move a dead process's lock away; another's that came in between goes back to its place. */
function takeAway(file: string, seen: string): void {
  const aside = `${file}.${process.pid}.tmp`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const moved = contentOf(aside);
  if (moved !== undefined && moved !== seen) create(file, moved);
  rmSync(aside, { force: true });
}

function holderOf(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<Holder>;
    return Number.isInteger(holder.pid) && typeof holder.host === 'string'
      ? (holder as Holder)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process that wrote a lock is known to be gone. */
function isFree(text: string, key: string): boolean {
  const holder = holderOf(text);
  if (holder === undefined || holder.host !== hostname()) return false;
  if (holder.pid === process.pid && !held.has(key)) return true;
  const now = processMark(holder.pid);
  if (now !== undefined && holder.process !== undefined) return now !== holder.process;
  return !alive(holder.pid);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return processMark(pid) !== 'ended';
  } catch (error) {
    // A process of another user may not be signalled, but it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Boot and start time of a process, on Linux; 'ended' for one that its parent has not yet buried. */
function processMark(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // After the name in parentheses, which may hold anything: the state, and 19 fields on the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

const nameOf = ({ pid, host }: Holder): string => `process ${pid} on ${host}`;

function inUse(dir: string, text: string): HbnnError {
  const file = lockFile(dir);
  const holder = holderOf(text);
  if (holder === undefined) {
    return new HbnnError(
      `${dir}: ${file} does not say who trains there; delete it if no process does`,
    );
  }
  const { host, since } = holder;
  const way =
    host === hostname()
      ? 'wait for it, end it, or choose another folder'
      : `choose another folder, or delete ${file} if that process is gone`;
  return new HbnnError(`${dir}: ${nameOf(holder)} trains into it since ${since}; ${way}`);
}
