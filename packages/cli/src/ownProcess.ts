import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { Interruption, isStopSignal, untilInterrupted } from './interruption.ts';

/** Set in the process that does the work. */
const workMark = 'HBNN_WORK_PROCESS';

/**
 * Do a command's work in a process of its own, which runs the command line again on the same terminal, so that a signal
 * is heard at once, however busy the work is. Rejects with an Interruption when either is told to stop; the work has
 * ended by then.
 *
 * @param work what is done in that process
 */
export async function inOwnProcess(work: () => Promise<void>): Promise<void> {
  if (process.env[workMark] !== undefined) {
    // Nobody waits for the work any more.
    const end = (): never => process.exit();
    process.once('disconnect', end);
    process.channel?.unref();
    return work().finally(() => process.off('disconnect', end));
  }
  const child = spawn(process.execPath, [...ownFlags(), ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [workMark]: '1' },
  });
  const gone = new Promise((resolve) => child.once('close', resolve));
  try {
    await untilInterrupted(() => ended(child));
  } catch (error) {
    child.kill('SIGKILL');
    await gone;
    // A bar may stand on the terminal's line.
    if (error instanceof Interruption && process.stderr.isTTY) process.stderr.write('\n');
    throw error;
  }
}

/** Node's own flags, with a loader found from here: the command may have been started from another folder. */
function ownFlags(): string[] {
  return process.execArgv.map((flag, i, all) =>
    all[i - 1] === '--import' && /^[a-z@]/.test(flag) && !flag.includes(':')
      ? pathToFileURL(createRequire(import.meta.url).resolve(flag)).href
      : flag,
  );
}

/** Wait for the end of the work; its exit code is this process's. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.exitCode = code ?? undefined;
      if (signal === null) resolve();
      else if (isStopSignal(signal)) reject(new Interruption(signal));
      else
        reject(
          new HbnnError(
            `the process that does the work: expected to end by itself, got ${signal}; free memory, and try again`,
          ),
        );
    });
  });
}
