import { HbnnError } from '@hbnn/core';
import { PaddedAveragePooling2D, PaddedMaxPooling2D } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

const window = { poolSize: [2, 2], strides: [1, 1] } as const;
const x = tf.tensor4d([-1, -2, -3, -4], [1, 2, 2, 1]);

describe('pools whose windows reach beyond the map', () => {
  const padding = [
    [1, 0],
    [0, 1],
  ] as const;

  it('take the largest of the values that a window sees, below 0 too', () => {
    const pool = new PaddedMaxPooling2D({ ...window, padding });
    expect(Array.from((pool.apply(x) as tf.Tensor).dataSync())).toEqual([-1, -2, -1, -2]);
  });

  it('take the mean of the values that a window sees', () => {
    const pool = new PaddedAveragePooling2D({ ...window, padding });
    expect(Array.from((pool.apply(x) as tf.Tensor).dataSync())).toEqual([-1.5, -2, -2.5, -3]);
  });

  it.each([
    [
      {
        ...window,
        padding: [
          [2, 0],
          [0, 0],
        ] as const,
      },
      'padding [[2,0],[0,0]]',
    ],
    [
      {
        ...window,
        padding: [
          [0, -1],
          [0, 0],
        ] as const,
      },
      'padding [[0,-1],[0,0]]',
    ],
    [{ ...window, strides: [0, 1] as const, padding }, 'strides [0, 1]'],
    [{ ...window, poolSize: [2, 1.5] as const, padding }, 'poolSize [2, 1.5]'],
  ])('refuse a window that may see no value, and sizes that are none: %j', (config, said) => {
    const make = (): unknown => new PaddedMaxPooling2D({ name: 'pool', ...config });
    expect(make).toThrow(HbnnError);
    expect(make).toThrow(/^pool: expected poolSize and strides of at least 1/);
    expect(make).toThrow(said);
  });
});
