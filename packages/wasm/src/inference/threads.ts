import { HbnnError } from '@hbnn/core';
import { source } from '../../build/thread.mjs';
import { builtin, inNode } from '../runtime.ts';
import type { RawKernels, WasmMemory, WasmModule } from '../webAssembly.ts';
import { type BoundProgram, othersFailed, takePart } from './meeting.ts';
import type { Program } from './programs.ts';

/** What a thread starts with. */
export interface ThreadStart {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  /** Which of how many threads it is. */
  readonly index: number;
  readonly count: number;
  /** Whether the thread that finishes a run in which threads meet answers. */
  readonly answers: boolean;
}

// Words of a thread's desk, as in worker/thread.mjs: the program whose next run it waits for, 0 for none, and how many
// messages it was sent.
const waitsFor = 0;
const sent = 1;

/** A run that a thread takes part in: the program's number, which is not 0, its words and the number of the run. */
interface SharedRun {
  readonly id: number;
  readonly words: Int32Array;
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
  run(program: string, phases: () => Program, together?: SharedRun): Promise<void>;
  /** Do not wait for its answer any longer. */
  rest(): void;
  stop(): Promise<void>;
}

/** What threads have in common in Node.js and in browsers. */
interface Port {
  post(message: unknown): void;
  /** Count on the thread, though nothing is posted: it keeps the process alive. */
  expect(): void;
  /** Why the thread has ended; undefined while it lives, and in a browser. */
  readonly ended?: string;
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
  const desk = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  /** Wake the thread if it waits for the next run of a program; returns which it waited for, 0 for none. */
  const wake = (): number => {
    const waited = Atomics.exchange(desk, waitsFor, 0);
    if (waited !== 0) Atomics.notify(desk, waitsFor);
    return waited;
  };
  const answered = (begin: () => void): Promise<void> =>
    new Promise((resolve, reject) => {
      port.answer = (error) => (error === '' ? resolve() : reject(failure(error)));
      if (port.ended === undefined) begin();
      else port.answer(port.ended);
    });
  const send = (message: unknown): void => {
    Atomics.add(desk, sent, 1);
    port.post(message);
    wake();
  };
  try {
    await answered(() => send({ ...start, desk }));
  } catch (error) {
    await port.stop();
    throw error;
  }
  const known = new Set<string>();
  const run = (name: string, phases: () => Program, together?: SharedRun): Promise<void> =>
    answered(() => {
      if (together !== undefined && wake() === together.id) return port.expect();
      const first = !known.has(name);
      known.add(name);
      send({ name, id: 0, ...(first && { phases: phases() }), ...together });
    });
  return { run, rest: () => port.rest(), stop: () => port.stop() };
}

const failure = (why: string): HbnnError => new HbnnError(`loadThreads: a thread failed: ${why}`);

/** Milliseconds for which a caller that computes waits for a phase's end; a worker may have died. */
const callersPatienceMs = 60_000;
/** Milliseconds for which runs may follow each other without other events of the caller's thread. */
const maxTurnMs = 16;

/** Whether this thread may sleep until a word changes: the main thread of a page may not. */
function maySleep(): boolean {
  try {
    // The word is another one, so that nobody sleeps.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}

/** The thread that calls `run`, which computes too: until it has done its share it does nothing else. */
export function callersThread(raw: RawKernels, index: number, count: number): Thread {
  const member = { index, count, sleeps: maySleep(), patienceMs: callersPatienceMs };
  let lastTurn = performance.now();
  const programs = new Map<string, BoundProgram>();
  const bound = (phases: Program): BoundProgram['phases'] =>
    phases.map((parts) =>
      parts.map((calls) =>
        calls.map(
          ([kernel, ...args]) =>
            () =>
              raw[kernel](...args),
        ),
      ),
    );
  const programOf = (name: string, phases: () => Program, words?: Int32Array): BoundProgram => {
    const known = programs.get(name);
    if (known !== undefined) return known;
    const program = { phases: bound(phases()), words: words ?? new Int32Array(0) };
    programs.set(name, program);
    return program;
  };
  return {
    async run(name, phases, together) {
      const program = programOf(name, phases, together?.words);
      try {
        if (together !== undefined) takePart(program, together.run, member);
        else for (const [calls] of program.phases) for (const call of calls) call();
      } catch (error) {
        const { message } = error as Error;
        // The thread that failed says why, once this one is free for its answer.
        if (message === othersFailed) return new Promise(() => undefined);
        throw failure(message);
      }
      // The others' answers have their turn, and now and then all other events.
      if (together !== undefined && performance.now() - lastTurn < maxTurnMs) return;
      await nextTurn();
      lastTurn = performance.now();
    },
    rest: () => undefined,
    stop: async () => undefined,
  };
}

interface Channel {
  readonly port1: { onmessage: (() => void) | null; close(): void };
  readonly port2: { postMessage(message: unknown): void };
}

/** Let events happen that wait. */
const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 }: Channel = new (Reflect.get(globalThis as object, 'MessageChannel'))();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage('');
  });

function nodePort(address: WorkerAddress | undefined): Port {
  const { Worker } = builtin('node:worker_threads');
  const worker = new Worker(address === undefined ? source : new URL(address), {
    eval: address === undefined,
    execArgv: [],
  });
  // A thread that waits for work keeps no process alive.
  worker.unref();
  const port: Port & { ended?: string } = {
    // A thread that works does keep it alive.
    post: (message) => {
      worker.ref();
      worker.postMessage(message);
    },
    expect: () => worker.ref(),
    answer: () => undefined,
    rest: () => worker.unref(),
    stop: async () => void (await worker.terminate()),
  };
  worker.on('message', (error: string) => {
    worker.unref();
    port.answer(error);
  });
  worker.on('error', (error) => port.answer(String(error)));
  worker.on('exit', (code) => {
    port.ended = `it ended with code ${code}`;
    port.answer(port.ended);
  });
  return port;
}

const workerWayOut = (address: WorkerAddress | undefined): string =>
  address !== undefined
    ? `check that \`worker\` is the address of build/worker.js of @hbnn/wasm, got ${String(address)}`
    : "let the page's policy allow `worker-src blob:`, or serve build/worker.js of @hbnn/wasm and pass its address as `worker`";

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
    expect: () => undefined,
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
