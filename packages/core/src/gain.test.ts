import { describe, expect, it } from 'vitest';
import { binarizer } from './binarizer.ts';
import { type BitMap, selectBits } from './bitMap.ts';
import { HbnnError } from './error.ts';
import { gainSelector } from './gain.ts';
import { distFromAverage } from './mix.ts';
import { random } from './random.ts';
import { approximate, binarize, distance } from './residual.ts';

/** Values that tie often, with both signs and zeros. */
function values(count: number, seed: number): Float32Array {
  const rng = random(seed, 'gain test');
  return Float32Array.from({ length: count }, () => Math.round(24 * (rng.uniform() - 0.5)) / 16);
}

/** The rule written from its definition: lists of what planes are worth, sorted. */
function expected(
  x: Float32Array,
  h: Float32Array,
  o: { average: number; minBits: number; maxBits: number; rounds: number },
): Uint8Array {
  const shape = [1, x.length];
  let map: BitMap = selectBits(
    { shape, data: x },
    { mix: distFromAverage(o.average), select: 'middle-out' },
  );
  for (let round = 0; round < o.rounds; round++) {
    const scales = scalesOf(x, map.bits, o.maxBits);
    const worth = [...x].flatMap((value, i) => {
      const gains: number[] = [];
      let rest: number = value;
      for (const s of scales) {
        gains.push(h[i] * s * (2 * Math.abs(rest) - s));
        rest -= rest > 0 ? s : -s;
      }
      return levelled(gains.slice(o.minBits)).map((gain, n) => ({ i, n, gain }));
    });
    worth.sort((a, b) => b.gain - a.gain || a.i - b.i || a.n - b.n);
    const bits = new Uint8Array(x.length).fill(o.minBits);
    const planes = Math.round(o.average * x.length) - o.minBits * x.length;
    for (const { i } of worth.slice(0, planes)) bits[i]++;
    map = { shape, bits };
  }
  return map.bits;
}

/** μ_n of Eq. 5, by its definition. */
function scalesOf(x: Float32Array, bits: Uint8Array, planes: number): number[] {
  const rest = Float64Array.from(x);
  return Array.from({ length: planes }, (_, n) => {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < rest.length; i++) {
      if (bits[i] <= n) continue;
      sum += Math.abs(rest[i]);
      count++;
    }
    const scale = count > 0 ? sum / count : 0;
    for (let i = 0; i < rest.length; i++) if (bits[i] > n) rest[i] -= rest[i] > 0 ? scale : -scale;
    return scale;
  });
}

/** Values from the largest mean of a beginning, again and again. */
function levelled(gains: readonly number[]): number[] {
  if (gains.length === 0) return [];
  const means = gains.map((_, n) => gains.slice(0, n + 1).reduce((sum, g) => sum + g, 0) / (n + 1));
  const best = Math.max(...means);
  const length = means.lastIndexOf(best) + 1;
  return [...new Array<number>(length).fill(best), ...levelled(gains.slice(length))];
}

const onesOf = (count: number): Float32Array => new Float32Array(count).fill(1);

describe('the rule gain', () => {
  it.each([
    { average: 1.4, minBits: 1, maxBits: 3, rounds: 1 },
    { average: 1.4, minBits: 1, maxBits: 3, rounds: 3 },
    { average: 1.4, minBits: 0, maxBits: 3, rounds: 2 },
    { average: 0.7, minBits: 0, maxBits: 2, rounds: 2 },
    { average: 2.5, minBits: 1, maxBits: 4, rounds: 2 },
    { average: 1, minBits: 1, maxBits: 3, rounds: 2 },
  ])('gives planes as its definition says: %j', (o) => {
    for (const count of [1, 2, 33, 200])
      for (let seed = 1; seed <= 5; seed++) {
        const x = values(count, seed);
        const rng = random(seed, 'importance');
        const h = Float32Array.from({ length: count }, () => Math.round(4 * rng.uniform()) / 4);
        const rule = gainSelector({ shape: [1, count], ...o });
        for (const importance of [undefined, h]) {
          const bits = new Uint8Array(count);
          rule.select(x, bits, importance);
          expect(bits, `${count} values, seed ${seed}`).toEqual(
            expected(x, importance ?? onesOf(count), o),
          );
          expect(bits.reduce((sum, b) => sum + b, 0)).toBe(Math.round(o.average * count));
        }
      }
  });

  it('lies between middle-out and optimal in distance on a normal tensor', () => {
    const rng = random(3, 'normal');
    const data = Float32Array.from({ length: 20000 }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - rng.uniform()));
      return radius * Math.cos(2 * Math.PI * rng.uniform());
    });
    const t = { shape: [100, 200], data };
    const mix = distFromAverage(1.4);
    const middleOut = distance(
      t,
      approximate(binarize(t, selectBits(t, { mix, select: 'middle-out' }))),
    );
    const distanceOf = (select: 'gain' | 'optimal'): number => {
      const b = binarizer({ shape: t.shape, layout: 'outputs-first', select, average: 1.4 });
      return distance(t, approximate(b.result(data)));
    };
    // Middle-out comes to 0.33 and optimal to 0.28, as in the paper's Figure 2a and the tests of `optimal`.
    expect(distanceOf('gain')).toBeLessThan(middleOut);
    expect(distanceOf('gain')).toBeGreaterThanOrEqual(distanceOf('optimal'));
  });

  it('follows importance, and not its unit', () => {
    const x = values(100, 7);
    const rule = gainSelector({ shape: [10, 10], average: 1.4 });
    const [even, scaled, half] = [0, 1, 2].map(() => new Uint8Array(100));
    rule.select(x, even);
    rule.select(x, scaled, new Float32Array(100).fill(0.25));
    expect(scaled).toEqual(even);
    const h = Float32Array.from({ length: 100 }, (_, i) => Number(i < 50));
    rule.select(x, half, h);
    const sum = (bits: Uint8Array): number => bits.reduce((s, b) => s + b, 0);
    expect(sum(half.subarray(0, 50))).toBeGreaterThan(sum(half.subarray(50)));
  });

  it('is a binarizer’s choice, with the importance of its renewal', () => {
    const x = values(60, 9);
    const spec = { shape: [6, 10], layout: 'outputs-first', select: 'gain', average: 1.4 } as const;
    const h = Float32Array.from({ length: 60 }, (_, i) => i);
    const b = binarizer(spec);
    b.renew(x, h);
    const bits = new Uint8Array(60);
    gainSelector({ shape: [6, 10], average: 1.4 }).select(x, bits, h);
    expect(b.bits).toEqual(bits);
    const out = new Float32Array(60);
    b.apply(x, out);
    expect(out).toEqual(approximate(binarize({ shape: [6, 10], data: x }, b.result(x).map)).data);
    const pruned = binarizer({ ...spec, minBits: 0 });
    pruned.apply(x, out);
    expect([...pruned.bits]).toContain(0);
  });

  it('refuses what it cannot be', () => {
    const shape = [2, 5];
    for (const o of [
      { average: 0.5, minBits: 1 },
      { average: 4, maxBits: 3 },
      { average: Number.NaN },
      { average: 1.4, minBits: 0.5 },
      { average: 1.4, rounds: 0 },
    ])
      expect(() => gainSelector({ shape, ...o })).toThrow(HbnnError);
    const rule = gainSelector({ shape, average: 1.4 });
    const x = values(10, 1);
    expect(() => rule.select(x, new Uint8Array(10), new Float32Array(9))).toThrow('got 9');
    expect(() => rule.select(x, new Uint8Array(10), new Float32Array(10).fill(-1))).toThrow(
      'index 0',
    );
    const spec = { shape, layout: 'outputs-first', select: 'gain', average: 1.4 } as const;
    expect(() => binarizer({ ...spec, mapPer: 'output' })).toThrow('mapPer');
    expect(() => binarizer({ ...spec, scalePer: 'output' })).toThrow('scalePer');
    expect(() => binarizer({ ...spec, balance: 5 })).toThrow('balance');
    expect(() => binarizer({ ...spec, select: 'middle-out', minBits: 0 })).toThrow('minBits');
  });
});
