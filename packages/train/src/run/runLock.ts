import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
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
/** A holder touches its lock so often, so that other machines see that it is there. */
const signOfLifeMs = 2000;

/** A run folder that this process has taken. */
export interface RunLock {
  /** Give the folder back. */
  readonly release: () => void;
  /** Call before writing into the folder. @throws FolderLost where another process has taken it over */
  readonly check: () => void;
}

/** Another process has taken over the folder that this one trained into. */
export class FolderLost extends HbnnError {
  override name = 'FolderLost';
}

export interface LockOptions {
  /** How long to wait for the folder to become free, in seconds. */
  readonly waitSeconds?: number;
  /**
   * Take over the folder of a process on another machine whose lock has not been touched for so long, in seconds; never
   * where it is left out. No clock but this machine's is looked at.
   */
  readonly takeOverSeconds?: number;
  /** Called once with who has the folder, when the wait begins. */
  readonly onWait?: (holder: string) => void;
  /** Gives up the wait. */
  readonly signal?: AbortSignal;
}

/** Folders this process trains into: on systems that do not date processes, the only way to know. */
const held = new Set<string>();

const lockFile = (dir: string): string => join(dir, 'run.lock');

/**
 * Take a run folder for this process, so that no other trains into it. A lock whose process is dead is
 * taken over; one of another machine cannot be judged but by its signs of life, and stays unless told otherwise.
 *
 * @throws HbnnError naming the process that has the folder
 */
export async function lockRunFolder(dir: string, o: LockOptions = {}): Promise<RunLock> {
  const key = resolve(dir);
  const file = lockFile(dir);
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    process: processMark(process.pid),
  };
  const text = `${JSON.stringify(mine)}\n`;
  const { waitSeconds = 0, takeOverSeconds = Number.POSITIVE_INFINITY } = o;
  const start = performance.now();
  const silence = silenceOf(file);
  let waits = false;
  while (!create(file, text)) {
    const found = contentOf(file);
    if (found === undefined) continue;
    // A lock appears before its content does: one that says nothing gets a second.
    const seconds = holderOf(found) === undefined ? Math.max(1, waitSeconds) : waitSeconds;
    const isSilent = !isHere(found) && silence(found) >= 1000 * takeOverSeconds;
    if (isFree(found, key) || isSilent) takeAway(file, found);
    else if (performance.now() - start >= 1000 * seconds) throw inUse(dir, found);
    else {
      const holder = holderOf(found);
      if (!waits && holder !== undefined) o.onWait?.(nameOf(holder));
      waits ||= holder !== undefined;
      await setTimeout(lookAgainMs);
      o.signal?.throwIfAborted();
    }
  }
  held.add(key);
  return heldLock(dir, key, text);
}

function heldLock(dir: string, key: string, text: string): RunLock {
  const file = lockFile(dir);
  const isMine = (): boolean => contentOf(file) === text;
  const timer = setInterval(() => {
    const now = new Date();
    try {
      if (isMine()) utimesSync(file, now, now);
    } catch {
      // The next write into the folder says what is wrong with it.
    }
  }, signOfLifeMs);
  timer.unref();
  return {
    release() {
      clearInterval(timer);
      held.delete(key);
      try {
        if (isMine()) rmSync(file, { force: true });
      } catch {
        // The disk turned read-only: the write that failed says so, and the lock of an ended process holds nobody up.
      }
    },
    check() {
      const found = contentOf(file);
      if (found === text) return;
      throw new FolderLost(
        found === undefined
          ? `${dir}: expected ${file}, which this process made, got none; leave it there while a training runs, and resume`
          : `${dir}: was taken over by ${nameOf(holderOf(found) ?? { pid: 0, host: 'an unknown machine' })}, which goes on with the training; leave it to that one`,
      );
    },
  };
}

/** Measure how long a lock has had the same content and time of change, since it was first looked at. */
function silenceOf(file: string): (content: string) => number {
  let seen = '';
  let since = performance.now();
  return (content) => {
    const time = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    const now = `${time} ${content}`;
    if (now !== seen) since = performance.now();
    seen = now;
    return performance.now() - since;
  };
}

/** Whether a lock's process runs on this machine, or ran there; one that does not say is not judged. */
function isHere(text: string): boolean {
  const holder = holderOf(text);
  return holder === undefined || holder.host === hostname();
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

const nameOf = ({ pid, host }: Pick<Holder, 'pid' | 'host'>): string => `process ${pid} on ${host}`;

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
