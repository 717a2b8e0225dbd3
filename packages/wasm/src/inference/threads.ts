import { HbnnError } from '@hbnn/core';
import { source } from '../../build/thread.mjs';
import { builtin, inNode } from '../runtime.ts';
import type { WasmMemory, WasmModule } from '../webAssembly.ts';
import type { Program } from './programs.ts';

/** What a thread starts with. */
export interface ThreadStart {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
}

/** Words of a meeting before those of its phases, and of each phase: a line of the cache. worker/thread.mjs has the same. */
const lineWords = 16;
/** Runs are told apart by their numbers modulo this. */
const maxRuns = 2 ** 19;

/** What threads share that compute the same images: which run it is, and how far its phases are. */
export class Meeting {
  readonly words: Int32Array;

  constructor(phases: number) {
    this.words = new Int32Array(
      new SharedArrayBuffer((phases + 1) * lineWords * Int32Array.BYTES_PER_ELEMENT),
    );
  }

  /** The number of a new run: threads do no more of the one before. */
  begin(): number {
    const run = (this.words[0] % (maxRuns - 1)) + 1;
    Atomics.store(this.words, 0, run);
    return run;
  }
}

/** A run of a meeting, which a thread takes part in. */
export interface MeetingRun {
  readonly meeting: Meeting;
  readonly run: number;
}

/** A worker's script at an address of the page's own. */
export type WorkerAddress = string | URL;

/** A thread that repeats kernel calls. */
export interface Thread {
  /**
   * Run a program once, with the other threads of a meeting or alone. Of those that meet, the one that finishes answers.
   *
   * @param program its name
   * @param phases what it does, which is asked for the first time
   */
  run(program: string, phases: () => Program, together?: MeetingRun): Promise<void>;
  /** Do not wait for its answer any longer. */
  rest(): void;
  stop(): Promise<void>;
}

/** What threads have in common in Node.js and in browsers. */
interface Port {
  post(message: unknown): void;
  /** Called with '' when a message has been dealt with, else with what went wrong. */
  answer: (error: string) => void;
  rest(): void;
  stop(): Promise<void>;
}

interface BrowserWorker {
  postMessage(message: unknown): void;
  terminate(): void;
  onmessage: ((event: { readonly data: string }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
}

/** Whether threads can share a memory here: browsers ask for a page that is isolated from other origins. */
export const canShare = (): boolean =>
  typeof SharedArrayBuffer === 'function' &&
  (inNode || (Reflect.get(globalThis as object, 'crossOriginIsolated') as unknown) === true);

/** How many threads this machine runs at once. */
export function threadCount(): number {
  const browser: { readonly hardwareConcurrency?: number } | undefined = Reflect.get(
    globalThis,
    'navigator',
  );
  return inNode ? builtin('node:os').availableParallelism() : (browser?.hardwareConcurrency ?? 1);
}

/**
 * Start a thread.
 *
 * @param worker its script; by default the package's own text
 * @throws HbnnError when it cannot run
 */
export async function startThread(start: ThreadStart, worker?: WorkerAddress): Promise<Thread> {
  const port = inNode ? nodePort(worker) : browserPort(worker);
  const ask = (message: unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      port.answer = (error) =>
        error === '' ? resolve() : reject(new HbnnError(`loadThreads: a thread failed: ${error}`));
      port.post(message);
    });
  try {
    await ask(start);
  } catch (error) {
    await port.stop();
    throw error;
  }
  const known = new Set<string>();
  const run = (program: string, phases: () => Program, together?: MeetingRun): Promise<void> => {
    const words = together?.meeting.words;
    const first = !known.has(program);
    known.add(program);
    return ask({ program, run: together?.run, ...(first && { phases: phases(), words }) });
  };
  return { run, rest: () => port.rest(), stop: () => port.stop() };
}

function nodePort(address: WorkerAddress | undefined): Port {
  const { Worker } = builtin('node:worker_threads');
  const worker = new Worker(address === undefined ? source : new URL(address), {
    eval: address === undefined,
    execArgv: [],
  });
  // A thread that waits for work keeps no process alive.
  worker.unref();
  const port: Port = {
    // A thread that works does keep it alive.
    post: (message) => {
      worker.ref();
      worker.postMessage(message);
    },
    answer: () => undefined,
    rest: () => worker.unref(),
    stop: async () => void (await worker.terminate()),
  };
  worker.on('message', (error: string) => {
    worker.unref();
    port.answer(error);
  });
  worker.on('error', (error) => port.answer(String(error)));
  worker.on('exit', (code) => port.answer(`it ended with code ${code}`));
  return port;
}

const workerWayOut = (address: WorkerAddress | undefined): string =>
  address !== undefined
    ? `check that \`worker\` is the address of worker/thread.mjs of @hbnn/wasm, got ${String(address)}`
    : "let the page's policy allow `worker-src blob:`, or serve worker/thread.mjs of @hbnn/wasm and pass its address as `worker`";

function browserPort(address: WorkerAddress | undefined): Port {
  const Worker: new (url: WorkerAddress) => BrowserWorker = Reflect.get(
    globalThis as object,
    'Worker',
  );
  const blob = new Blob([source], { type: 'text/javascript' });
  const own = address === undefined ? URL.createObjectURL(blob) : undefined;
  const worker = startWorker(() => new Worker(address ?? own ?? ''), address);
  const started = (): void => {
    if (own !== undefined) URL.revokeObjectURL(own);
  };
  const port: Port = {
    post: (message) => worker.postMessage(message),
    answer: () => undefined,
    rest: () => undefined,
    stop: async () => worker.terminate(),
  };
  worker.onmessage = ({ data }) => {
    started();
    port.answer(data);
  };
  worker.onerror = ({ message }) => {
    started();
    port.answer(message ?? `it could not be started; ${workerWayOut(address)}`);
  };
  return port;
}

/** Some browsers throw where a page's policy forbids a worker; others tell its `onerror`. */
function startWorker(start: () => BrowserWorker, address?: WorkerAddress): BrowserWorker {
  try {
    return start();
  } catch (error) {
    throw new HbnnError(
      `loadThreads: a thread could not be started (${error}); ${workerWayOut(address)}`,
    );
  }
}
