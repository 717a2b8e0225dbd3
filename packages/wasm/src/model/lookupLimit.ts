import { inferenceCode, kernelsOn, webAssembly } from '../webAssembly.ts';

/** Tables of one run of 1-bit weights: their sums stay within uint8. */
const places = 63;
/** Two outputs, 64 pixels, four inputs to a table. */
const macs = 2 * 64 * 4 * places;

/**
 * Measure the limit of table lookup on this machine: multiply-adds per second of the kernel's inner loop on data in the
 * first-level cache, the best of some tries.
 */
export async function lookupLimit(relaxed?: boolean): Promise<number> {
  const memory = new webAssembly.Memory({ initial: 1 });
  const { repeatLookup } = await kernelsOn(inferenceCode(relaxed), memory);
  const [a, tables, runs, sums] = [1024, 16384, 24576, 28672];
  new Uint8Array(memory.buffer, a, places * 64).forEach((_, i, bytes) => {
    bytes[i] = (i * 7919) & 15;
  });
  new Uint32Array(memory.buffer, runs, 2).set([places, 0]);
  const times = 20_000;
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 15; round++) {
    const start = performance.now();
    repeatLookup(a, tables, runs, runs + 8, sums, times);
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return (macs * times) / seconds;
}
