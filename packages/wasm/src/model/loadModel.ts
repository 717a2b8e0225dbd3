import {
  featureCount,
  HbnnError,
  type IntegerLayer,
  type IntegerModel,
  type PlannedLayer,
  planModel,
  type Watch,
} from '@hbnn/core';
import {
  inferenceCode,
  kernelsOn,
  type RawKernel,
  type WasmMemory,
  webAssembly,
} from '../webAssembly.ts';
import { planArena } from './arena.ts';
import { costOf } from './costs.ts';
import { imageValues, type MapLayout, nibbleValues, roundUp } from './featureMap.ts';
import type { ModelKernelName, ProductKernelName } from './modelKernels.ts';
import type { RunStep, Step } from './step.ts';
import { fittingKernels, type ProductChoice, sizeOf, stepsOf } from './steps.ts';

export interface LoadOptions {
  /** Images computed together; by default as many as make about a million values. */
  readonly batch?: number;
  /** Kernels to prefer for products that they fit, rather than those that should be fastest. */
  readonly kernels?: readonly ProductKernelName[];
}

/** What a layer runs on. */
export interface LoadedLayer {
  readonly name: string;
  readonly kernels: readonly ModelKernelName[];
  /** Multiply-adds of one image. */
  readonly macs: number;
}

export interface LoadedPlan {
  readonly batch: number;
  readonly layers: readonly LoadedLayer[];
  /** Bytes of weights, thresholds and maps, and of the feature maps and scratch space, which share theirs. */
  readonly constantBytes: number;
  readonly arenaBytes: number;
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
  /** Let go of the memory. */
  dispose(): void;
}

/** Feature maps of a batch hold about this many values. */
const batchValues = 2 ** 20;
const mostBatch = 16;
/** Kernels may read this far past a buffer's end. */
const slackBytes = 1024;

/**
 * Make an integer model ready on WebAssembly: weights packed once, all in one memory. Its scores are
 * `interpreter`'s, bit for bit.
 *
 * @throws HbnnError when the model is not sound or does not fit into a memory
 */
export async function loadModel(model: IntegerModel, o: LoadOptions = {}): Promise<LoadedModel> {
  const planned = planModel(model);
  const largest = planned.reduce(
    (most, { output }) => Math.max(most, featureCount(output)),
    featureCount(model.input.shape),
  );
  const batch = o.batch ?? Math.max(1, Math.min(mostBatch, Math.floor(batchValues / largest)));
  if (!Number.isSafeInteger(batch) || batch < 1 || batch > 4096)
    throw new HbnnError(`loadModel: expected a batch of 1 to 4096 images, got ${batch}`);
  const made = stepsOf(model, planned, batch, (choice) => chosen(choice, o.kernels));
  const steps = await Promise.all(
    made.map(async (step) =>
      step.late === undefined
        ? step
        : { ...step, constants: [...step.constants, await step.late()] },
    ),
  );
  const placed = place(model, steps, batch);
  const memory = newMemory(model.name, placed.bytes);
  const raw = await kernelsOn(inferenceCode, memory);
  const runs = writeAndBind(memory, raw, steps, placed);
  return running(model, planned, { batch, steps, placed, memory, raw, runs });
}

function chosen(
  choice: ProductChoice,
  preferred: readonly ProductKernelName[] = [],
): ProductKernelName {
  const fitting = fittingKernels(choice);
  const wanted = preferred.find((name) => fitting.includes(name));
  if (wanted !== undefined) return wanted;
  const size = sizeOf(choice);
  const cost = fitting.map((name) => costOf(name, size));
  return fitting[cost.indexOf(Math.min(...cost))];
}

interface Placed {
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

/** Give each constant, feature map and scratch space its place: constants first, then the arena. */
function place(model: IntegerModel, steps: readonly Step[], batch: number): Placed {
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
  const places = at.map((offset) => start + offset);
  return {
    ...{ pixels: places[0], scores: places[1], constants, offsets, constantBytes },
    outputs: places.slice(2, 2 + steps.length),
    scratch: places.slice(2 + steps.length),
    bytes: start + bytes + slackBytes,
  };
}

const pageBytes = 65536;

function newMemory(name: string, bytes: number): WasmMemory {
  const pages = Math.ceil(bytes / pageBytes);
  try {
    return new webAssembly.Memory({ initial: pages, maximum: pages });
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new HbnnError(
      `${name}: needs ${Math.ceil(bytes / 2 ** 20)} MiB in one WebAssembly memory, which cannot be had; use a smaller batch or the reference engine`,
    );
  }
}

function writeAndBind(
  memory: WasmMemory,
  raw: Readonly<Record<string, RawKernel>>,
  steps: readonly Step[],
  placed: Placed,
): RunStep[] {
  const bytes = new Uint8Array(memory.buffer);
  return steps.map((step, i) => {
    step.constants.forEach((constant, k) => {
      const { buffer, byteOffset, byteLength } = constant;
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength), placed.constants[i][k]);
    });
    return step.bind(raw, {
      input: i === 0 ? placed.pixels : placed.outputs[i - 1],
      output: placed.outputs[i],
      scratch: placed.scratch[i],
      constants: placed.constants[i],
    });
  });
}

interface Loaded {
  readonly batch: number;
  readonly steps: readonly Step[];
  readonly placed: Placed;
  readonly memory: WasmMemory;
  readonly raw: Readonly<Record<string, RawKernel>>;
  readonly runs: readonly RunStep[];
}

function running(
  model: IntegerModel,
  planned: readonly PlannedLayer[],
  loaded: Loaded,
): LoadedModel {
  const { batch, placed } = loaded;
  const size = featureCount(model.input.shape);
  const classes = model.scoreOffsets.length;
  new Int32Array(loaded.memory.buffer, placed.offsets, classes).set(model.scoreOffsets);
  let live: Loaded | undefined = loaded;
  return {
    plan: planOf(planned, loaded),
    run(pixels, watch) {
      if (live === undefined) throw new HbnnError('run: the model is disposed of; load it again');
      const count = pixels.length / size;
      if (!Number.isInteger(count))
        throw new HbnnError(
          `run: expected images of ${model.input.shape.join('×')} = ${size} pixel values each, got ${pixels.length} values; pass whole images`,
        );
      const scores = new Int32Array(count * classes);
      for (let first = 0; first < count; first += batch) {
        const images = Math.min(batch, count - first);
        const part = pixels.subarray(first * size, (first + images) * size);
        new Uint8Array(live.memory.buffer, placed.pixels, part.length).set(part);
        runBatch(planned, live, images, watch);
        const found = new Int32Array(live.memory.buffer, placed.scores, images * classes);
        scores.set(found, first * classes);
      }
      return scores;
    },
    dispose() {
      live = undefined;
    },
  };
}

function runBatch(
  planned: readonly PlannedLayer[],
  { steps, runs, placed, raw, memory }: Loaded,
  images: number,
  watch: Watch | undefined,
): void {
  const seen: Int32Array<ArrayBuffer>[][] = [];
  runs.forEach((run, i) => {
    run(images);
    const { layer, output } = steps[i];
    if (watch !== undefined && layer >= 0 && steps[i + 1]?.layer !== layer)
      seen.push(outputsOf(memory, placed.outputs[i], output, bitsOf(planned[layer].layer), images));
  });
  const { shape, stride, form } = steps[steps.length - 1].output;
  const write = form === 'int32' ? raw.writeScores32 : raw.writeScores16;
  write(
    ...[placed.outputs[steps.length - 1], placed.offsets, placed.scores],
    ...[images, shape[0] * shape[1], shape[2], stride],
  );
  for (let image = 0; watch !== undefined && image < images; image++)
    seen.forEach((values, i) => {
      watch(planned[i].layer, { shape: planned[i].output, values: values[image] });
    });
}

const bitsOf = (layer: IntegerLayer): Uint8Array =>
  layer.kind === 'threshold' ? layer.bits : new Uint8Array(0);

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

function planOf(
  planned: readonly PlannedLayer[],
  { batch, steps, placed, memory }: Loaded,
): LoadedPlan {
  const layers = planned.map(({ layer }, i) => {
    const own = steps.filter((step) => step.layer === i);
    const macs = own.reduce((sum, step) => sum + (step.macs ?? 0), 0);
    return { name: layer.name, kernels: own.map(({ kernel }) => kernel), macs };
  });
  const { constantBytes } = placed;
  return { batch, layers, constantBytes, arenaBytes: memory.buffer.byteLength - constantBytes };
}
