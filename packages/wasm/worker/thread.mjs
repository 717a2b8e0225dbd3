// A thread of loadThreads: on a shared memory, it repeats programs, lists of kernel calls that it was given.
// It is a script that needs no module: the package starts it from its text, in Node.js and in browsers alike, and a
// page whose policy forbids that serves this file itself.
//
// A program has phases, and each phase has parts. Threads that compute the same images take the parts of a phase one by
// one, and begin the next phase when all parts are done, whoever did them: none waits for a thread that has no time.

/** @typedef {[kernel: string, ...args: number[]]} Call */
/** @typedef {{ module: WebAssembly.Module, memory: WebAssembly.Memory }} Start */
/** @typedef {{ program: string, phases?: Call[][][], words?: Int32Array, run?: number }} Run */
/** @typedef {{ phases: (() => void)[][][], words: Int32Array }} Program */

const inNode = typeof process === 'object' && process.versions?.node !== undefined;
const port = inNode ? process.getBuiltinModule('node:worker_threads').parentPort : globalThis;

// Words of a meeting: which run it is, how many threads sleep, whether one has failed. Then a line of the cache for each
// phase: how many of its parts have been taken, and how many are done, each with the run that this is true of.
const running = 0;
const sleeping = 1;
const broken = 2;
const lineWords = 16;
/** Bits of a word that count parts; the others have the run. */
const countBits = 12;
const countMask = 2 ** countBits - 1;
/** A thread looks this often whether a phase is done, some tens of microseconds, before it sleeps. */
const maxLooks = 20_000;
/** Milliseconds of sleep, after which it looks whether another one has failed. */
const sleepMs = 200;

/** @type {Record<string, (...args: number[]) => void>} */
let kernels = {};
/** @type {Map<string, Program>} */
const programs = new Map();

/**
 * Count one more part in a run's word; returns how many there were before, or -1 if all of them are counted or the run is
 * over.
 *
 * @param {Int32Array} words
 * @param {number} at
 * @param {number} run
 * @param {number} parts
 */
function count(words, at, run, parts) {
  for (;;) {
    const before = Atomics.load(words, at);
    const counted = before >> countBits === run ? before & countMask : 0;
    // A word of another run is of one before, so long as this one is not over.
    if (counted === parts || Atomics.load(words, running) !== run) return -1;
    const after = (run << countBits) | (counted + 1);
    if (Atomics.compareExchange(words, at, before, after) === before) return counted;
  }
}

/**
 * Wait until a phase is done.
 *
 * @param {Int32Array} words
 * @param {number} at
 * @param {number} run
 * @param {number} parts
 */
function waitFor(words, at, run, parts) {
  const done = (run << countBits) | parts;
  const over = () => Atomics.load(words, at) === done || Atomics.load(words, running) !== run;
  for (let look = 0; look < maxLooks; look++) if (over()) return;
  Atomics.add(words, sleeping, 1);
  while (!over()) {
    if (Atomics.load(words, broken) > 0) throw new Error('another thread failed');
    const before = Atomics.load(words, at);
    if (before !== done) Atomics.wait(words, at, before, sleepMs);
  }
  Atomics.sub(words, sleeping, 1);
}

/**
 * Take part in a run; returns whether this thread did its last part.
 *
 * @param {Program} program
 * @param {number} run
 */
function together({ phases, words }, run) {
  let last = false;
  for (let i = 0, taken = lineWords; i < phases.length; i++, taken += lineWords) {
    const parts = phases[i];
    const done = taken + 1;
    last = false;
    for (;;) {
      const part = count(words, taken, run, parts.length);
      if (part < 0) break;
      for (const call of parts[part]) call();
      last = count(words, done, run, parts.length) + 1 === parts.length;
    }
    if (!last) waitFor(words, done, run, parts.length);
    else if (Atomics.load(words, sleeping) > 0) Atomics.notify(words, done);
  }
  return last;
}

/** @param {Call} call */
function bound([kernel, ...args]) {
  const run = kernels[kernel];
  return () => run(...args);
}

/**
 * Run a program; returns whether to answer.
 *
 * @param {Run} message
 */
function take({ program: name, phases, words, run }) {
  if (phases !== undefined)
    programs.set(name, {
      phases: phases.map((parts) => parts.map((calls) => calls.map(bound))),
      words: words ?? new Int32Array(0),
    });
  const program = programs.get(name);
  if (program === undefined) throw new Error(`it has no program '${name}'`);
  if (run === undefined) {
    for (const [calls] of program.phases) for (const call of calls) call();
    return true;
  }
  try {
    return together(program, run);
  } catch (error) {
    Atomics.store(program.words, broken, 1);
    throw error;
  }
}

/** @param {Start | Run} message */
async function answer(message) {
  try {
    if ('module' in message) {
      const { module, memory } = message;
      const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
      kernels = /** @type {typeof kernels} */ (exports);
    } else if (!take(message)) return;
    port.postMessage('');
  } catch (error) {
    port.postMessage(String(error));
  }
}

if (inNode) port.on('message', answer);
else port.addEventListener('message', ({ data }) => answer(data));
