import { distFromAverage, HbnnError, random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../checkModel.ts';
import { gather, spread, weightUnits } from '../coarseMap.ts';
import type { IntegerModel, PlaneWeights } from '../integerModel.ts';
import { randomModel } from '../randomModel.ts';
import { crc32 } from './crc32.ts';
import { decodeMap, encodeMap, widthCounts } from './mapCode.ts';
import { decodeModel, encodeModel, encodeWithSize, readModel } from './modelFile.ts';
import { packSigns, unpackSigns } from './signCode.ts';

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

  it('are read from web streams, which are cancelled when the bytes are wrong', async () => {
    const bytes = encodeModel(randomModel(4));
    let cancelled = false;
    const stream = (...pieces: Uint8Array[]): ReadableStream<Uint8Array> =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          const piece = pieces.shift();
          if (piece === undefined) controller.close();
          else controller.enqueue(piece);
        },
        cancel() {
          cancelled = true;
        },
      });
    const whole = await readModel(stream(bytes.subarray(0, 33), bytes.subarray(33)));
    expect(plain(whole)).toEqual(plain(randomModel(4)));
    expect(cancelled).toBe(false);
    const bad = readModel(stream(new Uint8Array(99), bytes, bytes));
    await expect(bad).rejects.toThrow('expected a .hbnn file');
    expect(cancelled).toBe(true);
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

/** A file with a sound preamble and checksum before any header. */
function fileOf(header: string, ...rest: Uint8Array[]): Uint8Array {
  const bytes = new TextEncoder().encode(header);
  const start = new Uint8Array(16);
  const view = new DataView(start.buffer);
  start.set(new TextEncoder().encode('HBNN'));
  view.setUint16(4, 1, true);
  view.setUint32(8, bytes.length, true);
  view.setUint32(12, crc32(bytes), true);
  return Uint8Array.from(Buffer.concat([start, bytes, ...rest]));
}

const header = (layers: readonly object[], sections: readonly object[], channels: number): string =>
  JSON.stringify({
    ...{ name: 'x', classes: ['a'], scoreFactor: 1, scoreOffsets: [0], layers, sections },
    input: { shape: [1, 1, channels], zeros: new Array<number>(channels).fill(0) },
  });

/** 2^30 weights of so many bits, in a few bytes. */
const manyWeights = (bits: number): object => ({
  ...{ kind: 'dense', name: 'd' },
  weights: {
    ...{ kind: 'planes', shape: [2 ** 20, 2 ** 10], mapPer: 'element', scalePer: 'tensor' },
    ...{ planes: bits, counts: Array.from({ length: 9 }, (_, n) => (n === bits ? 2 ** 30 : 0)) },
  },
});

describe('hostile model files', () => {
  const empty = { length: 0, crc: 0 };

  it('cannot have memory that no bytes speak for, streamed or whole', async () => {
    const none = fileOf(header([manyWeights(0)], [empty, empty], 2 ** 10), new Uint8Array(16));
    const signs = { length: 2 ** 27, crc: 0 };
    const promised = header([manyWeights(1)], [empty, signs, { length: 1, crc: 0 }], 2 ** 10);
    const far = fileOf(promised, new Uint8Array(16));
    for (const [file, expected] of [
      [none, /at most \d+ elements/],
      [far, /truncated/],
    ] as const) {
      const before = process.memoryUsage().rss;
      await expect(readModel([file.subarray(0, 100), file.subarray(100)])).rejects.toThrow(
        expected,
      );
      expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 26);
    }
    expect(() => decodeModel(far)).toThrow(/expected \d+ bytes, got/);
  });

  it('are refused when a section is longer than what it holds can be', () => {
    const long = header([manyWeights(0)], [empty, { length: 2 ** 30, crc: 0 }], 2 ** 10);
    expect(() => decodeModel(fileOf(long))).toThrow(/truncated/);
    const streamed = readModel([fileOf(long)]);
    return expect(streamed).rejects.toThrow('section 1: expected at most 0 bytes, got 1073741824');
  });

  it('are refused for headers of odd values and of millions of parts', () => {
    const nested = `${'['.repeat(4e5)}${']'.repeat(4e5)}`;
    const kind = header([{ kind: 'K', name: 'a' }], [], 1).replace('"K"', nested);
    expect(() => decodeModel(fileOf(kind))).toThrow(
      'a: expected a known kind of layer, got object',
    );
    const odd = header([{ kind: { toString: 1 }, name: 'a' }], [], 1);
    expect(() => decodeModel(fileOf(odd))).toThrow('a: expected a known kind of layer, got object');
    expect(() => decodeModel(fileOf(`[${'{},'.repeat(1e6)}{}]`))).toThrow(/at most 524288 fields/);
  });

  it('are not written either', () => {
    const n = 4300;
    const weights: PlaneWeights = {
      ...{ kind: 'planes', shape: [n, n], mapPer: 'element', scalePer: 'tensor', multiples: [] },
      ...{ bits: new Uint8Array(n * n), signs: new Uint8Array(n * n) },
    };
    const model: IntegerModel = {
      ...{ name: 'zeros', input: { shape: [1, 1, n], zeros: new Int32Array(n) }, scoreFactor: 1 },
      layers: [{ kind: 'dense', name: 'd', weights }],
      ...{ scoreOffsets: new Int32Array(n), classes: new Array<string>(n).fill('') },
    };
    expect(() => encodeModel(checkModel(model))).toThrow('expected at most');
  });
});

describe('bit maps of any granularity', () => {
  const shapes = [
    [5, 3, 2, 7],
    [4, 9],
    [1, 6],
    [3, 1, 1, 1],
  ];

  it.each(['element', 'position', 'input', 'output', 'block:1', 'block:3', 'block:50'] as const)(
    'per %s are gathered and spread again',
    (mapPer) => {
      for (const shape of shapes) {
        const count = shape.reduce((product, n) => product * n, 1);
        const unit = weightUnits(shape, mapPer);
        const rng = random(mapPer, shape.join());
        const units = Uint8Array.from({ length: unit.count }, () => rng.below(4));
        const bits = Uint8Array.from({ length: count }, (_, i) => units[unit.of(i)]);
        expect(spread(units, unit, count)).toEqual(bits);
        expect(gather(bits, unit)).toEqual(units);
        if (unit.count === count) continue;
        const shared = bits.findIndex((_, i) =>
          bits.some((_b, k) => k > i && unit.of(k) === unit.of(i)),
        );
        bits[shared] ^= 1;
        expect(gather(bits, unit)).toBeUndefined();
      }
    },
  );
});

describe('signs', () => {
  it.each([1, 3, 4, 31, 32, 33, 63, 64, 65, 127, 128, 129, 5000])(
    'of %i weights come back',
    (n) => {
      for (const most of [0, 1, 3, 8]) {
        const rng = random('signs', n, most);
        const bits = Uint8Array.from({ length: n }, () => rng.below(most + 1));
        const signs = bits.map((width) => rng.below(256) & (2 ** width - 1));
        const packed = packSigns(bits, signs, most);
        expect(packed.length).toBe(Math.ceil(bits.reduce((a, b) => a + b, 0) / 8));
        expect(unpackSigns(packed, bits, most)).toEqual(signs);
        if (!bits.includes(0)) expect(unpackSigns(packed, bits, most, true)).toEqual(signs);
      }
    },
  );
});

describe('checksums', () => {
  it.each([
    ['', 0],
    ['a', 0xe8b7be43],
    ['123456789', 0xcbf43926],
    ['The quick brown fox jumps over the lazy dog', 0x414fa339],
  ])('are those of zip: %s', (text, crc) => {
    expect(crc32(new TextEncoder().encode(text))).toBe(crc);
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
