import { checkFlag, HbnnError } from '@hbnn/core';
import { countImages } from '@hbnn/model';
import { plain, relaxed } from '../../build/inferenceShared.mjs';
import { moduleOn, type WasmMemory } from '../webAssembly.ts';
import { type ClassifyOptions, type ClassScore, highestClasses } from './classify.ts';
import { asyncDisposeKey, type DisposedByAwaitUsing } from './disposal.ts';
import { hasSoundRelaxedSimd } from './inferenceCode.ts';
import { disposedError, type ModelFacts, type RunSizes } from './loadedModel.ts';
import {
  checkLoadOptions,
  codeModule,
  type LoadOptions,
  loadModel,
  loadOptionNames,
  type ModelOrigin,
  modelFrom,
  prepare,
} from './loadModel.ts';
import { beginRun, meetingWords } from './meeting.ts';
import { type Easel, type ModelInput, pixelsOfInput } from './pictures.ts';
import type { Placed } from './placing.ts';
import { type Programs, recordPrograms } from './programs.ts';
import {
  callersThread,
  canShare,
  startThread,
  type Thread,
  threadCount,
  type WorkerAddress,
} from './threads.ts';

export interface ThreadOptions extends LoadOptions {
  /** How many threads; by default as many as the machine runs at once. */
  readonly threads?: number;
  /**
   * Whether the thread that calls `run` is one of them, and does nothing else meanwhile, as with `loadModel`: one image
   * then takes less time. By default it stays free.
   */
  readonly callerComputes?: boolean;
  /**
   * The address of `build/worker.js` of this package, for pages whose policy forbids workers from a Blob; by default
   * the package starts it from its text.
   */
  readonly worker?: WorkerAddress;
}

/** An integer model on some threads, which share its weights. */
export interface ThreadedModel extends ModelFacts, DisposedByAwaitUsing {
  /** 1 where threads cannot share a memory: the model then runs on the caller's own. */
  readonly threads: number;
  /** Images that a thread computes together. */
  readonly batch: number;
  /**
   * Scores of each image, [count, classes], of bytes or one picture as for `loadModel`.
   *
   * @throws HbnnError when the input is no whole number of images, after `dispose`, and when a thread fails: the threads
   *   then end, so load the model again
   */
  run(input: ModelInput): Promise<Int32Array<ArrayBuffer>>;
  /**
   * The most likely classes of one image, from the highest score on.
   *
   * @throws HbnnError as `run`, and when an option does not fit the model
   */
  classify(input: ModelInput, options?: ClassifyOptions): Promise<ClassScore[]>;
  /** End the threads. */
  dispose(): Promise<void>;
}

const maxThreads = 256;

/**
 * Make an integer model ready on several threads. Batches of images go to whichever thread is free; fewer images than
 * threads are computed by all threads together. Its scores are `interpreter`'s, bit for bit. Without shared memory (a
 * page that is not isolated from other origins) it runs on the caller's thread, with the same interface.
 *
 * @param model the model, or where its .hbnn file is, as for `loadModel`
 * @throws HbnnError when the file cannot be had, the model is not sound or it does not fit into a memory
 */
export async function loadThreads(
  model: ModelOrigin | PromiseLike<ModelOrigin>,
  options: ThreadOptions = {},
): Promise<ThreadedModel> {
  checkLoadOptions(
    options,
    [...loadOptionNames, 'threads', 'callerComputes', 'worker'],
    'loadThreads',
  );
  checkFlag('loadThreads', 'callerComputes', options.callerComputes);
  const threads = options.threads ?? threadCount();
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > maxThreads)
    throw new HbnnError(
      `loadThreads: expected 1 to ${maxThreads} threads, got ${threads}; leave \`threads\` out for as many as the machine runs at once`,
    );
  if (threads === 1 || !canShare()) return onCallersThread(model, options);
  const packed = (options.relaxed ?? hasSoundRelaxedSimd()) ? relaxed : plain;
  const compiling = codeModule('loadThreads', options, () => packed, true);
  const checked = await modelFrom(model, 'loadThreads', compiling, true);
  const code = await compiling;
  const { module } = code;
  const { prepared, places } = await prepare(checked, options, code, threads, true);
  const { facts, sizes, steps, memory } = prepared;
  const { callerComputes = false, worker } = options;
  const start = (_: unknown, index: number) =>
    startThread({ module, memory, index, count: threads, answers: !callerComputes }, worker);
  const own = callerComputes
    ? [callersThread(await moduleOn(module, memory), threads - 1, threads)]
    : [];
  const workers = await startAll(Array.from({ length: threads - own.length }, start));
  // The caller is the last one, so that the others have begun when it does nothing but compute.
  const started = [...workers, ...own];
  const programs = recordPrograms(steps, places, sizes.batch);
  return { ...facts, ...onThreads(started, places, memory, { facts, sizes, programs }) };
}

/** Threads that are being started; when one does not start, the others end. */
async function startAll(starting: readonly Promise<Thread>[]): Promise<Thread[]> {
  const results = await Promise.allSettled(starting);
  const threads = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return threads;
  await Promise.all(threads.map((thread) => thread.stop()));
  throw failed.reason;
}

/** The code of one thread has a memory that is not shared, so that `wasm` and `worker` of several do not fit it. */
async function onCallersThread(
  model: ModelOrigin | PromiseLike<ModelOrigin>,
  options: ThreadOptions,
): Promise<ThreadedModel> {
  const { batch, kernels, pack, relaxed: withRelaxed } = options;
  const loaded = await loadModel(model, { batch, kernels, pack, relaxed: withRelaxed });
  const dispose = async (): Promise<void> => loaded.dispose();
  return {
    name: loaded.name,
    shape: loaded.shape,
    classes: loaded.classes,
    scoreFactor: loaded.scoreFactor,
    threads: 1,
    batch: loaded.plan.batch,
    run: async (input) => loaded.run(input),
    classify: async (input, o) => loaded.classify(input, o),
    dispose,
    [asyncDisposeKey]: dispose,
  };
}

/** A model on threads, but for what it says of itself. */
function onThreads(
  threads: readonly Thread[],
  places: readonly Placed[],
  memory: WasmMemory,
  model: { readonly facts: ModelFacts; readonly sizes: RunSizes; readonly programs: Programs },
): Omit<ThreadedModel, keyof ModelFacts> {
  const { batch, image, classes, shape } = model.sizes;
  const meetings = new Map<number, Int32Array>();
  const stopAll = () => Promise.all(threads.map((thread) => thread.stop()));
  let disposed = false;
  /** Why a run failed: no later one may read what a thread has left half done. */
  let failed: unknown;
  // Calls run one after the other, since each of them uses all threads.
  let before: Promise<unknown> = Promise.resolve();
  const compute = async (pixels: Uint8Array): Promise<Int32Array<ArrayBuffer>> => {
    if (disposed) throw disposedError();
    if (failed !== undefined) throw failed;
    const count = countImages(pixels, shape);
    const scores = new Int32Array(count * classes);
    let next = 0;
    /** Run some images where a thread has its pixels and scores. */
    const batchAt = async (
      at: Placed,
      most: number,
      run: (images: number) => Promise<unknown>,
    ): Promise<void> => {
      const first = next;
      const images = Math.min(most, count - first);
      next += images;
      const part = pixels.subarray(first * image, (first + images) * image);
      new Uint8Array(memory.buffer, at.pixels, part.length).set(part);
      await run(images);
      scores.set(new Int32Array(memory.buffer, at.scores, images * classes), first * classes);
    };
    const { alone, together } = model.programs;
    const apart = async (thread: Thread, t: number): Promise<void> => {
      const most = Math.min(batch, Math.ceil(count / threads.length));
      while (next < count)
        await batchAt(places[t], most, (images) =>
          thread.run(`alone ${images}`, () => alone(t, images)),
        );
    };
    const all = async (images: number): Promise<void> => {
      const words =
        meetings.get(images) ?? meetingWords(together(0, images).length, threads.length);
      meetings.set(images, words);
      const run = beginRun(words);
      const name = `together ${images}`;
      const runs = threads.map((thread, t) =>
        thread.run(name, () => together(t, images), { id: images, words, run }),
      );
      // One of them does the last part, and another may not even have woken up.
      try {
        await Promise.race(runs);
      } finally {
        for (const thread of threads) thread.rest();
      }
    };
    try {
      // Fewer images than threads are computed by all threads at once.
      if (count >= threads.length) await Promise.all(threads.map(apart));
      else while (next < count) await batchAt(places[0], batch, all);
    } catch (error) {
      failed = error;
      await stopAll();
      throw error;
    }
    return scores;
  };
  const easel: Easel = {};
  const run = async (input: ModelInput): Promise<Int32Array<ArrayBuffer>> => {
    // A picture is read at once: a canvas may have changed when its turn comes.
    const pixels = pixelsOfInput(input, shape, easel);
    const result = before.then(() => compute(pixels));
    before = result.catch(() => undefined);
    return result;
  };
  const dispose = async (): Promise<void> => {
    disposed = true;
    await before;
    await stopAll();
  };
  return {
    threads: threads.length,
    batch,
    run,
    classify: async (input, options = {}) => highestClasses(await run(input), model.facts, options),
    dispose,
    [asyncDisposeKey]: dispose,
  };
}
