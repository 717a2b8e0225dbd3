import type { FeatureShape, Padding4, Pair } from '@hbnn/model';
import { type Step, stepLayer } from '../unrolled/steps.ts';
import type { Leaf } from '../unrolled/unrolledDesign.ts';
import type { PlacedBits } from './beatLogic.ts';
import type { Fold } from './folds.ts';
import type { InputPlanes } from './inputPlanes.ts';
import type { MatrixTables } from './matrixTables.ts';
import type { PlacedVectors, Stream, WindowedMatrix } from './stream.ts';

/** Logic that a beat goes through; `stages` counts its registers. */
export interface LogicUnit {
  readonly kind: 'logic';
  readonly name: string;
  readonly leaf: Leaf;
  readonly stages: number;
  readonly shape: FeatureShape;
  readonly table?: PlacedBits;
  readonly inputWidth: number;
  readonly outputWidth: number;
}

/** Line buffers and a window that slides over the feature map, zeros around it. */
export interface WindowUnit {
  readonly kind: 'window';
  readonly name: string;
  readonly input: FeatureShape;
  readonly output: FeatureShape;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padding: Padding4;
  readonly inputWidth: number;
  readonly outputWidth: number;
}

/** All pixels of a feature map in one beat. */
export interface CollectUnit {
  readonly kind: 'collect';
  readonly name: string;
  readonly pixels: number;
  readonly inputWidth: number;
  readonly outputWidth: number;
}

/** The sum of all pixels of a feature map, channel by channel: each beat is added when it comes. */
export interface AccumulateUnit {
  readonly kind: 'accumulate';
  readonly name: string;
  /** What the sums are with one more pixel. Its inputs are the beat's bits and, above them, those of the sums so far. */
  readonly leaf: Leaf;
  readonly pixels: number;
  readonly inputWidth: number;
  readonly outputWidth: number;
}

/** A pixel's channels dealt out, some in each beat. */
export interface DealUnit {
  readonly kind: 'deal';
  readonly name: string;
  /** Pixels of an image. */
  readonly places: number;
  /** For each beat of a pixel, which bit of the pixel each of its bits is; −1: always 0. */
  readonly bits: readonly (readonly number[])[];
  readonly inputWidth: number;
  readonly outputWidth: number;
}

/** A pixel's channels gathered from several beats, with some of them in each. */
export interface GatherUnit {
  readonly kind: 'gather';
  readonly name: string;
  /** Pixels of an image. */
  readonly places: number;
  /** For each beat of a pixel, which bit of the pixel each of its bits becomes; −1: none. */
  readonly bits: readonly (readonly number[])[];
  readonly inputWidth: number;
  readonly outputWidth: number;
}

/** PE × SIMD lanes that go through a matrix, its weights in memories. */
export interface MatrixUnit {
  readonly kind: 'matrix';
  readonly name: string;
  readonly lane: Leaf;
  /** Registers within a lane. */
  readonly stages: number;
  readonly matrix: WindowedMatrix;
  readonly input: Stream;
  readonly output: Stream;
  readonly inputs: InputPlanes;
  readonly tables: MatrixTables;
  /** What accumulators start from, modulo 2^width, per class of places. */
  readonly starts: PlacedVectors;
  /** Its beat is taken when it is done with, so that no other register has to hold it. */
  readonly held: boolean;
  /** Each group's sums are a beat of their own; else those of all groups are one. */
  readonly grouped: boolean;
  readonly inputWidth: number;
  readonly outputWidth: number;
}

export type Unit =
  | LogicUnit
  | WindowUnit
  | CollectUnit
  | AccumulateUnit
  | DealUnit
  | GatherUnit
  | MatrixUnit;

export const romForms = ['case', 'hex'] as const;
export const lineBuffers = ['auto', 'distributed', 'block'] as const;

/** How memories are to be built. */
export interface MemoryStyle {
  /** Contents of memories that are only read: `case` statements, or .hex files that $readmemh reads. */
  readonly rom: (typeof romForms)[number];
  /** Line buffers of windows; `auto`: block RAM for rows of more than 64 pixels, else distributed RAM. */
  readonly lines: (typeof lineBuffers)[number];
}

export interface LayerCycles {
  /** Cycles that the unit that takes longest needs for an image. */
  readonly scheduled: number;
  /** Products of bits over lanes; those of a layer without lanes are its beats. */
  readonly ideal: number;
}

/** A module in which beats wait: at least two, so that it cuts the way of the ready signals within a cycle. */
export interface StreamBuffer {
  readonly name: string;
  readonly depth: number;
}

/** A stream that a layer reads. */
export interface StreamSource {
  /** The number of the layer that makes it; −1 is the pixels. */
  readonly layer: number;
  /** Where its beats wait for those of the layer's other streams, if further layers read it too. */
  readonly buffer?: StreamBuffer;
}

/** Gives each beat of a stream to all layers that read it, in one cycle. */
export interface StreamFork {
  readonly name: string;
  /** The number of the layer that makes the stream. */
  readonly layer: number;
  readonly readers: readonly StreamReader[];
}

/** One of the streams that a layer reads, by number. */
interface StreamReader {
  readonly layer: number;
  readonly source: number;
}

export interface FoldedLayer {
  readonly layer: string;
  readonly kind: string;
  /** What it computes: the layer's own values, or thresholds and a pool in the other order. */
  readonly step: Step;
  readonly module: string;
  readonly sources: readonly StreamSource[];
  /** The module that makes one beat of those of all sources, where there are several. */
  readonly join?: string;
  readonly units: readonly Unit[];
  /** Its source; of several the channels one after the other. */
  readonly input: Stream;
  readonly output: Stream;
  /** The fold of a layer with weights; `constant` where its weights are constants. */
  readonly fold?: Fold & { readonly constant: boolean };
  readonly cycles: LayerCycles;
  /** The buffer before its units, where it has one. */
  readonly buffer?: StreamBuffer;
}

export interface FoldedScores {
  readonly unit: LogicUnit;
  /** Beats of an image, and scores of a beat. */
  readonly beats: number;
  readonly each: number;
  readonly indexBits: number;
  /** Bits that scores are compared by. */
  readonly width: number;
}

/** A layer's buffers: those of its sources, then the one before its units. */
export const layerBuffers = ({
  sources,
  buffer,
}: Pick<FoldedLayer, 'sources' | 'buffer'>): StreamBuffer[] =>
  [...sources.map((source) => source.buffer), buffer].filter((one) => one !== undefined);

/** Rows and columns that a window is laid over: the input with its zeros, as far as a window needs them. */
export function scanSize({ input, output, kernel, strides, padding }: WindowUnit): Pair {
  const along = (axis: 0 | 1): number =>
    Math.max(
      padding[axis] + input[axis],
      output[axis] === 1 ? kernel[axis] : (output[axis] - 1) * strides[axis] + kernel[axis],
    );
  return [along(0), along(1)];
}

/** Cycles that a unit takes to have an image's pixels go through. */
export function scanned(unit: Unit): number {
  switch (unit.kind) {
    case 'window': {
      const [height, width] = scanSize(unit);
      return height * width;
    }
    case 'logic':
      return unit.shape[0] * unit.shape[1];
    case 'collect':
      return unit.pixels;
    case 'accumulate':
      // It takes no pixel in the cycle in which its sums are taken and become 0.
      return unit.pixels + 1;
    case 'deal':
    case 'gather':
      return unit.places * unit.bits.length;
    case 'matrix':
      return 0;
    default:
      return unit satisfies never;
  }
}

/** Pixels of a layer's output, each of which may be several beats. */
export function placesOf({ step }: Pick<FoldedLayer, 'step'>): number {
  const [height, width] = stepLayer(step).output;
  return height * width;
}

/** Cycles that a layer's beats alone take for an image, whatever its fold. */
export const scanOf = (layer: Pick<FoldedLayer, 'units' | 'step'>): number =>
  layer.units.reduce((most, unit) => Math.max(most, scanned(unit)), placesOf(layer));

/** Whether a coordinate of a scan is where a window ends. */
export const endsWindow = (
  { kernel, strides }: Pick<WindowUnit, 'kernel' | 'strides'>,
  axis: 0 | 1,
  n: number,
): boolean => n >= kernel[axis] - 1 && (n - kernel[axis] + 1) % strides[axis] === 0;

/** Beats that a unit gives, by the cycles that it takes from the one before to be ready for each. */
export type Gaps = ReadonlyMap<number, number>;

/** The gaps of what stands before a matrix: of its window, its collection of pixels, or of beats as they come. */
export function gapsOf(unit: Unit | undefined, places: number): Gaps {
  if (unit?.kind === 'collect') return new Map([[unit.pixels, places]]);
  if (unit?.kind !== 'window') return new Map([[1, places]]);
  const [rows, columns] = scanSize(unit);
  const counts = new Map<number, number>();
  const add = (gap: number): void => void counts.set(gap, (counts.get(gap) ?? 0) + 1);
  let [first, last] = [-1, -1];
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      if (!endsWindow(unit, 0, y) || !endsWindow(unit, 1, x)) continue;
      const at = y * columns + x;
      if (first < 0) first = at;
      else add(at - last);
      last = at;
    }
  // From the last window of an image to the first one of the next.
  add(first + rows * columns - last);
  return counts;
}

/**
 * Cycles that a matrix takes for an image. The next window is made while it works on one or, where the matrix works on
 * the window itself, after it.
 */
export function matrixCycles(stepCount: number, gaps: Gaps, held: boolean): number {
  let cycles = 0;
  for (const [gap, count] of gaps)
    cycles += count * (held ? stepCount + gap - 1 : Math.max(stepCount, gap));
  return cycles;
}
