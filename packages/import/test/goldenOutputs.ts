import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { expect } from 'vitest';

interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** float32 sums in another order than the other framework's differ by less than this part of the largest output. */
const tolerance = 1e-4;

/** Compare a model's outputs with those that another framework has computed for some images. */
export function expectOutputs(model: tfl.LayersModel, file: string, channelsLast: boolean): void {
  const { images, outputs } = JSON.parse(readFileSync(file, 'utf8')) as {
    images: Values;
    outputs: Values[];
  };
  const results = tf.tidy(() => {
    const given = tf.tensor(images.data as number[], images.shape as number[]);
    const x = channelsLast ? given : tf.transpose(given, [0, 2, 3, 1]);
    return [model.predict(x) as tf.Tensor].flat().map((y) => [...y.dataSync()]);
  });
  expect(results).toHaveLength(outputs.length);
  outputs.forEach(({ data }, i) => {
    const largest = Math.max(...data.map(Math.abs));
    expect(results[i]).toHaveLength(data.length);
    const difference = Math.max(...results[i].map((y, k) => Math.abs(y - data[k])));
    expect(difference / largest, `output ${i}`).toBeLessThan(tolerance);
  });
}
