import { checkFlag, checkOptions, chosenName, HbnnError, kindOf } from '@hbnn/core';
import {
  type CheckedLayer,
  type CheckedModel,
  checkModel,
  featureCount,
  readModel,
} from '@hbnn/model';
import {
  compiledCode,
  hasRelaxedSimd,
  moduleOn,
  type PackedCode,
  type WasmModule,
  webAssembly,
} from '../webAssembly.ts';
import { inferenceCode } from './inferenceCode.ts';
import {
  type LoadedModel,
  loadedModel,
  modelFacts,
  type Prepared,
  runSizes,
} from './loadedModel.ts';
import { LoadingKernels } from './loadingKernels.ts';
import { type ProductKernelName, productKernelNames } from './modelKernels.ts';
import { stepsOf } from './modelSteps.ts';
import { type KernelTraits, kernelTraits } from './pixelStep.ts';
import { newMemory, type Placed, pageBytes, place, writeConstants } from './placing.ts';
import { groupBytes } from './productWeights.ts';
import { type ByteSource, bytesOf, openSource } from './sources.ts';
import { windowOf } from './window.ts';

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
  /**
   * The kernels' code, a file of `build/` in this package, in place of the code within the package's scripts:
   * `inference.wasm` or `inference-relaxed.wasm`, for `loadThreads` `inference-shared.wasm` or
   * `inference-relaxed-shared.wasm`.
   */
  readonly wasm?: ByteSource | PromiseLike<ByteSource>;
}

export const loadOptionNames = ['batch', 'kernels', 'pack', 'relaxed', 'wasm'] as const;

/** Refuse options that a function does not have, or that contradict each other. */
export function checkLoadOptions(
  options: LoadOptions,
  names: readonly string[],
  where: string,
): void {
  checkOptions(where, options, names);
  checkFlag(where, 'pack', options.pack);
  checkFlag(where, 'relaxed', options.relaxed);
  if (options.kernels !== undefined) checkKernels(options.kernels, where);
  if (options.wasm !== undefined && options.relaxed !== undefined)
    throw new HbnnError(
      `${where}: expected \`wasm\` or \`relaxed\`, got both; the file that is handed in has relaxed SIMD or has not`,
    );
  if (options.relaxed === true && !hasRelaxedSimd())
    throw new HbnnError(
      `${where}: expected an engine with relaxed SIMD for \`relaxed\`, got one without; leave it out`,
    );
}

function checkKernels(kernels: unknown, where: string): void {
  if (!Array.isArray(kernels))
    throw new HbnnError(
      `${where}: expected \`kernels\` as a list of names of kernels, got ${kindOf(kernels)}; write it as ['${productKernelNames[0]}'], or leave it out`,
    );
  for (const name of kernels) chosenName(name, productKernelNames, `${where}: kernels`);
}

/** A model, or where its .hbnn file is: an address, a response, a Blob or File, or its bytes. */
export type ModelOrigin = CheckedModel | ByteSource;

/** Feature maps of a batch hold about this many values. */
const batchValues = 2 ** 21;
const maxDefaultBatch = 16;
const maxBatch = 4096;

/**
 * Make an integer model ready on WebAssembly: weights packed once, all in one memory. Its scores are
 * `interpreter`'s, bit for bit.
 *
 * @param model the model, or its .hbnn file, which is decoded as it arrives: an address (`'model.hbnn'` in a page), a
 *   response or the promise of one (`fetch('model.hbnn')`), a Blob or File, or the bytes
 * @throws HbnnError when the file cannot be had, the model is not sound or it does not fit into a memory
 */
export async function loadModel(
  model: ModelOrigin | PromiseLike<ModelOrigin>,
  options: LoadOptions = {},
): Promise<LoadedModel> {
  checkLoadOptions(options, loadOptionNames, 'loadModel');
  const packed = (): string => inferenceCode(options.relaxed);
  const compiling = codeModule('loadModel', options, packed);
  const checked = await modelFrom(model, 'loadModel', compiling);
  const code = await compiling;
  const { prepared, places } = await prepare(checked, options, code);
  const raw = await moduleOn(code.module, prepared.memory);
  return loadedModel(prepared, places[0], raw);
}

/**
 * Take a model, or read it from where its file is.
 *
 * @param compiling the kernels' code, which decodes the file; it compiles while the file is opened
 * @param shared whether the code is for a memory that threads share
 */
export async function modelFrom(
  origin: ModelOrigin | PromiseLike<ModelOrigin>,
  where: string,
  compiling: Promise<KernelCode>,
  shared = false,
): Promise<CheckedModel> {
  // What is wrong with the model comes first; what is wrong with the code is found where it is awaited.
  compiling.catch(() => undefined);
  const value = await origin;
  const source = await openSource(value, where, 'model file');
  if (source === undefined) return checkModel(value as CheckedModel);
  const { module } = await compiling;
  const loops = await LoadingKernels.on(module, shared);
  return readModel(source.pieces, source.name, source.bytes, loops);
}

/** Compiled kernels, and what is known of them. */
export interface KernelCode {
  readonly module: WasmModule;
  readonly traits: KernelTraits;
}

/**
 * The compiled kernels: the package's own, or those that were handed in.
 *
 * @param packed the package's own code
 * @param shared whether it is for a memory that threads share
 */
export async function codeModule(
  where: string,
  options: LoadOptions,
  packed: () => PackedCode,
  shared = false,
): Promise<KernelCode> {
  const memory = newMemory(where, pageBytes, shared);
  if (options.wasm === undefined) {
    const module = await compiledCode(packed());
    return { module, traits: await kernelTraits(module, memory) };
  }
  const value: unknown = await options.wasm;
  const source = await openSource(value, where, "file of kernels' code");
  if (source === undefined)
    throw new HbnnError(
      `${where}: expected \`wasm\` as an address, a response or bytes, got ${kindOf(value)}; leave it out for the package's own code`,
    );
  const bytes = await bytesOf(source);
  try {
    const module = await webAssembly.compile(bytes);
    const { probeDot } = await moduleOn(module, memory);
    if (probeDot !== undefined) return { module, traits: await kernelTraits(module, memory) };
  } catch (error) {
    throw wrongCode(where, source.name, String(error));
  }
  throw wrongCode(where, source.name, 'it lacks the kernels of integer models');
}

/** The error of code that this engine, or a memory of this kind, does not take. */
function wrongCode(where: string, name: string, reason: string): HbnnError {
  const kind = where === 'loadModel' ? '' : '-shared';
  const relaxed = hasRelaxedSimd() ? ` or inference-relaxed${kind}.wasm` : '';
  return new HbnnError(
    `${where}: expected inference${kind}.wasm${relaxed} of @hbnn/wasm/build, which this engine takes, got other code from ${name} (${reason}); hand in that file, or leave \`wasm\` out`,
  );
}

/** Lay a model out for some threads, and write its constants into a memory; with `shared`, one that threads share. */
export async function prepare(
  model: CheckedModel,
  options: LoadOptions,
  { module, traits: { relaxed, pixelDot } }: KernelCode,
  threads = 1,
  shared = false,
): Promise<{ readonly prepared: Prepared; readonly places: readonly Placed[] }> {
  const planned = checkModel(model).checkedLayers;
  const batch = batchFor(model, planned, options.batch);
  const loops = await LoadingKernels.on(module, shared, largestGroup(planned));
  const steps = await stepsOf(model, planned, batch, {
    ...options,
    relaxed,
    loops,
    ...(pixelDot && { pixels: { zeros: model.input.zeros, dot: pixelDot } }),
  });
  const places = place(model, steps, batch, threads);
  const memory = newMemory(model.name, places[0].bytes, shared);
  writeConstants(memory, model, steps, places[0]);
  const facts = modelFacts(model);
  return { prepared: { facts, sizes: runSizes(model, batch), planned, steps, memory }, places };
}

/** The most bytes that four outputs of a product may take while it is laid out. */
const largestGroup = (planned: readonly CheckedLayer[]): number =>
  planned.reduce((largest, { layer, input }) => {
    if (layer.kind !== 'conv' && layer.kind !== 'dense') return largest;
    const [height, width] = windowOf(layer, input).kernel;
    return Math.max(largest, groupBytes(layer.weights, height * width));
  }, 0);

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
