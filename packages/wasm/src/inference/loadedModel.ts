import { HbnnError } from '@hbnn/core';
import {
  type CheckedLayer,
  type CheckedModel,
  countImages,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type Watch,
} from '@hbnn/model';
import type { RawKernels, WasmMemory } from '../webAssembly.ts';
import { type ClassifyOptions, type ClassScore, highestClasses } from './classify.ts';
import { type DisposedByUsing, disposeKey } from './disposal.ts';
import { imageValues, type MapLayout, nibbleValues } from './featureMap.ts';
import type { ModelKernelName } from './modelKernels.ts';
import { type Easel, type ModelInput, pixelsOfInput } from './pictures.ts';
import { type BoundSteps, bindSteps, type Placed, writeScores } from './placing.ts';
import type { PlannedStep, Step } from './step.ts';

/** What a layer runs on. */
export interface LoadedLayer {
  readonly name: string;
  readonly kernels: readonly ModelKernelName[];
  /** Multiply-adds of one image. */
  readonly macs: number;
  /** What a batch's product was expected to take when its kernel was chosen; undefined for other layers. */
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
  /** '' for the kernel that reads the pixels. */
  readonly layer: string;
  readonly kernel: ModelKernelName;
  readonly ms: number;
}

/** What a loaded model keeps of the model to say what goes in and comes out. */
export interface ModelFacts {
  readonly name: string;
  /** The shape of an image: [height, width, channels]. */
  readonly shape: FeatureShape;
  /** The name of each score. */
  readonly classes: readonly string[];
  /** A score times this is what the trained network gives, nearly. */
  readonly scoreFactor: number;
}

/** An integer model in a WebAssembly memory of its own. */
export interface LoadedModel extends ModelFacts, DisposedByUsing {
  readonly plan: LoadedPlan;
  /**
   * Scores of each image, [count, classes]; with `watch`, each layer's outputs too, for one image after the other.
   *
   * @param input bytes from 0 to 255, [count, height, width, channels], or one picture of the model's size: an
   *   ImageData, and in a page a canvas, ImageBitmap, VideoFrame, image or video element. Its colours become red, green
   *   and blue, or for one channel their luma; alpha is left out
   * @throws HbnnError when the input is no whole number of images, or after `dispose`
   */
  run(input: ModelInput, watch?: Watch): Int32Array<ArrayBuffer>;
  /**
   * The most likely classes of one image, from the highest score on.
   *
   * @throws HbnnError as `run`, and when an option does not fit the model
   */
  classify(input: ModelInput, options?: ClassifyOptions): ClassScore[];
  /**
   * Run some images, and tell what each layer's kernels took: none for a layer that the one before it computes too.
   *
   * @throws HbnnError as `run`
   */
  profile(input: ModelInput): readonly KernelTime[];
  /** Release the memory. */
  dispose(): void;
}

/** Sizes of what goes in and comes out. */
export interface RunSizes {
  /** Images computed together. */
  readonly batch: number;
  /** The shape of an image: [height, width, channels]. */
  readonly shape: FeatureShape;
  /** Pixel values of an image. */
  readonly image: number;
  readonly classes: number;
}

export const runSizes = (model: CheckedModel, batch: number): RunSizes => ({
  batch,
  shape: model.input.shape,
  image: featureCount(model.input.shape),
  classes: model.scoreOffsets.length,
});

export const modelFacts = (model: CheckedModel): ModelFacts => ({
  name: model.name,
  shape: model.input.shape,
  classes: model.classes,
  scoreFactor: model.scoreFactor,
});

/** The error of a run after `dispose`. */
export const disposedError = (): HbnnError =>
  new HbnnError('run: expected a loaded model, got one that is disposed of; load it again');

/** A model's steps in a memory that holds its constants. */
export interface Prepared {
  readonly facts: ModelFacts;
  readonly sizes: RunSizes;
  readonly planned: readonly CheckedLayer[];
  readonly steps: readonly PlannedStep[];
  readonly memory: WasmMemory;
}

/** What a loaded model keeps of a step: neither its constants nor the model stay beside the memory that holds them. */
type KeptStep = Pick<Step, 'layer' | 'kernel' | 'output' | 'macs' | 'cost'>;

/** What it keeps of a layer. */
interface KeptLayer extends Pick<IntegerLayer, 'name' | 'kind'> {
  readonly output: FeatureShape;
  /** Bitwidths of a threshold layer's elements. */
  readonly bits: Uint8Array;
}

interface Loaded {
  readonly facts: ModelFacts;
  readonly sizes: RunSizes;
  readonly layers: readonly KeptLayer[];
  readonly steps: readonly KeptStep[];
  readonly placed: Placed;
  readonly memory: WasmMemory;
  readonly raw: RawKernels;
  readonly runs: BoundSteps;
}

const keptLayer = ({ layer, output }: CheckedLayer): KeptLayer => ({
  name: layer.name,
  kind: layer.kind,
  output,
  bits: layer.kind === 'threshold' ? layer.bits : new Uint8Array(0),
});

const keptStep = ({ layer, kernel, output, macs, cost }: Step): KeptStep => ({
  layer,
  kernel,
  output,
  macs,
  cost,
});

/** A prepared model that runs on the caller's thread. */
export function loadedModel(prepared: Prepared, placed: Placed, raw: RawKernels): LoadedModel {
  const { facts, sizes, planned, steps, memory } = prepared;
  return running({
    facts,
    sizes,
    layers: planned.map(keptLayer),
    steps: steps.map(keptStep),
    placed,
    memory,
    raw,
    runs: bindSteps(raw, steps, placed),
  });
}

function running(loaded: Loaded): LoadedModel {
  // The closures below refer to `live` alone, so that `dispose` releases the memory.
  let live: Loaded | undefined = loaded;
  const plan = planOf(loaded);
  const { facts, sizes, layers, steps } = loaded;
  const { classes, shape } = sizes;
  const easel: Easel = {};
  const run = (input: ModelInput, watch?: Watch): Int32Array<ArrayBuffer> => {
    const pixels = pixelsOfInput(input, shape, easel);
    const scores = new Int32Array(countImages(pixels, shape) * classes);
    inBatches(live, pixels, (model, first, images) => {
      runBatch(model, images, watch);
      const { buffer } = model.memory;
      scores.set(new Int32Array(buffer, model.placed.scores, images * classes), first * classes);
    });
    return scores;
  };
  const dispose = (): void => {
    live = undefined;
  };
  return {
    name: facts.name,
    shape: facts.shape,
    classes: facts.classes,
    scoreFactor: facts.scoreFactor,
    plan,
    run,
    classify: (input, options = {}) => highestClasses(run(input), facts, options),
    profile(input) {
      const ms = new Float64Array(steps.length);
      inBatches(live, pixelsOfInput(input, shape, easel), ({ runs }, _, images) => {
        runs.joined.forEach((runStep, i) => {
          const start = performance.now();
          runStep?.(images);
          ms[i] += performance.now() - start;
        });
      });
      return steps.map(({ layer, kernel }, i) => {
        const name = layers[layer]?.name ?? '';
        return { layer: name, kernel, ms: ms[i] };
      });
    },
    dispose,
    [disposeKey]: dispose,
  };
}

/** Write one batch of pixels after the other to where the model reads them, and visit each. */
function inBatches(
  loaded: Loaded | undefined,
  pixels: Uint8Array,
  visit: (loaded: Loaded, first: number, images: number) => void,
): void {
  if (loaded === undefined) throw disposedError();
  const { sizes, memory, placed } = loaded;
  const { batch, image } = sizes;
  const count = countImages(pixels, sizes.shape);
  for (let first = 0; first < count; first += batch) {
    const images = Math.min(batch, count - first);
    const part = pixels.subarray(first * image, (first + images) * image);
    new Uint8Array(memory.buffer, placed.pixels, part.length).set(part);
    visit(loaded, first, images);
  }
}

function runBatch(
  { layers, steps, runs, placed, raw, memory }: Loaded,
  images: number,
  watch: Watch | undefined,
): void {
  const outputs: Int32Array<ArrayBuffer>[][] = [];
  const bound = watch === undefined ? runs.joined : runs.single;
  bound.forEach((run, i) => {
    run?.(images);
    const { layer, output } = steps[i];
    if (watch !== undefined && layer >= 0 && steps[i + 1]?.layer !== layer)
      outputs.push(outputsOf(memory, placed.outputs[i], output, layers[layer].bits, images));
  });
  writeScores(raw, steps[steps.length - 1].output, placed, images);
  for (let image = 0; watch !== undefined && image < images; image++)
    outputs.forEach((values, i) => {
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

function planOf({ sizes, layers, steps, placed, memory }: Loaded): LoadedPlan {
  const { constantBytes } = placed;
  return {
    batch: sizes.batch,
    layers: layers.map(({ name }, i) =>
      loadedLayer(
        name,
        steps.filter((step) => step.layer === i),
      ),
    ),
    constantBytes,
    arenaBytes: memory.buffer.byteLength - constantBytes,
  };
}

function loadedLayer(name: string, steps: readonly KeptStep[]): LoadedLayer {
  const kernels = steps.map(({ kernel }) => kernel);
  const macs = steps.reduce((sum, step) => sum + (step.macs ?? 0), 0);
  const cost = steps.find((step) => step.cost !== undefined)?.cost;
  if (cost === undefined) return { name, kernels, macs };
  return { name, kernels, macs, expectedMs: cost / 1e6 };
}
