// A thread of loadThreads: on a shared memory, it repeats programs, lists of kernel calls that it was given.
// The build makes one script of this file and src/inference/meeting.ts, build/worker.js, which needs no module: the
// package starts it from its text, in Node.js and in browsers alike, and a page whose policy forbids that serves it.

import { maxLooks, othersFailed, runningWord, takePart } from '../src/inference/meeting.ts';

/** @typedef {[kernel: string, ...args: number[]]} Call */
/** @typedef {{ module: WebAssembly.Module, memory: WebAssembly.Memory, index: number, count: number, desk: Int32Array, answers: boolean }} Start */
/** @typedef {{ name: string, id: number, run?: number, phases?: Call[][][], words?: Int32Array }} Run */
/** @typedef {import('../src/inference/meeting.ts').BoundProgram & { id: number }} Program */

const inNode = typeof process === 'object' && process.versions?.node !== undefined;
const port = inNode ? process.getBuiltinModule('node:worker_threads').parentPort : globalThis;

/** Milliseconds for which a thread waits for another run before it looks for messages. */
const waitMs = 100;
// Words of the desk: the program whose next run it waits for, 0 for none, and how many messages it was sent.
const waitsFor = 0;
const sent = 1;

/** @type {Record<string, (...args: number[]) => void>} */
let kernels = {};
/** @type {Map<string, Program>} */
const programs = new Map();
let desk = new Int32Array(2);
const ofWorkers = { sleeps: true, patienceMs: Number.POSITIVE_INFINITY };
let member = { index: 0, count: 1, ...ofWorkers };
/** Whether the one that finishes a run in which threads meet answers. */
let answers = true;
let received = 0;

/** @param {Call} call */
function bound([kernel, ...args]) {
  const run = kernels[kernel];
  return () => run(...args);
}

/**
 * Wait a while for the next run of a program; returns its number, or undefined if there is a message or nothing to do.
 *
 * @param {Program} program
 * @param {number} run
 */
function nextRun({ id, words }, run) {
  Atomics.store(desk, waitsFor, id);
  const waits = () => Atomics.load(desk, waitsFor) === id;
  // A message that was sent before this thread said that it waits woke nobody.
  if (Atomics.load(desk, sent) === received && Atomics.load(words, runningWord) === run) {
    for (let look = 0; look < maxLooks && waits(); look++);
    if (waits()) Atomics.wait(desk, waitsFor, id, waitMs);
  }
  Atomics.store(desk, waitsFor, 0);
  const next = Atomics.load(words, runningWord);
  return next === run ? undefined : next;
}

/** @param {Run} message */
function take({ name, id, run, phases, words }) {
  if (phases !== undefined)
    programs.set(name, {
      id,
      phases: phases.map((parts) => parts.map((calls) => calls.map(bound))),
      words: words ?? new Int32Array(0),
    });
  const program = programs.get(name);
  if (program === undefined) throw new Error(`it has no program '${name}'`);
  if (run === undefined) {
    for (const [calls] of program.phases) for (const call of calls) call();
    port.postMessage('');
    return;
  }
  for (let next = run; next !== undefined; next = nextRun(program, next))
    if (takePart(program, next, member) && answers) port.postMessage('');
}

/** @param {Start | Run} message */
async function answer(message) {
  received++;
  try {
    if ('module' in message) {
      const { module, memory, index, count } = message;
      ({ desk, answers } = message);
      member = { index, count, ...ofWorkers };
      const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
      kernels = /** @type {typeof kernels} */ (exports);
      port.postMessage('');
    } else take(message);
  } catch (error) {
    // The one that failed says why.
    if (error?.message !== othersFailed) port.postMessage(String(error));
  }
}

if (inNode) port.on('message', answer);
else port.addEventListener('message', ({ data }) => answer(data));
