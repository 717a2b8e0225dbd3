import { interpreter } from '@hbnn/model';
import { useBackend } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { L, loweredOwn } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

/**
 * Without batch norm and bias a binarization may meet a sum that is exactly 0: an even number of products ±1, half of
 * them −1. The integer model takes its sign for −1, as the quantizer does. The framework adds ±μ in float32, and what
 * rounding leaves there may lie on either side of 0.
 */
describe('a sum of exactly 0 before a binarization', () => {
  const layers = (useBias: boolean) => [
    L.conv2d({
      name: 'c1',
      filters: 6,
      kernelSize: 2,
      useBias: true,
      inputShape: [6, 6, 2],
    }),
    L.conv2d({ name: 'c2', filters: 5, kernelSize: 2, useBias }),
    L.flatten({ name: 'flat' }),
    L.dense({ name: 'out', units: 3, useBias: false }),
  ];

  /** Signs that c2's sums get in the framework and in the integer model, and where the sum is 0. */
  async function signsOf(useBias: boolean) {
    const { model, integer, source } = await loweredOwn({
      shape: [6, 6, 2],
      layers: layers(useBias),
      skip: [],
    });
    const sums: number[] = [];
    const whole: number[] = [];
    interpreter(integer).run(source.pixels, ({ name }, { values }) => {
      if (name === 'c2') sums.push(...values);
      if (name === 'out_input') whole.push(...values.map((value) => Math.sign(value)));
    });
    const float: number[] = [];
    const { count } = source;
    for await (const { images } of source.batches({
      batch: count,
      shuffle: false,
      seed: 0,
      epoch: 0,
    })) {
      let x: tf.Tensor = tf.tensor(images, [count, ...source.shape]);
      for (const layer of model.layers.slice(1, 3))
        x = layer.apply(x, { training: false }) as tf.Tensor;
      for (const value of x.dataSync()) float.push(value > 0 ? 1 : -1);
    }
    return { sums, whole, float };
  }

  it('is the only place where the integer model and the framework part, and −1 there', async () => {
    const { sums, whole, float } = await signsOf(false);
    const ties = sums.filter((sum) => sum === 0).length;
    expect(ties).toBeGreaterThan(sums.length / 20);
    sums.forEach((sum, i) => {
      if (sum === 0) expect(whole[i]).toBe(-1);
      else expect(whole[i]).toBe(float[i]);
    });
  });

  it('does not decide anything where a bias is added: both agree everywhere', async () => {
    const { sums, whole, float } = await signsOf(true);
    expect(sums.filter((sum) => sum === 0).length).toBeGreaterThan(sums.length / 20);
    expect(whole).toEqual(float);
  });

  it('is noted on export, where it can be', async () => {
    const notesOf = async (more: readonly tfl.layers.Layer[], useBias = false) => {
      const [c1, c2, ...rest] = layers(useBias);
      return (await loweredOwn({ shape: [6, 6, 2], layers: [c1, c2, ...more, ...rest], skip: [] }))
        .notes;
    };
    const said = /^out_input: no batch norm or bias .* c2 may give.* give c2 a bias/;
    expect(await notesOf([])).toEqual([expect.stringMatching(said)]);
    expect(await notesOf([L.reLU({ name: 'r' })])).toEqual([expect.stringMatching(said)]);
    expect(await notesOf([L.maxPooling2d({ name: 'p', poolSize: 2 })])).toHaveLength(1);
    expect(await notesOf([L.batchNormalization({ name: 'n' })])).toEqual([]);
    expect(await notesOf([L.rescaling({ name: 's', scale: 2, offset: 0 })])).toHaveLength(1);
    expect(await notesOf([L.rescaling({ name: 's', scale: 0, offset: 0 })])).toEqual([]);
    expect(await notesOf([], true)).toEqual([]);
  });

  it('is not noted behind float weights or float inputs', async () => {
    const own = { shape: [6, 6, 2] as const, layers: layers(false) };
    expect((await loweredOwn({ ...own, skip: ['c2'] })).notes).toEqual([]);
    expect((await loweredOwn(own)).notes).toEqual([]);
  });
});
