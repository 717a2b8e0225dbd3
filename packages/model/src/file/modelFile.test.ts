import { distFromAverage, HbnnError, random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../checkModel.ts';
import { gather, spread, weightUnits } from '../coarseMap.ts';
import type { IntegerModel, PlaneWeights } from '../integerModel.ts';
import { randomModel } from '../randomModel.ts';
import { crc32 } from './crc32.ts';
import { decodeValues, encodeValues, type HeaderValue } from './headerCode.ts';
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

/** A file with a sound preamble and checksum before any header: JSON of version 1, or bytes of version 2. */
function fileOf(header: string | Uint8Array, ...rest: Uint8Array[]): Uint8Array {
  const version = typeof header === 'string' ? 1 : 2;
  const bytes = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const start = new Uint8Array(16);
  const view = new DataView(start.buffer);
  start.set(new TextEncoder().encode('HBNN'));
  view.setUint16(4, version, true);
  view.setUint32(8, bytes.length, true);
  view.setUint32(12, crc32(bytes), true);
  return Uint8Array.from(Buffer.concat([start, bytes, ...rest]));
}

const header = (layers: readonly object[], sections: readonly object[], channels: number): string =>
  JSON.stringify({
    name: 'x',
    classes: ['a'],
    scoreFactor: 1,
    scoreOffsets: [0],
    layers,
    sections,
    input: { shape: [1, 1, channels], zeros: new Array<number>(channels).fill(0) },
  });

/** 2^30 weights of so many bits, in a few bytes. */
const manyWeights = (bits: number): object => ({
  kind: 'dense',
  name: 'd',
  weights: {
    kind: 'planes',
    shape: [2 ** 20, 2 ** 10],
    mapPer: 'element',
    scalePer: 'tensor',
    planes: bits,
    counts: Array.from({ length: 9 }, (_, n) => (n === bits ? 2 ** 30 : 0)),
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
      kind: 'planes',
      shape: [n, n],
      mapPer: 'element',
      scalePer: 'tensor',
      multiples: [],
      bits: new Uint8Array(n * n),
      signs: new Uint8Array(n * n),
    };
    const model: IntegerModel = {
      name: 'zeros',
      input: { shape: [1, 1, n], zeros: new Int32Array(n) },
      scoreFactor: 1,
      layers: [{ kind: 'dense', name: 'd', weights }],
      scoreOffsets: new Int32Array(n),
      classes: new Array<string>(n).fill(''),
    };
    expect(() => encodeModel(checkModel(model))).toThrow('expected at most');
  });
});

/** The header's values of a sound file of version 2. */
const valuesOf = (file: Uint8Array): HeaderValue[] => {
  const length = new DataView(file.buffer).getUint32(8, true);
  return decodeValues(file.subarray(16, 16 + length), 1000, Error) as HeaderValue[];
};

describe('headers of version 2', () => {
  const file = encodeModel(randomModel(1, { layer: 'dense:9x4', mix: distFromAverage(1.4) }));
  const [name, input, classes, factor, offsets, layers, sections] = valuesOf(file);
  const [kind, layerName, weights] = (layers as HeaderValue[][]).at(-1) as HeaderValue[];
  const [planes, shape, mapPer, ...more] = weights as HeaderValue[];
  const headerWith = (layer: HeaderValue): HeaderValue => [
    name,
    input,
    classes,
    factor,
    offsets,
    [layer],
    sections,
  ];

  it('are lists whose positions are the fields, kinds and words their numbers', () => {
    expect([name, kind, layerName]).toEqual(['dense:9x4', 2, 'layer']);
    expect([planes, shape, mapPer, more[0]]).toEqual([0, [4, 9], 0, 5]);
  });

  const twice = (value: HeaderValue): HeaderValue => [value, value];
  const wrong: [HeaderValue, string][] = [
    [1, 'expected the header to be a list of its fields'],
    [[name, input, classes, factor, offsets, layers], 'the header: expected 7 fields (name, '],
    [[...valuesOf(file), 1], 'the header: expected 7 fields (name, input, '],
    [[name, [shape], classes, factor, offsets, layers, sections], 'input: expected 2 fields'],
    [[name, input, classes, factor, offsets, 5, sections], 'expected layers to be a list'],
    [[name, input, classes, factor, offsets, layers, [1]], 'a length and a checksum of each'],
    [[name, input, classes, factor, offsets, layers, twice('a')], 'with a length and a checksum'],
    [[1, input, classes, factor, offsets, layers, sections], 'expected a name and a score'],
    [headerWith([]), 'expected layer 0 to be a list of its kind'],
    [headerWith([7, 'a']), 'layer 0: expected a known kind (0 to 6), got 7'],
    [headerWith([-1, 'a']), 'layer 0: expected a known kind (0 to 6), got -1'],
    [headerWith(['dense', 'a']), 'layer 0: expected a known kind (0 to 6), got string'],
    [headerWith([kind, layerName]), 'layer 0: expected 2 fields (name, weights), got 1'],
    [headerWith([kind, layerName, weights, 1]), 'layer 0: expected 2 fields (name, weights), got'],
    [headerWith([kind, layerName, [2, shape]]), 'layer 0.weights: expected a known kind (0 to 1)'],
    [headerWith([kind, layerName, [planes, shape, 6, ...more]]), 'mapPer: expected a known gran'],
    [
      headerWith([kind, layerName, [planes, shape, 'x', ...more]]),
      'layer: map per: expected element, ',
    ],
    [headerWith([kind, 7, weights]), 'layer 0: expected a name'],
  ];

  it.each(wrong)('are refused where they are not what the format says: %j', (values, expected) => {
    const bad = fileOf(encodeValues(values), new Uint8Array(200));
    expect(() => decodeModel(bad, 'm')).toThrow(/^m: /);
    expect(() => decodeModel(bad, 'm')).toThrow(expected);
  });

  it('are refused for millions of lists and for other versions', () => {
    const lists = fileOf(encodeValues([Array<HeaderValue>(6e5).fill([])]));
    expect(() => decodeModel(lists)).toThrow('at most 524288 fields, got more');
    for (const [major, minor] of [
      [0, 0],
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 0],
    ]) {
      const other = file.slice();
      other[4] = major;
      other[6] = minor;
      expect(() => decodeModel(other)).toThrow(
        `expected version 1.0, 2.0 or 3.0 of the format, got ${major}.${minor}; use a release`,
      );
    }
  });

  it('are small: a network of seven layers takes a fifth of what it took as JSON', () => {
    for (let seed = 0; seed < 20; seed++) {
      const model = randomModel(seed);
      const { bytes, size } = encodeWithSize(model);
      const sum = size.header + size.maps + size.signs + size.scales + size.bytes + size.inputMaps;
      expect(sum + size.thresholds, `seed ${seed}`).toBe(bytes.length);
      // A kind, a name, some shapes and counts, and 5 to 9 bytes for each of up to 13 sections.
      const names = [model.name, ...model.classes, ...model.layers.map((layer) => layer.name)];
      const text = names.reduce((bytesOfNames, part) => bytesOfNames + part.length + 3, 0);
      const numbers = 6 * (model.scoreOffsets.length + model.input.zeros.length);
      expect(size.header).toBeLessThan(16 + 40 + text + numbers + 120 * model.layers.length);
    }
  });
});

describe('headers of version 1', () => {
  const empty = { length: 0, crc: 0 };
  const with1 = (field: string): string =>
    header([manyWeights(0)], [empty, empty], 2 ** 10).replace(...swap(field));
  const swap = (field: string): [string, string] => [`"${field}":`, `"new":0,"${field}":`];

  it.each([
    ['name', 'the header: expected no other fields than name, input, '],
    ['zeros', 'input: expected no other fields than shape, zeros, got'],
    ['crc', 'section 0: expected no other fields than length, crc, got'],
    ['kind', 'layer 0: expected no other fields than kind, name, weights, got'],
    ['planes', 'layer 0.weights: expected no other fields than kind, shape, '],
  ])('are refused for unknown fields: beside %s', (field, expected) => {
    expect(() => decodeModel(fileOf(with1(field)), 'm')).toThrow(`m: ${expected}`);
    expect(() => decodeModel(fileOf(with1(field)), 'm')).toThrow("got 'new'; it is damaged");
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
