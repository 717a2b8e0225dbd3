import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BatchSource } from '@hbnn/core';

interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** What `scripts/quantizedNetworks.py` says of a network. */
export interface QuantizedGolden {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** [images, channels, height, width], 0 … 255. */
  readonly pixels: Values;
  /** What onnxruntime gives for these. */
  readonly scores: Values;
  /** The whole numbers of each layer's weights, outputs first, as ONNX has them. */
  readonly codes: Readonly<Record<string, Values>>;
}

export const quantizedFile = (name: string): string =>
  fileURLToPath(new URL(`golden/quantized/${name}`, import.meta.url));

export const quantizedGolden = (name: string): QuantizedGolden =>
  JSON.parse(readFileSync(quantizedFile(`${name}.json`), 'utf8')) as QuantizedGolden;

/** The pixels with channels last. */
export function pixelsOf({ pixels: { shape, data } }: QuantizedGolden): Uint8Array {
  const [count, channels, height, width] = shape;
  const places = height * width;
  return Uint8Array.from({ length: count * channels * places }, (_, i) => {
    const [image, rest] = [Math.floor(i / (channels * places)), i % (channels * places)];
    return data[(image * channels + (rest % channels)) * places + Math.floor(rest / channels)];
  });
}

/** The images as a data set of one batch. */
export function sourceOf(golden: QuantizedGolden): BatchSource {
  const [count, channels, height, width] = golden.pixels.shape;
  const { mean, deviation, scores } = golden;
  const images = Float32Array.from(
    pixelsOf(golden),
    (p, i) => (p / 255 - mean[i % channels]) / deviation[i % channels],
  );
  return {
    name: 'pixels',
    shape: [height, width, channels],
    count,
    normalization: { mean, deviation },
    classes: Array.from({ length: scores.shape[1] }, (_, k) => `c${k}`),
    async *batches() {
      yield { images, labels: new Int32Array(count), count };
    },
  };
}
