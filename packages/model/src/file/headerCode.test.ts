import { describe, expect, it } from 'vitest';
import { decodeValues, encodeValues, type HeaderValue, listCount } from './headerCode.ts';

const fail = (what: string): Error => new Error(what);
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const read = (hex: string): HeaderValue => decodeValues(bytesOf(hex), 100, fail);

describe('values of a header', () => {
  // RFC 8949, appendix A, those of the types that a header has.
  const examples: [HeaderValue, string][] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [100, '1864'],
    [1000, '1903e8'],
    [1000000, '1a000f4240'],
    [1000000000000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-10, '29'],
    [-100, '3863'],
    [-1000, '3903e7'],
    [1.1, 'fb3ff199999999999a'],
    [-4.1, 'fbc010666666666666'],
    [1.0e300, 'fb7e37e43c8800759c'],
    ['', '60'],
    ['IETF', '6449455446'],
    ['"\\', '62225c'],
    ['ü', '62c3bc'],
    ['水', '63e6b0b4'],
    [[], '80'],
    [[1, 2, 3], '83010203'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [
      Array.from({ length: 25 }, (_, i) => i + 1),
      '98190102030405060708090a0b0c0d0e0f101112131415161718181819',
    ],
  ];

  it.each(examples)('%j are the bytes of RFC 8949', (value, hex) => {
    expect(hexOf(encodeValues(value))).toBe(hex);
    expect(read(hex)).toEqual(value);
  });

  it('come back at every border of a length', () => {
    for (const n of [23, 24, 255, 256, 65_535, 65_536]) {
      const values = [n, -n, -1 - n, 'é'.repeat(n), Array<number>(n).fill(n), 2 ** 32 + n, 1 / n];
      expect(decodeValues(encodeValues(values), 100, fail), `${n}`).toEqual(values);
    }
    const ends = [2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, -0];
    expect(decodeValues(encodeValues(ends), 100, fail)).toEqual(ends);
    // Bytes grow in the middle of values of every size.
    for (let n = 0; n < 300; n++) {
      const values = [...Array<number>(n).fill(0), 2 ** 40, 0.5, 'text', 2 ** 20];
      expect(decodeValues(encodeValues(values), 100, fail)).toEqual(values);
    }
  });

  const wrong: [string, string][] = [
    ['', 'expected 1 bytes at byte 0'],
    ['0000', "the header's end, got 1 bytes more"],
    ['1817', 'shortest form'],
    ['190017', 'shortest form'],
    ['1900ff', 'shortest form'],
    ['1a0000ffff', 'shortest form'],
    ['1b00000000ffffffff', 'shortest form'],
    ['1b0020000000000000', 'shortest form'],
    ['3b001fffffffffffff', 'of 53 bits'],
    ['fb4000000000000000', 'with a fraction'],
    ['fb7ff0000000000000', 'with a fraction'],
    ['fb7ff8000000000000', 'with a fraction'],
    ['f93c00', 'expected a number, text or list at byte 0'],
    ['40', 'expected a number, text or list at byte 0'],
    ['a0', 'expected a number, text or list at byte 0'],
    ['c000', 'expected a number, text or list at byte 0'],
    ['f6', 'expected a number, text or list at byte 0'],
    ['9fff', 'expected the length of a value'],
    ['1c', 'expected the length of a value'],
    ['62c3', 'expected 2 bytes at byte 1'],
    ['62c328', 'text in UTF-8'],
    ['9affffffff', 'expected a list of at most 0 values'],
    ['7affffffff', 'expected 4294967295 bytes'],
    ['81'.repeat(9), 'at most 8 levels'],
    [`9865${'80'.repeat(101)}`, 'at most 100 fields, got more'],
  ];

  it.each(wrong)('%s are refused', (hex, expected) => {
    expect(() => read(hex)).toThrow(expected);
  });

  it('are counted by lists', () => {
    expect(listCount([1, [2, ['a']], []])).toBe(4);
    expect(listCount('a')).toBe(0);
  });
});
