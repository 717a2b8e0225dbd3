import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { approximate, distance, distFromAverage, HbnnError } from '@hbnn/core';
import {
  type BinarizedLayer,
  binarize,
  binarizedLayers,
  evaluate,
  exportModel,
  fineTune,
  inputPrecision,
  quantize,
  quantizedCopy,
  readModelWeights,
  recalibrate,
  useBackend,
  writeModelWeights,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { pixelSquares } from './squares.ts';

const train = pixelSquares(400, 'train');
const test = pixelSquares(300, 'test');

/** Every kind of layer with weights, a stride that leaves a rest, a bias; the same first weights in each run. */
function network(): tfl.LayersModel {
  const { layers } = tfl;
  const kernelInitializer = tfl.initializers.glorotUniform({ seed: 1 });
  const depthwiseInitializer = tfl.initializers.glorotUniform({ seed: 2 });
  return tfl.sequential({
    name: 'small',
    layers: [
      layers.conv2d({
        name: 'stem',
        inputShape: [12, 12, 1],
        filters: 8,
        kernelSize: 3,
        kernelInitializer,
      }),
      layers.reLU({ name: 'relu1' }),
      layers.depthwiseConv2d({
        name: 'depth',
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        depthwiseInitializer,
      }),
      layers.batchNormalization({ name: 'norm1' }),
      layers.conv2d({ name: 'point', filters: 16, kernelSize: 1, kernelInitializer }),
      layers.batchNormalization({ name: 'norm2' }),
      layers.reLU({ name: 'relu2' }),
      layers.flatten({ name: 'flat' }),
      layers.dense({ name: 'hidden', units: 24, kernelInitializer }),
      layers.reLU({ name: 'relu3' }),
      layers.dense({ name: 'scores', units: 10, kernelInitializer }),
    ],
  });
}

const skip = ['stem', 'scores'];
const pass = { images: 200, batch: 64, seed: 1 };

describe('quantize(model)', () => {
  let model: tfl.LayersModel;
  beforeAll(async () => {
    await useBackend({ prefer: 'wasm' });
    model = network();
    await fineTune(model, train, { epochs: 3, learningRate: 0.05 });
  });

  it('keeps more of the accuracy than binarize does at as many bits', async () => {
    const { loss } = await evaluate(model, test);
    const plain = binarize(model, { weights: 1, skip });
    await recalibrate(plain, train, pass);
    const made = await quantize(model, train, { weights: 1, skip, images: 200 });
    const lossOf = async (m: tfl.LayersModel): Promise<number> => (await evaluate(m, test)).loss;
    expect(made.average).toBe(1);
    expect((await lossOf(made.model)) - loss).toBeLessThan((await lossOf(plain)) - loss);
  });

  it('meets the budget, tells each layer’s errors, and exports what it computes', async () => {
    const before = model.getLayer('hidden').getWeights()[0].dataSync().slice();
    const {
      model: made,
      layers,
      average,
      kept,
    } = await quantize(model, train, {
      weights: 1.4,
      skip,
      images: 200,
    });
    expect(average).toBeLessThanOrEqual(1.4);
    expect(average).toBeGreaterThan(1.39);
    expect(layers.map(({ layer }) => layer)).toEqual(['depth', 'point', 'hidden']);
    for (const { errors } of layers)
      expect(errors[errors.length - 1].error).toBeLessThan(errors[0].error);
    for (const name of Object.keys(kept)) {
      const { values, binarized } = (made.getLayer(name) as BinarizedLayer).trainedKernel();
      const bits = binarized?.map.bits ?? new Uint8Array();
      expect(bits.reduce((sum, b) => sum + b, 0) / bits.length).toBeLessThanOrEqual(kept[name]);
      expect(binarized && distance(values, approximate(binarized))).toBeLessThan(0.5);
    }
    const trained = await exportModel(made, train, { onNote: () => {} });
    expect(trained.layers.filter(({ kind }) => kind === 'depthwise')).toHaveLength(1);
    expect(model.getLayer('hidden').getWeights()[0].dataSync()).toEqual(before);
  });

  it('binarizes inputs too, and comes back from a file and goes on from there', async () => {
    const inputs = inputPrecision(distFromAverage(1.4), { map: 'static' });
    const o = { weights: 2, inputs, skip, images: 200 };
    const { model: made, kept } = await quantize(model, train, o);
    const dir = mkdtempSync(join(tmpdir(), 'hbnn-quantize-'));
    try {
      const file = join(dir, 'weights.bin');
      writeModelWeights(file, made, train);
      const copy = quantizedCopy(model, { layers: kept, inputs, skip });
      readModelWeights(file, copy, train);
      const right = await evaluate(made, test);
      expect(await evaluate(copy, test)).toEqual(right);
      await fineTune(copy, train, { epochs: 1, learningRate: 0.01 });
      expect((await evaluate(copy, test)).loss).toBeLessThan(right.loss);
      const maps = (m: tfl.LayersModel) =>
        binarizedLayers(m).flatMap((layer) => layer.trainedKernel().binarized?.map.bits ?? []);
      expect(maps(copy)).toEqual(maps(made));
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('refuses images that do not come', async () => {
    const none = { ...train, async *batches() {} };
    await expect(quantize(model, none, { weights: 1.4 })).rejects.toThrow(/got 0 in one pass/);
  });

  it.each([
    [{ weights: 0.5 }, /weights as average bits from 1 to 4, got 0.5/],
    [{ weights: 1.4, skip: ['conv9'] }, /skip names a layer 'conv9'/],
    [
      { weights: 1.4, skip: ['stem', 'depth', 'point', 'hidden', 'scores'] },
      /got none; name fewer/,
    ],
    [{ weights: 1.4, images: 0 }, /images/],
    [{ weights: 1.4, bits: 2 }, /'bits'; leave it out/],
  ])('refuses %o', async (options, message) => {
    const made = quantize(model, train, options as { weights: number });
    await expect(made).rejects.toThrow(HbnnError);
    await expect(made).rejects.toThrow(message);
  });

  it('keeps zeros in place of groups, and fine-tuning leaves them', async () => {
    const model = network();
    const point = model.getLayer('point');
    const [kernel, ...others] = point.getWeights();
    const [, , inputs, outputs] = kernel.shape;
    const sameGroup = (i: number): boolean =>
      Math.floor(i / outputs) % inputs < inputs / 2 === i % outputs < outputs / 2;
    const grouped = kernel.dataSync().map((weight, i) => (sameGroup(i) ? weight : 0));
    point.setWeights([tf.tensor(grouped, kernel.shape), ...others]);
    const made = await quantize(model, train, {
      weights: 1.4,
      skip: ['stem', 'scores'],
      keepZeros: ['point'],
      images: 64,
    });
    const row = made.layers.find(({ layer }) => layer === 'point');
    expect(row?.weights).toBe(grouped.filter((weight) => weight !== 0).length);
    expect(made.average).toBeLessThanOrEqual(1.4);
    const zerosOf = (): number[] => {
      const { binarized } = (made.model.getLayer('point') as BinarizedLayer).trainedKernel();
      const values = approximate(binarized as NonNullable<typeof binarized>).data;
      return [...values].flatMap((value, i) => (value === 0 ? [i] : []));
    };
    const zeros = [...grouped].flatMap((weight, i) => (weight === 0 ? [i] : []));
    expect(zerosOf()).toEqual(zeros);
    await fineTune(made.model, train, { epochs: 1, learningRate: 0.01 });
    expect(zerosOf()).toEqual(zeros);
    const trained = await exportModel(made.model, train, { onNote: () => {} });
    const conv = trained.layers.find(({ kind }) => kind === 'conv');
    expect(conv).toBeDefined();
  });

  it.each([
    ['scores2', /keepZeros names 'scores2', expected layers with float weights/],
    ['point', /keepZeros names 'point', expected a kernel with some zeros, got none/],
  ])('refuses to keep zeros of %s, and says why', async (name, reason) => {
    const options = { weights: 1.4, keepZeros: [name], images: 8 };
    await expect(quantize(network(), train, options)).rejects.toThrow(reason);
  });

  it('says that a data set has fewer images than were asked for', async () => {
    const few = pixelSquares(40, 'few');
    const notes: string[] = [];
    const made = await quantize(model, few, {
      weights: 1,
      skip: ['stem', 'depth', 'point', 'scores'],
      images: 64,
      onNote: (note) => notes.push(note),
    });
    expect(made.images).toBe(40);
    expect(notes).toEqual([
      `${few.name}: has 40 images to calibrate with, where 64 were asked for; all 40 are used`,
    ]);
  });
});
