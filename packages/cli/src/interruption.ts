/** The signals that ask a process to end, with their numbers. */
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

export type StopSignal = keyof typeof signalNumbers;

const stopSignals = Object.keys(signalNumbers) as StopSignal[];

/** Whether a signal asks a process to end. */
export const isStopSignal = (signal: string): signal is StopSignal =>
  Object.hasOwn(signalNumbers, signal);

/** A command was told to stop before its end. */
export class Interruption extends Error {
  override name = 'Interruption';
  readonly signal: StopSignal;
  /** The command line that continues what was begun; undefined where nothing is to be continued. */
  readonly resume?: string;
  /** What of the work is kept, in words. */
  readonly kept?: string;

  constructor(signal: StopSignal, resume?: string, kept?: string) {
    super(`stopped by ${signal}`);
    this.signal = signal;
    this.resume = resume;
    this.kept = kept;
  }

  /** What shells give for a process that ended by the signal. */
  get exitCode(): number {
    return 128 + signalNumbers[this.signal];
  }
}

/** A terminal and the package manager may both pass one Ctrl-C on: signals within this time are one. */
const sameSignalMs = 300;

/**
 * Do work that ends early, and in order, when the process is told to stop: the first SIGINT or SIGTERM aborts the
 * signal that the work is given, with an Interruption as its reason. A later one ends the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stopListening = (): void => {
    for (const signal of stopSignals) process.off(signal, stop);
  };
  const stop = (signal: StopSignal): void => {
    if (controller.signal.aborted) return;
    controller.abort(new Interruption(signal));
    // From then on the system itself ends the process, however busy it is.
    timer = setTimeout(stopListening, sameSignalMs);
  };
  for (const signal of stopSignals) process.on(signal, stop);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}

/**
 * Do work that may be given up anywhere between two turns of the event loop: rejects with an Interruption as soon as the
 * process is told to stop, and leaves the work undone. For work that writes files only whole.
 */
export function untilInterrupted<T>(work: () => Promise<T>): Promise<T> {
  return interruptible(
    (signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        work().then(resolve, reject);
      }),
  );
}

/**
 * `untilInterrupted` for work that keeps nothing until its end.
 *
 * @param kept what the error says of what is kept, such as 'nothing: a training begins anew'
 * @param again the command line that begins anew
 */
export async function keptAtEnd<T>(
  work: () => Promise<T>,
  kept: string,
  again: string,
): Promise<T> {
  try {
    return await untilInterrupted(work);
  } catch (error) {
    throw error instanceof Interruption ? new Interruption(error.signal, again, kept) : error;
  }
}
