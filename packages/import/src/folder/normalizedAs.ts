import { type BatchSource, checkNormalization, HbnnError } from '@hbnn/core';
import type { Normalization } from './networkFolder.ts';

/**
 * Give the images of a data set in another normalization: that of the network which takes them.
 *
 * @throws HbnnError when the data are no 8-bit images, or the normalization does not fit their channels
 */
export function normalizedAs(source: BatchSource, to: Normalization): BatchSource {
  const { normalization: from, name, shape } = source;
  if (from === undefined)
    throw new HbnnError(
      `${name}: expected 8-bit images with a normalization, got other data; take a data set of 8-bit images`,
    );
  const channels = shape[2];
  checkNormalization(to, channels, name);
  // (p / 255 − m) / d = x · d' / d + (m' − m) / d, where x = (p / 255 − m') / d'.
  const scales = to.deviation.map((deviation, c) => from.deviation[c] / deviation);
  const offsets = to.deviation.map((deviation, c) => (from.mean[c] - to.mean[c]) / deviation);
  return {
    ...source,
    normalization: to,
    async *batches(o) {
      for await (const batch of source.batches(o)) {
        const images = batch.images.map((x, i) => x * scales[i % channels] + offsets[i % channels]);
        yield { ...batch, images };
      }
    },
  };
}
