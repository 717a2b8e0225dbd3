import { expect, it } from 'vitest';
import { type Batch, type BatchSource, checkBatch, checkNormalization } from './batches.ts';
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

it.each([
  [{ mean: [0, 1], deviation: [1, 1e-6] }],
  [{ mean: [0.5, 0.4], deviation: [1 / 255, 0.25] }],
])('takes the normalization %j', (normalization) => {
  expect(() => checkNormalization(normalization, 2, 'net')).not.toThrow();
});

it.each([
  ['mean', 127, '0 to 1, .*, got 127 for channel 1; divide .* by 255, as in 0.498'],
  ['mean', -0.1, '0 to 1, .*, got -0.1 for channel 1; compute the mean from pixels'],
  ['mean', 1e30, '0 to 1, .*, got 1e\\+30 for channel 1; compute the mean from pixels'],
  ['deviation', 51, 'got 51 for channel 1; divide .* by 255, as in 0.2'],
  ['deviation', 0, 'got 0 for channel 1; give the deviation that the network was trained with'],
  ['deviation', 1e-30, 'got 1e-30 for channel 1; give the deviation'],
  ['deviation', -1, 'got -1 for channel 1; compute the deviation from pixels'],
])('a %s of %d is refused', (part, value, text) => {
  const normalization = { mean: [0, 0], deviation: [1, 1], [part]: [0.5, value] };
  expect(() => checkNormalization(normalization, 2, 'net')).toThrow(HbnnError);
  expect(() => checkNormalization(normalization, 2, 'net')).toThrow(
    new RegExp(`^net: expected normalization.${part} from .*${text}`),
  );
});
