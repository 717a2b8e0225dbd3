import { describe, expect, it } from 'vitest';
import type { Constant } from './constant.ts';
import { gridOf } from './weightGrid.ts';

/** Weights [2, 2] of codes times scales, as float32 has them. */
const weights = (codes: readonly number[], scales: readonly number[], bits = 8): Constant => ({
  kind: 'constant',
  shape: [2, 2],
  data: Float64Array.from(codes, (code, i) => Math.fround(code * scales[i])),
  quantized: { bits, scales: Float64Array.from(scales) },
});

describe('gridOf', () => {
  it.each([
    ['one scale for all', [0.1, 0.1, 0.1, 0.1], 0, [0.1]],
    ['one for each output in front', [0.1, 0.1, 0.3, 0.3], 0, [0.1, 0.3]],
    ['one for each output behind', [0.1, 0.3, 0.1, 0.3], 1, [0.1, 0.3]],
    ['a scale below 0', [-0.1, -0.1, 0.3, 0.3], 0, [-0.1, 0.3]],
  ])('takes %s', (_, scales, axis, expected) => {
    expect(gridOf(weights([127, -127, 0, 3], scales), axis)).toEqual({ bits: 8, scales: expected });
  });

  it('takes −128 of int8, and what a zero point leaves of uint8', () => {
    const scales = [0.1, 0.1, 0.1, 0.1];
    expect(gridOf(weights([-128, 127, -255, 255], scales), 0)).toEqual({ bits: 8, scales: [0.1] });
  });

  it('says nothing of weights that no quantizer gave', () => {
    const { quantized: _, ...plain } = weights([1, 2, 3, 4], [1, 1, 1, 1]);
    expect(gridOf(plain, 0)).toBeUndefined();
  });

  it.each([
    [
      'scales of inputs',
      [1, 2, 3, 4],
      [0.1, 0.3, 0.1, 0.3],
      /one scale for each output, got 0.1 and 0.3/,
    ],
    ['-256', [1, 2, -256, 4], [1, 1, 1, 1], /from −255 to 255, .* got -256 for output 1/],
    [
      'a zero point that is no whole number',
      [1.5, 2.5, 3, 4],
      [1, 1, 1, 1],
      /got 1.5 for output 0/,
    ],
  ])('finds %s at fault', (_, codes, scales, message) => {
    expect(gridOf(weights(codes, scales), 0)).toEqual({ fault: expect.stringMatching(message) });
  });
});
