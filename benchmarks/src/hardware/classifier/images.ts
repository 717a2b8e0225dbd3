import { pixelsOf as bytesOf } from '@hbnn/cli/evaluateModel';
import { type BatchSource, HbnnError } from '@hbnn/core';

/** All images of a source: bytes as they are stored, and a label each. */
export interface LabelledPixels {
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
  readonly count: number;
  /** Pixels of an image. */
  readonly size: number;
}

/**
 * Read all images of a source back to bytes, in its own order.
 *
 * @throws HbnnError when they have several channels, or are no bytes
 */
export async function pixelsOf(source: BatchSource): Promise<LabelledPixels> {
  const { shape, count } = source;
  if (shape[2] !== 1)
    throw new HbnnError(
      `${source.name}: expected images of one channel of bytes, got shape ${shape.join('×')}; give gray images such as those of Fashion-MNIST`,
    );
  const size = shape[0] * shape[1];
  const pixels = new Uint8Array(count * size);
  const labels = new Int32Array(count);
  let at = 0;
  for await (const batch of source.batches({ batch: 1000, shuffle: false, seed: 0, epoch: 0 })) {
    pixels.set(bytesOf(batch.images, source), at * size);
    labels.set(batch.labels, at);
    at += batch.count;
  }
  return { pixels, labels, count, size };
}

/** How a pixel becomes bits: by thresholds, ascending, 1 for one bit, 3 for two. */
export interface Encoding {
  readonly thresholds: readonly number[];
}

/** What each byte stands for: −1 and 1 of one bit, −3, −1, 1 and 3 of two. */
export const levelsOf = ({ thresholds }: Encoding): Float32Array =>
  Float32Array.from(
    { length: 256 },
    (_, p) => 2 * thresholds.filter((t) => p >= t).length - thresholds.length,
  );
