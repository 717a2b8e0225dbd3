import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { exportOnnx, exportQonnx } from '@hbnn/export';
import { describe, expect, it } from 'vitest';
import { onnxModels, qonnxModels, wideModel } from './models.ts';

// The checksums of files that onnxruntime, or the package qonnx, ran to the interpreter's scores:
// scripts/onnxruntime.ts writes them.
const goldenOf = (name: string): Record<string, string> =>
  JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8'));

describe.each([
  ['onnxruntime', 'onnx', exportOnnx, onnxModels()],
  ['qonnx', 'qonnx', exportQonnx, qonnxModels()],
] as const)('the files that %s ran', (runner, name, write, models) => {
  const golden = goldenOf(name);

  it('have a checksum for every network', () => {
    expect(Object.keys(golden)).toEqual([...models.keys()]);
  });

  it.each([...models])('are what %s gives', (model, network) => {
    const checksum = createHash('sha256').update(write(network)).digest('hex');
    expect(checksum, `run \`pnpm --filter @hbnn/export ${runner} --update\``).toBe(golden[model]);
  });
});

it('QONNX refuses sums that float32 does not hold, with the way out', () => {
  expect(() => exportQonnx(wideModel('conv'))).toThrow(
    /layer 'second': expected sums below 16777216, .* got \d+ at most; write the model with exportOnnx/,
  );
});
