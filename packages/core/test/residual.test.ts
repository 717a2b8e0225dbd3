import {
  approximate,
  binarize,
  bitCounts,
  bitMapFrom,
  distance,
  floatTensor,
  HbnnError,
  mixOf,
  parseMix,
  random,
  selectBits,
  storedBits,
} from '@hbnn/core';
import { describe, expect, it } from 'vitest';

const normal = (shape: number[], seed = 1) => {
  const rng = random(seed, 'residual');
  const count = shape.reduce((a, b) => a * b, 1);
  return floatTensor(
    Float32Array.from({ length: count }, () => rng.normal()),
    shape,
  );
};

describe('binarize', () => {
  it('does the two rounds of a case worked by hand', () => {
    const t = floatTensor(Float32Array.of(3, -1, 0, 4), [4]);
    const r = binarize(t, bitMapFrom(Uint8Array.of(1, 2, 2, 0), [4]));
    // Round 1 over 3, −1, 0: μ = 4/3; residuals of −1 and 0: 1/3 and 4/3, so round 2 has μ = 5/6.
    const first = Math.fround(4 / 3);
    const second = Math.fround(5 / 6);
    expect(r.planes.map((plane) => plane.scales[0])).toEqual([first, second]);
    expect(r.planes.map((plane) => Array.from(plane.members))).toEqual([
      [1, 1, 1, 0],
      [0, 1, 1, 0],
    ]);
    // sign(0) = −1 in round 1.
    expect(r.planes.map((plane) => Array.from(plane.signs))).toEqual([
      [1, 0, 0, 0],
      [0, 1, 1, 0],
    ]);
    expect(Array.from(approximate(r).data)).toEqual(
      [first, second - first, second - first, 0].map(Math.fround),
    );
  });

  it('follows plain float64 on tied values, to the last bit of scales and every sign', () => {
    for (let trial = 0; trial < 200; trial++) {
      const rng = random(7, 'ties', trial);
      const count = 1 + rng.below(60);
      const data = Float64Array.from({ length: count }, () => (rng.below(7) - 3) / 10);
      const bits = Uint8Array.from({ length: count }, () => rng.below(9));
      const r = binarize({ shape: [count], data }, bitMapFrom(bits, [count]));
      const rest = Array.from(data);
      r.planes.forEach((plane, n) => {
        const members = rest.map((_, i) => i).filter((i) => bits[i] > n);
        const mean = members.reduce((sum, i) => sum + Math.abs(rest[i]), 0) / members.length;
        expect(plane.scales[0], `trial ${trial} plane ${n + 1}`).toBe(Math.fround(mean));
        for (const i of members) {
          const sign = rest[i] > 0 ? 1 : -1;
          expect(plane.signs[i], `trial ${trial} plane ${n + 1}`).toBe(sign > 0 ? 1 : 0);
          rest[i] -= sign * mean;
        }
      });
    }
  });

  it('brings 8 bits near, plane by plane', () => {
    const t = normal([50, 40]);
    const distances = [1, 2, 3, 4, 5, 6, 7, 8].map((bits) => {
      const r = binarize(t, bitMapFrom(new Uint8Array(2000).fill(bits), t.shape));
      expect(r.planes.length).toBe(bits);
      return distance(t, approximate(r));
    });
    for (let i = 1; i < 8; i++) expect(distances[i]).toBeLessThan(distances[i - 1]);
    expect(distances[7]).toBeLessThan(0.12);
  });

  it('leaves zeros where there are no bits, and never writes −0', () => {
    const t = floatTensor(Float64Array.of(-1, -2, 0, -3), [2, 2]);
    const none = binarize(t, bitMapFrom(new Uint8Array(4), [2, 2]));
    expect(none.planes).toEqual([]);
    expect(Array.from(approximate(none).data)).toEqual([0, 0, 0, 0]);
    expect(distance(t, approximate(none))).toBe(1);
    const zeros = floatTensor(new Float32Array(4), [2, 2]);
    const r = binarize(zeros, bitMapFrom(Uint8Array.of(1, 2, 3, 1), [2, 2]));
    expect(Array.from(approximate(r).data)).toEqual([0, 0, 0, 0]);
    expect(distance(zeros, approximate(r))).toBe(0);
  });

  it('gives an output without members a scale of 0', () => {
    const t = normal([2, 3]);
    const map = bitMapFrom(Uint8Array.of(1, 1, 1, 2, 2, 0), [2, 3]);
    const r = binarize(t, map, { scalePer: 'output' });
    expect(r.planes[1].scales[0]).toBe(0);
    expect(r.planes[1].scales[1]).toBeGreaterThan(0);
  });

  it('is the same for both layouts of one tensor', () => {
    const first = normal([6, 3, 3, 8]);
    const data = new Float32Array(first.data.length);
    const [outputs, rest] = [6, 72];
    for (let o = 0; o < outputs; o++)
      for (let k = 0; k < rest; k++) data[k * outputs + o] = first.data[o * rest + k];
    const last = floatTensor(data, [3, 3, 8, 6]);
    for (const mapPer of ['element', 'output', 'input', 'position', 'block:4'] as const) {
      const mix = mixOf([0.5, 0.3, 0.2]);
      const of = (t: typeof first, layout: 'outputs-first' | 'outputs-last') => {
        const map = selectBits(t, { mix, select: 'middle-out', mapPer, layout });
        return binarize(t, map, { scalePer: 'output', layout });
      };
      const [a, b] = [of(first, 'outputs-first'), of(last, 'outputs-last')];
      expect(bitCounts(b.map)).toEqual(bitCounts(a.map));
      if (mapPer === 'element' || mapPer === 'output')
        expect(b.planes.map((plane) => plane.scales)).toEqual(
          a.planes.map((plane) => plane.scales),
        );
    }
  });

  it('refuses a sum of scales that float32 does not hold, though it holds each scale', () => {
    const t = floatTensor(Float32Array.of(1, -1), [2]);
    const r = binarize(t, bitMapFrom(Uint8Array.of(1, 2), [2]));
    const planes = r.planes.map((plane, n) => ({
      ...plane,
      scales: Float32Array.of([2e38, 1.5e38][n]),
      signs: Uint8Array.of(0, 0),
    }));
    expect(() => approximate({ ...r, planes })).toThrow(
      'approximate: expected sums of scales that fit float32 (below 3.4e38), got -3.50e+38 at index 1; scale the tensor down',
    );
  });

  it('refuses what does not fit', () => {
    const t = normal([2, 3]);
    const ones = new Uint8Array(6).fill(1);
    expect(() => binarize(t, bitMapFrom(ones, [3, 2]))).toThrow(/\[3, 2\].*\[2, 3\]/);
    expect(() => bitMapFrom(ones, [7])).toThrow(HbnnError);
    expect(() => bitMapFrom(Uint8Array.of(9), [1])).toThrow(/0 to 8/);
    expect(() => floatTensor(Float32Array.of(1, Number.NaN), [2])).toThrow(/NaN at index 1/);
    expect(() => floatTensor(new Float32Array(3), [2])).toThrow(HbnnError);
    expect(() => floatTensor(new Float32Array(0), [0])).toThrow(HbnnError);
    const huge = floatTensor(Float64Array.of(1e300, -1e300), [2]);
    expect(() => binarize(huge, bitMapFrom(Uint8Array.of(1, 1), [2]))).toThrow(/float32/);
    const other = floatTensor(new Float32Array(6), [6]);
    expect(() => distance(t, other)).toThrow(HbnnError);
    for (const [name, value] of [
      ['layout', 'nhwc'],
      ['scalePer', 'layer'],
    ])
      expect(() => binarize(t, bitMapFrom(ones, [2, 3]), { [name]: value })).toThrow(HbnnError);
  });
});

describe('selectBits', () => {
  it('keeps the average over elements, blocks of unequal size too', () => {
    const seed = 3;
    const rng = random(seed, 'blocks');
    for (let trial = 0; trial < 300; trial++) {
      const [outputs, inputs, block] = [1 + rng.below(40), 1 + rng.below(40), 1 + rng.below(12)];
      const t = normal([outputs, inputs], trial);
      for (const [text, gap] of [
        ['0.7/0.2/0.1', 1],
        ['0:0.5/1:0.2/4:0.3', 3],
      ] as const) {
        const mix = parseMix(text);
        const average = mix.fractions.reduce((sum, each) => sum + each.bits * each.fraction, 0);
        for (const select of ['middle-out', 'top-down', 'random'] as const) {
          const mapPer = `block:${block}` as const;
          const { bits } = selectBits(t, { mix, select, mapPer, seed });
          const off = Math.abs(bits.reduce((a, b) => a + b, 0) - average * bits.length);
          const what = `seed ${seed}: ${JSON.stringify({ trial, outputs, inputs, block, text, select })}`;
          expect(off, what).toBeLessThanOrEqual(gap * Math.min(block, inputs) + 1e-6);
        }
      }
    }
  });

  it('random: the same for a seed and size, another for another seed', () => {
    const mix = mixOf([0.7, 0.2, 0.1]);
    const of = (seed: number, data: number) =>
      selectBits(normal([10, 10], data), { mix, select: 'random', seed }).bits.join('');
    expect(of(1, 5)).toBe(of(1, 6));
    expect(of(1, 5)).not.toBe(of(2, 5));
  });

  it('refuses unknown names', () => {
    const t = normal([2, 3]);
    const mix = mixOf([1]);
    expect(() => selectBits(t, { mix, select: 'best' as 'random' })).toThrow(/middle-out/);
    expect(() => selectBits(t, { mix, select: 'random', mapPer: 'row' as 'output' })).toThrow(
      HbnnError,
    );
    const flat = normal([6]);
    expect(() => selectBits(flat, { mix, select: 'random', mapPer: 'position' })).toThrow(
      HbnnError,
    );
  });
});

describe('storedBits', () => {
  it('counts signs, the map as entropy and as stored, and scales', () => {
    const t = normal([10, 10]);
    const mix = mixOf([0.5, 0.25, 0.25]);
    const r = binarize(t, selectBits(t, { mix, select: 'middle-out' }), { scalePer: 'output' });
    expect(storedBits(r)).toEqual({
      signs: 50 + 50 + 75,
      mapEntropy: 150,
      mapStored: 200,
      scales: 32 * 30,
      total: 175 + 200 + 960,
    });
  });

  it('counts uneven blocks as the units that are stored', () => {
    // Rows of 5 in blocks of 4 and 1: the small blocks have 1 bit, the large ones 3.
    const t = floatTensor(
      Float32Array.from({ length: 20 }, (_, i) => (i % 5 === 4 ? 0.1 : 4)),
      [4, 5],
    );
    const mix = parseMix('1:0.2/3:0.8');
    const map = selectBits(t, { mix, select: 'bottom-up', mapPer: 'block:4' });
    expect(bitCounts(map)).toEqual({ 1: 4, 3: 16 });
    expect(storedBits(binarize(t, map))).toMatchObject({ mapEntropy: 8, mapStored: 8 });
  });

  it('counts a coarse map once per unit, and a homogeneous one not at all', () => {
    const t = normal([10, 10]);
    const mix = mixOf([0.5, 0.5]);
    const coarse = selectBits(t, { mix, select: 'middle-out', mapPer: 'input' });
    expect(storedBits(binarize(t, coarse))).toMatchObject({ mapEntropy: 10, mapStored: 10 });
    const one = selectBits(t, { mix: mixOf([1]), select: 'middle-out' });
    expect(storedBits(binarize(t, one))).toMatchObject({ mapEntropy: 0, mapStored: 0 });
  });
});
