import { expect, it } from 'vitest';
import { binarize, distance, distFromAverage, type FloatTensor, selectBits } from './index.ts';
import { optimal } from './optimal/optimal.ts';
import { floatTensor } from './tensor.ts';

const mix = distFromAverage(1.4);
const weights = floatTensor(Float32Array.of(1, 2, 3, 4), [4]);
const map = selectBits(weights, { mix, select: 'middle-out' });

it.each([
  [Float32Array.of(1, 2, 3, 4), 'a tensor { shape, data }'],
  [undefined, 'a tensor { shape, data }'],
  [{ shape: [4], data: [1, 2, 3, 4] }, 'its data in a Float32Array or Float64Array'],
  [{ shape: [3], data: weights.data }, '3 values for shape [3], got 4'],
])('what takes a tensor refuses %o', (value, expected) => {
  const tensor = value as unknown as FloatTensor;
  for (const call of [
    () => selectBits(tensor, { mix, select: 'middle-out' }),
    () => binarize(tensor, map),
    () => optimal(tensor, { average: 1.4 }),
    () => distance(tensor, weights),
    () => distance(weights, tensor),
  ])
    expect(call).toThrow(expected);
});
