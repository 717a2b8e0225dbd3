// A thread of loadThreads: on a shared memory, it repeats the kernel calls that it was given, batch after batch.
// It is a script that needs no module: the package starts it from its text, in Node.js and in browsers alike, and a
// page whose policy forbids that serves this file itself.

/** @typedef {{ module: WebAssembly.Module, memory: WebAssembly.Memory, calls: [string, ...number[]][] }} Start */

const inNode = typeof process === 'object' && process.versions?.node !== undefined;
const port = inNode ? process.getBuiltinModule('node:worker_threads').parentPort : globalThis;

/** @type {(() => void)[]} */
let program = [];

/** @param {Start | 'run'} message */
async function take(message) {
  try {
    if (message === 'run') {
      for (const call of program) call();
    } else {
      const { module, memory, calls } = message;
      const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
      program = calls.map(([kernel, ...args]) => {
        const run = /** @type {(...args: number[]) => void} */ (exports[kernel]);
        return () => run(...args);
      });
    }
    port.postMessage('');
  } catch (error) {
    port.postMessage(String(error));
  }
}

if (inNode) port.on('message', take);
else port.addEventListener('message', ({ data }) => take(data));
