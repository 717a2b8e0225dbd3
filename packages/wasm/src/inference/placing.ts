import { HbnnError } from '@hbnn/core';
import { featureCount, type CheckedModel } from '@hbnn/model';
import { type RawKernel, type WasmMemory, webAssembly } from '../webAssembly.ts';
import { planArena } from './arena.ts';
import { roundUp } from './featureMap.ts';
import type { RunStep, Step } from './step.ts';

/** Kernels may read this far past a buffer's end. */
const slackBytes = 1024;

/** Where all data of a loaded model lie: byte offsets into its memory. */
export interface Placed {
  readonly pixels: number;
  /** Per step. */
  readonly outputs: readonly number[];
  readonly scratch: readonly number[];
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
  steps: readonly Step[],
  batch: number,
  threads = 1,
): Placed[] {
  let next = 64;
  const put = (bytes: number): number => {
    const at = next;
    next = roundUp(next + bytes, 64);
    return at;
  };
  const constants = steps.map((step) => step.constants.map(({ byteLength }) => put(byteLength)));
  const offsets = put(model.scoreOffsets.byteLength);
  const constantBytes = next;
  const start = roundUp(next + slackBytes, 64);
  const last = steps.length;
  const { offsets: at, bytes } = planArena([
    { bytes: batch * featureCount(model.input.shape), from: 0, to: 0 },
    { bytes: batch * model.scoreOffsets.byteLength, from: last, to: last },
    ...steps.map(({ output }, i) => ({ bytes: output.bytes, from: i, to: i + 1 })),
    ...steps.map(({ scratchBytes }, i) => ({ bytes: scratchBytes, from: i, to: i })),
  ]);
  const arena = roundUp(bytes + slackBytes, 64);
  return Array.from({ length: threads }, (_, thread): Placed => {
    const places = at.map((offset) => start + thread * arena + offset);
    return {
      ...{ pixels: places[0], scores: places[1], constants, offsets, constantBytes },
      outputs: places.slice(2, 2 + steps.length),
      scratch: places.slice(2 + steps.length),
      bytes: start + threads * arena,
    };
  });
}

const pageBytes = 65536;
/** What shared kernels declare (scripts/build.mjs). */
const mostPages = 65536;

/** A memory of so many bytes. @throws HbnnError when the engine has no such memory */
export function newMemory(name: string, bytes: number, shared = false): WasmMemory {
  const pages = Math.ceil(bytes / pageBytes);
  try {
    if (pages > mostPages) throw new RangeError('more than 4 GiB');
    return new webAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new HbnnError(
      `${name}: needs ${Math.ceil(bytes / 2 ** 20)} MiB in one WebAssembly memory, which cannot be had; use a smaller batch or the reference engine`,
    );
  }
}

/** Write what all threads share. */
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

/** The steps on a thread's places. */
export const bindSteps = (
  raw: Readonly<Record<string, RawKernel>>,
  steps: readonly Step[],
  { pixels, outputs, scratch, constants }: Placed,
): RunStep[] =>
  steps.map((step, i) =>
    step.bind(raw, {
      input: i === 0 ? pixels : outputs[i - 1],
      ...{ output: outputs[i], scratch: scratch[i], constants: constants[i] },
    }),
  );

/** Turn the last step's outputs into scores. */
export function writeScores(
  raw: Readonly<Record<string, RawKernel>>,
  { shape, stride, form }: Step['output'],
  { outputs, offsets, scores }: Placed,
  images: number,
): void {
  const write = form === 'int32' ? raw.writeScores32 : raw.writeScores16;
  write(
    ...[outputs[outputs.length - 1], offsets, scores],
    ...[images, shape[0] * shape[1], shape[2], stride],
  );
}
