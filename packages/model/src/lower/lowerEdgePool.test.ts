import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { interpreter } from '../interpreter.ts';
import type { TrainedLayer, TrainedModel } from '../trainedModel.ts';
import { lower } from './lower.ts';

type AveragePool = Extract<TrainedLayer, { kind: 'averagePool' }>;
type Window = Pick<AveragePool, 'size' | 'strides'> & Required<Pick<AveragePool, 'padding'>>;

/** An average pool of pixels alone, each value of it a score by a weight of 1. */
function poolOnly(shape: readonly [number, number, number], window: Window, outputs: number) {
  const mean = [0.5, 0.2, 0.7].slice(0, shape[2]);
  const values = new Int16Array(outputs * outputs);
  for (let o = 0; o < outputs; o++) values[o * outputs + o] = 1;
  const codes = {
    shape: [outputs, outputs],
    values,
    bits: 1,
    scales: new Float64Array(outputs).fill(1),
  };
  const trained: TrainedModel = {
    name: 'pool',
    input: { shape, mean, deviation: mean.map(() => 1 / 255) },
    layers: [
      { kind: 'averagePool', name: 'pool', ...window },
      { kind: 'dense', name: 'scores', weights: { kind: 'codes', codes } },
    ],
    classes: Array.from({ length: outputs }, (_, k) => `${k}`),
  };
  return { trained, mean };
}

/** The averages as they are defined, of the values inside the map alone. */
function averages(
  pixels: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
  { size, strides, padding: [top, left, bottom, right] }: Window,
  mean: readonly number[],
): number[] {
  const rows = Math.floor((height + top + bottom - size[0]) / strides[0]) + 1;
  const columns = Math.floor((width + left + right - size[1]) / strides[1]) + 1;
  const found: number[] = [];
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      for (let c = 0; c < channels; c++) {
        const seen: number[] = [];
        for (let i = 0; i < size[0]; i++)
          for (let j = 0; j < size[1]; j++) {
            const [inY, inX] = [y * strides[0] + i - top, x * strides[1] + j - left];
            if (inY < 0 || inY >= height || inX < 0 || inX >= width) continue;
            seen.push(pixels[(inY * width + inX) * channels + c] - 255 * mean[c]);
          }
        found.push(seen.reduce((sum, value) => sum + value, 0) / seen.length);
      }
  return found;
}

const windows: [string, readonly [number, number, number], Window][] = [
  ['3×3 at every place', [6, 5, 2], { size: [3, 3], strides: [1, 1], padding: [1, 1, 1, 1] }],
  ['2×2 beyond one end', [5, 7, 3], { size: [2, 2], strides: [2, 2], padding: [0, 0, 1, 1] }],
  ['rows alone', [6, 4, 1], { size: [3, 1], strides: [2, 1], padding: [1, 0, 0, 0] }],
  ['columns alone', [4, 6, 2], { size: [1, 4], strides: [1, 1], padding: [0, 1, 0, 2] }],
  ['5×7 with strides', [9, 11, 1], { size: [5, 7], strides: [2, 3], padding: [2, 3, 2, 3] }],
  [
    'windows larger than the map',
    [3, 2, 2],
    { size: [5, 5], strides: [1, 1], padding: [2, 3, 2, 3] },
  ],
  ['one window', [2, 2, 1], { size: [3, 3], strides: [3, 3], padding: [1, 0, 0, 1] }],
];

/** Scores of one scale are exact but for the offsets, which are rounded to whole scores. */
const tolerance = 1e-9;

describe('average pooling beyond the edges', () => {
  it.each(windows)('is exact: %s', (_, shape, window) => {
    const rng = random('edge pool', JSON.stringify(window));
    const pixels = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, () =>
      rng.below(256),
    );
    const outputs = averages(pixels, shape, window, [0, 0, 0]).length;
    const { trained, mean } = poolOnly(shape, window, outputs);
    const { model, layers } = lower(trained);
    expect(layers.filter(({ error }) => error > 0)).toEqual([]);
    const expected = averages(pixels, shape, window, mean);
    const scores = interpreter(model).run(pixels);
    const half = 0.5 * model.scoreFactor;
    expected.forEach((value, i) => {
      expect(Math.abs(scores[i] * model.scoreFactor - value)).toBeLessThanOrEqual(half + tolerance);
    });
  });

  it('keeps larger windows within int32 by rounded factors, and reports by how much', () => {
    const window: Window = { size: [11, 11], strides: [1, 1], padding: [5, 5, 5, 5] };
    const shape = [12, 12, 1] as const;
    const { trained, mean } = poolOnly(shape, window, 144);
    const { model, layers } = lower(trained);
    const [{ error }] = layers.filter(({ name }) => name === 'pool');
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.01);
    const pixels = new Uint8Array(144).fill(255);
    const scores = interpreter(model).run(pixels);
    averages(pixels, shape, window, mean).forEach((value, i) => {
      expect(Math.abs((scores[i] * model.scoreFactor) / value - 1)).toBeLessThan(0.02);
    });
  });

  it('refuses windows that see nothing, by name', () => {
    const window: Window = { size: [2, 2], strides: [1, 1], padding: [2, 0, 0, 0] };
    const { trained } = poolOnly([3, 3, 1], window, 8);
    expect(() => lower(trained)).toThrow(
      /^layer 'pool': expected windows that see a value each, got one that lies wholly beyond a map of 3; make the padding less/,
    );
  });
});
