import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { exportOnnx } from '@hbnn/export';
import { expect, it } from 'vitest';
import { onnxModels } from './models.ts';

// The checksums of files that onnxruntime ran to the interpreter's scores: scripts/onnxruntime.ts writes them.
const golden = JSON.parse(
  readFileSync(new URL('golden/onnx.json', import.meta.url), 'utf8'),
) as Record<string, string>;
const models = onnxModels();

it('knows a checksum of every network', () => {
  expect(Object.keys(golden)).toEqual([...models.keys()]);
});

it.each([...models])('%s gives the file that onnxruntime ran', (name, model) => {
  const checksum = createHash('sha256').update(exportOnnx(model)).digest('hex');
  expect(checksum, 'run `pnpm --filter @hbnn/export onnxruntime --update`').toBe(golden[name]);
});
