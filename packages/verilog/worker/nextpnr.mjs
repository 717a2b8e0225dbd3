// A thread that places and routes one design with nextpnr compiled to WebAssembly, found by its user.
// Plain JavaScript, so that it is the same file whether the package runs from src/ or dist/.
import { parentPort, workerData } from 'node:worker_threads';

/** @type {{ url: string, args: string[], netlist: string }} */
const { url, args, netlist } = workerData;
const { Exit, runNextpnrIce40 } = await import(url);
const decoder = new TextDecoder();

/** @param {Uint8Array | null} bytes */
const hear = (bytes) => {
  if (bytes) parentPort?.postMessage({ said: decoder.decode(bytes, { stream: true }) });
};
const given = [...args, '--json', 'netlist.json', '--report', 'report.json'];
try {
  const files = await runNextpnrIce40(
    given,
    { 'netlist.json': netlist },
    { stdout: hear, stderr: hear, decodeASCII: true },
  );
  parentPort?.postMessage({ report: files['report.json'] });
} catch (error) {
  // nextpnr has said why it ends; where that is a crash without a word, memory is short.
  const crash = error instanceof Exit ? '' : ` (${error}; free memory)`;
  parentPort?.postMessage({ refused: `it ended without a word${crash}` });
}
