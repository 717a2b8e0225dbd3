import { HbnnError } from '@hbnn/core';
import {
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type CheckedModel,
  type CheckedLayer,
  checkModel,
  type Watch,
} from '@hbnn/model';
import { inferenceCode, kernelsOn, type RawKernel, type WasmMemory } from '../webAssembly.ts';
import { imageValues, type MapLayout, nibbleValues } from './featureMap.ts';
import type { ModelKernelName, ProductKernelName } from './modelKernels.ts';
import {
  bindSteps,
  newMemory,
  type Placed,
  place,
  writeConstants,
  writeScores,
} from './placing.ts';
import type { RunStep, Step } from './step.ts';
import { stepsOf } from './steps.ts';

export interface LoadOptions {
  /** Images computed together; by default up to 16, as many as make about two million values. */
  readonly batch?: number;
  /** Kernels to prefer for products that they fit, rather than those that should be fastest. */
  readonly kernels?: readonly ProductKernelName[];
  /**
   * Keep weights that meet few pixels of an image (dense layers) in about the bits they are made of, and unpack them
   * where they are used: by default from 2^21 weights of a layer on.
   */
  readonly pack?: boolean;
  /** Relaxed SIMD, which computes the same numbers faster: by default where the engine has it. */
  readonly relaxed?: boolean;
}

/** What a layer runs on. */
export interface LoadedLayer {
  readonly name: string;
  readonly kernels: readonly ModelKernelName[];
  /** Multiply-adds of one image. */
  readonly macs: number;
  /** Its weights are packed (see LoadOptions.pack). */
  readonly packed: boolean;
  /** What a batch's product was thought to take when its kernel was chosen; undefined for other layers. */
  readonly expectedMs?: number;
}

export interface LoadedPlan {
  readonly batch: number;
  readonly layers: readonly LoadedLayer[];
  /** Bytes of weights, thresholds and maps, and of the feature maps and scratch space, which share theirs. */
  readonly constantBytes: number;
  readonly arenaBytes: number;
}

/** What a kernel took over all images. */
export interface KernelTime {
  /** '' for what reads the pixels. */
  readonly layer: string;
  readonly kernel: ModelKernelName;
  readonly ms: number;
}

/** An integer model in a WebAssembly memory of its own. */
export interface LoadedModel {
  readonly plan: LoadedPlan;
  /**
   * Scores of each image, [count, classes]; with `watch`, each layer's outputs too, for one image after the other.
   *
   * @throws HbnnError when the pixels are no whole number of images, or after `dispose`
   */
  run(pixels: Uint8Array, watch?: Watch): Int32Array<ArrayBuffer>;
  /**
   * Run some images, and tell what each layer's kernels took.
   *
   * @throws HbnnError as `run`
   */
  profile(pixels: Uint8Array): readonly KernelTime[];
  /** Let go of the memory. */
  dispose(): void;
}

/** Feature maps of a batch hold about this many values. */
const batchValues = 2 ** 21;
const mostBatch = 16;
/**
 * Make an integer model ready on WebAssembly: weights packed once, all in one memory. Its scores are
 * `interpreter`'s, bit for bit.
 *
 * @throws HbnnError when the model is not sound or does not fit into a memory
 */
export async function loadModel(model: CheckedModel, o: LoadOptions = {}): Promise<LoadedModel> {
  const planned = model.checkedLayers;
  const batch = batchFor(model, planned, o.batch);
  const steps = await stepsOf(model, planned, batch, o);
  const [placed] = place(model, steps, batch);
  const memory = newMemory(model.name, placed.bytes);
  const raw = await kernelsOn(inferenceCode(o.relaxed), memory);
  writeConstants(memory, model, steps, placed);
  const runs = bindSteps(raw, steps, placed);
  // Neither the model nor the constants are kept beside the memory they went into.
  const kept = steps.map(
    ({ layer, kernel, output, macs, packed, cost }): KeptStep => ({
      ...{ layer, kernel, output, macs, packed, cost },
    }),
  );
  const layers = planned.map(shownOf);
  const sizes = [featureCount(model.input.shape), model.scoreOffsets.length] as const;
  return running(sizes, { batch, layers, steps: kept, placed, memory, raw, runs });
}

/** How many images are computed together. @throws HbnnError when the number is none */
export function batchFor(
  model: CheckedModel,
  planned: readonly CheckedLayer[],
  asked: number | undefined,
): number {
  const largest = planned.reduce(
    (most, { output }) => Math.max(most, featureCount(output)),
    featureCount(model.input.shape),
  );
  const batch = asked ?? Math.max(1, Math.min(mostBatch, Math.floor(batchValues / largest)));
  if (!Number.isSafeInteger(batch) || batch < 1 || batch > 4096)
    throw new HbnnError(`loadModel: expected a batch of 1 to 4096 images, got ${batch}`);
  return batch;
}

type KeptStep = Pick<Step, 'layer' | 'kernel' | 'output' | 'macs' | 'packed' | 'cost'>;

/** What is kept of a layer. */
interface ShownLayer extends Pick<IntegerLayer, 'name' | 'kind'> {
  readonly output: FeatureShape;
  /** Of a threshold layer's elements. */
  readonly bits: Uint8Array;
}

const shownOf = ({ layer, output }: CheckedLayer): ShownLayer => ({
  ...{ name: layer.name, kind: layer.kind, output },
  bits: layer.kind === 'threshold' ? layer.bits : new Uint8Array(0),
});

interface Loaded {
  readonly batch: number;
  readonly layers: readonly ShownLayer[];
  readonly steps: readonly KeptStep[];
  readonly placed: Placed;
  readonly memory: WasmMemory;
  readonly raw: Readonly<Record<string, RawKernel>>;
  readonly runs: readonly RunStep[];
}

function running([size, classes]: readonly [number, number], loaded: Loaded): LoadedModel {
  const { batch, placed } = loaded;
  let live: Loaded | undefined = loaded;
  const inBatches = (
    pixels: Uint8Array,
    each: (of: Loaded, first: number, images: number) => void,
  ): number => {
    if (live === undefined) throw new HbnnError('run: the model is disposed of; load it again');
    const count = pixels.length / size;
    if (!Number.isInteger(count))
      throw new HbnnError(
        `run: expected images of ${size} pixel values each, got ${pixels.length} values; pass whole images`,
      );
    for (let first = 0; first < count; first += batch) {
      const images = Math.min(batch, count - first);
      const part = pixels.subarray(first * size, (first + images) * size);
      new Uint8Array(live.memory.buffer, placed.pixels, part.length).set(part);
      each(live, first, images);
    }
    return count;
  };
  return {
    plan: planOf(loaded),
    run(pixels, watch) {
      const scores = new Int32Array(Math.ceil(pixels.length / size) * classes);
      inBatches(pixels, (of, first, images) => {
        runBatch(of, images, watch);
        const found = new Int32Array(of.memory.buffer, placed.scores, images * classes);
        scores.set(found, first * classes);
      });
      return scores;
    },
    profile(pixels) {
      const { layers, steps, runs } = loaded;
      const ms = new Float64Array(steps.length);
      inBatches(pixels, (_, __, images) => {
        runs.forEach((run, i) => {
          const start = performance.now();
          run(images);
          ms[i] += performance.now() - start;
        });
      });
      return steps.map(({ layer, kernel }, i) => ({
        ...{ layer: layers[layer]?.name ?? '', kernel, ms: ms[i] },
      }));
    },
    dispose() {
      live = undefined;
    },
  };
}

function runBatch(
  { layers, steps, runs, placed, raw, memory }: Loaded,
  images: number,
  watch: Watch | undefined,
): void {
  const seen: Int32Array<ArrayBuffer>[][] = [];
  runs.forEach((run, i) => {
    run(images);
    const { layer, output } = steps[i];
    if (watch !== undefined && layer >= 0 && steps[i + 1]?.layer !== layer)
      seen.push(outputsOf(memory, placed.outputs[i], output, layers[layer].bits, images));
  });
  writeScores(raw, steps[steps.length - 1].output, placed, images);
  for (let image = 0; watch !== undefined && image < images; image++)
    seen.forEach((values, i) => {
      watch(layers[i], { shape: layers[i].output, values: values[image] });
    });
}

function outputsOf(
  memory: WasmMemory,
  at: number,
  output: MapLayout,
  bits: Uint8Array,
  images: number,
): Int32Array<ArrayBuffer>[] {
  if (output.form === 'nibbles') {
    const nibbles = new Uint8Array(memory.buffer, at, output.bytes);
    return Array.from({ length: images }, (_, image) => nibbleValues(nibbles, output, bits, image));
  }
  const count = output.shape[2] * output.stride;
  const values =
    output.form === 'int32'
      ? new Int32Array(memory.buffer, at, count)
      : new Int16Array(memory.buffer, at, count);
  return Array.from({ length: images }, (_, image) => imageValues(values, output, image));
}

function planOf({ batch, layers: shown, steps, placed, memory }: Loaded): LoadedPlan {
  const layers = shown.map(({ name }, i) => {
    const own = steps.filter((step) => step.layer === i);
    const macs = own.reduce((sum, step) => sum + (step.macs ?? 0), 0);
    const packed = own.some((step) => step.packed);
    const cost = own.find((step) => step.cost !== undefined)?.cost;
    return {
      ...{ name, kernels: own.map(({ kernel }) => kernel), macs, packed },
      ...(cost !== undefined && { expectedMs: cost / 1e6 }),
    };
  });
  const { constantBytes } = placed;
  return { batch, layers, constantBytes, arenaBytes: memory.buffer.byteLength - constantBytes };
}
