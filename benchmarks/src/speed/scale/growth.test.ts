import { expect, test } from 'vitest';
import { memoryGrowth, type Point, timeGrowth } from './growth.ts';

const sizes = [1, 10, 100, 1000, 10000];
const points = (exponent: number, factor: number, start = 0): Point[] =>
  sizes.map((size) => {
    const y = start + factor * size ** exponent;
    return { size, cpuSeconds: y, peakMiB: y };
  });

test('A power law gives its own exponent', () => {
  expect(timeGrowth(points(1, 1))).toEqual({ exponent: 1, from: 1 });
  expect(timeGrowth(points(1.5, 1))).toEqual({ exponent: 1.5, from: 1 });
});

test('Memory counts beyond that of the smallest size', () => {
  expect(memoryGrowth(points(1, 100, 80))?.exponent).toBeCloseTo(1, 1);
  expect(memoryGrowth(points(1, 100, 80))?.from).toBe(10);
});

test('Sizes at which a process’s own needs hide what grows are left out', () => {
  expect(timeGrowth(points(1, 1e-3, 1e-4))).toEqual({ exponent: 1, from: 100 });
});

test('Fewer than three sizes give no exponent', () => {
  expect(timeGrowth(points(1, 1e-6))).toBeUndefined();
  expect(timeGrowth(points(1, 1).slice(0, 2))).toBeUndefined();
  expect(memoryGrowth(points(1, 1e-3))).toBeUndefined();
  expect(memoryGrowth([])).toBeUndefined();
});
