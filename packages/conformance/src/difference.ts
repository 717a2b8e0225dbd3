import { random } from '@hbnn/core';
import {
  type CheckedModel,
  type Feature,
  featureCount,
  interpreter,
  type Watch,
} from '@hbnn/model';

/** Something that computes an integer model's scores, and may show each layer's outputs. */
export interface Executor {
  run(pixels: Uint8Array, watch?: Watch): Int32Array;
  dispose?(): void;
}

export type Open = (model: CheckedModel) => Promise<Executor>;

/** Seeded images of a model: noise, and black and white ones. */
export function pixelsFor(model: CheckedModel, images: number): Uint8Array {
  const rng = random('conformance', model.name);
  const size = featureCount(model.input.shape);
  return Uint8Array.from({ length: images * size }, (_, i) => {
    const image = Math.floor(i / size);
    const noise = rng.below(256);
    return image === 1 ? 0 : image === 2 ? 255 : noise;
  });
}

/** The outputs of every layer, image after image. */
function trace(executor: Executor, pixels: Uint8Array): { scores: Int32Array; seen: Seen[] } {
  const seen: Seen[] = [];
  const scores = executor.run(pixels, (layer, output) => seen.push({ layer: layer.name, output }));
  return { scores, seen };
}

interface Seen {
  readonly layer: string;
  readonly output: Feature;
}

/**
 * Compare an executor with the interpreter on some images. Returns '' when all scores and all layers that it shows are
 * the same, else where they first part: image, layer, position and both values.
 */
export async function differenceFrom(
  model: CheckedModel,
  open: Open,
  pixels: Uint8Array,
): Promise<string> {
  const executor = await open(model);
  try {
    const wanted = trace(interpreter(model), pixels);
    const found = trace(executor, pixels);
    const left = new Map<string, Seen[]>();
    for (const { name } of model.layers) left.set(name, []);
    for (const seen of wanted.seen) left.get(seen.layer)?.push(seen);
    for (const { layer, output } of found.seen) {
      const ofLayer = left.get(layer) ?? [];
      const where = `image ${wanted.seen.length / model.layers.length - ofLayer.length}, layer ${layer}`;
      const expected = ofLayer.shift();
      if (expected === undefined) return `${where}: expected a layer and an image of the model`;
      const at = output.values.findIndex((value, k) => value !== expected.output.values[k]);
      if (at >= 0 || output.values.length !== expected.output.values.length)
        return `${where}, ${position(output, at)}: expected ${expected.output.values[at]}, got ${output.values[at]}`;
    }
    // Once more, without being watched.
    for (const scores of [found.scores, executor.run(pixels)]) {
      const at = wanted.scores.findIndex((value, k) => value !== scores[k]);
      if (at >= 0 || scores.length !== wanted.scores.length)
        return `score ${at}: expected ${wanted.scores[at]}, got ${scores[at]}`;
    }
    return '';
  } finally {
    executor.dispose?.();
  }
}

function position({ shape: [, width, channels] }: Feature, at: number): string {
  const pixel = Math.floor(at / channels);
  return `row ${Math.floor(pixel / width)}, column ${pixel % width}, channel ${at % channels}`;
}
