import type { RawKernels } from '../webAssembly.ts';
import type { MapLayout } from './featureMap.ts';
import type { ModelKernelName } from './modelKernels.ts';
import type { Share } from './share.ts';

/** Gathered windows worked on together take about this many bytes, so that they stay in the second-level cache. */
export const gatheredBytes = 2 ** 18;
/** The same where each of them is read for many outputs, one group after the other: table lookup. */
export const lookupGatheredBytes = 3 * gatheredBytes;
/** Kernels write up to this many bytes past the lines and quads in a step's scratch memory. */
export const scratchOverrunBytes = 128;

export type Constant = Uint8Array | Int16Array | Int32Array | Int8Array | Float64Array;

/** Where a step's data lie: byte offsets into the memory. */
export interface Places {
  readonly input: number;
  /** All that it reads, `input` first: a step at which branches meet reads several maps. */
  readonly inputs: readonly number[];
  readonly output: number;
  readonly scratch: number;
  /** Scratch memory that threads have in common where they compute the same images; else a thread's own. */
  readonly common: number;
  readonly constants: readonly number[];
}

/** Compute a step for the first images of the batch, or a share of it: by default all. */
export type RunStep = (images: number, share?: Share) => void;

/** What a step does to each output of the step before it, where that can do it on its way. */
export type Epilogue =
  | { readonly kind: 'requantize'; readonly minimum: number; readonly maximum: number }
  | {
      readonly kind: 'nibbles';
      readonly nodes: number;
      readonly slots: number;
      readonly stride: number;
    };

/** One kernel's work, before it is known where its data lie. */
export interface Step {
  /** Index of the model's layer that it belongs to; −1 is the input. */
  readonly layer: number;
  readonly kernel: ModelKernelName;
  readonly input: MapLayout;
  readonly output: MapLayout;
  readonly scratchBytes: number;
  readonly constants: readonly Constant[];
  /** The result lives as long as the loaded model: it must not refer to the constants. */
  bind(raw: RawKernels, at: Places): RunStep;
  /** How a step before it can compute it in passing. */
  readonly epilogue?: Epilogue;
  /** Compute this step and the next, which has the epilogue, at once; undefined where it cannot. */
  bindWith?(raw: RawKernels, at: Places, next: Places, epilogue: Epilogue): RunStep | undefined;
  /** Multiply-adds of one image, for a product. */
  readonly macs?: number;
  /** What a product was expected to take for a batch, nanoseconds. */
  readonly cost?: number;
}

/** A step in its place among the others. */
export interface PlannedStep extends Step {
  /** The steps whose outputs it reads; none for the one that reads the pixels. */
  readonly reads: readonly number[];
}

/** Constants in the order in which they are asked for; one that is asked for twice is kept once. */
export class ConstantList {
  readonly #constants: Constant[] = [];

  get constants(): readonly Constant[] {
    return this.#constants;
  }

  /** Its index among them. */
  add(constant: Constant): number {
    const index = this.#constants.indexOf(constant);
    return index >= 0 ? index : this.#constants.push(constant) - 1;
  }
}
