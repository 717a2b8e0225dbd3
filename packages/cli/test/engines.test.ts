import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy, random } from '@hbnn/core';
import { encodeModel, featureCount, randomModel } from '@hbnn/model';
import { expect, test } from 'vitest';
import { openEngine } from '../src/engines.ts';
import { readModelFile } from '../src/modelFile.ts';
import { hbnn, temporary } from './process.ts';

test('reference and wasm give the same scores for 100 random models, read from their files', async () => {
  const file = join(temporary(), 'm.hbnn');
  for (let seed = 0; seed < 100; seed++) {
    writeFileSync(file, encodeModel(randomModel(seed)));
    const model = await readModelFile(file);
    const rng = random('engines', seed);
    const pixels = Uint8Array.from({ length: 3 * featureCount(model.input.shape) }, () =>
      rng.below(256),
    );
    const scores = await Promise.all(
      ['reference', 'wasm'].map(async (name) => {
        const engine = await openEngine(name, model);
        const found = engine.run(pixels);
        engine.dispose();
        return found;
      }),
    );
    for (const found of scores) expect(found, `seed ${seed}`).toEqual(scores[0]);
  }
});

test('the verilog engine gives the same scores', async () => {
  const model = randomModel(36);
  const pixels = Uint8Array.from({ length: 3 * featureCount(model.input.shape) }, (_, i) => i);
  const [verilog, reference] = await Promise.all(
    ['verilog', 'reference'].map((name) => openEngine(name, model)),
  );
  expect(verilog.run(pixels)).toEqual(reference.run(pixels));
});

test('hbnn run writes the same file with either engine, and wasm is the default', () => {
  const folder = temporary();
  const model = join(folder, 'm.hbnn');
  const made = randomModel(7);
  writeFileSync(model, encodeModel(made));
  const images = join(folder, 'x.npy');
  const rng = random('engines', 'run');
  const data = Uint8Array.from({ length: 2 * featureCount(made.input.shape) }, () =>
    rng.below(256),
  );
  writeFileSync(images, encodeNpy({ shape: [2, ...made.input.shape], data }));
  const written = [[], ['--engine', 'wasm'], ['--engine', 'reference']].map((engine, i) => {
    const out = join(folder, `${i}.npy`);
    const ended = hbnn('run', '--model', model, '--in', images, '--out', out, '--json', ...engine);
    expect(ended.err).toBe('');
    expect(JSON.parse(ended.out).engine).toBe(engine[1] ?? 'wasm');
    return readFileSync(out);
  });
  expect(written[0].equals(written[2]) && written[1].equals(written[2])).toBe(true);
});

test('an unknown engine is named', async () => {
  await expect(openEngine('fpga', randomModel(1))).rejects.toThrow(
    "--engine: expected one of reference, wasm, verilog, verilog-folded, got 'fpga'",
  );
});
