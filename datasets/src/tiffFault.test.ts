import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFiles } from './imageFiles.ts';
import { readPicture } from './picture.ts';
import { tiffFault } from './tiffFault.ts';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-tiff-'));
const [height, width] = [2, 3];

interface Layout {
  readonly little?: boolean;
  readonly big?: boolean;
  readonly bits?: number;
  readonly channels?: number;
  /** Further tags, and those that replace others; undefined leaves one out. */
  readonly tags?: Readonly<Record<number, readonly number[] | undefined>>;
  readonly data: ArrayLike<number>;
}

/** An uncompressed TIFF, as its specification lays it out; BigTIFF where `big`. */
function tiff({ little = true, big = false, bits = 8, channels = 3, tags, data }: Layout): Buffer {
  const lists = {
    256: [width],
    257: [height],
    258: Array.from({ length: channels }, () => bits),
    259: [1],
    262: [2],
    273: [16],
    277: [channels],
    278: [height],
    279: [data.length],
    ...tags,
  };
  const entries = Object.entries(lists).filter(([, values]) => values !== undefined);
  const [wide, entrySize, countSize] = big ? [8, 20, 8] : [4, 12, 2];
  const start = 16 + data.length + (data.length & 1);
  const valuesFrom = start + countSize + entries.length * entrySize + wide;
  const bytes = Buffer.alloc(valuesFrom + 64 * entries.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const put = (at: number, size: number, value: number): void => {
    if (size === 2) view.setUint16(at, value, little);
    else if (size === 4) view.setUint32(at, value, little);
    else view.setBigUint64(at, BigInt(value), little);
  };
  bytes.write(little ? 'II' : 'MM');
  put(2, 2, big ? 43 : 42);
  if (big) put(4, 2, 8);
  put(big ? 8 : 4, wide, start);
  bytes.set(Array.from(data), 16);
  put(start, countSize, entries.length);
  entries.forEach(([tag, values], i) => {
    const at = start + countSize + i * entrySize;
    put(at, 2, Number(tag));
    put(at + 2, 2, 3);
    put(at + 4, wide, values.length);
    const isInline = 2 * values.length <= wide;
    const valueAt = isInline ? at + 4 + wide : valuesFrom + 64 * i;
    if (!isInline) put(at + 4 + wide, wide, valueAt);
    values.forEach((value: number, k: number) => {
      put(valueAt + 2 * k, 2, value);
    });
  });
  return bytes;
}

let files = 0;
function written(layout: Layout): string {
  const file = join(folder, `${files++}.tif`);
  writeFileSync(file, tiff(layout));
  return file;
}

const bytesOf = (samples: number): number[] =>
  Array.from({ length: height * width * samples }, (_, i) => (i * 41) % 256);
const extra = (count: number) => ({ 338: Array.from({ length: count }, () => 0) });

describe('TIFF files that would be read as other colours', () => {
  it.each<[string, Layout, string]>([
    ['YCbCr', { tags: { 262: [6], 530: [1, 1] }, data: bytesOf(3) }, 'colours are YCbCr without'],
    ['CIE Lab', { tags: { 262: [8] }, data: bytesOf(3) }, 'colours are CIE L*a*b*'],
    ['16-bit Lab', { bits: 16, tags: { 262: [8] }, data: bytesOf(6) }, 'colours are CIE L*a*b*'],
    ['a kind without a name', { tags: { 262: [777] }, data: bytesOf(3) }, 'colours are kind 777'],
    [
      'floats',
      { bits: 32, tags: { 339: [3, 3, 3] }, data: bytesOf(12) },
      'a TIFF of floats: save it with 8 bits',
    ],
    [
      'one float channel',
      { bits: 32, channels: 1, tags: { 262: [1], 339: [3] }, data: bytesOf(4) },
      'a TIFF of floats',
    ],
    [
      'signed bytes',
      { channels: 1, tags: { 262: [1], 339: [2] }, data: bytesOf(1) },
      'a TIFF of signed integers',
    ],
    ['32 bits', { bits: 32, data: bytesOf(12) }, 'a TIFF of 32 bits per channel'],
    ['five channels', { channels: 5, tags: extra(2), data: bytesOf(5) }, 'a TIFF of 5 channels'],
    [
      'grey with two more channels',
      { tags: { 262: [1], ...extra(2) }, data: bytesOf(3) },
      'a TIFF of 3 channels, where its colours have 1 and alpha 1',
    ],
  ])('%s are refused by their name, in every byte order', async (_, layout, message) => {
    for (const order of [{}, { little: false }, { big: true }, { big: true, little: false }]) {
      const file = written({ ...layout, ...order });
      await expect(readPicture(file, [height, width, 3])).rejects.toThrow(message);
      const {
        bad: [bad],
      } = await checkFiles([file]);
      expect(bad.why).toContain(message);
    }
  });

  it.each<[string, Layout, readonly number[]]>([
    ['RGB', { data: bytesOf(3) }, bytesOf(3)],
    ['RGB of 16 bits', { bits: 16, data: bytesOf(3).flatMap((v) => [v, v]) }, bytesOf(3)],
    [
      'RGB with alpha',
      { channels: 4, tags: { 338: [2] }, data: bytesOf(4) },
      bytesOf(4).filter((_, i) => i % 4 !== 3),
    ],
    [
      'grey whose white is 0',
      { channels: 1, tags: { 262: [0] }, data: bytesOf(1).map((v) => 255 - v) },
      bytesOf(1).flatMap((v) => [v, v, v]),
    ],
  ])('%s are read as they are, in every byte order', async (_, layout, pixels) => {
    for (const order of [{}, { little: false }, { big: true }, { big: true, little: false }]) {
      const file = written({ ...layout, ...order });
      expect([...(await readPicture(file, [height, width, 3]))]).toEqual(pixels);
      expect((await checkFiles([file])).bad).toEqual([]);
    }
  });

  it('say nothing of files that are cut short: their decoder does', async () => {
    const whole = tiff({ tags: { 262: [6], 530: [1, 1] }, data: bytesOf(3) });
    const file = join(folder, 'cut.tif');
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length));
      const fault = await tiffFault(file);
      if (fault === undefined)
        await expect(readPicture(file, [height, width, 3])).rejects.toThrow(file);
    }
  });
});
