import { Worker } from 'node:worker_threads';

/** An object of a file as the thread reads it. */
export type H5Object =
  | {
      readonly kind: 'group';
      readonly path: string;
      readonly names: readonly string[];
      readonly attributes: Readonly<Record<string, string | readonly string[]>>;
    }
  | {
      readonly kind: 'numbers';
      readonly path: string;
      readonly dtype: string;
      readonly shape: readonly number[];
      readonly data: unknown;
    };

type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'objects'; readonly objects: readonly H5Object[] }
  | { readonly kind: 'error'; readonly message: string };

/** What reading a file may take: whole files take some tenths of it, on every machine. */
const patienceMs = (bytes: number): number => 1000 + bytes / 10_000;

/** How often it is looked whether reading still makes sense. */
const lookMs = 100;

/** Milliseconds that this process has worked: a busy machine lets it wait for long. */
function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A thread that reads HDF5 files: the library goes round without end in some damaged ones. */
export class H5Thread {
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  #hear: (message: Message) => void = () => {};
  #fail: (error: Error) => void = () => {};
  #isOver = false;

  constructor() {
    // Named first: bundlers for pages take `new Worker(new URL(…))` for a worker of a page.
    const script = new URL('../../worker/h5.mjs', import.meta.url);
    // The library says each of its errors in many lines of its own.
    this.#worker = new Worker(script, { stdout: true, stderr: true, execArgv: [] });
    this.#ready = new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#worker.on('message', (message: Message) => {
        if (message.kind === 'ready') resolve();
        else this.#hear(message);
      });
    });
    // Where nobody waits for it, its end is no fault.
    this.#ready.catch(() => {});
    const over = (error: Error): void => {
      this.#isOver = true;
      this.#fail(error);
    };
    this.#worker.on('error', over);
    this.#worker.on('exit', () => over(new Error('reading it broke off')));
  }

  /** Whether it cannot read any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Read the objects of a file, one file at a time.
   *
   * @param patience milliseconds of work after which reading counts as one that does not end
   * @throws Error where the file is damaged, or reading it does not end
   */
  async read(bytes: Uint8Array, patience = patienceMs(bytes.length)): Promise<readonly H5Object[]> {
    await this.#ready;
    const answer = new Promise<Message>((resolve, reject) => {
      this.#hear = resolve;
      this.#fail = reject;
    });
    const timer = this.#endWhenStuck(patience);
    try {
      this.#worker.postMessage({ bytes });
      const message = await answer;
      if (message.kind === 'objects') return message.objects;
      throw new Error(message.kind === 'error' ? message.message : 'reading it broke off');
    } finally {
      clearInterval(timer);
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#worker.terminate();
  }

  #endWhenStuck(patience: number): NodeJS.Timeout {
    const [start, worked] = [performance.now(), workedMs()];
    return setInterval(() => {
      if (performance.now() - start <= patience || workedMs() - worked <= patience) return;
      this.#fail(new Error('reading it does not end'));
      void this.end();
    }, lookMs);
  }
}
