import { describe, expect, it } from 'vitest';
import { approximate, binarize, selectBits } from './index.ts';
import { mixOf } from './mix.ts';
import { random } from './random.ts';
import { allowedMultiples, nearestMultiples, parseScaleForm, type ScaleForm } from './scaleForm.ts';
import { floatTensor } from './tensor.ts';

const forms: ScaleForm[] = [
  'powers-of-two',
  'integers:2',
  'integers:3',
  'integers:4',
  'integers:8',
];

const error = (
  scales: readonly number[],
  weights: readonly number[],
  factor: number,
  multiples: readonly number[],
): number =>
  scales.reduce((sum, scale, n) => sum + weights[n] * (scale - factor * multiples[n]) ** 2, 0);

/** Every combination of multiples, each with its least-squares factor. */
function exhaustive(
  scales: readonly number[],
  weights: readonly number[],
  allowed: readonly number[],
): number {
  const combinations = scales.reduce<number[][]>(
    (list) => list.flatMap((head) => allowed.map((k) => [...head, k])),
    [[]],
  );
  return Math.min(
    ...combinations.map((ks) => {
      const product = ks.reduce((sum, k, n) => sum + weights[n] * k * scales[n], 0);
      const square = ks.reduce((sum, k, n) => sum + weights[n] * k * k, 0);
      return error(scales, weights, product / square, ks);
    }),
  );
}

describe('nearest multiples', () => {
  it.each(['powers-of-two', 'integers:2', 'integers:3', 'integers:4'] as ScaleForm[])(
    'come near the best of all combinations: %s',
    (form) => {
      const rng = random(4, form);
      const allowed = allowedMultiples(form);
      let worst = 1;
      for (let i = 0; i < 200; i++) {
        const scales = [1, 2, 3].map((n) => (0.2 + rng.uniform()) / n);
        const weights = [1, 2, 3].map(() => 1 + rng.below(100));
        const { factor, multiples } = nearestMultiples(scales, weights, allowed);
        const total = scales.reduce((sum, s, n) => sum + weights[n] * s * s, 0);
        const excess =
          (error(scales, weights, factor, multiples) - exhaustive(scales, weights, allowed)) /
          total;
        expect(excess).toBeGreaterThan(-1e-12);
        worst = Math.max(worst, 1 + excess);
      }
      // A local search: within 1 % of the scales' energy of the best.
      expect(worst).toBeLessThan(1.01);
    },
  );

  it('meets multiples exactly and leaves scales of 0 alone', () => {
    const found = nearestMultiples([1.5, 0, 0.5], [10, 1, 3], allowedMultiples('integers:2'));
    expect(found.multiples).toEqual([3, 0, 1]);
    expect(found.factor).toBeCloseTo(0.5, 12);
    expect(nearestMultiples([0, 0], [1, 1], [1, 2]).multiples).toEqual([0, 0]);
  });
});

describe('binarize with a form of scales', () => {
  const rng = random(7, 'form');
  const t = floatTensor(
    Float32Array.from({ length: 6000 }, () => rng.normal()),
    [20, 300],
  );
  const map = selectBits(t, { mix: mixOf([0.5, 0.3, 0.2]), select: 'middle-out' });

  it.each(forms)('stores float32 scales that are exact multiples: %s', (scaleForm) => {
    for (const scalePer of ['tensor', 'output'] as const) {
      const { planes } = binarize(t, map, { scaleForm, scalePer });
      const allowed = allowedMultiples(scaleForm);
      for (let g = 0; g < planes[0].scales.length; g++) {
        const scales = planes.map((plane) => plane.scales[g]);
        const fits = allowed.some((k) => {
          const factor = scales[0] / k;
          return scales.every((s) => allowed.some((m) => Math.fround(factor * m) === s));
        });
        expect(fits, `${scalePer} ${g}: ${scales}`).toBe(true);
      }
    }
  });

  it('errs little more than with free scales, less with more bits', () => {
    const squared = (scaleForm: ScaleForm): number => {
      const { data } = approximate(binarize(t, map, { scaleForm }));
      return Array.from(t.data).reduce((sum, value, i) => sum + (value - data[i]) ** 2, 0);
    };
    const free = squared('free');
    expect(squared('integers:4')).toBeLessThan(1.01 * free);
    expect(squared('powers-of-two')).toBeLessThan(1.1 * free);
  });

  it('refuses other names', () => {
    for (const text of ['', 'powers', 'integers:1', 'integers:9', 'integers:4.5'])
      expect(() => parseScaleForm(text)).toThrow(/expected free, powers-of-two or integers:B/);
  });
});

it.each(['integers:1e9', 'integers:0', 'integers:-1', 'log', undefined])(
  'knows no multiples of the form %s',
  (form) => {
    expect(() => allowedMultiples(form as ScaleForm)).toThrow(
      `allowedMultiples: expected free, powers-of-two or integers:B with B from 2 to 8, got '${form}'`,
    );
  },
);

it.each([Number.NaN, -1])('nearest multiples of a scale of %d are refused', (scale) => {
  expect(() => nearestMultiples([1, scale], [1, 1], [1, 2])).toThrow(
    `nearestMultiples: expected finite scales from 0 up, got ${scale} at 1; give the scales of the planes`,
  );
});
