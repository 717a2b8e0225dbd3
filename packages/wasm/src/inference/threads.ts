import { HbnnError } from '@hbnn/core';
import type { WasmMemory, WasmModule } from '../webAssembly.ts';

/** One call of a kernel: its name and its arguments. */
export type KernelCall = readonly [kernel: string, ...args: number[]];

/** What a thread starts with. */
export interface ThreadStart {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  readonly calls: readonly KernelCall[];
}

/** A thread that repeats its kernel calls. */
export interface Thread {
  /** Repeat them once. */
  run(): Promise<void>;
  stop(): Promise<void>;
}

/** What threads have in common in Node.js and in browsers. */
interface Port {
  post(message: unknown): void;
  /** Called with '' when a message has been dealt with, else with what went wrong. */
  answer: (error: string) => void;
  stop(): Promise<void>;
}

interface BrowserWorker {
  postMessage(message: unknown): void;
  terminate(): void;
  onmessage: ((event: { readonly data: string }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
}

const inNode = typeof process === 'object' && process.versions?.node !== undefined;

/** Whether threads can share a memory here: browsers ask for a page that is isolated from other origins. */
export const canShare = (): boolean =>
  typeof SharedArrayBuffer === 'function' &&
  (inNode || (Reflect.get(globalThis as object, 'crossOriginIsolated') as unknown) === true);

/** How many threads this machine runs at once. */
export async function threadCount(): Promise<number> {
  const browser: { readonly hardwareConcurrency?: number } | undefined = Reflect.get(
    globalThis,
    'navigator',
  );
  if (!inNode) return browser?.hardwareConcurrency ?? 1;
  const module = 'node:os';
  const { availableParallelism } = (await import(module)) as typeof import('node:os');
  return availableParallelism();
}

/** Start a thread. @throws HbnnError when it cannot run */
export async function startThread(start: ThreadStart): Promise<Thread> {
  const port = inNode ? await nodePort() : browserPort();
  const ask = (message: unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      port.answer = (error) =>
        error === '' ? resolve() : reject(new HbnnError(`loadThreads: a thread failed: ${error}`));
      port.post(message);
    });
  await ask(start);
  return { run: () => ask('run'), stop: () => port.stop() };
}

async function nodePort(): Promise<Port> {
  const module = 'node:worker_threads';
  const { Worker } = (await import(module)) as typeof import('node:worker_threads');
  const worker = new Worker(new URL('../../worker/thread.mjs', import.meta.url), { execArgv: [] });
  // A thread that waits for work keeps no process alive.
  worker.unref();
  const port: Port = {
    // A thread that works does keep it alive.
    post: (message) => {
      worker.ref();
      worker.postMessage(message);
    },
    answer: () => undefined,
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

function browserPort(): Port {
  const Worker: new (url: URL, o: { type: 'module' }) => BrowserWorker = Reflect.get(
    globalThis as object,
    'Worker',
  );
  const worker = new Worker(new URL('../../worker/thread.mjs', import.meta.url), {
    type: 'module',
  });
  const port: Port = {
    post: (message) => worker.postMessage(message),
    answer: () => undefined,
    stop: async () => worker.terminate(),
  };
  worker.onmessage = ({ data }) => port.answer(data);
  worker.onerror = ({ message }) => port.answer(message ?? 'it could not be started');
  return port;
}
