import { type BatchSource, HbnnError, random } from '@hbnn/core';
import { type CheckedModel, lower } from '@hbnn/model';
import type { NetworkName } from '@hbnn/train';

/** What `hbnn random --network` is told of a network. */
export interface RandomNetworkOptions {
  readonly seed: number;
  readonly weights?: string;
  readonly inputs?: string;
  readonly mapPer?: string;
  readonly balance?: number;
  readonly scalePer?: string;
  readonly inputMapPer?: 'element' | 'position' | 'channel';
}

/** Random images that the statistics of a network's activations are taken from. */
const calibrationImages = 16;

/**
 * Make a named network of random weights as an integer model: built and started as a training would be, its
 * normalization fitted to random images, and lowered. It knows nothing; its circuits are those of a trained one of the
 * same bits.
 *
 * @throws HbnnError for a network that is not there, and bits that are none
 */
export async function randomNetwork(
  name: string,
  { seed, ...o }: RandomNetworkOptions,
): Promise<CheckedModel> {
  const { exportModel, initialize, networks, precisionOf, recalibrate, runConfig, useBackend } =
    await import('@hbnn/train');
  const config = runConfig(
    { network: name as NetworkName, inputMap: 'static', inputs: '1', seed, ...chosenFields(o) },
    (field) => flags[field] ?? '--network',
  );
  const { input, classes, build } = networks[config.network];
  await useBackend({ prefer: 'cpu' });
  const precision = precisionOf(config, (field) => flags[field] ?? '--network');
  const model = build({ input, classes, precision, seed });
  try {
    initialize(model, seed);
    const images = randomImages(seed, input, classes);
    await recalibrate(model, images, { images: calibrationImages, batch: 16, seed });
    const trained = await exportModel(model, images, {
      sampleImages: calibrationImages,
      onNote: () => {},
    });
    return lower({ ...trained, name: `${name}_random` }, { onNote: () => {} }).model;
  } finally {
    model.dispose();
  }
}

/** The flags of fields, for errors. */
const flags: Readonly<Record<string, string>> = {
  weights: '--weights',
  inputs: '--inputs',
  mapPer: '--map-per',
  balance: '--balance',
  scalePer: '--scale-per',
  inputMapPer: '--input-map-per',
  seed: '--seed',
};

const chosenFields = (
  o: Omit<RandomNetworkOptions, 'seed'>,
): Partial<Record<string, string | number>> =>
  Object.fromEntries(Object.entries(o).filter(({ 1: value }) => value !== undefined));

/** Seeded images of noise about a level of their own, as bytes between 0 and 255. */
function randomImages(
  seed: number,
  shape: readonly [number, number, number],
  classes: number,
): BatchSource {
  const size = shape[0] * shape[1] * shape[2];
  const channels = shape[2];
  return {
    name: 'random images',
    shape,
    classes: Array.from({ length: classes }, (_, k) => `class ${k}`),
    normalization: {
      mean: new Array<number>(channels).fill(0.5),
      deviation: new Array<number>(channels).fill(0.25),
    },
    count: calibrationImages,
    async *batches({ batch, from = 0 }) {
      if (batch < 1)
        throw new HbnnError(`random images: expected a batch of 1 or more, got ${batch}`);
      for (let first = from * batch; first < calibrationImages; first += batch) {
        const count = Math.min(batch, calibrationImages - first);
        const images = new Float32Array(count * size);
        const labels = new Int32Array(count);
        for (let n = 0; n < count; n++) {
          const rng = random(seed, 'image', first + n);
          const level = rng.below(256);
          labels[n] = rng.below(classes);
          for (let i = 0; i < size; i++) {
            const pixel = Math.max(0, Math.min(255, level + rng.below(129) - 64));
            images[n * size + i] = (pixel / 255 - 0.5) / 0.25;
          }
        }
        yield { images, labels, count };
      }
    },
  };
}
