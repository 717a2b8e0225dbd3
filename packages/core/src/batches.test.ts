import { expect, it } from 'vitest';
import { type Batch, type BatchSource, checkBatch } from './batches.ts';
import { HbnnError } from './error.ts';

const source: BatchSource = {
  name: 'digits',
  shape: [1, 1, 1],
  classes: ['a', 'b'],
  count: 2,
  batches: async function* () {},
};

it.each([
  [Float32Array.of(0, Number.NaN), /expected labels 0 … 1 .*, got NaN at image 1 of a batch; /],
  [[0, Number.NaN], /expected labels 0 … 1 .*, got NaN at image 1 of a batch; /],
  [[0, 2], /expected labels 0 … 1 .*, got 2 at image 1 of a batch; /],
  [undefined, /expected the labels of a batch of digits as an Int32Array .*, got undefined; /],
])('labels %j of a batch are refused', (labels, text) => {
  const batch = { images: Float32Array.of(1, 2), labels, count: 2 } as unknown as Batch;
  expect(() => checkBatch(batch, source, 'exportModel')).toThrow(HbnnError);
  expect(() => checkBatch(batch, source, 'exportModel')).toThrow(text);
});
