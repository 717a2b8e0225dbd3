import { type BatchSource, HbnnError, random } from '@hbnn/core';

/** Random changes of training images, drawn anew each epoch. */
export interface Augmentation {
  /** Pad by so many pixels on each side, then cut a window of the image's size at random. */
  readonly crop?: number;
  /** Mirror left and right, every other time. */
  readonly flip?: boolean;
}

/** One image's draw: where its window lies in the padded image, and whether it is mirrored. */
export interface AugmentationDraw {
  readonly top: number;
  readonly left: number;
  readonly flip: boolean;
}

/**
 * Draw for one image of one epoch: from (seed, epoch, index) alone, so that neither the batch size nor
 * an interruption changes it. All three are drawn whatever is asked for: a flip more moves no window.
 */
export function augmentationDraw(
  augmentation: Augmentation,
  at: { seed: number; epoch: number; index: number },
): AugmentationDraw {
  const rng = random(at.seed, 'augment', at.epoch, at.index);
  const places = 2 * (augmentation.crop ?? 0) + 1;
  const [top, left] = [rng.below(places), rng.below(places)];
  const mirrored = rng.uniform() < 0.5;
  return { top, left, flip: mirrored && augmentation.flip === true };
}

/**
 * Give a source's images augmented. Padding is 0 in the units the network sees, that is each channel's
 * mean over the training images: the value that the padding of convolutions has too, and the one that
 * tells nothing about the image.
 *
 * @param place what errors call the augmentation
 * @throws HbnnError when the padding reaches the image's size, or a batch has no `indices`
 */
export function augmented(
  source: BatchSource,
  augmentation: Augmentation,
  place = 'augment',
): BatchSource {
  const { name, shape, classes, count } = source;
  const [height, width] = shape;
  const { crop = 0 } = augmentation;
  if (crop >= Math.min(height, width)) {
    throw new HbnnError(
      `${place}: expected crop:N with N below ${Math.min(height, width)}, the shorter side of the ${height}×${width} images of ${name}, ` +
        `got crop:${crop}, whose windows could lie beside them; take fewer pixels`,
    );
  }
  return {
    name,
    shape,
    classes,
    count,
    async *batches(pass) {
      for await (const batch of source.batches(pass)) {
        const { indices } = batch;
        if (indices?.length !== batch.count) {
          throw new HbnnError(
            `${place}: the batches of ${name} do not say which images they hold; give them 'indices', ` +
              `or leave ${place} out`,
          );
        }
        const draws = Array.from(indices, (index) =>
          augmentationDraw(augmentation, { seed: pass.seed, epoch: pass.epoch, index }),
        );
        yield { ...batch, images: redrawn(batch.images, shape, crop, draws) };
      }
    },
  };
}

/** Every image moved and mirrored as its draw says; what comes from outside the image is 0. */
function redrawn(
  images: Float32Array,
  [height, width, channels]: BatchSource['shape'],
  crop: number,
  draws: readonly AugmentationDraw[],
): Float32Array {
  const out = new Float32Array(images.length);
  const row = width * channels;
  draws.forEach(({ top, left, flip }, i) => {
    const image = i * height * row;
    for (let y = 0; y < height; y++) {
      const fromY = y + top - crop;
      if (fromY < 0 || fromY >= height) continue;
      for (let x = 0; x < width; x++) {
        const fromX = (flip ? width - 1 - x : x) + left - crop;
        if (fromX < 0 || fromX >= width) continue;
        const from = image + fromY * row + fromX * channels;
        const to = image + y * row + x * channels;
        for (let c = 0; c < channels; c++) out[to + c] = images[from + c];
      }
    }
  });
  return out;
}
