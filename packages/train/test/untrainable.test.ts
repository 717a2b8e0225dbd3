import { HbnnError } from '@hbnn/core';
import { fineTune, useBackend } from '@hbnn/train';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { L, pixelSource } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'cpu' });
});

const shape: [number, number, number] = [6, 6, 2];
const convolution = (kernelSize: number): tfl.layers.Layer =>
  L.conv2d({ name: 'c', filters: 4, kernelSize, inputShape: shape });
const scores = (): tfl.layers.Layer[] => [
  L.flatten({ name: 'flat' }),
  L.dense({ name: 'out', units: 4 }),
];

describe('fineTune names the layer that it cannot train', () => {
  it.each<[string, string, () => tfl.layers.Layer[]]>([
    ['a map in place of scores', 'c', () => [convolution(6)]],
    [
      'ThresholdedReLU',
      'bad',
      () => [convolution(3), L.thresholdedReLU({ name: 'bad', theta: 0.5 }), ...scores()],
    ],
    [
      'Masking',
      'bad',
      () => [
        convolution(3),
        L.reshape({ name: 'rows', targetShape: [16, 4] }),
        L.masking({ name: 'bad', maskValue: 0 }),
        ...scores(),
      ],
    ],
    [
      'batch norm of axis 1',
      'bad',
      () => [convolution(3), L.batchNormalization({ name: 'bad', axis: 1 }), ...scores()],
    ],
    [
      'Softmax of axis 1',
      'bad',
      () => [convolution(3), L.softmax({ name: 'bad', axis: 1 }), ...scores()],
    ],
  ])('%s', async (_, name, layers) => {
    const model = tfl.sequential({ layers: layers() });
    const trained = (): number[][] =>
      model.trainableWeights.map((weight) => [...weight.read().dataSync()]);
    const before = trained();
    const training = fineTune(model, pixelSource(shape, 4, 8), { epochs: 1, batch: 4 });
    const error = await training.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(HbnnError);
    expect((error as Error).message).toMatch(
      new RegExp(`^layer '${name}': .*expected.*got.*; `, 's'),
    );
    expect(trained()).toEqual(before);
  });
});
