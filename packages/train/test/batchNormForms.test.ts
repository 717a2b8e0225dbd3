import { distFromAverage } from '@hbnn/core';
import { lower } from '@hbnn/model';
import {
  binarize,
  exportModel,
  fineTune,
  inputPrecision,
  recalibrate,
  useBackend,
  weightPrecision,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { compared, L, pixelSource, scatter } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

type NormConfig = Omit<NonNullable<Parameters<typeof L.batchNormalization>[0]>, 'name'>;

const weightsAndNot: NormConfig[] = [true, false].flatMap((center) =>
  [true, false].map((scale) => ({ center, scale })),
);
const forms: NormConfig[] = [
  ...weightsAndNot,
  ...weightsAndNot.map((form) => ({ ...form, epsilon: 1e-5, momentum: 0.5, axis: -1 })),
  ...weightsAndNot.map((form) => ({
    ...form,
    betaInitializer: 'randomNormal' as const,
    gammaInitializer: 'randomUniform' as const,
    movingMeanInitializer: 'randomNormal' as const,
    movingVarianceInitializer: 'ones' as const,
  })),
  ...weightsAndNot.map((form) => ({ ...form, gammaRegularizer: 'l1l2' as const })),
  ...weightsAndNot.map((form) => ({ ...form, betaRegularizer: 'l1l2' as const })),
  ...weightsAndNot.map((form) => ({
    ...form,
    gammaConstraint: 'nonNeg' as const,
    betaConstraint: 'nonNeg' as const,
  })),
  ...weightsAndNot.map((form) => ({ ...form, trainable: false })),
];

const textOf = (form: NormConfig): string => JSON.stringify(form);

/** A norm in every place: before the first layer, behind a convolution, a depthwise one, a flattening and a dense layer. */
function model(form: NormConfig): tfl.LayersModel {
  const norm = (name: string): tfl.layers.Layer => L.batchNormalization({ name, ...form });
  const made = tfl.sequential();
  made.add(L.zeroPadding2d({ name: 'pad', padding: 1, inputShape: [6, 6, 2] }));
  for (const layer of [
    L.conv2d({ name: 'c1', filters: 4, kernelSize: 3 }),
    norm('n1'),
    L.reLU({ name: 'r1' }),
    L.depthwiseConv2d({ name: 'd1', kernelSize: 2 }),
    norm('n2'),
    L.conv2d({ name: 'c2', filters: 5, kernelSize: 2 }),
    L.maxPooling2d({ name: 'p2', poolSize: 2 }),
    norm('n3'),
    L.flatten({ name: 'flat' }),
    L.dense({ name: 'h', units: 6 }),
    norm('n4'),
    L.dense({ name: 'out', units: 3 }),
  ])
    made.add(layer);
  scatter(made);
  return made;
}

describe('a batch norm of every form', () => {
  it.each(forms.map((form) => [textOf(form), form] as const))(
    '%s goes from binarize to whole numbers',
    async (_, form) => {
      const source = pixelSource([6, 6, 2], 3, 48);
      const weights = weightPrecision(distFromAverage(1.4));
      const inputs = inputPrecision(distFromAverage(1), { map: 'static', mapPer: 'channel' });
      const binarized = binarize(model(form), { weights, inputs, skip: ['c1', 'out'] });
      const before = tf.memory().numTensors;
      await fineTune(binarized, source, { epochs: 1, batch: 16, learningRate: 0.01 });
      expect(tf.memory().numTensors).toBe(before);
      await recalibrate(binarized, source, { images: 48, batch: 16, seed: 1 });
      const options = { scaleBits: 8 };
      const exported = await exportModel(binarized, source);
      const lowered = { integer: lower(exported, options).model, source, notes: [] };
      // A sign near its threshold may turn where the first layer is rounded to 8 bits: few images change their class.
      expect((await compared({ ...lowered, model: binarized })).agree).toBeGreaterThan(0.9);
    },
  );

  it.each(forms.map((form) => [textOf(form), form] as const))(
    '%s stays what it is in a float network',
    async (_, form) => {
      const source = pixelSource([6, 6, 2], 3, 48);
      const float = model(form);
      await fineTune(float, source, { epochs: 1, batch: 16, learningRate: 0.01 });
      const { model: integer } = lower(await exportModel(float, source));
      const { difference } = await compared({ model: float, integer, source, notes: [] });
      // Weights and values behind the ReLU are rounded to 8 bits.
      expect(difference).toBeLessThan(0.03);
    },
  );

  it.each(weightsAndNot.map((form) => [textOf(form), form] as const))(
    '%s learns as one whose missing weights are frozen at 1 and 0',
    async (_, form) => {
      const source = pixelSource([6, 6, 2], 3, 48);
      const whole = model({});
      const missing = model(form);
      const kept = (name: string): boolean =>
        !(/gamma$/.test(name) && !form.scale) && !(/beta$/.test(name) && !form.center);
      // The same weights by name in both, 1 and 0 where one has none.
      const own = new Map(
        missing.layers.flatMap((layer) =>
          layer.weights.map((weight) => [weight.originalName, weight.read()] as const),
        ),
      );
      for (const layer of whole.layers)
        for (const weight of layer.weights) {
          const fixed = /gamma$/.test(weight.originalName)
            ? tf.onesLike(weight.read())
            : tf.zerosLike(weight.read());
          weight.write(own.get(weight.originalName) ?? fixed);
          if (!kept(weight.originalName)) weight.trainable = false;
        }
      const options = { epochs: 2, batch: 16, learningRate: 0.05, recalibrate: 0 };
      const wanted = await fineTune(whole, source, options);
      const found = await fineTune(missing, source, options);
      expect(found.map(({ loss }) => loss)).toEqual(wanted.map(({ loss }) => loss));
    },
  );
});
