/** The page of `pnpm bench:browser`: it has one engine, and computes when it is asked to. */
import { loadModel } from '@hbnn/wasm';
import { loadThreads } from '@hbnn/wasm/threads';
import type { Litert } from './engines/litertNetwork.ts';

/** What a page computes: a network of ours in a file, or LiteRT.js's, on some threads. */
export interface PageEngine {
  readonly engine: 'hbnn' | 'litert';
  readonly threads: number;
  /** The address of the file. */
  readonly model: string;
  /** The shape of an image: [height, width, channels]. */
  readonly shape: readonly [number, number, number];
}

/** What the page offers to the bench. */
export interface EnginePage {
  load(engine: PageEngine): Promise<void>;
  /** Compute an image some times; returns the milliseconds of each. */
  turn(): Promise<number>;
}

/** Runs of one turn. */
const runs = 4;

type Run = () => Promise<unknown>;

const bytesOf = async (address: string): Promise<Uint8Array> =>
  new Uint8Array(await (await fetch(address)).arrayBuffer());

async function loadOurs({ model, threads, shape }: PageEngine): Promise<Run> {
  const pixels = new Uint8Array(shape[0] * shape[1] * shape[2]).map((_, i) => (i * 7919) & 255);
  if (threads === 1) {
    const loaded = await loadModel(model, { batch: 1 });
    return async () => loaded.run(pixels);
  }
  const loaded = await loadThreads(model, { threads, batch: 1, callerComputes: true });
  if (loaded.threads !== threads) throw new Error(`got ${loaded.threads} threads`);
  return () => loaded.run(pixels);
}

/** LiteRT.js, whose package the bench serves. */
async function loadTheirs({ model, threads, shape }: PageEngine): Promise<Run> {
  const script = '/litert.js';
  const litert: Litert = await import(script);
  await litert.loadLiteRt('/litert/wasm/', { threads: threads > 1 });
  const compiled = await litert.loadAndCompile(await bytesOf(model), {
    accelerator: 'wasm',
    cpuOptions: { numThreads: threads },
  });
  const pixels = new Float32Array(shape[0] * shape[1] * shape[2]).map((_, i) => (i * 7919) & 255);
  return async () => {
    const input = new litert.Tensor(pixels, [1, ...shape]);
    const [scores] = await compiled.run(input);
    scores.toTypedArray();
    scores.delete();
    input.delete();
  };
}

let run: Run = async () => undefined;

const page: EnginePage = {
  async load(engine) {
    run = await (engine.engine === 'hbnn' ? loadOurs(engine) : loadTheirs(engine));
  },
  async turn() {
    const begin = performance.now();
    for (let i = 0; i < runs; i++) await run();
    return (performance.now() - begin) / runs;
  },
};

Reflect.set(globalThis, 'page', page);
