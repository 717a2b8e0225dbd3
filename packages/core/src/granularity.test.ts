import { describe, expect, it } from 'vitest';
import { HbnnError } from './error.ts';
import { type MapPer, parseMapPer, parseScalePer, unitsOf } from './granularity.ts';
import { geometry, type Layout } from './layout.ts';

describe('geometry', () => {
  it.each<[number[], Layout, number[]]>([
    [[7], 'outputs-first', [1, 1, 7, 7, 1]],
    [[7], 'outputs-last', [1, 1, 7, 7, 1]],
    [[4, 6], 'outputs-first', [4, 1, 6, 6, 1]],
    [[6, 4], 'outputs-last', [4, 1, 6, 1, 4]],
    [[4, 5, 6], 'outputs-first', [4, 5, 6, 30, 1]],
    [[8, 3, 2, 5], 'outputs-first', [8, 6, 5, 30, 1]],
    [[3, 2, 5, 8], 'outputs-last', [8, 6, 5, 1, 8]],
  ])('reads %j %s', (shape, layout, [outputs, positions, inputs, outputStride, restStride]) => {
    expect(geometry(shape, layout)).toEqual({
      outputs,
      positions,
      inputs,
      outputStride,
      restStride,
    });
  });

  it.each([[[]], [[1, 1, 1, 1, 1]], [[2, 0]], [[2.5]], [[-1]]])('refuses %j', (shape) => {
    expect(() => geometry(shape, 'outputs-first')).toThrow(HbnnError);
  });
});

describe('unitsOf', () => {
  it.each<[MapPer, number[], Layout, number[]]>([
    ['block:2', [2, 3], 'outputs-first', [0, 0, 1, 2, 2, 3]],
    ['block:9', [2, 3], 'outputs-first', [0, 0, 0, 1, 1, 1]],
    ['block:2', [5], 'outputs-first', [0, 0, 1, 1, 2]],
    ['block:2', [3, 2], 'outputs-last', [0, 1, 0, 1, 2, 3]],
    ['output', [2, 3], 'outputs-first', [0, 0, 0, 1, 1, 1]],
    ['output', [2, 3], 'outputs-last', [0, 1, 2, 0, 1, 2]],
    ['input', [2, 3], 'outputs-first', [0, 1, 2, 0, 1, 2]],
    ['position', [2, 3], 'outputs-first', [0, 1, 2, 0, 1, 2]],
    ['position', [2, 1, 2, 2], 'outputs-first', [0, 1, 2, 3, 0, 1, 2, 3]],
    ['input', [2, 1, 2, 2], 'outputs-first', [0, 1, 0, 1, 0, 1, 0, 1]],
    ['input', [1, 2, 2, 2], 'outputs-last', [0, 0, 1, 1, 0, 0, 1, 1]],
    ['block:1', [1, 2, 2, 1], 'outputs-last', [0, 1, 2, 3]],
  ])('%s of %j %s', (mapPer, shape, layout, of) => {
    const units = unitsOf(shape, layout, mapPer);
    expect(Array.from(units.of)).toEqual(of);
    expect(units.count).toBe(Math.max(...of) + 1);
    expect(Array.from(units.sizes)).toEqual(
      Array.from({ length: units.count }, (_, unit) => of.filter((each) => each === unit).length),
    );
  });

  it('refuses a position or input of one dimension', () => {
    expect(() => unitsOf([9], 'outputs-first', 'position')).toThrow(/2 to 4 dimensions/);
    expect(() => unitsOf([9], 'outputs-first', 'input')).toThrow(HbnnError);
  });
});

it('names are checked', () => {
  expect(parseMapPer('block:16')).toBe('block:16');
  for (const bad of ['block:0', 'block:', 'block:-1', 'block:1.5', 'block:1e3', 'elements', ''])
    expect(() => parseMapPer(bad)).toThrow(HbnnError);
  expect(parseScalePer('output')).toBe('output');
  expect(() => parseScalePer('layer')).toThrow(HbnnError);
});
