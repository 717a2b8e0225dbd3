import { fileURLToPath } from 'node:url';
import { type BatchSource, distFromAverage, random } from '@hbnn/core';
import { importNetwork } from '@hbnn/import';
import { interpreter, lower } from '@hbnn/model';
import {
  binarize,
  exportModel,
  inputPrecision,
  layerValues,
  recalibrate,
  useBackend,
} from '@hbnn/train';
import { loadModel } from '@hbnn/wasm';
import { beforeAll, expect, it } from 'vitest';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../import/test/golden/torch/${name}.onnx`, import.meta.url));

type Network = Awaited<ReturnType<typeof importNetwork>>['model'];
type Source = BatchSource & { readonly pixels: Uint8Array; readonly images: Float32Array };

/** Random pixels of a network's size. */
function pixelSource(network: Network): Source {
  const shape = network.inputs[0].shape.slice(1) as [number, number, number];
  const size = shape[0] * shape[1] * shape[2];
  const rng = random('pixels', shape.join());
  const count = 32;
  const pixels = Uint8Array.from({ length: count * size }, () => rng.below(256));
  const [mean, deviation] = [0.5, 0.25];
  const images = Float32Array.from(pixels, (p) => (p / 255 - mean) / deviation);
  return {
    name: 'pixels',
    shape,
    count,
    pixels,
    images,
    normalization: {
      mean: shape.map(() => mean).slice(0, shape[2]),
      deviation: shape.map(() => deviation).slice(0, shape[2]),
    },
    classes: Array.from({ length: network.outputs[0].shape.at(-1) as number }, (_, k) => `c${k}`),
    async *batches() {
      yield { images, labels: new Int32Array(count), count };
    },
  };
}

/** Scores of the integer model beside those of the network, as a part of the largest. */
async function integerError(network: Network, source: Source): Promise<number> {
  const trained = await exportModel(network, source, { onNote: () => {} });
  const { model } = lower(trained, { onNote: () => {} });
  const scores = interpreter(model).run(source.pixels);
  expect([...(await loadModel(model)).run(source.pixels)]).toEqual([...scores]);
  const float = layerValues(network, source.images).at(-1)?.values ?? new Float32Array(0);
  const largest = Math.max(...float.map(Math.abs));
  const errors = Array.from(float, (score, i) => Math.abs(score - scores[i] * model.scoreFactor));
  return Math.max(...errors) / largest;
}

beforeAll(() => useBackend({ prefer: 'wasm' }));

/** Rounding to 8 bits, and for HardSwish straight pieces too, move scores by less than this part of the largest. */
const tolerance = 0.03;

it.each([
  'swishes-12',
  'swishes-17',
  'swishes-20',
  'uneven-13',
  'uneven-21',
  'edges-11',
  'edges-20',
])('%s gives nearly the same scores in whole numbers', async (name) => {
  const { model: network } = await importNetwork(golden(name));
  expect(await integerError(network, pixelSource(network))).toBeLessThan(tolerance);
});

it.each(['swishes-17', 'uneven-13'])('%s does so with binarized layers', async (name) => {
  const { model: network, groupedLayers } = await importNetwork(golden(name));
  const source = pixelSource(network);
  const inputs = inputPrecision(distFromAverage(1.4), { map: 'static' });
  const weighted = network.layers.filter((layer) => /Conv2D$|Dense$/.test(layer.getClassName()));
  const skip = [...new Set([weighted[0].name, ...groupedLayers])];
  const small = binarize(network, { weights: 2, inputs, skip });
  await recalibrate(small, source, { images: 32, batch: 32, seed: 1 });
  expect(await integerError(small, source)).toBeLessThan(0.15);
});

it('edges-11 does so with binarized weights', async () => {
  const { model: network } = await importNetwork(golden('edges-11'));
  const source = pixelSource(network);
  const small = binarize(network, { weights: 1.4 });
  await recalibrate(small, source, { images: 32, batch: 32, seed: 1 });
  expect(await integerError(small, source)).toBeLessThan(tolerance);
});

it('a gate is refused by name before images are looked at, with the way out', async () => {
  const { model: network } = await importNetwork(golden('squeeze-13'));
  await expect(integerError(network, pixelSource(network))).rejects.toThrow(
    /exportModel expected sums and comparisons of values, got Multiply, a gate .*; take the gate out of the network/,
  );
});
