import { readFileSync } from 'node:fs';
import { decodeModel, encodeModel, interpreter } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { describe, expect, test } from 'vitest';

// Made by golden/make_golden.py: numpy, following docs/guide/integer-models.md alone.
const folder = new URL('../golden/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('golden.json', folder), 'utf8')) as Record<
  string,
  { pixels: string; scores: number[][] }
>;
const files = Object.keys(golden).map((name) => {
  const bytes = readFileSync(new URL(`${name}.hbnn`, folder));
  return { name, bytes, model: decodeModel(bytes, name), ...golden[name] };
});

describe('scores that numpy computed', () => {
  test.each(files)('are those of the interpreter: $name', ({ model, pixels, scores }) => {
    const found = interpreter(model).run(new Uint8Array(Buffer.from(pixels, 'base64')));
    expect([...found]).toEqual(scores.flat());
  });

  test.each(files)('are those of the wasm engine: $name', async ({ model, pixels, scores }) => {
    const engine = await loadModel(model);
    const found = engine.run(new Uint8Array(Buffer.from(pixels, 'base64')));
    engine.dispose();
    expect([...found]).toEqual(scores.flat());
  });

  test('tell images apart', () => {
    for (const { name, scores } of files)
      expect(new Set(scores.map((row) => row.join())).size, name).toBeGreaterThan(1);
  });

  test('cover every kind of layer', () => {
    const kinds = new Set(files.flatMap(({ model }) => model.layers.map(({ kind }) => kind)));
    const all = ['conv', 'depthwise', 'dense', 'maxPool', 'sumPool', 'threshold', 'requantize'];
    expect([...kinds].sort()).toEqual(all.sort());
  });
});

test.each(files)('a file of today is written to the same bytes: $name', ({ model, bytes }) => {
  expect(Buffer.compare(encodeModel(model), bytes)).toBe(0);
});
