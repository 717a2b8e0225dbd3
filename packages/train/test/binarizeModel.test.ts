import { approximate, binarize as binarizeTensor, distFromAverage, selectBits } from '@hbnn/core';
import { BinarizedLayer, binarize, evaluate, fineTune, useBackend } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { squares } from './squares.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

/** A person's own network: a branch, a shared tail, biases, activations inside layers. */
function ownModel(): tfl.LayersModel {
  const input = tfl.input({ shape: [12, 12, 1] });
  const stem = tfl.layers
    .conv2d({ name: 'stem', filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' })
    .apply(input);
  const wide = tfl.layers
    .depthwiseConv2d({ name: 'depthwise', kernelSize: [3, 1], padding: 'same' })
    .apply(stem);
  const point = tfl.layers.conv2d({ name: 'point', filters: 8, kernelSize: 1 }).apply(wide);
  const sum = tfl.layers.add({ name: 'sum' }).apply([stem, point] as tfl.SymbolicTensor[]);
  const normal = tfl.layers.batchNormalization({ name: 'norm', momentum: 0.8 }).apply(sum);
  const pooled = tfl.layers.maxPooling2d({ name: 'pool', poolSize: 2 }).apply(normal);
  const flat = tfl.layers.flatten({ name: 'flat' }).apply(pooled);
  const output = tfl.layers.dense({ name: 'scores', units: 10 }).apply(flat);
  return tfl.model({ inputs: input, outputs: output as tfl.SymbolicTensor, name: 'own' });
}

const test = squares(200, 'test');
const x = (): tf.Tensor => tf.randomNormal([4, 12, 12, 1], 0, 1, 'float32', 5);

function expectEqual(a: tf.Tensor, b: tf.Tensor): void {
  expect([...a.dataSync()]).toEqual([...b.dataSync()]);
}

describe('binarize(model)', () => {
  it('copies architecture and float weights, and leaves the model alone', () => {
    const model = ownModel();
    const before = model.predict(x()) as tf.Tensor;
    const copy = binarize(model, { weights: 1.4 });
    expect(
      copy.layers.map(({ name }) => name).filter((name) => !name.includes('activation')),
    ).toEqual(model.layers.map(({ name }) => name));
    const weightsOf = (m: tfl.LayersModel, name: string): number[][] =>
      m
        .getLayer(name)
        .getWeights()
        .map((w) => [...w.dataSync()]);
    for (const name of ['stem', 'depthwise', 'point', 'norm', 'scores']) {
      expect(weightsOf(copy, name)).toEqual(weightsOf(model, name));
    }
    expectEqual(model.predict(x()) as tf.Tensor, before);
    expect(copy.layers.filter((layer) => layer instanceof BinarizedLayer)).toHaveLength(4);
  });

  it('gives its scores batch after batch when it is evaluated', async () => {
    const model = binarize(ownModel(), { weights: 1, skip: ['stem'], onNote: () => {} });
    const given: number[] = [];
    const options = { batch: 64, onScores: (scores: Float32Array) => given.push(...scores) };
    await evaluate(model, test, options);
    const expected: number[] = [];
    for await (const part of test.batches({ batch: 64, shuffle: false, seed: 0, epoch: 0 })) {
      const scores = model.predict(tf.tensor(part.images, [part.count, 12, 12, 1])) as tf.Tensor;
      expected.push(...scores.dataSync());
    }
    expect(given).toEqual(expected);
    expect(given.length).toBe(2000);
  });

  it('computes what the model would with core’s approximation as its weights', () => {
    const model = ownModel();
    const copy = binarize(model, { weights: 1.4 });
    const computed = copy.predict(x()) as tf.Tensor;
    for (const name of ['stem', 'depthwise', 'point', 'scores']) {
      const layer = model.getLayer(name);
      const [kernel, ...bias] = layer.getWeights();
      const shape = name === 'depthwise' ? [3, 1, 1, kernel.shape[2] as number] : [...kernel.shape];
      const t = { shape, data: Float32Array.from(kernel.dataSync()) };
      const options = {
        mix: distFromAverage(1.4),
        select: 'middle-out',
        layout: 'outputs-last',
      } as const;
      const r = binarizeTensor(t, selectBits(t, options), { layout: 'outputs-last' });
      layer.setWeights([tf.tensor(approximate(r).data as Float32Array, kernel.shape), ...bias]);
    }
    expectEqual(computed, model.predict(x()) as tf.Tensor);
  });

  it('is the same model when everything is skipped or stays float', () => {
    const model = ownModel();
    const skip = ['stem', 'depthwise', 'point', 'scores'];
    for (const copy of [binarize(model, { weights: 1, skip }), binarize(model, {})]) {
      expectEqual(copy.predict(x()) as tf.Tensor, model.predict(x()) as tf.Tensor);
    }
  });

  it('takes sequential models and binarized inputs', () => {
    const model = tfl.sequential({
      layers: [
        tfl.layers.flatten({ inputShape: [12, 12, 1] }),
        tfl.layers.dense({ name: 'one', units: 6, activation: 'tanh' }),
        tfl.layers.dense({ name: 'two', units: 10 }),
      ],
    });
    const copy = binarize(model, { weights: 2, inputs: 1.4, skip: ['two'] });
    const [one] = copy.layers.filter((layer) => layer instanceof BinarizedLayer);
    expect(one.precision.inputs?.map).toBe('dynamic');
    expect((copy.predict(x()) as tf.Tensor).shape).toEqual([4, 10]);
  });

  it('keeps accuracy when a trained model is binarized at 1.4 bits and fine-tuned', async () => {
    const train = squares(640, 'train');
    const model = ownModel();
    await fineTune(model, train, { epochs: 6, batch: 32, learningRate: 0.05 });
    const float = await evaluate(model, test);
    const copy = binarize(model, { weights: 1.4 });
    await fineTune(copy, train, { epochs: 3, batch: 32, learningRate: 0.02 });
    const binarized = await evaluate(copy, test);
    expect(float.top1).toBeGreaterThan(0.85);
    expect(binarized.top1).toBeGreaterThan(float.top1 - 0.05);
  });

  it.each(['activation of the last layer', 'a layer of its own'])(
    'fine-tunes and tests a model with a final softmax as the same one without: %s',
    async (kind) => {
      const inside = kind.startsWith('activation');
      const build = (softmax: boolean): tfl.LayersModel => {
        const activation = softmax && inside ? 'softmax' : 'linear';
        const layers: tfl.layers.Layer[] = [
          tfl.layers.flatten({ inputShape: [12, 12, 1] }),
          tfl.layers.dense({ name: 'hidden', units: 16, activation: 'relu' }),
          tfl.layers.dense({ name: 'last', units: 10, activation }),
        ];
        if (softmax && !inside) layers.push(tfl.layers.softmax());
        return tfl.sequential({ layers });
      };
      const [plain, ended] = [build(false), build(true)];
      ended.setWeights(plain.getWeights());
      const before = await evaluate(plain, test);
      const same = await evaluate(ended, test);
      expect(same.loss).toBeCloseTo(before.loss, 5);
      expect(same.top1).toBe(before.top1);
      const train = squares(320, 'train');
      const options = { epochs: 2, batch: 32, learningRate: 0.02, recalibrate: 0 };
      const losses = await fineTune(plain, train, options);
      const again = await fineTune(ended, train, options);
      // The logarithm of a float32 probability has a rounding of its own, which steps carry on.
      const softmaxTolerance = 3;
      for (const [i, { loss }] of again.entries()) {
        expect(loss).toBeCloseTo(losses[i].loss, softmaxTolerance);
      }
      const copy = binarize(ended, { weights: 2, skip: ['last'] });
      const [{ loss }] = await fineTune(copy, train, { ...options, epochs: 1 });
      expect(loss).toBeLessThan(before.loss);
    },
  );

  it('names the layer that cannot be binarized, and unknown names in skip', () => {
    const dilated = tfl.sequential({
      layers: [
        tfl.layers.conv2d({
          name: 'wide',
          inputShape: [9, 9, 1],
          filters: 2,
          kernelSize: 3,
          dilationRate: 2,
        }),
      ],
    });
    expect(() => binarize(dilated, { weights: 1 })).toThrow("layer 'wide' has dilation");
    expect(() => binarize(ownModel(), { weights: 1, skip: ['conv9'] })).toThrow("'conv9'");
    expect(() => binarize(ownModel(), { weights: 9 })).toThrow('got 9');
  });
});

describe('what a binarized network cannot be exported for', () => {
  const notesOf = (between: tfl.layers.Layer[], o = {}): string[] => {
    const notes: string[] = [];
    const model = tfl.sequential({
      layers: [
        tfl.layers.conv2d({ name: 'a', filters: 4, kernelSize: 3, inputShape: [8, 8, 1] }),
        ...between,
        tfl.layers.conv2d({ name: 'b', filters: 4, kernelSize: 3 }),
        tfl.layers.flatten({ name: 'f' }),
        tfl.layers.dense({ name: 'out', units: 3 }),
      ],
    });
    binarize(model, { weights: 1, inputs: 1, onNote: (text) => notes.push(text), ...o });
    return notes;
  };
  const padding = (): tfl.layers.Layer => tfl.layers.zeroPadding2d({ name: 'z', padding: 1 });

  it.each([
    ['a ReLU', () => tfl.layers.reLU({ name: 'm' })],
    ['a leaky ReLU', () => tfl.layers.leakyReLU({ name: 'm' })],
    ['dropout', () => tfl.layers.dropout({ name: 'm', rate: 0.1 })],
  ])('is not zero padding in front of %s', (_, layer) => {
    expect(notesOf([padding(), layer()])).toEqual([]);
  });

  it.each([
    [
      'a batch norm behind padding',
      () => [padding(), tfl.layers.batchNormalization({ name: 'm' })],
    ],
    [
      'a sigmoid in the middle',
      () => [tfl.layers.activation({ name: 'm', activation: 'sigmoid' })],
    ],
    ['a permutation', () => [tfl.layers.permute({ name: 'm', dims: [2, 1, 3] })]],
  ])('is told before the training: %s', (_, layers) => {
    const notes = notesOf(layers());
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(
      /^the network can be trained, and not exported .*: m: .*expected .*; /,
    );
  });

  it('is nothing where nothing is binarized, which is told', () => {
    for (const o of [{ skip: ['a', 'b', 'out'] }, { weights: undefined, inputs: undefined }])
      expect(notesOf([], o)).toEqual([
        expect.stringMatching(/nothing is binarized, since .*; give /),
      ]);
  });
});
