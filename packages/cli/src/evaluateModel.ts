import { type BatchSource, HbnnError, type IntegerModel } from '@hbnn/core';
import { openEngine } from './engines.ts';

/** Accuracy of an integer model; ties count against the label, as in training's evaluation. */
export interface ModelAccuracy {
  readonly top1: number;
  readonly top5: number;
  readonly images: number;
}

/** Give back the 8-bit pixels behind normalised images. */
function pixelsOf(images: Float32Array, source: BatchSource): Uint8Array {
  const { normalization, shape } = source;
  if (normalization === undefined)
    throw new HbnnError(
      `${source.name}: expected 8-bit images with a normalization, got other data`,
    );
  const channels = shape[2];
  const { mean, deviation } = normalization;
  return Uint8Array.from(images, (value, i) =>
    Math.round(255 * (value * deviation[i % channels] + mean[i % channels])),
  );
}

/**
 * Measure an integer model on test images.
 *
 * @throws HbnnError when its input or classes are not the data set's, or the engine is unknown
 */
export async function evaluateModel(
  model: IntegerModel,
  engineName: string,
  source: BatchSource,
  onImages: (done: number) => void,
): Promise<ModelAccuracy> {
  const { shape } = model.input;
  const classes = model.scoreOffsets.length;
  if (shape.join() !== source.shape.join() || classes !== source.classes.length)
    throw new HbnnError(
      `${source.name}: expected images of ${shape.join('×')} in ${classes} classes, got ${source.shape.join('×')} in ${source.classes.length}`,
    );
  const engine = await openEngine(engineName, model);
  const totals = { top1: 0, top5: 0, images: 0 };
  try {
    for await (const part of source.batches({ batch: 50, shuffle: false, seed: 0, epoch: 0 })) {
      const scores = engine.run(pixelsOf(part.images, source));
      part.labels.forEach((label, i) => {
        const row = scores.subarray(i * classes, (i + 1) * classes);
        const above = row.reduce(
          (n, score, k) => n + (score >= row[label] && k !== label ? 1 : 0),
          0,
        );
        totals.top1 += above === 0 ? 1 : 0;
        totals.top5 += above < 5 ? 1 : 0;
        totals.images++;
      });
      onImages(totals.images);
    }
  } finally {
    engine.dispose();
  }
  const { images } = totals;
  return { top1: totals.top1 / images, top5: totals.top5 / images, images };
}
