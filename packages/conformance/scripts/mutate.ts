// `pnpm --filter @hbnn/conformance mutate [COUNT] [FIRST]`: damaged model files, each a clear error or a whole model.
// The last line is JSON. Heap and resident memory are those of this process; run it as package.json does.
import { readdirSync, readFileSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { decodeModel, encodeModel, randomModel, readModel } from '@hbnn/model';
import { mutation } from '../src/mutations.ts';

const [count = 10_000, first = 0] = process.argv.slice(2).map(Number);
const maxMs = 1000;
const maxBytes = 64 * 2 ** 20;
const where = 'mutated.hbnn';

const golden = new URL('../golden/', import.meta.url);
const layers = ['dense:1000x400', 'conv:8x8x64,k3x3,o64,p1', 'depthwise:9x9x33,k3x3,o66,s2,p1'];
const files = [
  ...Array.from({ length: 40 }, (_, seed) => encodeModel(randomModel(seed))),
  ...Array.from({ length: 10 }, (_, seed) => encodeModel(randomModel(seed, { branches: true }))),
  ...layers.map((layer) => encodeModel(randomModel(1, { layer }))),
  // Files of the format's first version, which are still read.
  ...readdirSync(golden)
    .filter((name) => name.endsWith('.hbnn'))
    .sort()
    .map((name) => new Uint8Array(readFileSync(new URL(name, golden)))),
];

/** '' when the bytes are refused or read as they should be, else what is wrong. */
async function fault(bytes: Uint8Array, inPieces: boolean): Promise<'' | 'loaded' | Error> {
  try {
    const model = inPieces ? await readModel(pieces(bytes), where) : decodeModel(bytes, where);
    // What loads is sound: it can be written, and comes back the same.
    const again = encodeModel(model);
    const more = encodeModel(decodeModel(again));
    return Buffer.compare(again, more) === 0 ? 'loaded' : new Error('another model comes back');
  } catch (error) {
    const clear = error instanceof HbnnError && error.message.startsWith(`${where}: `);
    const short = (error as Error).message.length < 1500;
    return clear && short ? '' : (error as Error);
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

const collect: () => void = Reflect.get(globalThis, 'gc') ?? (() => {});
/** The most memory that this process has had so far. */
const peak = (): number => 1024 * process.resourceUsage().maxRSS;

for (const bytes of files) await fault(bytes, true);
collect();
const before = peak();
const foundBefore = {
  mutations: count,
  refused: 0,
  loaded: 0,
  failed: 0,
  slowestMs: 0,
  maxMiB: 0,
};
for (let seed = first; seed < first + count; seed++) {
  const { what, bytes } = mutation(files[seed % files.length], seed);
  const start = performance.now();
  const result = await fault(bytes, seed % 7 === 0);
  const ms = performance.now() - start;
  if (seed % 10 === 0) collect();
  foundBefore.slowestMs = Math.max(foundBefore.slowestMs, Math.round(ms));
  foundBefore.maxMiB = Math.max(foundBefore.maxMiB, Math.round((peak() - before) / 2 ** 20));
  const slow = ms > maxMs ? [`${Math.round(ms)} ms`] : [];
  const large = peak() - before > maxBytes ? [`${foundBefore.maxMiB} MiB`] : [];
  const wrong = [...slow, ...large, ...(result instanceof Error ? [result.stack ?? ''] : [])];
  if (wrong.length > 0) console.error(`seed ${seed}, ${what}: ${wrong.join(', ')}`);
  if (wrong.length > 0) foundBefore.failed++;
  else if (result === 'loaded') foundBefore.loaded++;
  else foundBefore.refused++;
  if (large.length > 0) break;
}
console.log(JSON.stringify(foundBefore));
process.exitCode = foundBefore.failed === 0 ? 0 : 1;
