import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from 'node:worker_threads';
import { bundled, bundledCommand } from './bundle.ts';

/**
 * What Node is given to run hbnn with arguments. In a short run V8 takes longer to optimize Yosys than Yosys takes, so
 * that only what runs for long is optimized.
 */
export const hbnnArguments = (...args: readonly string[]): string[] => [
  '--wasm-tiering-budget=1000000000',
  bundled,
  ...args,
];

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Run hbnn to its end in a process of its own, as a person does: for what ends a process, or changes it. */
export function hbnnProcess(...args: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, hbnnArguments(...args), {
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

/** What runs command lines in a thread: the thread, its port, and 1 where an answer waits. */
interface CommandThread {
  readonly port: MessagePort;
  readonly answered: Int32Array<SharedArrayBuffer>;
}

function startCommandThread(): CommandThread {
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const script = new URL('./commandThread.mjs', import.meta.url);
  const workerData = { bundle: pathToFileURL(bundledCommand).href, answered, port: port2 };
  new Worker(script, { workerData, transferList: [port2], execArgv: [] }).unref();
  port1.unref();
  return { port: port1, answered };
}

let commandThread: CommandThread | undefined;

/**
 * Run a command line to its end in a thread that runs one after another: starting a process, or two, and loading
 * TensorFlow.js and Yosys for each of some hundreds takes most of the time that their tests would take. The caller waits
 * for it.
 *
 * @throws Error when it does not end within ten minutes
 */
export function hbnn(...args: string[]): Ended {
  commandThread ??= startCommandThread();
  const { port, answered } = commandThread;
  Atomics.store(answered, 0, 0);
  port.postMessage({ args, env: { ...process.env } });
  // The wake-up of the answer before may come late, so that only the number says whether there is one.
  while (Atomics.load(answered, 0) === 0)
    if (Atomics.wait(answered, 0, 0, 600_000) === 'timed-out')
      throw new Error(`hbnn ${args.join(' ')}: expected an end within ten minutes, got none`);
  return receiveMessageOnPort(port)?.message;
}

/** Prints the most memory that a process has had, in MiB, when it ends. */
const printPeak = `data:text/javascript,${encodeURIComponent(
  "process.on('exit', () => console.error('peak ' + Math.round(process.resourceUsage().maxRSS / 1024)));",
)}`;

/** Run hbnn to its end, and say how much memory it had at most. */
export function hbnnMeasured(...args: string[]): Ended & { readonly peakMiB: number } {
  const all = ['--import', printPeak, ...hbnnArguments(...args)];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' });
  const [err, peak] = stderr.split(/^peak /m);
  return { code: status, out: stdout, err, peakMiB: Number(peak) };
}

/** Run hbnn with its standard output going to a file or device. */
export function hbnnTo(path: string, ...args: string[]): Ended {
  const out = openSync(path, 'w');
  try {
    const { status, stderr } = spawnSync(process.execPath, hbnnArguments(...args), {
      encoding: 'utf8',
      stdio: ['ignore', out, 'pipe'],
    });
    return { code: status, out: '', err: stderr };
  } finally {
    closeSync(out);
  }
}

/** Start hbnn and leave it running. */
export function startHbnn(...args: string[]): ChildProcess {
  return spawn(process.execPath, hbnnArguments(...args), { stdio: 'ignore' });
}

export const temporary = (): string => mkdtempSync(join(tmpdir(), 'hbnn-cli-'));
