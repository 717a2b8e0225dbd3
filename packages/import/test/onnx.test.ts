import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importNetwork } from '@hbnn/import';
import { useBackend } from '@hbnn/train';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectOutputs } from './goldenOutputs.ts';

const folder = fileURLToPath(new URL('golden/onnx/', import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.replace('.onnx', ''));

describe.each(['cpu', 'wasm'] as const)('ONNX networks on the %s backend', (prefer) => {
  beforeAll(() => useBackend({ prefer }));

  it('are of many kinds', () => {
    expect(names.length).toBeGreaterThanOrEqual(20);
  });

  it.each(names)('%s gives the outputs of onnxruntime', async (name) => {
    const { model } = await importNetwork(`${folder}${name}.onnx`);
    expectOutputs(model, `${folder}${name}.json`, name.startsWith('channels-last'));
  });
});
