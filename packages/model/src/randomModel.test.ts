import { HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { census } from './census/census.ts';
import { randomModel } from './randomModel.ts';

describe('randomModel', () => {
  const layer = 'dense:8x3';

  it.each([
    [1, { layer, inputMapPer: 'x' }, /inputMapPer: expected one of element, .*, got 'x'; /],
    [1, { layer, mapPer: 'row' }, /mapPer: expected element, .*, got 'row'/],
    [1, { layer, scalePer: 'channel' }, /scalePer: expected one of .*, got 'channel'/],
    [1, { layer, mix: 1.4 }, /mix: expected a mix, got the number 1.4; /],
    [1, { layer, inputMix: {} }, /inputMix: expected a mix, got an object without /],
    [1, { layer: 5 }, /expected a text as layer, got the number 5; /],
    [1, { branches: 1 }, /true or false as branches, got the number 1; /],
    [1, { branch: true }, /got 'branch'; leave it out; did you mean 'branches'\?/],
    [1, null, /expected an object of options .*, got null; /],
    [1.5, {}, /expected a whole number from 0 to 9007199254740991, or a text, as seed, got 1.5; /],
    [undefined, {}, /, or a text, as seed, got undefined; give one such as 1$/],
  ])('refuses the seed %d with %j', (seed, options, text) => {
    const make = () => randomModel(seed as never, options as never);
    expect(make).toThrow(HbnnError);
    expect(make).toThrow(/^randomModel: ?/);
    expect(make).toThrow(text);
  });
});

it('a census refuses what is no model, and counts one that was not checked', () => {
  for (const value of [undefined, null, 5, {}])
    expect(() => census(value as never)).toThrow(/^model: expected an integer model, got /);
  const model = randomModel(3);
  const { name, input, layers, scoreOffsets, scoreFactor, classes } = model;
  const unchecked = { name, input, layers, scoreOffsets, scoreFactor, classes };
  expect(census(unchecked as never)).toEqual(census(model));
});
