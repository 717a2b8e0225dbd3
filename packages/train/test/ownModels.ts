import { type BatchSource, distFromAverage, permutation, random } from '@hbnn/core';
import { type CheckedModel, interpreter, lower } from '@hbnn/model';
import { binarize, exportModel, inputPrecision, recalibrate, weightPrecision } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

export const { layers: L } = tfl;

/** A 3×3 convolution without bias that keeps the size of the map, unless options say otherwise. */
export const conv = (name: string, filters: number, o: object = {}): tfl.layers.Layer =>
  L.conv2d({ name, filters, kernelSize: 3, padding: 'same', useBias: false, ...o });
export const bn = (name: string, o: object = {}): tfl.layers.Layer =>
  L.batchNormalization({ name, ...o });
export const relu = (name: string, o: object = {}): tfl.layers.Layer => L.reLU({ name, ...o });
export const pool = (name: string, o: object = {}): tfl.layers.Layer =>
  L.maxPooling2d({ name, poolSize: 2, ...o });
/** The last layers of a network: flattening, and the dense layer that gives the scores. */
export const head = (o: object = {}): tfl.layers.Layer[] => [
  L.flatten({ name: 'flat' }),
  L.dense({ name: 'out', units: 4, useBias: false, ...o }),
];

/** 8-bit images of a seed with labels, and their pixels. */
export interface PixelSource extends BatchSource {
  readonly pixels: Uint8Array;
}

export function pixelSource(
  shape: readonly [number, number, number],
  classes: number,
  count = 96,
): PixelSource {
  const size = shape[0] * shape[1] * shape[2];
  const rng = random('own', shape.join());
  const pixels = Uint8Array.from({ length: count * size }, () =>
    Math.max(0, Math.min(255, Math.round(110 + 60 * rng.normal()))),
  );
  const normalization = {
    mean: Array.from({ length: shape[2] }, (_, c) => 0.41 + 0.1 * c),
    deviation: Array.from({ length: shape[2] }, (_, c) => 0.25 - 0.03 * c),
  };
  return {
    name: 'own',
    shape,
    count,
    pixels,
    normalization,
    classes: Array.from({ length: classes }, (_, k) => `c${k}`),
    async *batches({ batch, shuffle, seed, epoch, from = 0 }) {
      const order = shuffle
        ? permutation(count, random(seed, 'order', epoch))
        : Uint32Array.from({ length: count }, (_, i) => i);
      for (let start = from * batch; start < count; start += batch) {
        const rows = order.subarray(start, start + batch);
        const images = new Float32Array(rows.length * size);
        rows.forEach((row, i) => {
          for (let j = 0; j < size; j++) {
            const c = j % shape[2];
            const { mean, deviation } = normalization;
            images[i * size + j] = (pixels[row * size + j] / 255 - mean[c]) / deviation[c];
          }
        });
        yield { images, labels: Int32Array.from(rows, (row) => row % classes), count: rows.length };
      }
    },
  };
}

/** Give every weight a seeded value; batch norms scales of both signs, unless `gamma` says otherwise. */
export function scatter(
  model: tfl.LayersModel,
  gamma?: (layer: string, c: number) => number,
): void {
  for (const layer of model.layers) {
    const rng = random('weights', layer.name);
    layer.setWeights(
      layer.getWeights().map((w, k) => {
        const what = layer.weights[k].originalName;
        const values = Float32Array.from({ length: w.size }, (_, c) => {
          if (/variance/.test(what)) return 0.5 + rng.uniform();
          if (!/gamma/.test(what)) return 0.3 * rng.normal();
          return gamma?.(layer.name, c) ?? (rng.below(2) === 0 ? 1 : -1) * (0.3 + rng.uniform());
        });
        return tf.tensor(values, w.shape);
      }),
    );
  }
}

export type Tensor = tfl.SymbolicTensor;

/** Apply layers one after the other. */
export const through = (x: Tensor, ...layers: tfl.layers.Layer[]): Tensor =>
  layers.reduce((at, layer) => layer.apply(at) as Tensor, x);

/** Let tensors meet at a layer. */
export const meet = (layer: tfl.layers.Layer, ...inputs: Tensor[]): Tensor =>
  layer.apply(inputs) as Tensor;

/** A model of layers one after the other, or of what a function makes of the input. */
function modelOf({ shape, layers }: OwnModel): tfl.LayersModel {
  if (typeof layers === 'function') {
    const input = tfl.input({ shape: [...shape] });
    return tfl.model({ inputs: input, outputs: layers(input) });
  }
  const model = tfl.sequential();
  for (const layer of layers) model.add(layer);
  return model;
}

export interface OwnModel {
  readonly shape: readonly [number, number, number];
  readonly layers: readonly tfl.layers.Layer[] | ((input: Tensor) => Tensor);
  readonly classes?: number;
  readonly gamma?: (layer: string, c: number) => number;
  /** Change weights after they were given their seeded values. */
  readonly change?: (model: tfl.LayersModel) => void;
  /** Binarize weights and inputs at 1 bit with static maps, except these layers; left out: stay float. */
  readonly skip?: readonly string[];
}

export interface LoweredOwn {
  readonly model: tfl.LayersModel;
  readonly integer: CheckedModel;
  readonly source: PixelSource;
  readonly notes: readonly string[];
}

/** Build, binarize, recalibrate, export and lower. */
export async function loweredOwn(o: OwnModel): Promise<LoweredOwn> {
  const float = modelOf(o);
  const scores = (float.outputs[0].shape.slice(1) as number[]).reduce((a, b) => a * b, 1);
  const source = pixelSource(o.shape, o.classes ?? scores);
  scatter(float, o.gamma);
  o.change?.(float);
  let model: tfl.LayersModel = float;
  if (o.skip !== undefined) {
    const weights = weightPrecision(distFromAverage(1));
    const inputs = inputPrecision(distFromAverage(1), { map: 'static', mapPer: 'channel' });
    model = binarize(float, { weights, inputs, skip: o.skip });
    await recalibrate(model, source, { images: 96, batch: 32, seed: 1 });
  }
  const notes: string[] = [];
  const exported = await exportModel(model, source, { onNote: (note) => notes.push(note) });
  const { model: integer } = lower(exported, {
    scaleBits: 8,
    onNote: (note) => notes.push(note),
  });
  return { model, integer, source, notes };
}

/** The framework's outputs for all images, row-major. */
export async function floatScores(
  model: tfl.LayersModel,
  source: PixelSource,
): Promise<Float32Array> {
  const { count } = source;
  for await (const part of source.batches({ batch: count, shuffle: false, seed: 0, epoch: 0 })) {
    const images = tf.tensor(part.images, [count, ...source.shape]);
    return (model.apply(images, { training: false }) as tf.Tensor).dataSync() as Float32Array;
  }
  throw new Error('no images');
}

/** Largest difference of scores over the largest score, and the share of images of the same class. */
export async function compared({
  model,
  integer,
  source,
}: LoweredOwn): Promise<{ difference: number; agree: number }> {
  const expected = await floatScores(model, source);
  const got = interpreter(integer).run(source.pixels);
  const classes = integer.scoreOffsets.length;
  let largest = 0;
  let difference = 0;
  expected.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(got[i] * integer.scoreFactor - value));
  });
  let agree = 0;
  for (let k = 0; k < source.count; k++) {
    const row = expected.subarray(k * classes, (k + 1) * classes);
    const own = got.subarray(k * classes, (k + 1) * classes);
    const best = row.indexOf(Math.max(...row));
    if (own[best] === Math.max(...own)) agree++;
  }
  return { difference: difference / largest, agree: agree / source.count };
}
