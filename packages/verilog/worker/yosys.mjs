// A thread of a YosysPool: runs one script after another in Yosys compiled to WebAssembly.
// Plain JavaScript, so that it is the same file whether the package runs from src/ or dist/.
import { parentPort } from 'node:worker_threads';
import { Exit, runYosys } from '@yowasp/yosys';

/** @param {{ script: string, files: Record<string, string> }} job */
async function run({ script, files }) {
  /** @type {Uint8Array[]} */
  const output = [];
  const decoder = new TextDecoder();
  let log = '';
  try {
    await runYosys(
      ['-q', '-s', 'script.ys'],
      { ...files, 'script.ys': script },
      {
        stdout: (bytes) => void (bytes && output.push(bytes)),
        stderr: (bytes) => {
          if (bytes) log += decoder.decode(bytes, { stream: true });
        },
        decodeASCII: true,
      },
    );
    return { output: Buffer.concat(output).toString('utf8'), log, failed: false };
  } catch (error) {
    // An Exit is Yosys's own refusal; anything else is a crash of the machine it runs on.
    if (error instanceof Exit) return { output: '', log, failed: true };
    return { output: '', log: `ERROR: it crashed: ${error}`, failed: true };
  }
}

parentPort?.on('message', async (job) => parentPort?.postMessage(await run(job)));
