import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { HbnnError } from '@hbnn/core';
import { yosysError } from './yosys.ts';

/** A script for Yosys with the files it reads. */
export interface YosysJob {
  /** What people read when it fails. */
  readonly name: string;
  readonly script: string;
  readonly files: Readonly<Record<string, string>>;
  /** The thread is ended when it runs longer. */
  readonly maxSeconds?: number;
}

/** What a job left: what its commands wrote without naming a file, and what Yosys said. */
export interface YosysResult {
  readonly output: string;
  readonly log: string;
  readonly seconds: number;
}

/** What runs Yosys: threads of Node here, something of its own in a page. */
export interface YosysRunner {
  /** @throws HbnnError with Yosys's own message */
  run(job: YosysJob): Promise<YosysResult>;
}

/** A job ran into its limit. */
export class YosysTimeout extends HbnnError {}

interface Waiting {
  readonly job: YosysJob;
  readonly resolve: (result: YosysResult) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  busy?: Waiting & { readonly start: number; timer?: NodeJS.Timeout };
}

/**
 * Threads that run Yosys, as many as the machine has cores unless told otherwise. Jobs start in the order they are
 * given; the process can end while threads wait.
 */
export class YosysPool implements YosysRunner {
  readonly size: number;
  private readonly queue: Waiting[] = [];
  private readonly threads: Thread[] = [];

  constructor(size: number = availableParallelism()) {
    this.size = size;
  }

  /** Run a job. @throws HbnnError with Yosys's own message, or when its thread ends; YosysTimeout past its limit */
  run(job: YosysJob): Promise<YosysResult> {
    return new Promise((resolve, reject) => {
      this.queue.push({ job, resolve, reject });
      this.startNext();
    });
  }

  /** End all threads; jobs that run or wait are refused. */
  async close(): Promise<void> {
    const closed = new HbnnError(
      'yosys: the job was given up, as its pool was closed; make a new pool for it',
    );
    for (const { reject } of this.queue.splice(0)) reject(closed);
    const threads = this.threads.splice(0);
    for (const thread of threads) {
      clearTimeout(thread.busy?.timer);
      thread.busy?.reject(closed);
      // A result that still comes must not let the process end before the thread has.
      thread.busy = undefined;
      thread.worker.ref();
    }
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  private startNext(): void {
    while (this.queue.length > 0) {
      let thread = this.threads.find(({ busy }) => busy === undefined);
      if (thread === undefined && this.threads.length < this.size) thread = this.newThread();
      if (thread === undefined) return;
      this.start(thread, this.queue.shift() as Waiting);
    }
  }

  private start(thread: Thread, waiting: Waiting): void {
    const { name, script, files, maxSeconds } = waiting.job;
    thread.busy = { ...waiting, start: performance.now() };
    thread.worker.ref();
    thread.worker.postMessage({ script, files });
    if (maxSeconds === undefined) return;
    thread.busy.timer = setTimeout(() => {
      const error = new YosysTimeout(`${name}: Yosys was ended after ${maxSeconds} s`);
      this.end(thread, error);
      void thread.worker.terminate();
    }, 1000 * maxSeconds);
  }

  private newThread(): Thread {
    // Named first: bundlers for pages take `new Worker(new URL(…))` for a worker of a page.
    const script = new URL('../../worker/yosys.mjs', import.meta.url);
    const thread: Thread = { worker: new Worker(script, { execArgv: [] }) };
    thread.worker.on('message', ({ output, log, failed }) => {
      const { busy } = thread;
      if (busy === undefined) return;
      clearTimeout(busy.timer);
      thread.busy = undefined;
      thread.worker.unref();
      if (failed) busy.reject(yosysError(log, busy.job.name));
      else busy.resolve({ output, log, seconds: (performance.now() - busy.start) / 1000 });
      this.startNext();
    });
    const died = (why: string): void =>
      this.end(
        thread,
        new HbnnError(
          `${thread.busy?.job.name ?? 'yosys'}: expected Yosys to finish, got a thread that ${why}; free memory, or ask for fewer workers or smaller groups`,
        ),
      );
    thread.worker.on('error', (error) => died(`failed: ${error.message}`));
    thread.worker.on('exit', (code) => died(`ended with code ${code}`));
    this.threads.push(thread);
    return thread;
  }

  /** Take a thread out that is no more, and let another one go on. */
  private end(thread: Thread, error: HbnnError): void {
    const at = this.threads.indexOf(thread);
    if (at < 0) return;
    this.threads.splice(at, 1);
    clearTimeout(thread.busy?.timer);
    thread.busy?.reject(error);
    thread.busy = undefined;
    this.startNext();
  }
}
