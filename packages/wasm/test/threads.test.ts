import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { random } from '@hbnn/core';
import { featureCount, interpreter, randomModel } from '@hbnn/model';
import { expect, test } from 'vitest';
import { loadThreads } from '../src/inference/loadThreads.ts';
import { beginRun, meetingWords, takePart } from '../src/inference/meeting.ts';

function pixelsOf(seed: number, values: number): Uint8Array {
  const rng = random('threads', seed);
  return Uint8Array.from({ length: values }, () => rng.below(256));
}

const callers = [false, true];
const seeds = [1, 2, 3, 4, 5, 6].flatMap((seed) => callers.map((each) => [seed, each] as const));

test.each(seeds)(
  'threads agree with the interpreter, seed %i, the caller computes: %s',
  async (seed, callerComputes) => {
    const model = randomModel(seed, { branches: seed % 2 === 0 });
    const loaded = await loadThreads(model, { threads: 3, batch: 2, callerComputes });
    expect(loaded.threads).toBe(3);
    // More batches than threads, the last one not full; and fewer images, which all threads compute together.
    for (const images of [11, 3, 2, 1, 1, 0]) {
      const pixels = pixelsOf(seed, images * featureCount(model.input.shape));
      expect(await loaded.run(pixels)).toEqual(interpreter(model).run(pixels));
    }
    await loaded.dispose();
  },
);

test.each(callers)(
  'threads that meet agree, though they are more than the machine has, the caller computes: %s',
  async (callerComputes) => {
    const loaded = await loadThreads(randomModel(9), { threads: 7, callerComputes });
    for (let n = 0; n < 20; n++) {
      const pixels = pixelsOf(n, featureCount(loaded.shape));
      expect(await loaded.run(pixels)).toEqual(interpreter(randomModel(9)).run(pixels));
    }
    await loaded.dispose();
  },
);

test.each(callers)(
  'steps of many parts agree, run after run, the caller computes: %s',
  async (callerComputes) => {
    const layers = [
      'conv:24x24x64,k3x3,o64,p1',
      'conv:24x24x64,k1x1,o96',
      'conv:1x1x4096,k1x1,o256',
    ];
    for (const layer of layers) {
      const model = randomModel(layer, { layer });
      const loaded = await loadThreads(model, { threads: 3, callerComputes });
      for (let n = 0; n < 6; n++) {
        const pixels = pixelsOf(n, featureCount(loaded.shape));
        expect(await loaded.run(pixels), layer).toEqual(interpreter(model).run(pixels));
      }
      await loaded.dispose();
    }
  },
);

test.each(callers)(
  'runs with pauses between them, and of other numbers of images, agree, the caller computes: %s',
  async (callerComputes) => {
    const model = randomModel(12);
    const loaded = await loadThreads(model, { threads: 3, batch: 2, callerComputes });
    // Threads wait 100 ms for another run of the same kind.
    const counts = [1, 1, 2, 1, 5, 1, 2, 2, 1, 4, 1];
    for (const [n, images] of counts.entries()) {
      const pixels = pixelsOf(n, images * featureCount(loaded.shape));
      expect(await loaded.run(pixels)).toEqual(interpreter(model).run(pixels));
      await new Promise((resolve) => setTimeout(resolve, [0, 1, 90, 99, 101, 250][n % 6]));
    }
    await loaded.dispose();
  },
);

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

/** A thread's script that does something bad at its nth call of a kernel. */
function badWorker(bad: string, nth: number): URL {
  const script = readFileSync(new URL('../build/worker.js', import.meta.url), 'utf8');
  const call = 'return () => run(...args);';
  expect(script).toContain(call);
  const file = join(tmpdir(), `hbnn-worker-${process.pid}-${nth}-${bad.length}.mjs`);
  writeFileSync(
    file,
    `let calls = 0;\n${script.replace(call, `return () => { if (++calls === ${nth}) ${bad}; run(...args); };`)}`,
  );
  return pathToFileURL(file);
}

test.each(callers)(
  'a thread that fails ends the model with what was wrong, the caller computes: %s',
  async (callerComputes) => {
    const model = randomModel('fails', { layer: 'conv:24x24x64,k3x3,o64,p1' });
    for (const images of [1, 4]) {
      const worker = badWorker("throw new Error('broken on purpose')", 30);
      const loaded = await loadThreads(model, { threads: 3, batch: 1, callerComputes, worker });
      const pixels = pixelsOf(1, images * featureCount(model.input.shape));
      const wanted = interpreter(model).run(pixels);
      let failure: unknown;
      for (let n = 0; failure === undefined && n < 200; n++)
        try {
          expect(await loaded.run(pixels)).toEqual(wanted);
        } catch (error) {
          failure = error;
        }
      expect(String(failure)).toBe(
        'HbnnError: loadThreads: a thread failed: Error: broken on purpose',
      );
      // No later run reads what was left half done.
      await expect(loaded.run(pixels)).rejects.toBe(failure);
      await loaded.dispose();
    }
  },
);

test('a thread that ends is told', async () => {
  const model = randomModel('ends', { layer: 'conv:24x24x64,k3x3,o64,p1' });
  const worker = badWorker('process.exit(7)', 30);
  const loaded = await loadThreads(model, { threads: 2, batch: 1, worker });
  const pixels = pixelsOf(1, 4 * featureCount(model.input.shape));
  const runs = async (): Promise<void> => {
    for (let n = 0; n < 200; n++) await loaded.run(pixels);
  };
  await expect(runs()).rejects.toThrow('a thread failed: it ended with code 7');
  await expect(loaded.run(pixels)).rejects.toThrow('it ended with code 7');
  await loaded.dispose();
});

test('a caller that computes does not wait for ever', () => {
  const words = meetingWords(1, 2);
  // The other thread never does its part, which is taken.
  const phases = [[[() => undefined], [() => undefined]]];
  const run = beginRun(words);
  const taken = words.subarray(2 * 16 + 16);
  Atomics.store(taken, 0, (run << 12) | 1);
  const member = { index: 0, count: 2, sleeps: true, patienceMs: 250 };
  expect(() => takePart({ phases, words }, run, member)).toThrow('does not go on');
});
