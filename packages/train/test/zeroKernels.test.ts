import { distFromAverage } from '@hbnn/core';
import { lower } from '@hbnn/model';
import { binarize, exportModel, useBackend, weightPrecision } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { compared, L, meet, pixelSource, scatter, through } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape: [number, number, number] = [7, 6, 2];
const convolution = (name: string, more: object = {}): tfl.layers.Layer =>
  L.conv2d({ name, filters: 5, kernelSize: 3, ...more });
const relu = { activation: 'relu', inputShape: shape } as const;
const scores = (): tfl.layers.Layer[] => [
  L.flatten({ name: 'flat' }),
  L.dense({ name: 'out', units: 4 }),
];
const depthwise = (name: string): tfl.layers.Layer =>
  L.depthwiseConv2d({
    name,
    kernelSize: 3,
    padding: 'same',
    depthMultiplier: 1,
  } as Parameters<typeof L.depthwiseConv2d>[0]);

/** A branch whose channels are partly always 0, added to another. */
function added(): tfl.LayersModel {
  const input = tfl.input({ shape });
  const start = through(input, convolution('c1', { ...relu, padding: 'same' }));
  const sum = meet(L.add({ name: 'sum' }), through(start, convolution('c2', same)), start);
  return tfl.model({ inputs: input, outputs: through(sum, ...scores()) });
}
const same = { padding: 'same' } as const;
const chain = (...layers: tfl.layers.Layer[]): tfl.LayersModel => tfl.sequential({ layers });

/** Networks, the layer whose weights are 0, and of which outputs. */
const networks: readonly [string, () => tfl.LayersModel, string][] = [
  ['the last layer', () => chain(convolution('c1', relu), ...scores()), 'out'],
  [
    'a layer in the middle, without ReLU',
    () => chain(convolution('c1', relu), convolution('c2'), convolution('c3', same), ...scores()),
    'c2',
  ],
  [
    'a layer in the middle, with ReLU',
    () =>
      chain(
        convolution('c1', relu),
        convolution('c2', { activation: 'relu' }),
        convolution('c3', same),
        ...scores(),
      ),
    'c2',
  ],
  [
    'a depthwise layer',
    () => chain(convolution('c1', relu), depthwise('d'), convolution('c3', same), ...scores()),
    'd',
  ],
  ['a layer on a branch', added, 'c2'],
];

const all = (): boolean => true;
const none = (): boolean => false;
const second = (output: number): boolean => output !== 1;
const precisions = [undefined, 'tensor', 'output'] as const;

/** Make the kernel of a layer 0, but for some outputs. */
function clear(model: tfl.LayersModel, name: string, kept: (output: number) => boolean): void {
  const layer = model.getLayer(name);
  const [kernel, ...more] = layer.getWeights();
  const outputs =
    layer.getClassName() === 'DepthwiseConv2D' ? kernel.shape[2] : kernel.shape.at(-1);
  const values = kernel.dataSync().map((value, i) => (kept(i % (outputs ?? 1)) ? value : 0));
  layer.setWeights([tf.tensor(values, kernel.shape), ...more]);
}

/** How much more of the largest score may be lost than with no weight cleared. */
const tolerance = 0.01;

describe('biases are kept where the weights before them are 0', () => {
  it.each(networks)('%s', async (_, build, name) => {
    for (const scalePer of precisions) {
      const difference = async (kept: (output: number) => boolean): Promise<number> => {
        const source = pixelSource(shape, 4, 16);
        const float = build();
        scatter(float);
        clear(float, name, kept);
        const weights = scalePer && weightPrecision(distFromAverage(2), { scalePer });
        const model = weights === undefined ? float : binarize(float, { weights });
        const { model: integer } = lower(await exportModel(model, source), { scaleBits: 8 });
        const result = await compared({ model, integer, source, notes: [] });
        expect(result.agree).toBeGreaterThan(0.9);
        return result.difference;
      };
      const largest = (await difference(all)) + tolerance;
      expect(await difference(none), `${scalePer} weights, none left`).toBeLessThan(largest);
      expect(await difference(second), `${scalePer} weights, one cleared`).toBeLessThan(largest);
    }
  });
});
