import { random } from '@hbnn/core';
import { expect, it } from 'vitest';
import { limitsBehindAffine, limitsBehindRelu, unlimited } from './limits.ts';
import { lowerThresholds } from './lowerThresholds.ts';

/** The signs of residual binarization that thresholds give for a whole number x, plane after plane. */
function signsByThresholds(
  x: number,
  { thresholds, flips }: ReturnType<typeof lowerThresholds>,
  planes: number,
): number[] {
  const signs: number[] = [];
  for (let node = 1, n = 0; n < planes; n++) {
    const bit = Number(x >= thresholds[node - 1]) ^ flips[0];
    signs.push(bit);
    node = 2 * node + bit;
  }
  return signs;
}

/** The same by Equation 5 on the value itself; sign(0) is −1. */
function signsByValue(value: number, scales: readonly number[]): number[] {
  let rest = value;
  return scales.map((scale) => {
    const bit = Number(rest > 0);
    rest -= bit === 1 ? scale : -scale;
    return bit;
  });
}

it.each([undefined, Number.POSITIVE_INFINITY, 0.75])(
  'take in a ReLU of largest value %s, of small values too',
  (ceiling) => {
    const rng = random(1, 'thresholds behind a ReLU');
    let small = 0;
    for (let trial = 0; trial < 500; trial++) {
      const slope = (rng.below(2) === 0 ? -1 : 1) * (rng.below(1000) + 1) * 2 ** -16;
      const offset = (rng.below(2001) - 1000) * 2 ** -10;
      const scales = [0.5, 0.25, 0.125].slice(0, 1 + rng.below(3));
      const lowered = lowerThresholds(
        Float64Array.of(slope),
        Float64Array.of(offset),
        scales,
        ceiling === undefined
          ? undefined
          : { minimums: Float64Array.of(0), maximums: Float64Array.of(ceiling) },
      );
      for (let n = 0; n < 20; n++) {
        const x = rng.below(401) - 200;
        // Powers of two: nothing here is rounded.
        const y = slope * x + offset;
        const value = ceiling === undefined ? y : Math.min(Math.max(y, 0), ceiling);
        if (y > 0 && y < 1 / 510) small++;
        expect(signsByThresholds(x, lowered, scales.length), `${slope} ${offset} ${x}`).toEqual(
          signsByValue(value, scales),
        );
      }
    }
    expect(small).toBeGreaterThan(0);
  },
);

it('take in a ReLU with a batch norm behind it, of scales of either sign', () => {
  const rng = random(2, 'thresholds behind a ReLU and a batch norm');
  for (let trial = 0; trial < 500; trial++) {
    const scaleOf = (): number => (rng.below(3) - 1) * (rng.below(100) + 1) * 2 ** -6;
    const numbers = [scaleOf() || 1, rng.below(201) - 100, scaleOf(), (rng.below(201) - 100) / 64];
    const [slope, offset, scale, added] = numbers;
    const ceiling = rng.below(2) === 0 ? 20 : Number.POSITIVE_INFINITY;
    const relu = limitsBehindRelu(unlimited(1), ceiling);
    const { thresholds, flips } = lowerThresholds(
      Float64Array.of(scale * slope),
      Float64Array.of(scale * offset + added),
      [0.5, 0.25],
      limitsBehindAffine(relu, Float64Array.of(scale), Float64Array.of(added)),
    );
    for (let n = 0; n < 20; n++) {
      const x = rng.below(401) - 200;
      const value = scale * Math.min(Math.max(slope * x + offset, 0), ceiling) + added;
      expect(signsByThresholds(x, { thresholds, flips }, 2), `${numbers} ${ceiling} ${x}`).toEqual(
        signsByValue(value, [0.5, 0.25]),
      );
    }
  }
});
