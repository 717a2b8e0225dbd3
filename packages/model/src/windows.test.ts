import { random } from '@hbnn/core';
import { expect, it } from 'vitest';
import type { ConvLayer, FeatureShape } from './integerModel.ts';
import { layerStep } from './interpreter.ts';
import { spanUnder, underTap, windowOf, windowTaps } from './windows.ts';

/** A convolution of one tap tells which pixel of the input lies under it: the interpreter is the authority. */
it.each([1, 2, 3, 4, 5, 6])('are where the interpreter reads, seed %i', (seed) => {
  const rng = random(seed, 'windows');
  const input: FeatureShape = [3 + rng.below(5), 3 + rng.below(5), 1];
  const [height, width] = [1 + rng.below(3), 1 + rng.below(3)];
  const padding = [rng.below(3), rng.below(3), rng.below(3), rng.below(3)] as const;
  const strides = [1 + rng.below(3), 1 + rng.below(3)] as const;
  const layer = (tap: number): ConvLayer => ({
    kind: 'conv',
    name: 'conv',
    strides,
    padding,
    weights: {
      kind: 'int8',
      shape: [1, height, width, 1],
      values: Int8Array.from({ length: height * width }, (_, i) => (i === tap ? 1 : 0)),
    },
  });
  const along = (axis: 0 | 1, size: number): number =>
    Math.floor((input[axis] + padding[axis] + padding[axis + 2] - size) / strides[axis]) + 1;
  const output: FeatureShape = [along(0, height), along(1, width), 1];
  // Pixels count from 1, so that 0 is what lies beyond the edges.
  const values = Int32Array.from({ length: input[0] * input[1] }, (_, i) => i + 1);
  const seen = Array.from({ length: height * width }, (_, tap) =>
    layerStep({ layer: layer(tap), input, output })(values),
  );
  const window = windowOf(layer(0));
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++) {
      const wanted = seen.flatMap((values, tap) => {
        const value = values[y * output[1] + x];
        return value === 0 ? [] : [{ tap, pixel: value - 1 }];
      });
      expect(windowTaps(window, input, y, x)).toEqual(wanted);
      const rows = [...new Set(wanted.map(({ pixel }) => Math.floor(pixel / input[1])))];
      const [from, end] = spanUnder(window, input, 0, y);
      if (wanted.length > 0) expect(rows).toEqual(rows.map((_, i) => from + i));
      if (wanted.length > 0) expect(end - from).toBe(rows.length);
      expect(underTap(window, 0, y, 0)).toBe(y * strides[0] - padding[0]);
    }
});
