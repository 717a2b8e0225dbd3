import { readFileSync } from 'node:fs';
import { decodeModel, encodeModel, interpreter } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { describe, expect, test } from 'vitest';

// Made by golden/make_golden.py: numpy, following docs/reference/integer-layers.md alone.
const folder = new URL('../golden/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('golden.json', folder), 'utf8')) as Record<
  string,
  { pixels: string; scores: number[][] }
>;
/** The files of each version of the format lie in a folder of their own; the first two hold the same models. */
const versions = {
  'version 1': folder,
  'version 2': new URL('version-2/', folder),
  'version 3': new URL('version-3/', folder),
};
const isBranched = (name: string): boolean => name.startsWith('branches-');
const files = Object.entries(versions).flatMap(([version, place]) => {
  const names = Object.keys(golden).filter(
    (name) => isBranched(name) === (version === 'version 3'),
  );
  return names.map((name) => {
    const bytes = readFileSync(new URL(`${name}.hbnn`, place));
    return { name, version, bytes, model: decodeModel(bytes, name), ...golden[name] };
  });
});
const present = files.filter(({ version }) => version !== 'version 1');

describe('scores that numpy computed', () => {
  test.each(files)('are those of the interpreter: $name, $version', ({ model, pixels, scores }) => {
    const found = interpreter(model).run(new Uint8Array(Buffer.from(pixels, 'base64')));
    expect([...found]).toEqual(scores.flat());
  });

  test.each(files)(
    'are those of the wasm engine: $name, $version',
    async ({ model, pixels, scores }) => {
      const engine = await loadModel(model);
      const found = engine.run(new Uint8Array(Buffer.from(pixels, 'base64')));
      engine.dispose();
      expect([...found]).toEqual(scores.flat());
    },
  );

  test('tell images apart', () => {
    for (const { name, scores } of files)
      expect(new Set(scores.map((row) => row.join())).size, name).toBeGreaterThan(1);
  });

  test('cover every kind of layer', () => {
    const kinds = new Set(files.flatMap(({ model }) => model.layers.map(({ kind }) => kind)));
    const chained = ['conv', 'depthwise', 'dense', 'maxPool', 'sumPool', 'threshold', 'requantize'];
    const all = [...chained, 'add', 'concat'];
    expect([...kinds].sort()).toEqual(all.sort());
  });
});

test.each(files)('a file is written to the bytes of today: $name, $version', (file) => {
  const today = present.find(({ name }) => name === file.name);
  expect(Buffer.compare(encodeModel(file.model), today?.bytes ?? Buffer.alloc(0))).toBe(0);
});

test('a file of version 2 is smaller than the same of version 1', () => {
  for (const { name, version, bytes } of files.filter((file) => file.version === 'version 1')) {
    expect(bytes[4], `${name}, ${version}`).toBe(1);
    const today = present.find((file) => file.name === name);
    expect(today?.bytes[4], name).toBe(2);
    expect(today?.bytes.length, name).toBeLessThan(bytes.length / 1.5);
  }
});
