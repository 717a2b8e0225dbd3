import {
  approximate,
  binarize,
  distance,
  floatTensor,
  type Heuristic,
  mixOf,
  random,
  selectBits,
} from '@hbnn/core';
import { expect, it } from 'vitest';

/**
 * Figure 2a of Fromm et al. 2018 (arXiv 1805.10368), ‖T − T_B‖ / ‖T‖ of a large standard normal
 * tensor, as measured off the printed plot.
 */
const integer = [0.6028, 0.36, 0.242, 0.182];
const mixes: readonly [mix: number[], middleOut: number, bottomUp: number][] = [
  [[0.9, 0.1, 0], 0.4508, 0.4508],
  [[0.9, 0, 0.1], 0.442, 0.442],
  [[0.7, 0.3, 0], 0.3497, 0.4378],
  [[0.7, 0.2, 0.1], 0.3287, 0.407],
  [[0.5, 0.5, 0], 0.2881, 0.4923],
  [[0.6, 0.2, 0.2], 0.2909, 0.4364],
  [[0.5, 0.3, 0.2], 0.2606, 0.4462],
  [[0.4, 0.4, 0.2], 0.2396, 0.4392],
  [[0.4, 0.3, 0.3], 0.2508, 0.4503],
];

/** What the plot can be read to (0.002), and the spread of a tensor of this size. */
const tolerance = 0.003;

const seed = 1;
const rng = random(seed, 'figure2a');
const t = floatTensor(
  Float32Array.from({ length: 500_000 }, () => rng.normal()),
  [500, 1000],
);

function distanceOf(mix: number[], select: Heuristic): number {
  return distance(t, approximate(binarize(t, selectBits(t, { mix: mixOf(mix), select, seed }))));
}

it.each(integer.map((expected, i) => [i + 1, expected]))('%d bits give %d', (bits, expected) => {
  const mix = Array.from({ length: bits }, (_, i) => Number(i === bits - 1));
  expect(Math.abs(distanceOf(mix, 'middle-out') - expected)).toBeLessThan(tolerance);
});

it.each(mixes)('%j gives %d middle-out and %d bottom-up', (mix, middleOut, bottomUp) => {
  expect(Math.abs(distanceOf(mix, 'middle-out') - middleOut)).toBeLessThan(tolerance);
  expect(Math.abs(distanceOf(mix, 'bottom-up') - bottomUp)).toBeLessThan(tolerance);
});

it('middle-out is nearer than the other heuristics at every mix', () => {
  for (const [mix] of mixes) {
    const best = distanceOf(mix, 'middle-out');
    expect(distanceOf(mix, 'top-down')).toBeGreaterThan(best);
    expect(distanceOf(mix, 'random')).toBeGreaterThan(best);
  }
});
