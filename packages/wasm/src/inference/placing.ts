import { HbnnError } from '@hbnn/core';
import { type CheckedModel, featureCount } from '@hbnn/model';
import { type RawKernels, type WasmMemory, webAssembly } from '../webAssembly.ts';
import { placeNeeds, Regions, roundUp } from './regions.ts';
import type { Places, PlannedStep, RunStep, Step } from './step.ts';

/** Kernels may read this far past a buffer's end. */
export const overrunBytes = 1024;

/** Where all data of a loaded model lie: byte offsets into its memory. */
export interface Placed {
  readonly pixels: number;
  /** The place of each step's output. */
  readonly outputs: readonly number[];
  readonly scratch: readonly number[];
  /** Scratch memory of the first of the threads that compute the same images; undefined for one that works alone. */
  readonly common?: readonly number[];
  readonly constants: readonly (readonly number[])[];
  readonly offsets: number;
  readonly scores: number;
  readonly constantBytes: number;
  readonly bytes: number;
}

/**
 * Give each constant, feature map and scratch space its place: constants first, then an arena for each of some threads,
 * which share the constants.
 */
export function place(
  model: CheckedModel,
  steps: readonly PlannedStep[],
  batch: number,
  threads = 1,
): Placed[] {
  // Nothing lies at offset 0, which kernels take for a constant that does not exist; threads meet by words there.
  const regions = new Regions(64);
  const constants = steps.map((step) =>
    step.constants.map(({ byteLength }) => regions.place(byteLength)),
  );
  const offsets = regions.place(model.scoreOffsets.byteLength);
  const constantBytes = regions.end;
  const start = roundUp(constantBytes + overrunBytes, 64);
  const last = steps.length;
  const lastReads = lastReadsOf(steps);
  const { offsets: at, bytes } = placeNeeds([
    { bytes: batch * featureCount(model.input.shape), from: 0, to: lastOfPixels(steps) },
    { bytes: batch * model.scoreOffsets.byteLength, from: last, to: last },
    // The output of a step with an epilogue may be written while the step before it reads its input.
    ...steps.map(({ output, epilogue }, i) => ({
      bytes: output.bytes,
      from: epilogue === undefined ? i : Math.max(0, i - 1),
      to: lastReads[i],
    })),
    ...steps.map(({ scratchBytes }, i) => ({ bytes: scratchBytes, from: i, to: i })),
  ]);
  const arena = roundUp(bytes + overrunBytes, 64);
  return Array.from({ length: threads }, (_, thread): Placed => {
    const places = at.map((offset) => start + thread * arena + offset);
    return {
      pixels: places[0],
      scores: places[1],
      constants,
      offsets,
      constantBytes,
      outputs: places.slice(2, 2 + steps.length),
      scratch: places.slice(2 + steps.length),
      bytes: start + threads * arena,
    };
  });
}

/** The last step that reads the pixels themselves. */
const lastOfPixels = (steps: readonly PlannedStep[]): number =>
  steps.reduce((last, { reads }, i) => (reads.length === 0 ? i : last), 0);

/** The last step that reads each step's output; those of the last one become scores behind all steps. */
function lastReadsOf(steps: readonly PlannedStep[]): number[] {
  const lastReads = steps.map((_, i) => i);
  steps.forEach(({ reads }, i) => {
    for (const step of reads) lastReads[step] = i;
  });
  lastReads[steps.length - 1] = steps.length;
  return lastReads;
}

export const pageBytes = 65536;
/** The largest memory that the kernels' code takes: scripts/build.mjs declares it for a shared memory. */
const maxPages = 65536;

/**
 * Make a memory of at least `bytes`.
 *
 * @throws HbnnError when the engine has no such memory
 */
export function newMemory(name: string, bytes: number, shared = false): WasmMemory {
  const pages = Math.ceil(bytes / pageBytes);
  try {
    if (pages > maxPages) throw new RangeError('more than 4 GiB');
    return new webAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new HbnnError(
      `${name}: needs ${Math.ceil(bytes / 2 ** 20)} MiB in one WebAssembly memory, which the engine refuses; use a smaller batch or the reference engine`,
    );
  }
}

/** Write the constants, which all threads share. */
export function writeConstants(
  memory: WasmMemory,
  model: CheckedModel,
  steps: readonly Step[],
  { constants, offsets }: Placed,
): void {
  const bytes = new Uint8Array(memory.buffer);
  steps.forEach((step, i) => {
    step.constants.forEach(({ buffer, byteOffset, byteLength }, k) => {
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength), constants[i][k]);
    });
  });
  new Int32Array(memory.buffer, offsets, model.scoreOffsets.length).set(model.scoreOffsets);
}

/** Steps bound to a thread's places. */
export interface BoundSteps {
  /** One after the other, so that each leaves its outputs. */
  readonly single: readonly RunStep[];
  /** The same scores, with steps computed by the one before them where that can: nothing is then to be done for them. */
  readonly joined: readonly (RunStep | undefined)[];
}

/** Bind the steps to a thread's places. */
export function bindSteps(
  raw: RawKernels,
  steps: readonly PlannedStep[],
  { pixels, outputs, scratch, common = scratch, constants }: Placed,
): BoundSteps {
  const places = steps.map(({ reads }, i): Places => {
    const inputs = reads.length === 0 ? [pixels] : reads.map((read) => outputs[read]);
    return {
      input: inputs[0],
      inputs,
      output: outputs[i],
      scratch: scratch[i],
      common: common[i],
      constants: constants[i],
    };
  });
  const single = steps.map((step, i) => step.bind(raw, places[i]));
  const joined: (RunStep | undefined)[] = [...single];
  for (const [i, step] of steps.entries()) {
    const next = steps[i + 1];
    if (next?.epilogue === undefined || joined[i] === undefined) continue;
    // Joined, a step leaves no outputs of its own: the next one alone may read them.
    const readers = steps.filter(({ reads }) => reads.includes(i));
    if (readers.length !== 1 || readers[0] !== next) continue;
    const both = step.bindWith?.(raw, places[i], places[i + 1], next.epilogue);
    if (both !== undefined) [joined[i], joined[i + 1]] = [both, undefined];
  }
  return { single, joined };
}

/** Turn the last step's outputs into scores. */
export function writeScores(
  raw: RawKernels,
  { shape, stride, form }: Step['output'],
  { outputs, offsets, scores }: Placed,
  images: number,
): void {
  const write = form === 'int32' ? raw.writeScores32 : raw.writeScores16;
  const from = outputs[outputs.length - 1];
  write(from, offsets, scores, images, shape[0] * shape[1], shape[2], stride);
}
