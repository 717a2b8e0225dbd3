import { describe, expect, it } from 'vitest';
import { HbnnError } from '../error.ts';
import { distFromAverage } from '../mix.ts';
import { random } from '../random.ts';
import type { IntegerModel } from './integerModel.ts';
import { decodeMap, encodeMap, widthCounts } from './mapCode.ts';
import { decodeModel, encodeModel, encodeWithSize, readModel } from './modelFile.ts';
import { randomModel } from './randomModel.ts';

const plain = (model: IntegerModel): unknown => {
  // A map that does not keep to its granularity comes back as one per element.
  return JSON.parse(JSON.stringify(model), (key, value) => (key === 'mapPer' ? undefined : value));
};

describe('model files', () => {
  it('come back as they were, all at once and in pieces', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const model = randomModel(seed);
      const bytes = encodeModel(model);
      expect(plain(decodeModel(bytes)), `seed ${seed}`).toEqual(plain(model));
      const pieces = [];
      for (let at = 0; at < bytes.length; at += 1 + (seed % 37)) {
        pieces.push(Buffer.from(bytes.subarray(at, at + 1 + (seed % 37))));
      }
      expect(plain(await readModel(pieces))).toEqual(plain(model));
    }
  });

  it('take the entropy of their maps and one bit per plane and member', () => {
    const mix = distFromAverage(1.4);
    const { size } = encodeWithSize(randomModel(1, { layer: 'dense:1000x400', mix }));
    const entropy = -(0.7 * Math.log2(0.7) + 0.2 * Math.log2(0.2) + 0.1 * Math.log2(0.1));
    expect(8 * size.signs).toBe(400_000 * 1.4);
    expect((8 * size.maps) / 400_000 / entropy).toBeLessThan(1.002);
    const homogeneous = distFromAverage(2);
    const two = encodeWithSize(randomModel(1, { layer: 'dense:1000x400', mix: homogeneous })).size;
    expect(two.maps).toBe(0);
    expect(8 * two.signs).toBe(800_000);
  });

  it('are refused when cut off or changed anywhere', () => {
    const bytes = encodeModel(randomModel(7));
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeModel(bytes.subarray(0, length)), `${length} bytes`).toThrow(HbnnError);
    }
    const rng = random(5, 'mutations');
    for (let i = 0; i < 500; i++) {
      const changed = bytes.slice();
      changed[rng.below(changed.length)] ^= 1 + rng.below(255);
      try {
        decodeModel(changed);
      } catch (error) {
        expect(error).toBeInstanceOf(HbnnError);
      }
    }
    expect(() => decodeModel(new Uint8Array([...bytes, 0]))).toThrow(/its end/);
  });
});

describe('map code', () => {
  it.each([1, 2, 31, 32, 33, 4096, 100_000])('brings %i bitwidths back', (n) => {
    for (const kinds of [1, 2, 3, 9]) {
      const rng = random(n, kinds);
      const bits = Uint8Array.from({ length: n }, () =>
        Math.min(rng.below(kinds), rng.below(kinds)),
      );
      const counts = widthCounts(bits);
      const back = decodeMap(encodeMap(bits, counts), counts, 'map');
      expect(Buffer.compare(back, bits)).toBe(0);
    }
  });
});
