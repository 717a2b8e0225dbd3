import { gzipSync } from 'node:zlib';
import { type IdxArray, readIdx } from '@hbnn/datasets';
import { placed } from '../placed.ts';
import { holds, type Reader } from '../reader.ts';

function written(type: number, sizes: readonly number[], itemBytes: number): Uint8Array {
  const head = Buffer.alloc(4 + 4 * sizes.length);
  head[2] = type;
  head[3] = sizes.length;
  sizes.forEach((size, i) => {
    head.writeUInt32BE(size, 4 + 4 * i);
  });
  const count = sizes.reduce((product, size) => product * size, 1);
  return Buffer.concat([head, Uint8Array.from({ length: count * itemBytes }, (_, i) => i & 63)]);
}

const kinds: readonly (readonly [number, number])[] = [
  [8, 1],
  [9, 1],
  [11, 2],
  [12, 4],
  [13, 4],
  [14, 8],
];

export const reader = (): Promise<Reader<IdxArray>> =>
  Promise.resolve({
    form: 'bytes',
    seeds: [
      ...kinds.map(([type, bytes]) => written(type, [2, 3], bytes)),
      written(8, [2, 3, 3], 1),
      gzipSync(written(8, [4, 2, 2], 1)),
    ],
    read: (bytes) => readIdx(placed('input.idx', bytes)),
    check({ shape, data }) {
      const size = shape.reduce((product, n) => product * n, 1);
      holds(size === data.length, 'as many values as the shape says');
    },
  });
