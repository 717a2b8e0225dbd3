// `pnpm --filter @hbnn/cli recompute [COUNT] [FIRST]`: random models, every other one with branches, on the interpreter and
// the WASM engine, as `hbnn run` computes them, and by numpy from what `hbnn dump` writes
// (packages/conformance/golden/integer_model.py). Needs python3 with numpy.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeNpy, random } from '@hbnn/core';
import { encodeModel, featureCount, randomModel } from '@hbnn/model';
import { dumpFiles } from '../src/commands/dump.ts';
import { openEngine } from '../src/engines.ts';
import { readModelFile } from '../src/modelFile.ts';

const images = 4;
const together = 100;
/** Verilog of a thousand models would take days to read back: packages/conformance has its own cases of it. */
const engines = ['reference', 'wasm'];
const compare = fileURLToPath(new URL('../../conformance/golden/compare.py', import.meta.url));

async function write(seed: number, folder: string): Promise<void> {
  mkdirSync(join(folder, 'dump'), { recursive: true });
  const file = join(folder, 'm.hbnn');
  writeFileSync(file, encodeModel(randomModel(seed, { branches: seed % 2 === 1 })));
  const model = await readModelFile(file);
  for (const [name, bytes] of Object.entries(await dumpFiles(model)))
    writeFileSync(join(folder, 'dump', name), bytes);
  const rng = random('recompute', seed);
  const size = images * featureCount(model.input.shape);
  const pixels = Uint8Array.from({ length: size }, () => rng.below(256));
  const shape = [images, ...model.input.shape];
  writeFileSync(join(folder, 'images.npy'), encodeNpy({ shape, data: pixels }));
  for (const name of engines) {
    const engine = await openEngine(name, model);
    const data = engine.run(pixels);
    engine.dispose();
    const scores = { shape: [images, model.scoreOffsets.length], data };
    writeFileSync(join(folder, `${name}.npy`), encodeNpy(scores));
  }
}

const [count = 1000, first = 0] = process.argv.slice(2).map(Number);
for (let from = first; from < first + count; from += together) {
  const root = mkdtempSync(join(tmpdir(), 'hbnn-recompute-'));
  try {
    for (let seed = from; seed < Math.min(from + together, first + count); seed++)
      await write(seed, join(root, `${seed}`));
    const { status } = spawnSync('python3', [compare, root], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
