import {
  BinarizedLayer,
  binarize,
  binarizedLayers,
  evaluate,
  fineTune,
  useBackend,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { L, pixelSource } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape = [8, 8, 3] as const;
const source = pixelSource(shape, 3, 32);
const conv = (name: string, o: object = {}): tfl.layers.Layer =>
  L.conv2d({ name, filters: 4, kernelSize: 3, padding: 'same', ...o });
const first = { inputShape: [...shape] };
const model = (...layers: tfl.layers.Layer[]): tfl.Sequential => {
  const made = tfl.sequential({ name: 'own' });
  for (const layer of [...layers, L.flatten({ name: 'flat' }), L.dense({ name: 'out', units: 3 })])
    made.add(layer);
  return made;
};
const valuesOf = (m: tfl.LayersModel, layer: string, weight: string): number[] => {
  const found = m.getLayer(layer).weights.find(({ originalName }) => originalName.endsWith(weight));
  return [...(found as tfl.LayerVariable).read().dataSync()];
};
const tune = { epochs: 2, batch: 16, learningRate: 0.1, recalibrate: 0 };

describe('binarize keeps', () => {
  it('frozen layers frozen, skipped or not', async () => {
    const m = model(conv('c1', first), conv('c2'));
    m.getLayer('c1').trainable = false;
    for (const skip of [[], ['c1']]) {
      const copy = binarize(m, { weights: 1.4, skip });
      expect(copy.getLayer('c1').trainable).toBe(false);
      const before = valuesOf(copy, 'c1', 'kernel');
      const other = valuesOf(copy, 'c2', 'kernel');
      await fineTune(copy, source, tune);
      expect(valuesOf(copy, 'c1', 'kernel')).toEqual(before);
      expect(valuesOf(copy, 'c2', 'kernel')).not.toEqual(other);
    }
  });

  it('a single frozen weight frozen, whose place in the layer’s list changes by that', async () => {
    const m = model(conv('c1', { ...first, filters: 3 }), L.batchNormalization({ name: 'n' }));
    m.getLayer('c1').weights[0].trainable = false;
    m.getLayer('n').weights[0].trainable = false;
    const copy = binarize(m, { weights: 1.4 });
    for (const [layer, weight] of [
      ['c1', 'kernel'],
      ['c1', 'bias'],
      ['n', 'gamma'],
      ['n', 'beta'],
    ])
      expect(valuesOf(copy, layer, weight)).toEqual(valuesOf(m, layer, weight));
    await fineTune(copy, source, tune);
    expect(valuesOf(copy, 'c1', 'kernel')).toEqual(valuesOf(m, 'c1', 'kernel'));
    expect(valuesOf(copy, 'n', 'gamma')).toEqual(valuesOf(m, 'n', 'gamma'));
    expect(valuesOf(copy, 'c1', 'bias')).not.toEqual(valuesOf(m, 'c1', 'bias'));
  });

  it('a whole model frozen, which fineTune refuses', async () => {
    const m = model(conv('c1', first));
    m.trainable = false;
    const copy = binarize(m, { weights: 1.4 });
    expect(copy.trainable).toBe(false);
    await expect(fineTune(copy, source, tune)).rejects.toThrow(/frozen/);
  });

  it('initializers, regularizers and constraints, in the configuration and when trained', async () => {
    const kept = {
      kernelInitializer: { className: 'Constant', config: { value: -0.25 } },
      kernelRegularizer: { className: 'L1L2', config: { l1: 0.5, l2: 0 } },
      kernelConstraint: { className: 'NonNeg', config: {} },
      biasInitializer: { className: 'Constant', config: { value: 0.125 } },
      biasRegularizer: { className: 'L1L2', config: { l1: 0, l2: 0.25 } },
      biasConstraint: { className: 'MaxNorm', config: { maxValue: 0.0625, axis: 0 } },
    };
    const m = model(conv('c1', { ...first, ...structuredClone(kept) }));
    const copy = binarize(m, { weights: 1.4 });
    const config = copy.getLayer('c1').getConfig();
    for (const [field, value] of Object.entries(kept)) expect(config[field]).toEqual(value);
    // Starting values that do not keep to the constraint yet are copied as they are.
    expect(new Set(valuesOf(copy, 'c1', 'kernel'))).toEqual(new Set([-0.25]));
    expect(new Set(valuesOf(copy, 'c1', 'bias'))).toEqual(new Set([0.125]));
    const losses = (of: tfl.LayersModel): number[] =>
      of.layers.flatMap((layer) => layer.calculateLosses().map((loss) => loss.dataSync()[0]));
    expect(losses(copy)).toEqual(losses(m));
    expect(losses(copy)).toHaveLength(2);
    await fineTune(copy, source, { ...tune, epochs: 1, batch: 32 });
    expect(valuesOf(copy, 'c1', 'kernel').every((value) => value >= 0)).toBe(true);
    const bias = Math.hypot(...valuesOf(copy, 'c1', 'bias'));
    expect(bias).toBeLessThanOrEqual(0.0625 * (1 + 1e-6));
  });

  it('a regularizer’s pull on the weights', async () => {
    const pulled = async (l2: number): Promise<number> => {
      const kernelRegularizer = tfl.regularizers.l2({ l2 });
      const kernelInitializer = tfl.initializers.constant({ value: 0.3 });
      const m = model(conv('c1', { ...first, kernelRegularizer, kernelInitializer }));
      const copy = binarize(m, { weights: 1.4, skip: ['c1'] });
      await fineTune(copy, source, { ...tune, learningRate: 0.01 });
      return Math.hypot(...valuesOf(copy, 'c1', 'kernel'));
    };
    expect(await pulled(2)).toBeLessThan(0.95 * (await pulled(0)));
  });

  it('what TensorFlow.js’s configurations leave out: the bound of a ReLU, a depth multiplier', () => {
    const m = model(
      L.separableConv2d({ ...first, name: 'sep', filters: 4, kernelSize: 3, depthMultiplier: 2 }),
      L.reLU({ name: 'r', maxValue: 0.25 }),
      L.depthwiseConv2d({ name: 'd', kernelSize: 3, depthwiseRegularizer: 'l1l2' }),
    );
    const copy = binarize(m, { weights: 1, skip: ['sep', 'd', 'out'] });
    const x = tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 3);
    expect([...(copy.predict(x) as tf.Tensor).dataSync()]).toEqual([
      ...(m.predict(x) as tf.Tensor).dataSync(),
    ]);
  });

  it('all of it when the copy is saved and loaded by tf.layers', async () => {
    const positive = { kernelConstraint: 'nonNeg', kernelInitializer: 'ones' };
    const m = model(conv('c1', { ...first, ...positive, trainable: false }));
    const copy = binarize(m, { weights: 1.4 });
    let saved: tf.io.ModelArtifacts | undefined;
    await copy.save({
      save: async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      },
    });
    const again = await tfl.loadLayersModel({ load: async () => saved as tf.io.ModelArtifacts });
    const [layer] = binarizedLayers(again);
    expect(layer.trainable).toBe(false);
    expect(layer.getConfig().kernelConstraint).toEqual({ className: 'NonNeg', config: {} });
    expect((await evaluate(again, source)).loss).toBe((await evaluate(copy, source)).loss);
  });
});

describe('binarize opens and names', () => {
  it('models inside the model, which a name in skip leaves float as a whole', () => {
    const inner = tfl.sequential({ name: 'base' });
    inner.add(conv('b1', { inputShape: [8, 8, 4], activation: 'relu' }));
    inner.add(conv('b2'));
    const input = tfl.input({ shape: [...shape] });
    const y = inner.apply(conv('c0').apply(input)) as tfl.SymbolicTensor;
    const flat = L.flatten({ name: 'flat' }).apply(y);
    const outputs = L.dense({ name: 'out', units: 3 }).apply(flat) as tfl.SymbolicTensor;
    const m = tfl.model({ inputs: input, outputs });
    const names = (copy: tfl.LayersModel): string[] =>
      binarizedLayers(copy).map(({ name }) => name);
    expect(names(binarize(m, { weights: 1.4 }))).toEqual(['c0', 'b1', 'b2', 'out']);
    const skipped = binarize(m, { weights: 1.4, skip: ['base', 'c0', 'out'] });
    expect(names(skipped)).toEqual([]);
    const x = tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 3);
    expect([...(skipped.predict(x) as tf.Tensor).dataSync()]).toEqual([
      ...(m.predict(x) as tf.Tensor).dataSync(),
    ]);
  });

  it('a separable convolution as its two layers, a dense layer on a map as a convolution', () => {
    const m = model(
      L.separableConv2d({ ...first, name: 'sep', filters: 4, kernelSize: 3, activation: 'relu' }),
      L.dense({ name: 'each', units: 5 }),
    );
    const copy = binarize(m, { weights: 1 });
    expect(binarizedLayers(copy).map(({ name }) => name)).toEqual([
      'sep_depthwise',
      'sep',
      'each',
      'out',
    ]);
    const x = tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 3);
    const float = binarize(m, {});
    const [got, expected] = [float, m].map((of) => (of.predict(x) as tf.Tensor).dataSync());
    // A separable convolution of tf.layers sums in one operation, ours in two.
    expect(Math.max(...got.map((value, i) => Math.abs(value - expected[i])))).toBeLessThan(1e-5);
  });

  it('a layer called as another’s activation would be', () => {
    const relu = conv('c1', { ...first, activation: 'relu' });
    const m = model(relu, L.batchNormalization({ name: 'c1_activation' }));
    const copy = binarize(m, { weights: 1 });
    expect(copy.layers.map(({ name }) => name).slice(1, 4)).toEqual([
      'c1',
      'c1_activation_2',
      'c1_activation',
    ]);
    expect(copy.getLayer('c1')).toBeInstanceOf(BinarizedLayer);
  });

  const left: [string, () => tfl.layers.Layer[]][] = [
    ['tr', () => [L.conv2dTranspose({ ...first, name: 'tr', filters: 4, kernelSize: 3 })]],
    [
      'deep',
      () => [L.depthwiseConv2d({ ...first, name: 'deep', kernelSize: 3, depthMultiplier: 2 })],
    ],
    ['turned', () => [conv('turned', { ...first, dataFormat: 'channelsFirst' })]],
  ];
  it.each(left)('what it has no counterpart for, and takes it when skipped: %s', (name, layers) => {
    const m = model(...layers());
    expect(() => binarize(m, { weights: 1 })).toThrow(
      new RegExp(`^binarize: layer '${name}' .*name it in skip`),
    );
    expect(binarizedLayers(binarize(m, { weights: 1, skip: [name] }))).toHaveLength(1);
  });

  it('a class of the user’s own called like one of tf.layers, and a model that is not built', () => {
    class Conv2D extends tfl.layers.Layer {
      static readonly className = 'Conv2D';
      override call(x: tf.Tensor | tf.Tensor[]): tf.Tensor {
        return [x].flat()[0];
      }
    }
    const m = model(conv('c1', first), new Conv2D({ name: 'mine' }));
    expect(() => binarize(m, { weights: 1 })).toThrow(
      /^mine: binarize expected Conv2D of tf.layers/,
    );
    const bare = tfl.sequential({ name: 'bare' });
    expect(() => binarize(bare, { weights: 1 })).toThrow(/bare.*inputShape/);
  });
});

describe('fineTune', () => {
  it('refuses images of another size, another number of classes and weights that are not finite', async () => {
    const m = model(conv('c1', first));
    await expect(fineTune(m, pixelSource([8, 7, 3], 3), tune)).rejects.toThrow(/8×7×3/);
    await expect(fineTune(m, pixelSource(shape, 5), tune)).rejects.toThrow(
      /layer 'out' gives .*got 5 in/,
    );
    const [kernel, bias] = m.getLayer('c1').getWeights();
    m.getLayer('c1').setWeights([tf.fill(kernel.shape, Number.NaN), bias]);
    await expect(fineTune(m, source, tune)).rejects.toThrow(
      /^layer 'c1': fineTune .*NaN in kernel/,
    );
  });

  it('trains on one class, whose loss is 0', async () => {
    const m = tfl.sequential();
    for (const layer of [conv('c1', first), L.flatten({}), L.dense({ units: 1 })]) m.add(layer);
    const epochs = await fineTune(m, pixelSource(shape, 1, 32), tune);
    expect(epochs.map(({ loss, accuracy }) => [loss, accuracy])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('trains models inside a model, two kernels of one name apart', async () => {
    const inner = tfl.sequential({ name: 'base' });
    inner.add(conv('b1', { inputShape: [8, 8, 4] }));
    inner.add(conv('b2'));
    const input = tfl.input({ shape: [...shape] });
    const y = inner.apply(conv('c0').apply(input)) as tfl.SymbolicTensor;
    const flat = L.flatten({ name: 'flat' }).apply(y);
    const outputs = L.dense({ name: 'out', units: 3 }).apply(flat) as tfl.SymbolicTensor;
    const m = tfl.model({ inputs: input, outputs });
    const before = [valuesOf(inner, 'b1', 'kernel'), valuesOf(inner, 'b2', 'kernel')];
    const opened = binarize(m, {});
    await fineTune(opened, source, tune);
    await fineTune(m, source, tune);
    for (const [i, name] of ['b1', 'b2'].entries()) {
      expect(valuesOf(inner, name, 'kernel')).not.toEqual(before[i]);
      // tf.layers sums a convolution and its bias in one operation, ours in two: float32 rounding.
      const same = valuesOf(opened, name, 'kernel');
      const apart = valuesOf(inner, name, 'kernel').map((value, k) => Math.abs(value - same[k]));
      expect(Math.max(...apart)).toBeLessThan(1e-5);
    }
  });
});
