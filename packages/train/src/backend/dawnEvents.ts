// Dawn's binding for Node settles its promises in callbacks that it queues with the global setImmediate: one that
// asks the GPU for news, and queues itself again while anything is outstanding. Called by hand, those callbacks
// let a synchronous function wait for the GPU.

interface Queued {
  readonly run: () => void;
  readonly handle: NodeJS.Immediate;
}

/** Queued and not yet run, in order. */
let queue: Queued[] = [];

/** Calls Dawn, keeping hold of the callbacks that it queues meanwhile. */
export function withEvents<T>(call: () => T): T {
  const immediate = globalThis.setImmediate;
  const keep = (run: () => void): NodeJS.Immediate => {
    const handle = immediate(() => {
      queue = queue.filter((queued) => queued.handle !== handle);
      withEvents(run);
    });
    queue.push({ run, handle });
    return handle;
  };
  globalThis.setImmediate = keep as typeof setImmediate;
  try {
    return call();
  } finally {
    globalThis.setImmediate = immediate;
  }
}

/** Looks at the GPU before the thread lends its core to others, which the GPU may be. */
const eagerLooks = 100;
/** Milliseconds to sleep between later looks. */
const sleepMs = 0.05;
const neverWoken = new Int32Array(new SharedArrayBuffer(4));

/**
 * Wait for something that Dawn brings about, without returning to the event loop.
 *
 * @throws Error when Dawn has nothing outstanding and it is not there
 */
export function waitFor(done: () => boolean): void {
  for (let looks = 0; !done(); looks++) {
    const now = queue;
    queue = [];
    if (now.length === 0) throw new Error('webgpu: Dawn has nothing outstanding to wait for');
    for (const { run, handle } of now) {
      clearImmediate(handle);
      withEvents(run);
    }
    if (looks > eagerLooks) Atomics.wait(neverWoken, 0, 0, sleepMs);
  }
}
