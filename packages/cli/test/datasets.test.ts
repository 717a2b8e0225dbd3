import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset, readPicture } from '@hbnn/datasets';
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
