import { expect, it } from 'vitest';
import { averageOf, histogramText } from './bitHistogram.ts';

it('averages bitwidths', () => {
  expect(averageOf({ 0: 1, 1: 3, 2: 1, 3: 1 })).toBe(1.333);
  expect(averageOf({})).toBeUndefined();
});

it('draws ten blocks for all, and something for a few', () => {
  expect(histogramText({ 1: 7, 2: 2, 3: 1 })).toBe('1 ███████ 2 ██ 3 █');
  expect(histogramText({ 8: 5 })).toBe('8 ██████████');
  expect(histogramText({ 1: 1, 2: 9999 })).toBe('1 ▏ 2 ██████████');
  expect(histogramText({ 1: 1, 2: 1, 3: 1 })).toBe('1 ███▍ 2 ███▍ 3 ███▍');
});
