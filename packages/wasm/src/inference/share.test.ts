import { random } from '@hbnn/core';
import { featureCount, interpreter, randomModel } from '@hbnn/model';
import { expect, test } from 'vitest';
import { moduleOn } from '../webAssembly.ts';
import { inferenceCode } from './inferenceCode.ts';
import { codeModule, prepare } from './loadModel.ts';
import { productKernelNames } from './modelKernels.ts';
import { recordPrograms } from './programs.ts';
import { sharedRange } from './share.ts';

test.each([1, 2, 3, 7])('%i shares cover everything once, in whole tiles', (count) => {
  for (const n of [0, 1, 2, 15, 16, 17, 64])
    for (const tile of [1, 4, 16]) {
      const ranges = Array.from({ length: count }, (_, index) =>
        sharedRange(n, { index, count }, tile),
      );
      expect(ranges[0][0]).toBe(0);
      expect(ranges[count - 1][1]).toBe(n);
      for (const [i, [first, end]] of ranges.entries()) {
        expect(first).toBe(i === 0 ? 0 : ranges[i - 1][1]);
        expect(end).toBeGreaterThanOrEqual(first);
        expect(first === n || first % tile === 0).toBe(true);
      }
    }
});

const images = 2;

/** Scores of a model that threads compute together, each with scratch memory of its own: their parts in some order. */
async function scoresByShares(
  seed: number,
  kernels: typeof productKernelNames,
  count: number,
  pixels: Uint8Array,
): Promise<Int32Array> {
  const model = randomModel(seed, { branches: seed % 2 === 1 });
  const code = await codeModule('test', {}, () => inferenceCode());
  const { prepared, places } = await prepare(model, { batch: images, kernels }, code, count);
  const { memory, steps } = prepared;
  const raw = await moduleOn(code.module, memory);
  const programs = recordPrograms(steps, places, images, 1);
  const threads = places.map((_, thread) => programs.together(thread, images));
  new Uint8Array(memory.buffer, places[0].pixels, pixels.length).set(pixels);
  const rng = random('parts', seed);
  // Whichever thread takes a part, and the last one first: none may depend on another.
  for (const [phase, parts] of threads[0].entries())
    for (let part = parts.length - 1; part >= 0; part--)
      for (const [kernel, ...args] of threads[rng.below(count)][phase][part]) raw[kernel](...args);
  const scores = images * model.scoreOffsets.length;
  return new Int32Array(memory.buffer, places[0].scores, scores).slice();
}

test.each([undefined, ...productKernelNames])(
  'steps that are shared out agree with the interpreter, %s preferred',
  async (kernel) => {
    for (let seed = 0; seed < 40; seed++) {
      const model = randomModel(seed, { branches: seed % 2 === 1 });
      const rng = random('shares', seed);
      const size = images * featureCount(model.input.shape);
      const pixels = Uint8Array.from({ length: size }, () => rng.below(256));
      const kernels = kernel === undefined ? [] : [kernel];
      const scores = await scoresByShares(seed, kernels, 2 + (seed % 3), pixels);
      expect(scores, `seed ${seed}`).toEqual(interpreter(model).run(pixels));
    }
  },
);
