import { describe, expect, it } from 'vitest';
import { HbnnError } from './error.ts';
import {
  allocate,
  averageBits,
  checkMix,
  distFromAverage,
  type Mix,
  mixOf,
  paperMixes,
  parseMix,
} from './mix.ts';
import { type Random, random } from './random.ts';

const bitsOf = (shares: { bits: number; count: number }[]) =>
  shares.reduce((sum, share) => sum + share.bits * share.count, 0);
const countOf = (shares: { bits: number; count: number }[]) =>
  shares.reduce((sum, share) => sum + share.count, 0);

describe('mixOf and parseMix', () => {
  it('agree, drop zero fractions and sort', () => {
    expect(mixOf([0.9, 0, 0.1])).toEqual({
      fractions: [
        { bits: 1, fraction: 0.9 },
        { bits: 3, fraction: 0.1 },
      ],
    });
    expect(parseMix('0.9/0/0.1')).toEqual(mixOf([0.9, 0, 0.1]));
    expect(parseMix(' 3:0.1 / 1:.9 ')).toEqual(mixOf([0.9, 0, 0.1]));
    expect(parseMix('0:0.2/1:0.5/2:0.3').fractions.map((share) => share.bits)).toEqual([0, 1, 2]);
    expect(averageBits(parseMix('0.7/0.2/0.1'))).toBeCloseTo(1.4, 12);
  });

  it('divides a small rounding of the sum out', () => {
    const { fractions } = parseMix('0.3333333/0.3333333/0.3333334');
    expect(fractions.reduce((sum, share) => sum + share.fraction, 0)).toBeCloseTo(1, 15);
  });

  it.each([
    ['0.7/0.2', /sum to 1/],
    ['0.7/0.2/0.2', /sum to 1/],
    ['', /decimals/],
    ['a/b', /decimals/],
    ['NaN', /decimals/],
    ['0.5/-0.5/1', /decimals/],
    ['1e400', /0 to 1/],
    ['1:0.5/0.5', /every part named/],
    ['1:0.5/1:0.5', /each bitwidth once/],
    ['9:1', /0 to 8/],
    ['1.5:1', /0 to 8/],
    ['1:2:3', /bits:fraction/],
    ['0/0/0/0/0/0/0/0/1', /0 to 8/],
  ])('refuses %j', (text, message) => {
    expect(() => parseMix(text)).toThrow(HbnnError);
    expect(() => parseMix(text)).toThrow(message);
  });

  it('refuses NaN and an empty list', () => {
    expect(() => mixOf([Number.NaN, 1])).toThrow(HbnnError);
    expect(() => mixOf([])).toThrow(HbnnError);
  });
});

describe('distFromAverage', () => {
  it('names the mixes of the paper', () => {
    for (const { average, mix } of paperMixes) {
      expect(distFromAverage(average)).toBe(mix);
      expect(averageBits(mix)).toBeCloseTo(average, 12);
    }
  });

  it('meets every average from 0 to 8', () => {
    for (let i = 0; i <= 800; i++) {
      const mix = distFromAverage(i / 100);
      expect(averageBits(mix)).toBeCloseTo(i / 100, 9);
      expect(mix.fractions.reduce((sum, share) => sum + share.fraction, 0)).toBeCloseTo(1, 12);
    }
    expect(distFromAverage(3).fractions).toEqual([{ bits: 3, fraction: 1 }]);
  });

  it.each([-0.1, 8.01, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (average) => {
    expect(() => distFromAverage(average)).toThrow(HbnnError);
  });

  it.each([null, true, '1.4', [1]])('refuses %j, which only compares as a number', (average) => {
    expect(() => distFromAverage(average as never)).toThrow(
      /got (null|true|a string|a plain array|the)/,
    );
  });
});

describe('allocate', () => {
  it('gives exact shares where they are whole', () => {
    for (const count of [10, 1000, 10_000_000, 60_000_000])
      expect(allocate(mixOf([0.7, 0.2, 0.1]), count)).toEqual([
        { bits: 1, count: count * 0.7 },
        { bits: 2, count: count * 0.2 },
        { bits: 3, count: count / 10 },
      ]);
  });

  it('keeps the average where nearest counts alone would not', () => {
    // The largest remainders are those of 8 and 2 bits: 10 bits, where 7.14 are asked for and 6 can be had.
    const mix = parseMix('1:0.24/2:0.25/3:0.25/8:0.26');
    const shares = allocate(mix, 2);
    expect(countOf(shares)).toBe(2);
    expect(bitsOf(shares)).toBe(6);
  });

  it('hands out only bitwidths of the mix, the nearest there are where it has gaps', () => {
    expect(allocate(parseMix('1:0.5/8:0.5'), 3)).toEqual([
      { bits: 1, count: 2 },
      { bits: 8, count: 1 },
    ]);
    expect(allocate(parseMix('1:0.4/8:0.6'), 3)).toEqual([
      { bits: 1, count: 1 },
      { bits: 8, count: 2 },
    ]);
    expect(allocate(parseMix('0:0.5/8:0.5'), 1)).toEqual([{ bits: 0, count: 1 }]);
  });

  it('goes beyond rounding up or down where that alone is more than a bit off', () => {
    const mix = parseMix('0:0.3/1:0.25/5:0.25/8:0.2');
    const shares = allocate(mix, 1224);
    expect(countOf(shares)).toBe(1224);
    expect(Math.abs(bitsOf(shares) - 1224 * averageBits(mix))).toBeLessThanOrEqual(1);
    for (const { bits, count } of shares) {
      const exact = 1224 * (mix.fractions.find((share) => share.bits === bits)?.fraction ?? 0);
      expect(Math.abs(count - exact)).toBeLessThan(2);
    }
  });

  it.each([
    ['large', 600, (rng: Random) => 1 + rng.below(100_000)],
    ['small', 6000, (rng: Random) => 1 + rng.below(9)],
    ['of a few hundred', 6000, (rng: Random) => 1 + rng.below(500)],
  ])('keeps to the bitwidths, the count and the average: %s', (name, trials, draw) => {
    const seed = 11;
    const rng = random(seed, 'allocate', name);
    for (let trial = 0; trial < trials; trial++) {
      const mix = randomMix(rng);
      const count = draw(rng);
      const shares = allocate(mix, count);
      const off = Math.abs(bitsOf(shares) - count * averageBits(mix));
      const what = `seed ${seed} trial ${trial}: ${JSON.stringify({ mix, count, shares })}`;
      const widths = mix.fractions.map((share) => share.bits);
      expect(countOf(shares), what).toBe(count);
      expect(
        shares.every((share) => share.count >= 1 && widths.includes(share.bits)),
        what,
      ).toBe(true);
      const plenty = mix.fractions.every(({ fraction }) => fraction * count >= 20);
      if (gapsOf(widths).every((gap) => gap <= 2)) expect(off, what).toBeLessThanOrEqual(1 + 1e-6);
      else if (off > 1 + 1e-6 && count <= 9)
        expect(off, what).toBeLessThanOrEqual(leastOff(widths, count, averageBits(mix)) + 1e-6);
      else if (plenty) {
        // Every sum that the steps between bitwidths divide can be had: the nearest is half a step off.
        const step = gapsOf(widths).reduce(divisor, 0);
        expect(off, what).toBeLessThanOrEqual(Math.max(1, step / 2) + 1e-6);
      } else expect(off, what).toBeLessThanOrEqual(Math.max(...gapsOf(widths)) / 2 + 1e-6);
    }
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a count of %d', (count) => {
    expect(() => allocate(mixOf([1]), count)).toThrow(HbnnError);
  });
});

function randomMix(rng: Random): Mix {
  const widths = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter(() => rng.uniform() < 0.4);
  if (widths.length === 0) widths.push(rng.below(9));
  const weights = widths.map(() => (rng.uniform() < 0.3 ? 0.001 : rng.uniform()));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { fractions: widths.map((bits, i) => ({ bits, fraction: weights[i] / sum })) };
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
const gapsOf = (widths: readonly number[]) => widths.slice(1).map((bits, i) => bits - widths[i]);

/** The least difference in bits of all counts of these widths, by trying every sum of `count` of them. */
function leastOff(widths: readonly number[], count: number, average: number): number {
  let sums = new Set([0]);
  for (let i = 0; i < count; i++)
    sums = new Set([...sums].flatMap((sum) => widths.map((bits) => sum + bits)));
  return Math.min(...[...sums].map((sum) => Math.abs(sum - average * count)));
}

describe('checkMix', () => {
  const of = (...fractions: unknown[]): Mix => ({ fractions }) as Mix;

  it('takes what mixes are made of, and sorts it', () => {
    const mix = distFromAverage(1.4);
    expect(checkMix(mix, 'here')).toEqual(mix);
    const turned = of({ bits: 2, fraction: 0.5 }, { bits: 1, fraction: 0.5 });
    expect(checkMix(turned, 'here')).toEqual(mixOf([0.5, 0.5]));
  });

  it.each([
    [undefined, 'here: expected a mix, got undefined; '],
    [Number.NaN, 'here: expected a mix, got the number NaN; '],
    [[1], 'here: expected a mix, got a plain array of 1; '],
    [{}, 'here: expected a mix, got an object without fractions of bits; '],
    [of(), 'here: expected fractions that sum to 1, got a sum of 0; '],
    [of({ bits: 1, fraction: Number.NaN }), 'fractions from 0 to 1, got NaN for 1 bits; '],
    [of({ bits: 1, fraction: Infinity }), 'fractions from 0 to 1, got Infinity for 1 bits; '],
    [of({ bits: 1, fraction: -1 }), 'fractions from 0 to 1, got -1 for 1 bits; '],
    [of({ bits: 1, fraction: '1' }), 'fractions from 0 to 1, got a string for 1 bits; '],
    [of({ bits: 1, fraction: 0.5 }), 'fractions that sum to 1, got a sum of 0.5; '],
    [of({ bits: 1.5, fraction: 1 }), 'whole bitwidths from 0 to 8, got 1.5; '],
    [of({ bits: 9, fraction: 1 }), 'whole bitwidths from 0 to 8, got 9; '],
  ])('refuses %j', (mix, text) => {
    for (const use of [
      () => checkMix(mix as Mix, 'here'),
      () => averageBits(mix as Mix),
      () => allocate(mix as Mix, 4),
    ])
      expect(use).toThrow(HbnnError);
    expect(() => checkMix(mix as Mix, 'here')).toThrow(text);
  });
});
