// `pnpm --filter @hbnn/export onnxruntime`: write ONNX files, let onnxruntime of Python run them on random images, and
// compare every score with the interpreter's. With `--update` the checksums of the files that agree are committed as
// golden, so that the tests need no Python. PYTHON names the interpreter; it needs numpy and onnxruntime.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeNpy, encodeNpy } from '@hbnn/core';
import { exportOnnx } from '@hbnn/export';
import { interpreter } from '@hbnn/model';
import { imagesOf, onnxModels } from '../test/models.ts';

const images = 8;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'hbnn-onnx-'));

try {
  const models = [...onnxModels()];
  const checksums: Record<string, string> = {};
  const fileOf = (name: string, ending: string): string =>
    join(folder, `${name.replaceAll(' ', '-')}${ending}`);
  for (const [name, model] of models) {
    const bytes = exportOnnx(model);
    checksums[name] = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(fileOf(name, '.onnx'), bytes);
    const shape = [images, ...model.input.shape];
    writeFileSync(fileOf(name, '.npy'), encodeNpy({ shape, data: imagesOf(model, images) }));
  }
  const python = process.env.PYTHON ?? 'python3';
  const ran = spawnSync(python, [here('run_onnx.py'), folder], { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`${python}: ${ran.error?.message ?? ran.stderr}`);
  let differences = 0;
  for (const [name, model] of models) {
    const expected = interpreter(model).run(imagesOf(model, images));
    const { data } = decodeNpy(readFileSync(fileOf(name, '.scores.npy')), name);
    if (data.length === expected.length && expected.every((score, i) => score === data[i]))
      continue;
    differences++;
    console.error(`${name}: scores differ`);
  }
  console.log(
    `${models.length} networks on ${images} images each, onnxruntime ${ran.stdout.trim()}: ${differences} differ`,
  );
  if (differences > 0) process.exitCode = 1;
  else if (process.argv.includes('--update'))
    writeFileSync(here('../test/golden/onnx.json'), `${JSON.stringify(checksums, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
