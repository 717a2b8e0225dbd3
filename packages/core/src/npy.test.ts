import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HbnnError } from './error.ts';
import { decodeNpy, encodeNpy, type NpyArray } from './npy.ts';
import { random } from './random.ts';

/** A .npy file with any header text and data. */
function file(header: string, data: number, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const start = version === 1 ? 10 : 12;
  const bytes = new Uint8Array(start + text.length + data);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(text, start);
  return bytes;
}

const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

describe('encode and decode', () => {
  const arrays: NpyArray[] = [
    { shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-45, 0, -0, 1e38) },
    { shape: [3], data: Float64Array.of(Math.PI, -1e300, Number.NaN) },
    { shape: [2, 1, 2, 1], data: Uint8Array.of(0, 255, 7, 8) },
    { shape: [2], data: Int32Array.of(-2147483648, 2147483647) },
    { shape: [2], data: Uint32Array.of(0, 4294967295) },
    { shape: [1, 2], data: Int16Array.of(-32768, 32767) },
    { shape: [2, 1], data: Uint16Array.of(0, 65535) },
    { shape: [3], data: Int8Array.of(-128, 0, 127) },
    { shape: [], data: Float32Array.of(4) },
    { shape: [0, 5], data: new Float32Array(0) },
  ];
  it.each(arrays)('keep shape $shape', (array) => {
    const bytes = encodeNpy(array);
    expect(decodeNpy(bytes, 'x.npy')).toEqual(array);
    // Also when the bytes lie at an odd address.
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(decodeNpy(shifted.subarray(1), 'x.npy')).toEqual(array);
  });

  it('write the very bytes that numpy.save writes', () => {
    // numpy 2.4: np.save of np.arange(3, dtype='<i4').
    const text = `\x93NUMPY\x01\x00v\x00{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }`;
    const expected = `${text.padEnd(127)}\n\0\0\0\0\x01\0\0\0\x02\0\0\0`;
    const bytes = encodeNpy({ shape: [3], data: Int32Array.of(0, 1, 2) });
    expect(Buffer.from(bytes).toString('latin1')).toBe(expected);
  });

  it('read versions 2 and 3', () => {
    for (const version of [2, 3])
      expect(decodeNpy(file(header('<f4', '(2, 2)'), 16, version), 'x').shape).toEqual([2, 2]);
  });

  it.each([
    ['in another order', "{'shape': (2, 2), 'descr': '<f4', 'fortran_order': False}"],
    ['in double quotes', '{"descr": "<f4", "fortran_order": False, "shape": (2, 2)}'],
    ['over several lines', "{ 'descr': '<f4',\n'fortran_order' : False,\n 'shape': (2L, 2L, ) }\n"],
  ])('read a header %s, as NumPy does', (_, text) => {
    expect(decodeNpy(file(text, 16), 'x').shape).toEqual([2, 2]);
  });

  it('refuse other kinds of values by name', () => {
    const other = new Uint8ClampedArray(3) as unknown as Uint8Array;
    expect(() => encodeNpy({ shape: [3], data: other })).toThrow(/got Uint8ClampedArray\(3\);/);
    const text = 'w.npy' as unknown as Uint8Array;
    expect(() => decodeNpy(text, 'w.npy')).toThrow(/got a string; pass what readFile gives/);
  });

  it('refuse to write a shape that does not fit', () => {
    expect(() => encodeNpy({ shape: [3], data: new Float32Array(2) })).toThrow(HbnnError);
    expect(() => encodeNpy({ shape: [-1, -2], data: new Float32Array(2) })).toThrow(HbnnError);
  });
});

describe('hostile files', () => {
  const good = encodeNpy({ shape: [2, 3], data: new Float32Array(6) });
  it.each<[string, Uint8Array, RegExp]>([
    ['no bytes', new Uint8Array(0), /expected a \.npy file/],
    ['another file', new TextEncoder().encode('PK\x03\x04 something else'), /numpy\.save/],
    ['version 9', Uint8Array.from(good, (byte, i) => (i === 6 ? 9 : byte)), /format 1\.0/],
    ['half a header', good.subarray(0, 40), /cut short/],
    ['no header length', good.subarray(0, 9), /cut short/],
    ['half the data', good.subarray(0, good.length - 1), /cut short/],
    ['more data', new Uint8Array([...good, 0]), /more than one array/],
    ['booleans', file(header('|b1', '(2, 3)'), 6), /arr\.astype\('u1'\)/],
    ['complex numbers', file(header('<c8', '(2, 3)'), 48), /got '<c8'; save arr.real or arr.imag$/],
    ['dates', file(header('<M8[s]', '(2, 3)'), 48), /got '<M8\[s\]'; save numbers, as in/],
    ['texts', file(header('<U5', '(2, 3)'), 120), /got '<U5'; save numbers, as in/],
    ['objects', file(header('|O', '(2, 3)'), 48), /got '\|O'; save numbers, as in/],
    [
      'an archive of arrays',
      Uint8Array.of(0x50, 0x4b, 3, 4),
      /got a ZIP archive, as \.npz files are; save one of its arrays/,
    ],
    ['long doubles', file(header('<f16', '(2, 3)'), 96), /'<f16'.*arr\.astype\('<f4'\)/],
    ['text', file(header('<U2', '(3,)'), 24), /'<U2'/],
    ['half of a float16', file(header('>f2', '(3,)'), 5), /cut short/],
    ['complex numbers', file(header('<c8', '(2, 3)'), 48), /'<c8'/],
    [
      'a structured type',
      file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4),
      /got \[\('a', '<f4'\)\]; save one field, as in numpy.save\(file, arr\['a'\]\)$/,
    ],
    ['an object array', file(header('|O', '(1,)'), 8), /'\|O'/],
    ['a prototype name', file(header('toString', '(1,)'), 8), /'toString'/],
    ['a negative size', file(header('<f4', '(-2, 3)'), 24), /whole numbers/],
    ['a huge size', file(header('<f4', '(999999999999,)'), 24), /cut short/],
    [
      'an overflowing product',
      file(header('<f4', '(4294967296, 4294967296, 4294967296)'), 24),
      /cut short/,
    ],
    ['an unsafe size', file(header('<f4', '(99999999999999999999,)'), 24), /whole numbers/],
    ['no shape', file("{'descr': '<f4', 'fortran_order': False}", 24), /fortran_order and shape/],
    ['nonsense', file('hello', 24), /fortran_order and shape/],
    [
      'no brace',
      file("'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24),
      /header with/,
    ],
    ['text behind', file(`${header('<f4', '(2, 3)').trim()} junk`, 24), /header with/],
    ['no comma', file(header('<f4', '(2, 3)').replace("'<f4',", "'<f4'"), 24), /header with/],
    ['two commas', file(header('<f4', '(2, 3)').replace("'<f4',", "'<f4',,"), 24), /header with/],
    ['an order in small letters', file(header('<f4', '(2, 3)', 'false'), 24), /header with/],
    [
      'an order that is a text',
      file(header('<f4', '(2, 3)', "'True'"), 24),
      /True or False as fort/,
    ],
    [
      'a further key',
      file(header('<f4', '(2, 3)').replace("'shape'", "'x': (1,), 'shape'"), 24),
      /no other keys than descr, fortran_order, shape in the \.npy header, got 'x'/,
    ],
    [
      'two dtypes',
      file(header('<f4', '(2, 3)').replace("'shape'", "'descr': '<i4', 'shape'"), 24),
      /expected descr once in the \.npy header, got '<f4' and '<i4'; save the array again/,
    ],
    [
      'two shapes',
      file(header('<f4', "(2, 3), 'shape': (3, 2)"), 24),
      /expected shape once in the \.npy header, got \(2, 3\) and \(3, 2\)/,
    ],
    [
      'two orders',
      file(header('<f4', "(2, 3), 'fortran_order': True"), 24),
      /expected fortran_order once/,
    ],
    ...['(6)', '(,)', '(2,,3)', '(02, 3)', '(2 3)', '(2.0, 3)', '(+2, 3)', "'(2, 3)'"].map(
      (shape): [string, Uint8Array, RegExp] => [
        `the shape ${shape}`,
        file(header('<f4', shape), 24),
        /shape of whole numbers, as in \(2, 3\) or \(6,\), got /,
      ],
    ),
  ])('%s', (_, bytes, message) => {
    expect(() => decodeNpy(bytes, 'w.npy')).toThrow(HbnnError);
    expect(() => decodeNpy(bytes, 'w.npy')).toThrow(message);
    expect(() => decodeNpy(bytes, 'w.npy')).toThrow(/^w\.npy: [^\n]*$/);
  });

  it('any bytes give an array or an HbnnError', () => {
    const seed = 2;
    const rng = random(seed, 'npy');
    for (let trial = 0; trial < 5000; trial++) {
      const bytes = good.slice(0, rng.below(good.length + 1));
      for (let change = 0; change < 3 && bytes.length > 0; change++)
        bytes[rng.below(bytes.length)] = rng.below(256);
      try {
        decodeNpy(bytes, 'w.npy');
      } catch (error) {
        expect(error, `seed ${seed} trial ${trial}`).toBeInstanceOf(HbnnError);
      }
    }
  });
});

interface Golden {
  readonly name: string;
  readonly file: string;
  readonly shape: number[];
  /** What NumPy says the values are, in C order. */
  readonly values: (number | string)[];
}

/** Written by test/golden/make_npy.py with NumPy. */
const golden = JSON.parse(
  readFileSync(new URL('../test/golden/npy.json', import.meta.url), 'utf8'),
) as Golden[];

describe('files that NumPy wrote', () => {
  it.each(golden.map((entry) => [entry.name, entry] as const))('%s', (_, entry) => {
    const { shape, data } = decodeNpy(Buffer.from(entry.file, 'base64'), entry.name);
    expect(shape).toEqual(entry.shape);
    expect([...data]).toEqual(entry.values.map(Number));
  });

  it('with integers that float64 does not hold are refused at the element', () => {
    const bytes = file(header('<u8', '(2,)'), 16);
    new DataView(bytes.buffer).setBigUint64(bytes.length - 8, 2n ** 53n, true);
    expect(() => decodeNpy(bytes, 'w.npy')).toThrow(/^w\.npy: .*9007199254740992 at element 1;/);
  });

  it('with every float16', () => {
    const text = header('>f2', '(65536,)');
    const bytes = file(text, 2 * 65536);
    const view = new DataView(bytes.buffer, bytes.length - 2 * 65536);
    for (let bits = 0; bits < 65536; bits++) view.setUint16(2 * bits, bits);
    const { data } = decodeNpy(bytes, 'w.npy');
    // Reals of each exponent grow by its unit in the last place, 2^-24 for the least two.
    for (let bits = 1; bits < 0x7c00; bits++) {
      const unit = 2 ** (Math.max(1, (bits - 1) >> 10) - 25);
      expect(data[bits] - data[bits - 1]).toBe(unit);
      expect(data[bits | 0x8000]).toBe(-data[bits]);
    }
    expect([data[0x3c00], data[0x7c00], data[0xfc00]]).toEqual([1, Infinity, -Infinity]);
    expect(data[0x7e00]).toBeNaN();
  });
});
