import { HbnnError } from '@hbnn/core';
import { type CheckedLayer, type CheckedModel, checkModel, featureCount } from '@hbnn/model';
import { inferenceCode, kernelsOn } from '../webAssembly.ts';
import { type LoadedModel, loadedModel, type Prepared, runSizes } from './loadedModel.ts';
import type { ProductKernelName } from './modelKernels.ts';
import { stepsOf } from './modelSteps.ts';
import { newMemory, type Placed, place, writeConstants } from './placing.ts';

export interface LoadOptions {
  /** Images computed together; by default up to 16, as many as make about two million values. */
  readonly batch?: number;
  /** Kernels to prefer for products that they fit, rather than those that should be fastest. */
  readonly kernels?: readonly ProductKernelName[];
  /**
   * Keep each weight that meets few pixels of an image (dense layers) in at most 5 bits where it has at most three
   * planes: by default from 2^21 weights of a layer on.
   */
  readonly pack?: boolean;
  /** Relaxed SIMD, which computes the same numbers faster: by default where the engine has it. */
  readonly relaxed?: boolean;
}

/** Feature maps of a batch hold about this many values. */
const batchValues = 2 ** 21;
const maxDefaultBatch = 16;
const maxBatch = 4096;

/**
 * Make an integer model ready on WebAssembly: weights packed once, all in one memory. Its scores are
 * `interpreter`'s, bit for bit.
 *
 * @throws HbnnError when the model is not sound or does not fit into a memory
 */
export async function loadModel(
  model: CheckedModel,
  options: LoadOptions = {},
): Promise<LoadedModel> {
  const { prepared, places } = await prepare(model, options);
  const raw = await kernelsOn(inferenceCode(options.relaxed), prepared.memory);
  return loadedModel(prepared, places[0], raw);
}

/** Lay a model out for some threads, and write its constants into a memory; with `shared`, one that threads share. */
export async function prepare(
  model: CheckedModel,
  options: LoadOptions,
  threads = 1,
  shared = false,
): Promise<{ readonly prepared: Prepared; readonly places: readonly Placed[] }> {
  const planned = checkModel(model).checkedLayers;
  const batch = batchFor(model, planned, options.batch);
  const steps = await stepsOf(model, planned, batch, options);
  const places = place(model, steps, batch, threads);
  const memory = newMemory(model.name, places[0].bytes, shared);
  writeConstants(memory, model, steps, places[0]);
  return { prepared: { sizes: runSizes(model, batch), planned, steps, memory }, places };
}

/** How many images are computed together. @throws HbnnError when `asked` is no number of images */
function batchFor(
  model: CheckedModel,
  planned: readonly CheckedLayer[],
  asked: number | undefined,
): number {
  const largestMap = planned.reduce(
    (largest, { output }) => Math.max(largest, featureCount(output)),
    featureCount(model.input.shape),
  );
  const fitting = Math.min(maxDefaultBatch, Math.floor(batchValues / largestMap));
  const batch = asked ?? Math.max(1, fitting);
  if (!Number.isSafeInteger(batch) || batch < 1 || batch > maxBatch)
    throw new HbnnError(
      `loadModel: expected a batch of 1 to ${maxBatch} images, got ${batch}; leave \`batch\` out for one that fits the model`,
    );
  return batch;
}
