import { expect, it } from 'vitest';
import type { TrainedModel } from '../trainedModel.ts';
import { checkTrained } from './checkTrained.ts';

const withCeiling = (ceiling: number): TrainedModel => ({
  name: 'net',
  input: { shape: [1, 1, 2], mean: [0, 0], deviation: [1, 1] },
  layers: [{ kind: 'relu', name: 'relu1', ceiling }],
  classes: ['a', 'b'],
});

it.each([0, 6])('takes %d as the largest value of a ReLU', (ceiling) => {
  expect(() => checkTrained(withCeiling(ceiling))).not.toThrow();
});

it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
  'refuses %d as the largest value of a ReLU',
  (ceiling) => {
    expect(() => checkTrained(withCeiling(ceiling))).toThrow(/^(layer ')?relu1/);
  },
);
