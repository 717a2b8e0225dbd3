import { type BatchSource, checkBatch } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { checkCount } from '../fitting.ts';
import {
  BinarizedDepthwiseConv2D,
  type BinarizedLayer,
  binarizedLayers,
  pair,
} from '../layers/binarized.ts';
import type { InputBlock } from './carryErrors.ts';
import { secondMoments } from './hessian.ts';
import type { ScaleGroupView } from './layerColumns.ts';

/** Rows of inputs that a layer's second moments are taken from, at least this many per input of a block. */
const rowsPerInput = 8;
const minRows = 4096;
/** Inputs beyond this number fall into blocks, between which no error is carried. */
const maxBlock = 768;
const batchSize = 64;

/** Calibration images in batches, each a tensor that its owner disposes. */
export class Calibration {
  private readonly batches: tf.Tensor[] = [];

  /** Take the first images of a shuffled pass. */
  static async from(source: BatchSource, images: number, seed: number): Promise<Calibration> {
    const calibration = new Calibration();
    let left = images;
    const pass = { batch: batchSize, shuffle: true, seed, epoch: -1 };
    for await (const part of source.batches(pass)) {
      checkBatch(part, source, 'quantize');
      const count = Math.min(left, part.count);
      const size = part.images.length / part.count;
      const pixels = part.images.slice(0, count * size);
      calibration.batches.push(tf.tensor(pixels, [count, ...source.shape]));
      left -= count;
      if (left <= 0) break;
    }
    if (calibration.batches.length === 0) checkCount('quantize', source, 0);
    return calibration;
  }

  get images(): number {
    return this.batches.reduce((sum, batch) => sum + batch.shape[0], 0);
  }

  /** What a model gives for all images, concatenated. */
  outputs(model: tfl.LayersModel): Float32Array {
    const parts = this.batches.map((batch) => tf.tidy(() => infer(model, batch).dataSync()));
    return concatenated(parts as Float32Array[]);
  }

  /**
   * Rows of what the layer multiplies its kernel with, sampled evenly over images and places: its inputs, binarized where
   * the layer does so, with its zeros around them.
   */
  rows(model: tfl.LayersModel, layer: BinarizedLayer, view: ScaleGroupView): InputRows {
    const before = modelBefore(model, layer);
    const wanted = Math.max(minRows, rowsPerInput * Math.min(view.inputs, maxBlock));
    const perBatch = Math.ceil(wanted / this.batches.length);
    const parts = this.batches.map((batch) => {
      const x = tf.tidy(() => {
        const inputs = before === undefined ? batch : infer(before, batch);
        return tf.clone(layer.multiplied(inputs));
      });
      const values = x.dataSync() as Float32Array;
      const rows = rowsOf(values, x.shape, layer, perBatch);
      x.dispose();
      return rows;
    });
    return { values: concatenated(parts), width: parts[0].width };
  }

  dispose(): void {
    for (const batch of this.batches) batch.dispose();
  }
}

function infer(model: tfl.LayersModel, images: tf.Tensor): tf.Tensor {
  return model.apply(images, { training: false }) as tf.Tensor;
}

/** The model up to what a layer reads; undefined where that is the images. */
function modelBefore(model: tfl.LayersModel, layer: BinarizedLayer): tfl.LayersModel | undefined {
  const input = layer.input as tfl.SymbolicTensor;
  return input.id === model.inputs[0].id
    ? undefined
    : tfl.model({ inputs: model.inputs, outputs: input });
}

/** Sampled inputs of a layer, one row per place; a depthwise layer's rows hold all channels of each kernel position. */
export interface InputRows {
  readonly values: Float32Array;
  readonly width: number;
}

type Rows = Float32Array & { width: number };

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Where a window begins along one axis: the place times the stride, less the zeros of `same`. */
interface Axis {
  readonly places: number;
  readonly start: (place: number) => number;
  readonly size: number;
  readonly kernel: number;
}

function axisOf(size: number, kernel: number, stride: number, padding: string): Axis {
  const same = padding === 'same';
  const places = same ? Math.ceil(size / stride) : Math.floor((size - kernel) / stride) + 1;
  const zeros = same ? Math.max(0, (places - 1) * stride + kernel - size) : 0;
  const before = Math.floor(zeros / 2);
  return { places, start: (place) => place * stride - before, size, kernel };
}

function rowsOf(
  x: Float32Array,
  shape: readonly number[],
  layer: BinarizedLayer,
  limit: number,
): Rows {
  if (shape.length === 2) return Object.assign(x.slice(), { width: shape[1] });
  const [count, height, width, channels] = shape;
  const { kernelSize, strides, padding } = layer.getConfig() as unknown as {
    kernelSize: [number, number];
    strides: [number, number];
    padding: string;
  };
  const down = axisOf(height, pair(kernelSize)[0], pair(strides)[0], padding);
  const across = axisOf(width, pair(kernelSize)[1], pair(strides)[1], padding);
  const places = count * down.places * across.places;
  const rows = Math.min(limit, places);
  const rowSize = down.kernel * across.kernel * channels;
  const values = new Float32Array(rows * rowSize);
  for (let r = 0; r < rows; r++) {
    const place = Math.floor(((r + 0.5) * places) / rows);
    const left = across.start(place % across.places);
    const top = down.start(Math.floor(place / across.places) % down.places);
    const image = Math.floor(place / (across.places * down.places));
    let at = r * rowSize;
    for (let dy = 0; dy < down.kernel; dy++)
      for (let dx = 0; dx < across.kernel; dx++, at += channels) {
        const [row, column] = [top + dy, left + dx];
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        const from = ((image * height + row) * width + column) * channels;
        values.set(x.subarray(from, from + channels), at);
      }
  }
  return Object.assign(values, { width: rowSize });
}

/** The second moments of a layer's inputs: in blocks of inputs, or for each channel of a depthwise layer. */
export function blocksOf({ values, width }: InputRows, view: ScaleGroupView): InputBlock[] {
  const { inputs, outputs } = view;
  if (view.depthwise)
    return Array.from({ length: outputs }, (_, output) => {
      const own = channelRows(values, width, output, view);
      return { from: 0, size: inputs, output, moments: secondMoments(own, inputs, 0, inputs) };
    });
  const count = Math.ceil(inputs / maxBlock);
  return Array.from({ length: count }, (_, k) => {
    const from = Math.floor((k * inputs) / count);
    const size = Math.floor(((k + 1) * inputs) / count) - from;
    return { from, size, moments: secondMoments(values, width, from, size) };
  });
}

function channelRows(
  values: Float32Array,
  width: number,
  output: number,
  { inputs, outputs }: ScaleGroupView,
): Float32Array {
  const rows = values.length / width;
  const own = new Float32Array(rows * inputs);
  for (let r = 0; r < rows; r++)
    for (let j = 0; j < inputs; j++) own[r * inputs + j] = values[r * width + j * outputs + output];
  return own;
}

/** The mean of each input over the rows. */
export function meansOf({ values, width }: InputRows): Float64Array {
  const means = new Float64Array(width);
  const rows = values.length / width;
  for (let i = 0; i < values.length; i++) means[i % width] += values[i] / rows;
  return means;
}

export const isDepthwise = (layer: BinarizedLayer): boolean =>
  layer instanceof BinarizedDepthwiseConv2D;

/** Layers of a model whose weights are float and can be binarized, in order. */
export const floatLayers = (model: tfl.LayersModel): BinarizedLayer[] =>
  binarizedLayers(model).filter(({ precision }) => precision.weights === undefined);
