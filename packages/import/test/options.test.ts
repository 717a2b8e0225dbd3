import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { importNetwork } from '@hbnn/import';
import { expect, it } from 'vitest';

it.each([
  [5, undefined, /the path of a network's file as a text, got the number 5; /],
  [undefined, undefined, /as a text, got undefined; /],
  ['', undefined, /as a text, got an empty one; /],
  [new URL('file:///net.onnx'), undefined, /got a value of type URL; .* fileURLToPath/],
  ['net.onnx', { forgetcodes: true }, /got 'forgetcodes'; .*did you mean 'forgetCodes'\?/],
  ['net.onnx', { forgetCodes: 1 }, /true or false as forgetCodes, got the number 1; /],
  ['net.onnx', null, /an object of options \(forgetCodes\), got null; /],
])('refuses the path %s with the options %j', async (path, options, text) => {
  const importing = (): Promise<unknown> => importNetwork(path as never, options as never);
  await expect(importing()).rejects.toThrow(HbnnError);
  await expect(importing()).rejects.toThrow(/^importNetwork: expected [^\n]*; /);
  await expect(importing()).rejects.toThrow(text);
});

it('names the network and the file of weights that is not beside it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-weights-'));
  const file = join(folder, 'copy.json');
  const weightsManifest = [{ paths: ['w.bin'], weights: [] }];
  writeFileSync(file, JSON.stringify({ modelTopology: {}, weightsManifest }));
  await expect(importNetwork(file)).rejects.toThrow(
    `${file}: expected its file of weights at ${join(folder, 'w.bin')}, `,
  );
  rmSync(folder, { recursive: true });
});
