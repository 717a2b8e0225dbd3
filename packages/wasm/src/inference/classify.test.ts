import { HbnnError } from '@hbnn/core';
import { expect, it } from 'vitest';
import { highestClasses } from './classify.ts';

const meaning = { classes: ['cat', 'dog', 'owl', 'fox'], scoreFactor: 0.5 };
const scores = Int32Array.of(2, 7, -3, 7);

it('names the highest scores, the first of equal ones first', () => {
  const found = highestClasses(scores, meaning, { top: 3 });
  expect(found.map(({ name, index, score }) => [name, index, score])).toEqual([
    ['dog', 1, 7],
    ['fox', 3, 7],
    ['cat', 0, 2],
  ]);
});

it('gives the softmax of the scaled scores as probabilities', () => {
  const all = highestClasses(scores, meaning, {});
  expect(all).toHaveLength(4);
  // exp(1) / (exp(1) + 2 exp(3.5) + exp(-1.5)), by hand.
  expect(all[2].probability).toBeCloseTo(0.0393, 4);
  expect(all.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
  const far = highestClasses(Int32Array.of(2 ** 30, -(2 ** 30), 0, 0), meaning, {});
  expect(far.map(({ probability }) => probability)).toEqual([1, 0, 0, 0]);
});

it('takes other names, and five classes where there are more', () => {
  expect(highestClasses(scores, meaning, { top: 1, classes: ['a', 'b', 'c', 'd'] })).toMatchObject([
    { name: 'b', index: 1 },
  ]);
  const many = { classes: Array.from('abcdefg'), scoreFactor: 1 };
  const found = highestClasses(Int32Array.of(1, 2, 3, 4, 5, 6, 7), many, {});
  expect(found.map(({ name }) => name).join('')).toBe('gfedc');
});

it.each([
  [{ top: 0 }, /`top` from 1 to the 4 classes of the model, got 0/],
  [{ top: 5 }, /got 5; leave it out for 4/],
  [{ top: 1.5 }, /got 1.5/],
  [{ classes: ['a'] }, /expected 4 names as `classes`, .* got 1/],
  [{ classes: 'abcd' }, /expected 4 names as `classes`, .* got abcd/],
  [
    { topk: 3 },
    /classify: expected no other options than top, classes, got 'topk'; leave it out; did you mean 'top'/,
  ],
  [3, /expected an object of options \(top, classes\), got the number 3/],
])('refuses %j', (options, message) => {
  expect(() => highestClasses(scores, meaning, options as never)).toThrow(message);
  expect(() => highestClasses(scores, meaning, options as never)).toThrow(HbnnError);
});

it.each([0, 2])('refuses %i images', (images) => {
  const none = new Int32Array(4 * images);
  expect(() => highestClasses(none, meaning, {})).toThrow(`expected one image, got ${images};`);
});
