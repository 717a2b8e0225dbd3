import { type Batch, type BatchSource, HbnnError, permutation, random } from '@hbnn/core';

/** Labelled 8-bit images in memory, row-major [count, height, width, channels]. */
export interface LabelledImages {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array | Int32Array;
  readonly shape: readonly [height: number, width: number, channels: number];
}

/** Per channel, of pixels scaled to 0 … 1. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Values of one image. */
export const imageSize = (shape: readonly number[]): number => shape[0] * shape[1] * shape[2];

/** Check that labels and pixels agree and that every label names a class. */
export function labelledImages(
  pixels: Uint8Array,
  labels: Uint8Array | Int32Array,
  shape: readonly [number, number, number],
  classes: number,
  where: string,
): LabelledImages {
  if (pixels.length !== labels.length * imageSize(shape)) {
    throw new HbnnError(
      `${where}: expected ${labels.length} images of ${shape.join('×')} for ${labels.length} labels, got ` +
        `${pixels.length} pixel values; give as many images as labels, all of this size`,
    );
  }
  const bad = labels.findIndex((label) => label < 0 || label >= classes);
  if (bad >= 0) {
    throw new HbnnError(
      `${where}: expected labels 0 … ${classes - 1}, got ${labels[bad]} at image ${bad}; mend that label, or give more classes`,
    );
  }
  return { pixels, labels, shape };
}

/** Keep the first `count` images in a stratified way: as many of each class as its share allows. */
export function stratified(images: LabelledImages, classes: number, count: number): LabelledImages {
  if (count >= images.labels.length) return images;
  return pick(images, stratifiedIndices(images.labels, classes, count));
}

/** Indices of the first `count` labels in a stratified way; all of them where there are no more. */
export function stratifiedIndices(
  labels: ArrayLike<number>,
  classes: number,
  count: number,
): number[] {
  const all = Array.from(labels, (_, i) => i);
  if (count >= all.length) return all;
  const quota = new Array<number>(classes).fill(Math.floor(count / classes));
  for (let k = 0; k < count % classes; k++) quota[k]++;
  return all.filter((i) => quota[labels[i]]-- > 0);
}

/** Some of the images, in the order of their indices. */
export function pick(images: LabelledImages, indices: readonly number[]): LabelledImages {
  const size = imageSize(images.shape);
  const pixels = new Uint8Array(indices.length * size);
  indices.forEach((from, to) => {
    pixels.set(images.pixels.subarray(from * size, (from + 1) * size), to * size);
  });
  return { pixels, labels: Int32Array.from(indices, (i) => images.labels[i]), shape: images.shape };
}

/** Average k×k pixels into one; rows and columns beyond a multiple of k are dropped. */
export function shrink(images: LabelledImages, k: number, where = 'shrink'): LabelledImages {
  if (k === 1) return images;
  const [height, width, channels] = images.shape;
  const [h, w] = [Math.floor(height / k), Math.floor(width / k)];
  if (h < 1 || w < 1) {
    throw new HbnnError(
      `${where}: expected at most ${Math.min(height, width)}, a side of the ${height}×${width} images, got ${k}; shrink them by a smaller number`,
    );
  }
  const count = images.labels.length;
  const pixels = new Uint8Array(count * h * w * channels);
  let to = 0;
  for (let i = 0; i < count; i++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let dy = 0; dy < k; dy++) {
            const row = ((i * height + y * k + dy) * width + x * k) * channels + c;
            for (let dx = 0; dx < k; dx++) sum += images.pixels[row + dx * channels];
          }
          pixels[to++] = Math.round(sum / (k * k));
        }
      }
    }
  }
  return { pixels, labels: images.labels, shape: [h, w, channels] };
}

/** Mean and standard deviation per channel, of pixels scaled to 0 … 1. */
export function normalizationOf(images: LabelledImages): Normalization {
  const channels = images.shape[2];
  const sum = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const { pixels } = images;
  for (let i = 0; i < pixels.length; i += channels) {
    for (let c = 0; c < channels; c++) {
      const value = pixels[i + c];
      sum[c] += value;
      squares[c] += value * value;
    }
  }
  const n = pixels.length / channels;
  const mean = Array.from(sum, (s) => s / n / 255);
  const deviation = Array.from(squares, (s, c) =>
    Math.sqrt(Math.max(1e-12, s / n / 255 ** 2 - mean[c] ** 2)),
  );
  return { mean, deviation };
}

/** A 256-entry table per channel from pixel value to normalized value. */
export function normalizationTable(normalization: Normalization): Float32Array[] {
  return normalization.mean.map((mean, c) =>
    Float32Array.from({ length: 256 }, (_, v) => (v / 255 - mean) / normalization.deviation[c]),
  );
}

/** Write normalized pixels of one image. */
export function normalizeInto(
  out: Float32Array,
  offset: number,
  pixels: Uint8Array,
  tables: readonly Float32Array[],
): void {
  const channels = tables.length;
  for (let i = 0; i < pixels.length; i += channels) {
    for (let c = 0; c < channels; c++) out[offset + i + c] = tables[c][pixels[i + c]];
  }
}

/** Go through images in memory. */
export function memorySource(
  name: string,
  classes: readonly string[],
  images: LabelledImages,
  normalization: Normalization,
): BatchSource {
  const count = images.labels.length;
  const size = imageSize(images.shape);
  const tables = normalizationTable(normalization);
  const batchOf = (indices: Uint32Array): Batch => {
    const pixels = new Float32Array(indices.length * size);
    indices.forEach((index, i) => {
      const image = images.pixels.subarray(index * size, (index + 1) * size);
      normalizeInto(pixels, i * size, image, tables);
    });
    const labels = Int32Array.from(indices, (index) => images.labels[index]);
    return { images: pixels, labels, count: indices.length, indices };
  };
  return {
    name,
    shape: images.shape,
    classes,
    count,
    normalization,
    async *batches({ batch, shuffle, seed, epoch, from = 0 }) {
      const order = epochOrder(count, shuffle, seed, epoch);
      for (let start = from * batch; start < count; start += batch) {
        yield batchOf(order.subarray(start, Math.min(count, start + batch)));
      }
    },
  };
}

/** The order of one pass: as stored, or a permutation of (seed, epoch) alone. */
export function epochOrder(
  count: number,
  shuffle: boolean,
  seed: number,
  epoch: number,
): Uint32Array {
  return shuffle
    ? permutation(count, random(seed, 'order', epoch))
    : Uint32Array.from({ length: count }, (_, i) => i);
}
