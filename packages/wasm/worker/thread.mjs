// A thread of loadThreads: on a shared memory, it repeats programs, lists of kernel calls that it was given.
// It is a script that needs no module: the package starts it from its text, in Node.js and in browsers alike, and a
// page whose policy forbids that serves this file itself.

/** @typedef {{ module: WebAssembly.Module, memory: WebAssembly.Memory, threads: number }} Start */
/** @typedef {{ program: string, calls?: [string, ...number[]][] }} Run */

const inNode = typeof process === 'object' && process.versions?.node !== undefined;
const port = inNode ? process.getBuiltinModule('node:worker_threads').parentPort : globalThis;

// Words at the beginning of the memory, where no data lie.
const arrived = 0;
const round = 1;
const sleeping = 2;
const broken = 3;
/** A thread looks this often for the others, some tens of microseconds, before it sleeps. */
const maxLooks = 20_000;
/** Milliseconds of sleep, after which it looks whether another one has failed. */
const sleepMs = 200;

/** @type {Record<string, (...args: number[]) => void>} */
let kernels = {};
let words = new Int32Array(8);
let threads = 1;
/** @type {Map<string, (() => void)[]>} */
const programs = new Map();

/** Wait until all threads have come here. */
function meet() {
  const before = Atomics.load(words, round);
  if (Atomics.add(words, arrived, 1) + 1 === threads) {
    Atomics.store(words, arrived, 0);
    Atomics.add(words, round, 1);
    if (Atomics.load(words, sleeping) > 0) Atomics.notify(words, round);
    return;
  }
  for (let look = 0; look < maxLooks; look++) if (Atomics.load(words, round) !== before) return;
  Atomics.add(words, sleeping, 1);
  while (Atomics.load(words, round) === before) {
    if (Atomics.load(words, broken) > 0) throw new Error('another thread failed');
    Atomics.wait(words, round, before, sleepMs);
  }
  Atomics.sub(words, sleeping, 1);
}

/** @param {[string, ...number[]]} call */
function bound([kernel, ...args]) {
  if (kernel === 'meet') return meet;
  const run = kernels[kernel];
  return () => run(...args);
}

/** @param {Start | Run} message */
async function take(message) {
  try {
    if ('module' in message) {
      const { module, memory } = message;
      const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
      kernels = /** @type {typeof kernels} */ (exports);
      words = new Int32Array(memory.buffer, 0, 8);
      threads = message.threads;
    } else {
      const { program, calls } = message;
      if (calls !== undefined) programs.set(program, calls.map(bound));
      for (const call of programs.get(program) ?? []) call();
    }
    port.postMessage('');
  } catch (error) {
    Atomics.store(words, broken, 1);
    port.postMessage(String(error));
  }
}

if (inNode) port.on('message', take);
else port.addEventListener('message', ({ data }) => take(data));
