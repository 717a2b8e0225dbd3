import { HbnnError } from '@hbnn/core';
import { expect, it } from 'vitest';
import { undilated } from './groups.ts';

const depthwise = (dilation: readonly [number, number]) =>
  ({
    kind: 'depthwiseConv2d',
    kernel: { shape: [2, 2, 1, 1], data: Float32Array.of(1, 2, 3, 4) },
    strides: [1, 1],
    padding: 'same',
    dilation,
  }) as const;

it('writes dilation as zeros between the values of a kernel', () => {
  const { spec, hasZeros } = undilated(depthwise([1, 2]), "layer 'c'");
  expect(hasZeros).toBe(true);
  expect(spec).toMatchObject({
    dilation: [1, 1],
    kernel: { shape: [2, 3, 1, 1], data: Float32Array.of(1, 0, 2, 3, 0, 4) },
  });
});

it.each([[[2 ** 20, 2 ** 20]], [[1e200, 1e200]], [[2 ** 26, 1]]] as const)(
  'refuses the dilation %j, whose kernel would be too large',
  (dilation) => {
    const made = (): unknown => undilated(depthwise(dilation), "layer 'c'");
    expect(made).toThrow(HbnnError);
    expect(made).toThrow(
      /^layer 'c': expected a dilation whose kernel has at most 67108864 values/,
    );
  },
);
