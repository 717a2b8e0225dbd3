import { type Batch, type BatchSource, HbnnError } from '@hbnn/core';
import {
  binarize,
  evaluate,
  exportModel,
  fineTune,
  layerValues,
  quantize,
  recalibrate,
  useBackend,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, expect, it } from 'vitest';
import { pixelSquares, squares } from './squares.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'cpu' });
});

/** A chain for images of a shape, with a score for each of some classes. */
function chain(shape: [number, number, number], classes: number): tfl.LayersModel {
  return tfl.sequential({
    name: 'own',
    layers: [
      tfl.layers.flatten({ inputShape: shape }),
      tfl.layers.dense({ name: 'scores', units: classes }),
    ],
  });
}

const model = (): tfl.LayersModel => chain([12, 12, 1], 10);
const fitting = squares(20, 'fits');
const pixels = pixelSquares(20, 'pixels');

/** The source with each batch changed. */
function changed(change: (batch: Batch) => Partial<Batch>): BatchSource {
  return {
    ...fitting,
    async *batches(o) {
      for await (const batch of fitting.batches(o)) yield { ...batch, ...change(batch) };
    },
  };
}

const sources: readonly [string, BatchSource, RegExp][] = [
  ['fewer classes', { ...fitting, classes: ['a', 'b'] }, /10 classes.*'scores'.*got 2 in/],
  [
    'two classes of one name',
    { ...fitting, classes: fitting.classes.map(() => 'a') },
    /class names of fits that differ, got 'a' twice/,
  ],
  [
    'numbers as classes',
    { ...fitting, classes: fitting.classes.map((_, k) => k) as never },
    /class names of fits as texts, .*classes.map\(String\)/,
  ],
  ['no classes', { ...fitting, classes: [] }, /class names/],
  ['other sizes', { ...fitting, shape: [12, 11, 1] }, /images of 12×12×1 for own, got 12×11×1/],
  ['other channels', { ...fitting, shape: [12, 12, 3] }, /12×12×1 for own, got 12×12×3/],
  ['no channels', { ...fitting, shape: [12, 12] as never }, /\[height, width, channels\]/],
  ['no images', { ...fitting, count: 0 }, /at least one image/],
  [
    'a negative deviation',
    { ...fitting, normalization: { mean: [0.5], deviation: [-0.25] } },
    /deviation from 0.000001 to 1, .* got -0.25 for channel 0/,
  ],
  [
    'no deviation',
    { ...fitting, normalization: { mean: [0.5], deviation: [0] } },
    /deviation from 0.000001 to 1, .* got 0 for/,
  ],
  [
    'a mean that is no number',
    { ...fitting, normalization: { mean: [Number.NaN], deviation: [1] } },
    /mean from 0 to 1, .* got NaN/,
  ],
  [
    'a mean of pixels from 0 to 255',
    { ...fitting, normalization: { mean: [127.5], deviation: [0.5] } },
    /mean from 0 to 1, .* got 127.5 for channel 0; divide .* by 255, as in 0.5$/,
  ],
  [
    'a deviation of pixels from 0 to 255',
    { ...fitting, normalization: { mean: [0], deviation: [51] } },
    /deviation from 0.000001 to 1, .* got 51 for channel 0; divide .* by 255, as in 0.2$/,
  ],
  [
    'a deviation next to nothing',
    { ...fitting, normalization: { mean: [0], deviation: [1e-30] } },
    /got 1e-30 for channel 0; give the deviation/,
  ],
  [
    'no list of means',
    { ...fitting, normalization: null as never },
    /expected a normalization \{ mean, deviation \}, got null/,
  ],
  [
    'a normalization of other channels',
    { ...fitting, normalization: { mean: [0, 0, 0], deviation: [1, 1, 1] } },
    /mean as a list of 1/,
  ],
  [
    'labels beyond the classes',
    changed(({ labels }) => ({ labels: labels.map((_, i) => (i === 3 ? 10 : 0)) })),
    /labels 0 … 9 .* got 10 at image 3/,
  ],
  [
    'labels below 0',
    changed(({ labels }) => ({ labels: labels.map(() => -1) })),
    /got -1 at image 0/,
  ],
  [
    'too few labels',
    changed(({ labels }) => ({ labels: labels.subarray(1) })),
    /images of 12×12×1 = \d+ values and \d+ labels/,
  ],
  [
    'half an image',
    changed(({ images }) => ({ images: images.subarray(0, images.length - 5) })),
    /make them agree/,
  ],
  [
    'bytes in place of normalized values',
    changed(({ images }) => ({ images: Uint8Array.from(images) as never })),
    /expected the images of a batch of fits as a Float32Array .*, got Uint8Array/,
  ],
  [
    'NaN pixels',
    changed(({ images }) => ({ images: images.map((v, i) => (i === 150 ? Number.NaN : v)) })),
    /finite pixels of fits, got NaN in image 1/,
  ],
  ['nothing', undefined as never, /expected a data set .* got undefined/],
  ['an array', [] as never, /expected a data set .* got a plain array/],
];

it.each(sources)('data of %s are refused', async (_, source, message) => {
  for (const action of [
    () => evaluate(model(), source),
    () => fineTune(model(), source, { epochs: 1 }),
  ]) {
    await expect(action()).rejects.toThrow(HbnnError);
    await expect(action()).rejects.toThrow(message);
    await expect(action()).rejects.toThrow(/^\w+: (fits: )?expected [^\n]*; [^\n]*$/);
  }
});

it('recalibrating and exporting refuse images of other sizes and a negative deviation', async () => {
  const wide = { ...pixelSquares(20, 'wide'), shape: [12, 24, 1] } as const;
  const upsideDown = {
    ...pixelSquares(20, 'upside down'),
    normalization: { mean: [0.5], deviation: [-1] },
  };
  await expect(exportModel(model(), wide)).rejects.toThrow(/exportModel: .*12×24×1/);
  await expect(exportModel(model(), upsideDown)).rejects.toThrow(
    /deviation from 0.000001 to 1, .* got -1/,
  );
  const o = { images: 10, batch: 5, seed: 1 };
  await expect(recalibrate(model(), wide, o)).rejects.toThrow(/recalibrate: .*12×24×1/);
  await expect(recalibrate(model(), fitting, { ...o, batch: 0 })).rejects.toThrow(
    /positive whole number as batch, got 0/,
  );
});

it('a model with scores at each place has too many for the classes', async () => {
  const dense = tfl.sequential({
    layers: [tfl.layers.dense({ inputShape: [12, 12, 1], units: 10 })],
  });
  await expect(evaluate(dense, fitting)).rejects.toThrow(/1440 classes.*\[12, 12, 10\]/);
});

it.each([
  [{ epochs: 0 }, /positive whole number as epochs, got 0/],
  [{ batch: 1.5 }, /positive whole number as batch, got 1.5/],
  [{ learningRate: -0.1 }, /positive number as learningRate, got -0.1/],
  [{ learningRate: '0.1' as never }, /got '0.1'/],
  [{ momentum: Number.NaN }, /as momentum, got NaN/],
  [{ momentum: 1 }, /a number from 0 to below 1 as momentum, got 1/],
  [{ recalibrate: 0.5 }, /a whole number from 0 on as recalibrate, got 0.5/],
  [{ schedule: 'cosin' as never }, /schedule: expected one of .*did you mean 'cosine'/],
  [{ epoch: 3 } as never, /no other options than epochs, .* got 'epoch'; .*did you mean 'epochs'/],
])('fine-tuning refuses %o', async (o, message) => {
  await expect(fineTune(model(), fitting, o)).rejects.toThrow(message);
});

it.each<[string, () => unknown, RegExp]>([
  ['evaluate', () => evaluate(model(), fitting, { batchs: 3 } as never), /'batchs'.*'batch'/],
  [
    'recalibrate',
    () => recalibrate(model(), fitting, { images: 1, batch: 1, seed: 1, k: 1 } as never),
    /got 'k'/,
  ],
  ['exportModel', () => exportModel(model(), pixels, { images: 3 } as never), /got 'images'/],
  ['exportModel', () => exportModel(model(), pixels, { sampleImages: 0 }), /sampleImages, got 0/],
  ['exportModel', () => exportModel(model(), pixels, { onNote: 3 } as never), /onNote, got the n/],
  ['evaluate', () => evaluate(model(), fitting, { onBatch: {} } as never), /onBatch, got a plain/],
  [
    'evaluate',
    () => evaluate(model(), fitting, { onScores: 1 } as never),
    /onScores, got the number 1/,
  ],
  [
    'evaluate',
    () => evaluate(model(), fitting, { signal: 1 } as never),
    /an AbortSignal as signal/,
  ],
  ['evaluate', () => evaluate(model(), fitting, null as never), /an object of options .*null/],
  ['recalibrate', () => recalibrate(model(), fitting, { images: 5 } as never), /got no batch/],
  ['fineTune', () => fineTune(model(), fitting, null as never), /an object of options .*null/],
  ['fineTune', () => fineTune(model(), fitting, { onEpoch: 3 } as never), /a function as onEpoch/],
  ['quantize', () => quantize(model(), pixels, null as never), /an object of options .*null/],
  [
    'quantize',
    () => quantize(model(), pixels, { weights: 2, onLayer: 3 } as never),
    /a function as onLayer, got the number 3/,
  ],
  ['useBackend', () => useBackend({ perfer: 'cpu' } as never), /'perfer'.*'prefer'/],
  ['useBackend', () => useBackend('cpu' as never), /an object of options .*a string/],
  [
    'layerValues',
    () => layerValues(model(), new Uint8Array(144) as never),
    /images as a Float32Array .*, got Uint8Array/,
  ],
  [
    'layerValues',
    () => layerValues(model(), new Float32Array(144).fill(Number.NaN, 7)),
    /finite values, got NaN at index 7/,
  ],
  [
    'layerValues',
    () => layerValues(undefined as never, new Float32Array(144)),
    /a tf.LayersModel, got undefined/,
  ],
  ['binarize', () => binarize(model(), { weight: 1 } as never), /'weight'.*'weights'/],
  [
    'binarize',
    () => binarize(model(), { weights: '1.4' as never }),
    /weights as average .*a string/,
  ],
  ['binarize', () => binarize(model(), { inputs: {} as never }), /inputs as average .*inputPrec/],
  ['binarize', () => binarize(model(), { weights: 9 }), /weights: expected an average from 0/],
  ['binarize', () => binarize(model(), { skip: 'scores' as never }), /skip as a list/],
  ['binarize', () => binarize(model(), undefined as never), /an object of options .*undefined/],
])('%s refuses options it does not know: %#', async (where, run, message) => {
  const refused = (async () => run())();
  await expect(refused).rejects.toThrow(HbnnError);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toThrow(new RegExp(`^${where}: .*expected [^\\n]*; `));
});

const noModels: readonly [string, unknown, RegExp][] = [
  ['nothing', undefined, /expected a tf.LayersModel, got undefined/],
  ['a layer', tfl.layers.dense({ units: 3 }), /expected a tf.LayersModel, got/],
  ['a promise', Promise.resolve(), /got a Promise of one; await it first/],
  [
    'a sequential model without an input shape',
    tfl.sequential({ name: 'open' }),
    /got 'open' without an input shape; give its first layer an inputShape/,
  ],
];
it.each(noModels)('refuses %s in place of a model', async (_, given, message) => {
  const none = given as tfl.LayersModel;
  await expect(evaluate(none, fitting)).rejects.toThrow(message);
  await expect(fineTune(none, fitting)).rejects.toThrow(message);
  await expect(exportModel(none, pixels)).rejects.toThrow(message);
  expect(() => binarize(none, { weights: 1 })).toThrow(message);
  await expect(evaluate(none, fitting)).rejects.toThrow(HbnnError);
});

it('refuses batches that are none, and empty ones', async () => {
  const nothing: BatchSource = {
    ...fitting,
    async *batches() {
      yield undefined as never;
    },
  };
  await expect(evaluate(model(), nothing)).rejects.toThrow(/batches .*of fits, got undefined/);
  const empty = changed(() => ({
    images: new Float32Array(0),
    labels: new Int32Array(0),
    count: 0,
  }));
  await expect(fineTune(model(), empty)).rejects.toThrow(/at least one image in each batch/);
});

it('exporting refuses batches that do not fit, and data without images', async () => {
  const batchesOf = (change: (batch: Batch) => Partial<Batch>): BatchSource => ({
    ...pixels,
    async *batches(o) {
      for await (const batch of pixels.batches(o)) yield { ...batch, ...change(batch) };
    },
  });
  const cases: readonly [BatchSource, RegExp][] = [
    [
      batchesOf(({ images }) => ({ images: images.subarray(1) })),
      /20 images of 12×12×1 .*got 2879/,
    ],
    [batchesOf(({ images }) => ({ images: images.map(() => Number.NaN) })), /finite pixels .*NaN/],
    [batchesOf(({ labels }) => ({ labels: labels.map(() => 10) })), /labels 0 … 9 .*got 10/],
    [
      batchesOf(({ images }) => ({ images: Float64Array.from(images) as never })),
      /as a Float32Array .*got Float64Array\(2880\)/,
    ],
    [{ ...pixels, async *batches() {} }, /the 20 images that .* got 0 in one pass/],
  ];
  for (const [source, message] of cases)
    await expect(exportModel(model(), source)).rejects.toThrow(message);
  const none = { ...fitting, async *batches() {} };
  const o = { images: 10, batch: 5, seed: 1 };
  await expect(recalibrate(model(), none, o)).rejects.toThrow(/recalibrate: .* got 0 in one pass/);
});

it('evaluating refuses weights that are not finite', async () => {
  const diverged = model();
  diverged.setWeights(diverged.getWeights().map((w) => tf.fill(w.shape, Number.NaN)));
  await expect(evaluate(diverged, fitting)).rejects.toThrow(
    /layer 'scores': evaluate expected finite weights, got NaN in kernel/,
  );
});

/** A data set that gives other images than it counts. */
const miscounted = (count: number): BatchSource => ({ ...fitting, count });

it('says where a data set gives other images than it counts', async () => {
  await expect(evaluate(model(), miscounted(25))).rejects.toThrow(
    /^evaluate: expected the 25 images that fits counts, got 20 in one pass; .*mend its count/,
  );
  await expect(evaluate(model(), miscounted(7))).rejects.toThrow(/the 7 images .*got 20/);
  const options = { epochs: 1, batch: 8 };
  // Twenty images are two batches of eight and one of four: three batches are what 19 to 24 images would be.
  await expect(fineTune(model(), miscounted(22), options)).rejects.toThrow(
    /^training: expected the 22 images that fits counts, got 20/,
  );
  await expect(fineTune(model(), miscounted(40), options)).rejects.toThrow(
    /gave no batch 3 of epoch 0, though it counts 40 images/,
  );
  await fineTune(model(), fitting, options);
});
