import { random } from '@hbnn/core';
import { featureCount, interpreter, randomModel } from '@hbnn/model';
import { expect, test } from 'vitest';
import { loadThreads } from '../src/inference/loadThreads.ts';

function pixelsOf(seed: number, values: number): Uint8Array {
  const rng = random('threads', seed);
  return Uint8Array.from({ length: values }, () => rng.below(256));
}

test.each([1, 2, 3, 4, 5, 6])('threads agree with the interpreter, seed %i', async (seed) => {
  const model = randomModel(seed, { branches: seed % 2 === 0 });
  const loaded = await loadThreads(model, { threads: 3, batch: 2 });
  expect(loaded.threads).toBe(3);
  // More batches than threads, the last one not full; and fewer images, which all threads compute together.
  for (const images of [11, 3, 2, 1, 1, 0]) {
    const pixels = pixelsOf(seed, images * featureCount(model.input.shape));
    expect(await loaded.run(pixels)).toEqual(interpreter(model).run(pixels));
  }
  await loaded.dispose();
});

test('threads that meet agree with the interpreter, though they are more than the machine has', async () => {
  const loaded = await loadThreads(randomModel(9), { threads: 7 });
  for (let n = 0; n < 20; n++) {
    const pixels = pixelsOf(n, featureCount(loaded.shape));
    expect(await loaded.run(pixels)).toEqual(interpreter(randomModel(9)).run(pixels));
  }
  await loaded.dispose();
});

test('steps of many parts agree with the interpreter, run after run', async () => {
  const layers = ['conv:24x24x64,k3x3,o64,p1', 'conv:24x24x64,k1x1,o96', 'conv:1x1x4096,k1x1,o256'];
  for (const layer of layers) {
    const model = randomModel(layer, { layer });
    const loaded = await loadThreads(model, { threads: 3 });
    for (let n = 0; n < 6; n++) {
      const pixels = pixelsOf(n, featureCount(loaded.shape));
      expect(await loaded.run(pixels), layer).toEqual(interpreter(model).run(pixels));
    }
    await loaded.dispose();
  }
});

test('calls that overlap take their turn', async () => {
  const model = randomModel(7);
  const loaded = await loadThreads(model, { threads: 2, batch: 1 });
  const all = [1, 2, 3].map((n) => pixelsOf(n, n * featureCount(model.input.shape)));
  const found = await Promise.all(all.map((pixels) => loaded.run(pixels)));
  expect(found).toEqual(all.map((pixels) => interpreter(model).run(pixels)));
  await loaded.dispose();
});

test('one thread is the caller, and what cannot be run is told', async () => {
  const model = randomModel(8);
  const one = await loadThreads(model, { threads: 1 });
  const pixels = pixelsOf(8, featureCount(model.input.shape));
  expect(await one.run(pixels)).toEqual(interpreter(model).run(pixels));
  await expect(loadThreads(model, { threads: 0 })).rejects.toThrow('1 to 256 threads, got 0');
  const two = await loadThreads(model, { threads: 2 });
  await expect(two.run(new Uint8Array(pixels.length + 1))).rejects.toThrow('pass whole images');
  await two.dispose();
  await expect(two.run(pixels)).rejects.toThrow('disposed of');
});
