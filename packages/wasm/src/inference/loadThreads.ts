import { HbnnError } from '@hbnn/core';
import { type CheckedModel, countImages } from '@hbnn/model';
import { compiledCode, inferenceCode, type RawKernels, type WasmMemory } from '../webAssembly.ts';
import { disposedError, type RunSizes } from './loadedModel.ts';
import { type LoadOptions, loadModel, prepare } from './loadModel.ts';
import { bindSteps, type Placed, writeScores } from './placing.ts';
import type { Step } from './step.ts';
import { canShare, type KernelCall, startThread, type Thread, threadCount } from './threads.ts';

export interface ThreadOptions extends LoadOptions {
  /** How many threads; by default as many as the machine runs at once. */
  readonly threads?: number;
}

/** An integer model on some threads, which share its weights. */
export interface ThreadedModel {
  /** 1 where threads cannot share a memory: the model then runs on the caller's own. */
  readonly threads: number;
  /** Images that a thread computes together. */
  readonly batch: number;
  /**
   * Scores of each image, [count, classes].
   *
   * @throws HbnnError when the pixels are no whole number of images, after `dispose`, or when a thread fails
   */
  run(pixels: Uint8Array): Promise<Int32Array<ArrayBuffer>>;
  /** End the threads. */
  dispose(): Promise<void>;
}

const maxThreads = 256;

/**
 * Make an integer model ready on several threads: batches of images go to whichever is free. Its scores are
 * `interpreter`'s, bit for bit. Without shared memory (a page that is not isolated from other origins) it runs on the
 * caller's thread, with the same interface.
 *
 * @throws HbnnError when the model is not sound or does not fit into a memory
 */
export async function loadThreads(
  model: CheckedModel,
  options: ThreadOptions = {},
): Promise<ThreadedModel> {
  const threads = options.threads ?? (await threadCount());
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > maxThreads)
    throw new HbnnError(
      `loadThreads: expected 1 to ${maxThreads} threads, got ${threads}; leave \`threads\` out for as many as the machine runs at once`,
    );
  if (threads === 1 || !canShare()) return onCallersThread(model, options);
  const { prepared, places } = await prepare(model, options, threads, true);
  const { sizes, steps, memory } = prepared;
  const module = await compiledCode(inferenceCode(options.relaxed, true));
  const started = await Promise.all(
    places.map((placed) =>
      startThread({ module, memory, calls: record(steps, placed, sizes.batch) }),
    ),
  );
  return onThreads(started, places, memory, sizes);
}

async function onCallersThread(model: CheckedModel, options: LoadOptions): Promise<ThreadedModel> {
  const loaded = await loadModel(model, options);
  return {
    threads: 1,
    batch: loaded.plan.batch,
    run: async (pixels) => loaded.run(pixels),
    dispose: async () => loaded.dispose(),
  };
}

/** The kernel calls of a whole batch: steps are run on kernels that only write down how they were called. */
function record(steps: readonly Step[], placed: Placed, batch: number): KernelCall[] {
  const calls: KernelCall[] = [];
  const recorder = new Proxy<RawKernels>(
    {},
    {
      get:
        (_, kernel) =>
        (...args: number[]) =>
          void calls.push([String(kernel), ...args]),
    },
  );
  for (const run of bindSteps(recorder, steps, placed)) run(batch);
  writeScores(recorder, steps[steps.length - 1].output, placed, batch);
  return calls;
}

function onThreads(
  threads: readonly Thread[],
  places: readonly Placed[],
  memory: WasmMemory,
  sizes: RunSizes,
): ThreadedModel {
  const { batch, image, classes } = sizes;
  let disposed = false;
  // Calls run one after the other, since each of them uses all threads.
  let before: Promise<unknown> = Promise.resolve();
  const compute = async (pixels: Uint8Array): Promise<Int32Array<ArrayBuffer>> => {
    if (disposed) throw disposedError();
    const count = countImages(pixels, sizes.shape);
    const scores = new Int32Array(count * classes);
    let next = 0;
    const work = async (thread: Thread, at: Placed): Promise<void> => {
      while (next < count) {
        const first = next;
        const images = Math.min(batch, count - first);
        next += images;
        const part = pixels.subarray(first * image, (first + images) * image);
        new Uint8Array(memory.buffer, at.pixels, part.length).set(part);
        await thread.run();
        scores.set(new Int32Array(memory.buffer, at.scores, images * classes), first * classes);
      }
    };
    await Promise.all(threads.map((thread, i) => work(thread, places[i])));
    return scores;
  };
  return {
    threads: threads.length,
    batch,
    run(pixels) {
      const result = before.then(() => compute(pixels));
      before = result.catch(() => undefined);
      return result;
    },
    async dispose() {
      disposed = true;
      await before;
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}
