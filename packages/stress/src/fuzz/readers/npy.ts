import { decodeNpy, encodeNpy, type NpyArray } from '@hbnn/core';
import { holds, type Reader, sameBytes } from '../reader.ts';

const header = (descr: string, order: string, shape: string): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`;

/** A file as NumPy writes it, of a header's text and data that is all zeros but for a few bytes. */
function written(text: string, dataBytes: number): Uint8Array {
  const head = Buffer.from(text);
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, head.length, 0]);
  const data = Uint8Array.from({ length: dataBytes }, (_, i) => (i === 7 ? 0 : i & 3));
  return Buffer.concat([start, head, data]);
}

export const reader = (): Promise<Reader<NpyArray>> =>
  Promise.resolve({
    form: 'bytes',
    seeds: [
      encodeNpy({ shape: [2, 3], data: Float32Array.of(1, 2, 3, -1, 0.5, 0) }),
      encodeNpy({ shape: [], data: Float64Array.of(1) }),
      encodeNpy({ shape: [0, 4], data: new Uint8Array(0) }),
      written(header('>i2', 'True', '2, 2, 3'), 24),
      written(header('<f2', 'False', '3,'), 6),
      written(header('<i8', 'False', '0,'), 0),
      written(header('>u8', 'True', '0, 2'), 0),
    ],
    words: [
      "'descr': '<f4'",
      "'<u4'",
      "'|i1'",
      "'shape': (1,)",
      "'fortran_order': True",
      '0, ',
      'L, ',
    ],
    read: (bytes) => decodeNpy(bytes, 'input.npy'),
    check(array) {
      const size = array.shape.reduce((product, n) => product * n, 1);
      holds(size === array.data.length, 'as many values as the shape says');
      const again = decodeNpy(encodeNpy(array), 'again.npy');
      holds(sameBytes(encodeNpy(again), encodeNpy(array)), 'the same array after a round trip');
    },
  });
