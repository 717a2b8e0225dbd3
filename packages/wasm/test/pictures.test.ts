import { random } from '@hbnn/core';
import { interpreter, pixelsFromRgba, randomModel } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { loadThreads } from '@hbnn/wasm/threads';
import { expect, test } from 'vitest';

const noise = random('pictures');
const picture = {
  data: Uint8ClampedArray.from({ length: 4 * 6 * 4 }, () => noise.below(256)),
  width: 6,
  height: 4,
};

test.each([1, 3])('a picture in RGBA is taken by %i channels', async (channels) => {
  const model = randomModel(channels, { layer: `conv:4x6x${channels},k3x3,o3,s1,p1` });
  const scores = interpreter(model).run(pixelsFromRgba(picture, model.input.shape));
  const loaded = await loadModel(model);
  expect(loaded.run(picture)).toEqual(scores);
  expect(loaded.profile(picture)).toHaveLength(loaded.profile(new Uint8Array(0)).length);
  const threaded = await loadThreads(model, { threads: 2 });
  expect(await threaded.run(picture)).toEqual(scores);
  expect(await threaded.classify(picture)).toEqual(loaded.classify(picture));
  await threaded.dispose();
});

test('a canvas of Node.js is read by its own context when no other can be made', async () => {
  const model = randomModel(1, { layer: 'conv:4x6x1,k3x3,o3,s1,p1' });
  const canvas = {
    width: 6,
    height: 4,
    getContext: () => ({ getImageData: (...area: number[]) => ({ ...picture, area }) }),
  };
  const loaded = await loadModel(model);
  expect(loaded.run(canvas)).toEqual(loaded.run(picture));
});

test('what a page needs to know of the model stays with it', async () => {
  const model = randomModel(2);
  for (const loaded of [await loadModel(model), await loadThreads(model, { threads: 2 })]) {
    const { name, shape, classes, scoreFactor } = loaded;
    expect({ name, shape, classes, scoreFactor }).toEqual({
      name: model.name,
      shape: model.input.shape,
      classes: model.classes,
      scoreFactor: model.scoreFactor,
    });
    await loaded.dispose();
  }
});

test('`using` disposes of a model', async () => {
  const model = randomModel(3);
  const loaded = await loadModel(model);
  loaded[Symbol.dispose]();
  expect(() => loaded.run(new Uint8Array(0))).toThrow(/disposed of/);
  for (const threads of [1, 2]) {
    const threaded = await loadThreads(model, { threads });
    await threaded[Symbol.asyncDispose]();
    await expect(threaded.run(new Uint8Array(0))).rejects.toThrow(/disposed of/);
  }
});
