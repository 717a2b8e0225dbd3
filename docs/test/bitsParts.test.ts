// The parts of the playground of bits that need no browser.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  averageBits,
  distFromAverage,
  encodeNpy,
  floatTensor,
  HbnnError,
  type Mix,
  paperMixes,
  parseMix,
  random,
} from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import {
  binarized,
  comparisonRow,
  comparisonRows,
  levels,
  levelWords,
  maxLevels,
  mixWords,
  normalTensor,
  rules,
} from '../components/bits/bitsState.ts';
import { mapPicture, mapWords, weightAt } from '../components/bits/mapPicture.ts';
import { checkFileSize, maxValues, tensorOfFile } from '../components/bits/tensorFile.ts';
import { movedTo, stepAt } from '../components/shared/sliderStep.ts';
import { docs } from './sitePages.ts';

describe('bits', () => {
  const choice = { average: 1.4, rule: 'optimal', mapPer: 'element', scalePer: 'output' } as const;

  it('says why weights near 1e38 have no optimal, and compares the other rules', () => {
    const rng = random(1);
    const huge = floatTensor(
      Float32Array.from({ length: 2304 }, () =>
        Math.max(-3.4e38, Math.min(3.4e38, 1e38 * rng.normal())),
      ),
      [16, 144],
    );
    expect(() => binarized(huge, choice)).toThrow(
      /sums of scales that fit float32.*scale the tensor down/,
    );
    const rows = comparisonRows.map((_, at) => comparisonRow(huge, choice, at));
    expect(rows.map(({ name }) => name)).toEqual([
      ...rules,
      'all 1 bit',
      'all 2 bits',
      'all 3 bits',
      'all 4 bits',
    ]);
    expect(rows.filter(({ problem }) => problem !== undefined).map(({ name }) => name)).toEqual([
      'optimal',
    ]);
  });

  it('names one weight and many at a stem', () => {
    expect(levelWords({ value: 5, bits: 2, count: 1 })).toBe('1 weight becomes 5.00 (2 bits)');
    expect(levelWords({ value: -0.7981, bits: 1, count: 1024 })).toBe(
      '1,024 weights become −0.798 (1 bit)',
    );
  });

  it('writes a mix whose shares add up to 1, and reads it again', () => {
    expect(mixWords(distFromAverage(1.4))).toBe('1:0.7/2:0.2/3:0.1');
    for (let average = 0; average <= 8; average += 0.123456789) {
      const text = mixWords(distFromAverage(average));
      const shares = text.split('/').map((part) => Number(part.split(':')[1]));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(averageBits(parseMix(text))).toBeCloseTo(average, 4);
    }
  });

  it('has the mixes of the guide', () => {
    const guide = readFileSync(join(docs, 'guide', 'bit-maps.md'), 'utf8');
    const rows = [...guide.matchAll(/^\| +(1\.\d) \| +(\d+) % \| +(\d+) % \| +(\d+) % \|$/gm)];
    const shares = (mix: Mix): number[] =>
      [1, 2, 3].map((bits) => {
        const share = mix.fractions.find((one) => one.bits === bits);
        return Math.round(100 * (share?.fraction ?? 0));
      });
    expect(rows.map((row) => row.slice(1).map(Number))).toEqual(
      paperMixes.map(({ average, mix }) => [average, ...shares(mix)]),
    );
  });

  it('puts the thumb of a slider between two steps only where the address does', () => {
    const moved = (value: string, step: number) =>
      movedTo({ target: { value } } as unknown as Event, step);
    expect([1.4, 1.45, 0, 3].map((value) => stepAt(value, 0.05))).toEqual([0.05, 0.05, 0.05, 0.05]);
    expect([1.22, 1.234567].map((value) => stepAt(value, 0.05))).toEqual(['any', 'any']);
    expect(stepAt(1.45, 0.1)).toBe('any');
    expect(moved('1.264567', 0.05)).toBe(1.25);
    expect(moved('1.43', 0.1)).toBe(1.4);
  });

  it.each([0, 0.2, 3, 5.5, 8])('binarizes by every rule at an average of %d', (average) => {
    for (const rule of rules) {
      const { stored, distance } = binarized(normalTensor(), {
        ...choice,
        average,
        rule,
        scalePer: 'tensor',
      });
      expect(stored.signs / 4608).toBeCloseTo(average, 3);
      expect(distance).toBeLessThanOrEqual(1);
    }
  });

  it('stops collecting values when they are too many for stems', () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => i % 500);
    expect(levels(values, new Uint8Array(1000).fill(2))).toHaveLength(maxLevels + 1);
    expect(
      levels(
        values.map((value) => value % 3),
        new Uint8Array(1000).fill(2),
      ),
    ).toEqual([
      { value: 0, bits: 2, count: 334 },
      { value: 1, bits: 2, count: 334 },
      { value: 2, bits: 2, count: 332 },
    ]);
  });

  it('reads a file, and refuses with the value what float32 does not hold', () => {
    const file = (values: number[]): Uint8Array =>
      encodeNpy({ shape: [values.length], data: Float64Array.from(values) });
    expect([...tensorOfFile(file([1, -2.5]), 'a.npy').data]).toEqual([1, -2.5]);
    expect(() => tensorOfFile(file([1, 2, -1e39, 4]), 'a.npy')).toThrow(
      'a.npy: expected values that float32 holds (below 3.4e38), got -1e+39 at index 2; divide the array by a number first',
    );
    expect(() => tensorOfFile(file([1e-60, 0]), 'a.npy')).toThrow(
      /above 1e-45\), got 1e-60 as the largest/,
    );
    expect([...tensorOfFile(file([1e-60, 1]), 'a.npy').data]).toEqual([0, 1]);
    expect(() => tensorOfFile(file([1, Number.POSITIVE_INFINITY]), 'a.npy')).toThrow(
      /Infinity at index 1/,
    );
    expect(() => tensorOfFile(file([1, Number.NaN]), 'a.npy')).toThrow(/NaN at index 1/);
    const long = encodeNpy({ shape: [maxValues + 1], data: new Int8Array(maxValues + 1) });
    expect(() => tensorOfFile(long, 'a.npy')).toThrow(/at most 4,194,304 values, got 4,194,305/);
    expect(() => checkFileSize(5e9, 'a.npy')).toThrow(HbnnError);
    checkFileSize(8 * maxValues + 128, 'a.npy');
  });

  it.each([
    [[32, 3, 3, 16], 144, 32],
    [[200_000], 1021, 196],
    [[1, 200_000], 1021, 196],
    [[200_000, 1], 1023, 391],
    [[2, 300_000], 1024, 586],
    [[512, 4608], 922, 855],
    [[4096, 1024], 1024, 1024],
    [[1], 1, 1],
    [[4_194_304], 1024, 1024],
  ])('lays out a map of shape %j', (shape, columns, rows) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const picture = mapPicture(count, shape);
    expect({ columns: picture.columns, rows: picture.rows }).toEqual({ columns, rows });
    // How often each weight is drawn; the last place counts what is no weight.
    const drawn = new Uint8Array(count + 1);
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        const weight = weightAt(picture, x, y);
        if (weight !== undefined) drawn[Math.min(weight, count)]++;
      }
    const { outputStep, inputStep, outputs, inputs } = picture;
    const once = drawn.reduce((sum, times) => sum + Number(times === 1), 0);
    expect(once).toBe(Math.ceil(outputs / outputStep) * Math.ceil(inputs / inputStep));
    expect(Math.max(...new Set(drawn))).toBe(1);
    expect(drawn[count]).toBe(0);
    expect(/every \d+\w\w/.test(mapWords(picture))).toBe(outputStep * inputStep > 1);
  });
});
