import { setImmediate } from 'node:timers/promises';
import { type BatchSource, checkBatch, checkSource, HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { type Engine, openEngine } from './engines.ts';

/** Accuracy of an integer model; ties count against the label, as in training's evaluation. */
export interface ModelAccuracy {
  readonly top1: number;
  readonly top5: number;
  readonly images: number;
}

/** Give back the 8-bit pixels behind normalised images. */
export function pixelsOf(images: Float32Array, source: BatchSource): Uint8Array {
  const { normalization, shape } = source;
  if (normalization === undefined)
    throw new HbnnError(
      `${source.name}: expected 8-bit images with a normalization, got other data; take a data set of 8-bit images`,
    );
  const channels = shape[2];
  const { mean, deviation } = normalization;
  return Uint8Array.from(images, (value, i) =>
    Math.round(255 * (value * deviation[i % channels] + mean[i % channels])),
  );
}

/** Scores of some images, [count, classes], with their labels. */
export interface ScoredBatch {
  readonly scores: Int32Array;
  readonly labels: Int32Array;
}

/**
 * The images of a data set as the model takes them, in order.
 *
 * @throws HbnnError when its input or classes are not the data set's
 */
export async function* modelPixels(
  model: CheckedModel,
  source: BatchSource,
): AsyncGenerator<{ readonly pixels: Uint8Array; readonly labels: Int32Array }> {
  checkSource(source, 'evaluate');
  const { shape } = model.input;
  const classes = model.scoreOffsets.length;
  if (shape.join() !== source.shape.join() || classes !== source.classes.length)
    throw new HbnnError(
      `${source.name}: expected images of ${shape.join('×')} in ${classes} classes, got ${source.shape.join('×')} in ${source.classes.length}; measure it on data of the kind it was trained on`,
    );
  for await (const part of source.batches({ batch: 50, shuffle: false, seed: 0, epoch: 0 })) {
    checkBatch(part, source, 'evaluate');
    yield { pixels: pixelsOf(part.images, source), labels: part.labels };
  }
}

/**
 * Compute an integer model's scores of a data set's images, in order.
 *
 * @param engineOrName is let go at the end
 * @throws HbnnError like `modelPixels`, or when the engine is unknown
 */
export async function* modelScores(
  model: CheckedModel,
  engineOrName: Engine | string,
  source: BatchSource,
): AsyncGenerator<ScoredBatch> {
  const engine =
    typeof engineOrName === 'string' ? await openEngine(engineOrName, model) : engineOrName;
  try {
    for await (const { pixels, labels } of modelPixels(model, source)) {
      yield { scores: engine.run(pixels), labels };
      // Signals are heard between two batches.
      await setImmediate();
    }
  } finally {
    engine.dispose();
  }
}

/** Accuracy of scores; add batches one after the other. */
export function accuracyMeter(classes: number): {
  add(batch: ScoredBatch): void;
  readonly accuracy: ModelAccuracy;
} {
  const totals = { top1: 0, top5: 0, images: 0 };
  return {
    add({ scores, labels }) {
      labels.forEach((label, i) => {
        const row = scores.subarray(i * classes, (i + 1) * classes);
        const above = row.reduce(
          (n, score, k) => n + (score >= row[label] && k !== label ? 1 : 0),
          0,
        );
        totals.top1 += above === 0 ? 1 : 0;
        totals.top5 += above < 5 ? 1 : 0;
        totals.images++;
      });
    },
    get accuracy() {
      const { top1, top5, images } = totals;
      return { top1: top1 / images, top5: top5 / images, images };
    },
  };
}

/**
 * Measure an integer model on test images.
 *
 * @throws HbnnError like `modelScores`
 */
export async function evaluateModel(
  model: CheckedModel,
  engineOrName: Engine | string,
  source: BatchSource,
  onBatch: (done: number, batch: ScoredBatch) => void,
): Promise<ModelAccuracy> {
  const meter = accuracyMeter(model.scoreOffsets.length);
  for await (const batch of modelScores(model, engineOrName, source)) {
    meter.add(batch);
    onBatch(meter.accuracy.images, batch);
  }
  return meter.accuracy;
}
