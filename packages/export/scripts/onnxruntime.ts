// `pnpm --filter @hbnn/export onnxruntime`: write ONNX files, let onnxruntime of Python run them on random images, and
// compare every score with the interpreter's. `pnpm --filter @hbnn/export qonnx` does the same with QONNX files and the
// package qonnx. With `--update` the checksums of the files that agree are committed as golden, so that the tests need no
// Python. PYTHON names the interpreter; it needs numpy and onnxruntime, or qonnx.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeNpy, encodeNpy } from '@hbnn/core';
import { exportOnnx, exportQonnx } from '@hbnn/export';
import { interpreter } from '@hbnn/model';
import { imagesOf, onnxModels, qonnxModels } from '../test/models.ts';

const isQonnx = process.argv.includes('--qonnx');
const [runner, images] = isQonnx ? (['qonnx', 2] as const) : (['onnxruntime', 8] as const);
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'hbnn-onnx-'));

try {
  const models = [...(isQonnx ? qonnxModels() : onnxModels())];
  const checksums: Record<string, string> = {};
  const fileOf = (name: string, ending: string): string =>
    join(folder, `${name.replaceAll(' ', '-')}${ending}`);
  for (const [name, model] of models) {
    const bytes = isQonnx ? exportQonnx(model) : exportOnnx(model);
    checksums[name] = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(fileOf(name, '.onnx'), bytes);
    const shape = [images, ...model.input.shape];
    writeFileSync(fileOf(name, '.npy'), encodeNpy({ shape, data: imagesOf(model, images) }));
  }
  const python = process.env.PYTHON ?? 'python3';
  const ran = spawnSync(python, [here(isQonnx ? 'run_qonnx.py' : 'run_onnx.py'), folder], {
    encoding: 'utf8',
  });
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
    `${models.length} networks on ${images} images each, ${runner} ${ran.stdout.trim()}: ${differences} differ`,
  );
  if (differences > 0) process.exitCode = 1;
  else if (process.argv.includes('--update'))
    writeFileSync(
      here(`../test/golden/${isQonnx ? 'qonnx' : 'onnx'}.json`),
      `${JSON.stringify(checksums, null, 2)}\n`,
    );
} finally {
  rmSync(folder, { recursive: true });
}
