import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset, pngOf, readPicture } from '@hbnn/datasets';
import { expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

it('hbnn datasets save writes pictures in a folder for each class, and replaces nothing', async () => {
  const out = join(temporary(), 'pictures');
  const args = ['datasets', 'save', 'fashion-mnist-subset', '--count', '30', '--out', out];
  const { code, out: text, err } = hbnn(...args, '--json');
  expect(code, err).toBe(0);
  const { images, first } = JSON.parse(text);
  const classes = readdirSync(out);
  expect(classes).toContain('T-shirt-top');
  const files = classes.flatMap((name) => readdirSync(join(out, name)));
  expect([images, files.length]).toEqual([30, 30]);
  const { test } = await openDataset('fashion-mnist-subset', { testLimit: 30 });
  const { mean, deviation } = test.normalization ?? { mean: [], deviation: [] };
  for await (const { images: values } of test.batches({
    batch: 1,
    shuffle: false,
    seed: 0,
    epoch: 0,
  })) {
    expect([...(await readPicture(first, [28, 28, 1]))]).toEqual([
      ...Uint8Array.from(values, (value) => Math.round(255 * (value * deviation[0] + mean[0]))),
    ]);
    break;
  }
  const again = hbnn(...args);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining('new or empty')]);
});

it('hbnn datasets save keeps classes apart whose names differ in marks alone', async () => {
  const from = join(temporary(), 'own');
  const names = ['a?b', 'a:b', 'größe', 'grøße'];
  const png = await pngOf(new Uint8Array(64).fill(9), [8, 8, 1]);
  for (const part of ['train', 'test'])
    for (const name of names) {
      mkdirSync(join(from, part, name), { recursive: true });
      writeFileSync(join(from, part, name, 'x.png'), png);
    }
  const out = join(temporary(), 'saved');
  const saved = hbnn('datasets', 'save', 'folder', '--from', from, '--count', '4', '--out', out);
  expect(saved.code, saved.err).toBe(0);
  expect(readdirSync(out).sort()).toEqual(['a-b', 'a-b-2', 'größe', 'grøße']);
  for (const name of readdirSync(out)) expect(readdirSync(join(out, name))).toHaveLength(1);
});
