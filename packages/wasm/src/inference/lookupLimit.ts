import { kernelsOn, webAssembly } from '../webAssembly.ts';
import { inferenceCode } from './inferenceCode.ts';

/** Tables of one run of 1-bit weights, whose sums stay within uint8. */
const places = 63;
/** Multiply-adds of two outputs, 64 pixels and four inputs to a table. */
const macs = 2 * 64 * 4 * places;

/** The inner loop of table lookup on data in the first-level cache, whose speed bounds it on a machine. */
export interface LookupLimit {
  /** Run it for about 10 ms; returns multiply-adds per second. */
  measure(): number;
}

/**
 * Prepare to measure the limit of table lookup.
 *
 * @param relaxed use relaxed SIMD: by default where the engine has it
 */
export async function lookupLimit(relaxed?: boolean): Promise<LookupLimit> {
  const memory = new webAssembly.Memory({ initial: 1 });
  const { repeatLookup } = await kernelsOn(inferenceCode(relaxed), memory);
  const [a, tables, runs, sums] = [1024, 16384, 24576, 28672];
  new Uint8Array(memory.buffer, a, places * 64).forEach((_, i, bytes) => {
    bytes[i] = (i * 7919) & 15;
  });
  new Uint32Array(memory.buffer, runs, 2).set([places, 0]);
  const times = 30_000;
  return {
    measure() {
      const start = performance.now();
      repeatLookup(a, tables, runs, runs + 8, sums, times);
      return (macs * times * 1000) / (performance.now() - start);
    },
  };
}
