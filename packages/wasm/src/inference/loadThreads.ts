import { HbnnError } from '@hbnn/core';
import { featureCount, type CheckedModel, checkModel } from '@hbnn/model';
import { compiledCode, inferenceCode, type RawKernel, type WasmMemory } from '../webAssembly.ts';
import { batchFor, type LoadOptions, loadModel } from './loadModel.ts';
import {
  bindSteps,
  newMemory,
  type Placed,
  place,
  writeConstants,
  writeScores,
} from './placing.ts';
import type { Step } from './step.ts';
import { stepsOf } from './steps.ts';
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

const mostThreads = 256;

/**
 * Make an integer model ready on several threads: batches of images go to whichever is free. Its scores are
 * `interpreter`'s, bit for bit. Without shared memory (a page that is not isolated from other origins) it runs on the
 * caller's thread, with the same interface.
 *
 * @throws HbnnError when the model is not sound or does not fit into a memory
 */
export async function loadThreads(
  model: CheckedModel,
  o: ThreadOptions = {},
): Promise<ThreadedModel> {
  const threads = o.threads ?? (await threadCount());
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > mostThreads)
    throw new HbnnError(`loadThreads: expected 1 to ${mostThreads} threads, got ${threads}`);
  if (threads === 1 || !canShare()) return onOwnThread(model, o);
  const planned = model.checkedLayers;
  const batch = batchFor(model, planned, o.batch);
  const steps = await stepsOf(model, planned, batch, o);
  const placed = place(model, steps, batch, threads);
  const memory = newMemory(model.name, placed[0].bytes, true);
  writeConstants(memory, model, steps, placed[0]);
  const module = await compiledCode(inferenceCode(o.relaxed, true));
  const started = await Promise.all(
    placed.map((own) => startThread({ module, memory, calls: record(steps, own, batch) })),
  );
  const sizes = { image: featureCount(model.input.shape), classes: model.scoreOffsets.length };
  return onThreads(started, placed, memory, { batch, ...sizes });
}

async function onOwnThread(model: CheckedModel, o: LoadOptions): Promise<ThreadedModel> {
  const loaded = await loadModel(model, o);
  return {
    ...{ threads: 1, batch: loaded.plan.batch },
    run: async (pixels) => loaded.run(pixels),
    dispose: async () => loaded.dispose(),
  };
}

/** The kernel calls of a whole batch: steps are run on kernels that only write down how they were called. */
function record(steps: readonly Step[], placed: Placed, batch: number): KernelCall[] {
  const calls: KernelCall[] = [];
  const recorder = new Proxy<Record<string, RawKernel>>(
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

interface Sizes {
  readonly batch: number;
  readonly image: number;
  readonly classes: number;
}

function onThreads(
  threads: readonly Thread[],
  placed: readonly Placed[],
  memory: WasmMemory,
  { batch, image, classes }: Sizes,
): ThreadedModel {
  let disposed = false;
  // One call after the other: each uses all threads.
  let before: Promise<unknown> = Promise.resolve();
  const compute = async (pixels: Uint8Array): Promise<Int32Array<ArrayBuffer>> => {
    if (disposed) throw new HbnnError('run: the model is disposed of; load it again');
    const count = pixels.length / image;
    if (!Number.isInteger(count))
      throw new HbnnError(
        `run: expected images of ${image} pixel values each, got ${pixels.length} values; pass whole images`,
      );
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
    await Promise.all(threads.map((thread, i) => work(thread, placed[i])));
    return scores;
  };
  return {
    ...{ threads: threads.length, batch },
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
