import { distFromAverage, HbnnError, type Mix } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { inputPrecision, weightPrecision } from './precision.ts';

const mix = distFromAverage(1.4);

describe('weightPrecision', () => {
  it('takes each option that it has', () => {
    const options = {
      select: 'curvature',
      mapPer: 'block:4',
      scalePer: 'output',
      renewEvery: 0,
      scaleForm: 'integers:4',
      balance: 10,
      minBits: 0,
      freezeAt: 1,
      keepMap: true,
    } as const;
    expect(weightPrecision(mix, options)).toEqual({ mix, ...options });
  });

  it.each([
    [{ scaleper: 'output' }, "got 'scaleper'; leave it out; did you mean 'scalePer'?"],
    [{ mapper: 'output' }, "got 'mapper'; leave it out; did you mean 'mapPer'?"],
    [{ select: 'gains' }, 'weightPrecision: select: expected one of middle-out, '],
    [{ select: 5 }, 'weightPrecision: select: expected one of middle-out, '],
    [{ mapPer: 'row' }, 'weightPrecision: mapPer: expected element, position, '],
    [{ scalePer: 'row' }, "weightPrecision: scalePer: expected one of tensor, output, got 'row'"],
    [{ scaleForm: 'integers:9' }, 'weightPrecision: scaleForm: expected free, '],
    [{ renewEvery: -1 }, 'a whole number from 0 on as renewEvery, got -1; '],
    [{ renewEvery: 0.5 }, 'a whole number from 0 on as renewEvery, got 0.5; '],
    [{ renewEvery: Number.NaN }, 'a whole number from 0 on as renewEvery, got NaN; '],
    [{ balance: 1 }, 'a whole number of at least 2 as balance, got 1; '],
    [{ minBits: 9 }, 'a whole number from 0 to 8 as minBits, got 9; '],
    [{ freezeAt: 2 }, 'a number from 0 to 1 as freezeAt, got 2; '],
    [{ freezeAt: Number.NaN }, 'a number from 0 to 1 as freezeAt, got NaN; '],
    [{ keepMap: 1 }, 'true or false as keepMap, got the number 1; '],
  ])('refuses %j', (options, text) => {
    expect(() => weightPrecision(mix, options as object)).toThrow(HbnnError);
    expect(() => weightPrecision(mix, options as object)).toThrow(text);
  });
});

describe('inputPrecision', () => {
  it('takes each option that it has', () => {
    const options = { select: 'random', map: 'static', mapPer: 'channel', freezeAt: 0 } as const;
    expect(inputPrecision(mix, options)).toEqual({ mix, ...options });
  });

  it.each([
    [
      { map: 'statik' },
      "map: expected one of dynamic, static, got 'statik'; did you mean 'static'?",
    ],
    [{ mapPer: 'output' }, 'mapPer: expected one of element, position, channel, got '],
    [{ select: 'gain' }, 'select: expected one of middle-out, top-down, bottom-up, random, got '],
    [{ renewEvery: 1 }, 'inputPrecision: expected no other options than '],
    [{ freezeAt: -0.1 }, 'a number from 0 to 1 as freezeAt, got -0.1; '],
  ])('refuses %j', (options, text) => {
    expect(() => inputPrecision(mix, options as object)).toThrow(HbnnError);
    expect(() => inputPrecision(mix, options as object)).toThrow(text);
  });
});

it.each([Number.NaN, undefined, {}, { fractions: [{ bits: 1, fraction: Number.NaN }] }])(
  'weights and inputs take no mix of %j',
  (given) => {
    expect(() => weightPrecision(given as Mix)).toThrow(/^weightPrecision: expected /);
    expect(() => inputPrecision(given as Mix)).toThrow(/^inputPrecision: expected /);
  },
);
