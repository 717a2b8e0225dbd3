import { expect, it } from 'vitest';
import { ScoreComparison } from './scoreChange.ts';

it('compares scores image by image, whatever all scores of an image have in common', () => {
  const comparison = new ScoreComparison(2);
  comparison.addNetwork(Float32Array.of(4, 0, 10, 11));
  comparison.addNetwork(Float32Array.of(-1, -5));
  comparison.addModel(Int32Array.of(8, 0), 0.5);
  // The second image gets the other class, the third has its scores 0.5 nearer to each other on either side.
  comparison.addModel(Int32Array.of(2, 0, 3, -3), 0.5);
  expect(comparison.change).toEqual({
    otherClass: 1,
    meanDifference: Number((Math.sqrt((2 * 1 ** 2 + 2 * 0.5 ** 2) / 6) / 2).toPrecision(4)),
    largestDifference: 0.5,
    image: 1,
  });
});

it('takes a single score as it is', () => {
  const comparison = new ScoreComparison(1);
  comparison.addNetwork(Float32Array.of(4, -2));
  comparison.addModel(Int32Array.of(4, -1), 1);
  expect(comparison.change).toMatchObject({ otherClass: 0, largestDifference: 0.25, image: 1 });
});
