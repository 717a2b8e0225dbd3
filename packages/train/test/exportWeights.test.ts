import { lower } from '@hbnn/model';
import { binarize, exportModel, useBackend } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { L, type OwnModel, pixelSource, scatter } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape: OwnModel['shape'] = [8, 8, 3];

function build(): tfl.LayersModel {
  const model = tfl.sequential();
  const first = { inputShape: [...shape], kernelSize: 3, padding: 'same' as const };
  for (const layer of [
    L.conv2d({ name: 'c1', filters: 4, ...first }),
    L.batchNormalization({ name: 'n1' }),
    L.reLU({ name: 'r' }),
    L.flatten({ name: 'flat' }),
    L.dense({ name: 'out', units: 4, useBias: false }),
  ])
    model.add(layer);
  scatter(model);
  return model;
}

/** Give a weight of a layer one value at some of its elements. */
function setWeight(model: tfl.LayersModel, name: string, what: string, value: number, at?: number) {
  const layer = model.getLayer(name);
  const weight = layer.weights.find(({ originalName }) => originalName.endsWith(what));
  const index = layer.weights.indexOf(weight as tfl.LayerVariable);
  const values = layer.getWeights();
  const data = values[index].dataSync().slice();
  if (at === undefined) data.fill(value);
  else data[at] = value;
  values[index] = tf.tensor(data, values[index].shape);
  layer.setWeights(values);
}

describe('weights that are not finite', () => {
  const cases = [
    ['c1', 'kernel', Number.NaN],
    ['c1', 'bias', Number.POSITIVE_INFINITY],
    ['n1', 'gamma', Number.NaN],
    ['n1', 'moving_variance', Number.POSITIVE_INFINITY],
    ['out', 'kernel', Number.NEGATIVE_INFINITY],
  ] as const;
  it.each(cases)('%s/%s of %s are named by binarize and exportModel', async (name, what, value) => {
    const model = build();
    setWeight(model, name, what, value);
    const words = new RegExp(`^layer '${name}': .*finite weights, got ${value} in ${what}`);
    expect(() => binarize(model, { weights: 1.4 })).toThrow(words);
    await expect(exportModel(model, pixelSource(shape, 4))).rejects.toThrow(words);
  });

  it('lower names the layer of a number that is not finite', async () => {
    const exported = await exportModel(build(), pixelSource(shape, 4));
    for (const layer of exported.layers) {
      const numbers =
        'weights' in layer && layer.weights.kind === 'float'
          ? layer.weights.tensor.data
          : layer.kind === 'affine'
            ? layer.offsets
            : undefined;
      if (numbers === undefined) continue;
      const before = numbers[0];
      numbers[0] = Number.NaN;
      expect(() => lower(exported)).toThrow(new RegExp(`^layer '${layer.name}': .*got NaN`));
      numbers[0] = before;
    }
    lower(exported);
  });
});

describe('weights that no inference can have', () => {
  it('name the channel of a negative variance', async () => {
    const model = build();
    setWeight(model, 'n1', 'moving_variance', -1, 2);
    await expect(exportModel(model, pixelSource(shape, 4))).rejects.toThrow(
      /^layer 'n1': .*at least 0, got -1 as moving variance of channel 2; recalibrate/,
    );
    // What the epsilon makes up for is a variance of 0.
    setWeight(model, 'n1', 'moving_variance', -1e-9, 2);
    await exportModel(model, pixelSource(shape, 4));
  });

  it.each([
    ['c1', 'kernel'],
    ['n1', 'gamma'],
    ['out', 'kernel'],
  ])('name the layer whose outputs leave float32: %s/%s', async (name, what) => {
    const model = build();
    setWeight(model, name, what, 3e38);
    await expect(exportModel(model, pixelSource(shape, 4))).rejects.toThrow(
      new RegExp(`^layer '${name}': .*finite outputs, got .*too large`),
    );
  });
});
