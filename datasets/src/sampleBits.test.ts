import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { brightnessText, checkFiles, decode } from './imageFiles.ts';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-bits-'));
const side = 4;

const sixteen = (samples: readonly number[], little: boolean): Buffer => {
  const bytes = Buffer.alloc(2 * samples.length);
  samples.forEach((sample, i) => {
    if (little) bytes.writeUInt16LE(sample, 2 * i);
    else bytes.writeUInt16BE(sample, 2 * i);
  });
  return bytes;
};

/** A grey PNG of 16 bits, after its specification, with the significant bits of sBIT. */
function png(samples: readonly number[], sbit?: number): Buffer {
  const chunk = (name: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.from([0, 0, 0, side, 0, 0, 0, side, 16, 0, 0, 0, 0]);
  const rows = sixteen(samples, false);
  const lines = Array.from({ length: side }, (_, y) =>
    Buffer.concat([Buffer.alloc(1), rows.subarray(2 * side * y, 2 * side * (y + 1))]),
  );
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    ...(sbit === undefined ? [] : [chunk('sBIT', Buffer.from([sbit]))]),
    chunk('IDAT', deflateSync(Buffer.concat(lines))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A grey TIFF of 16 bits, after its specification, with the value of MaxSampleValue. */
function tiff(samples: readonly number[], maxSampleValue?: number): Buffer {
  const tags: readonly (readonly [tag: number, value: number])[] = [
    [256, side],
    [257, side],
    [258, 16],
    [259, 1],
    [262, 1],
    [273, 8],
    [277, 1],
    [278, side],
    [279, 2 * samples.length],
    ...(maxSampleValue === undefined ? [] : [[281, maxSampleValue] as const]),
  ];
  const directory = Buffer.alloc(2 + 12 * tags.length + 4);
  directory.writeUInt16LE(tags.length);
  tags.forEach(([tag, value], i) => {
    directory.writeUInt16LE(tag, 2 + 12 * i);
    directory.writeUInt16LE(3, 4 + 12 * i);
    directory.writeUInt32LE(1, 6 + 12 * i);
    directory.writeUInt16LE(value, 10 + 12 * i);
  });
  const head = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(8 + 2 * samples.length, 4);
  return Buffer.concat([head, sixteen(samples, true), directory]);
}

const count = side * side;
/** From black to the white of some bits. */
const ramp = (bits: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.round(((2 ** bits - 1) * i) / (count - 1)));
/** As PNG wants samples of some bits: over all 16. */
const stretched = (bits: number): number[] =>
  ramp(bits).map((sample) => (sample << (16 - bits)) | (sample >> (2 * bits - 16)));

let files = 0;
async function read(bytes: Buffer): Promise<{ grey: number[]; text: string; bits: number }> {
  const file = join(folder, `${files++}.${bytes[0] === 0x49 ? 'tif' : 'png'}`);
  writeFileSync(file, bytes);
  const pixels = await decode(file, (image) => image);
  const { bad, wide } = await checkFiles([file]);
  expect([bad, wide.length]).toEqual([[], 1]);
  const grey = Array.from({ length: count }, (_, i) => pixels[3 * i]);
  return { grey, text: brightnessText(wide), bits: wide[0].bits };
}

describe('images of 16 bits per channel', () => {
  const white = ramp(8);

  it.each([
    ['a PNG of all 16 bits', png(ramp(16)), 16],
    ['a PNG of 12 bits, stretched as the format wants it', png(stretched(12), 12), 16],
    ['a PNG of 12 bits that sBIT names, not stretched', png(ramp(12), 12), 12],
    ['a PNG of 10 bits that sBIT names, not stretched', png(ramp(10), 10), 10],
    ['a TIFF of all 16 bits', tiff(ramp(16), 65535), 16],
    ['a TIFF of 12 bits that MaxSampleValue names', tiff(ramp(12), 4095), 12],
    ['a TIFF that states fewer bits than it has', tiff(ramp(16), 4095), 16],
    ['a TIFF that states the largest value of its one image', tiff(ramp(16), 60000), 16],
  ] as const)('are as bright as they say: %s', async (_, bytes, bits) => {
    const found = await read(bytes);
    // sharp cuts the lower 8 of 16 bits off.
    for (const [i, value] of found.grey.entries())
      expect(Math.abs(value - white[i])).toBeLessThanOrEqual(1);
    expect(found.bits).toBe(bits);
    expect(found.text).toBe(
      bits === 16
        ? ''
        : `1 image of 16 bits per channel is read as samples of ${bits} bits, as sBIT or MaxSampleValue says`,
    );
  });

  it.each([
    ['a PNG of 12 bits', png(ramp(12)), 4095, 12, 16],
    ['a TIFF of 12 bits', tiff(ramp(12)), 4095, 12, 16],
    ['a TIFF of 14 bits with the largest value of one image', tiff(ramp(14), 16000), 16383, 14, 4],
    [
      'a dark PNG, stretched as sBIT says',
      png(
        ramp(8).map((v) => 16 * v),
        12,
      ),
      4080,
      12,
      16,
    ],
  ] as const)(
    'are told to be dark where nothing says how bright they are: %s',
    async (_, bytes, max, bits, factor) => {
      const { grey, text } = await read(bytes);
      expect(Math.max(...grey)).toBe(max >> 8);
      expect(text).toBe(
        `1 image of 16 bits per channel is dark: no sample is above ${max} of 65535; if a camera of ${bits} bits took them, multiply the samples by ${factor}, or state the bits (sBIT of PNG, MaxSampleValue ${2 ** bits - 1} of TIFF)`,
      );
    },
  );

  it('are not told to be dark where others are bright, or all are black', async () => {
    expect(
      brightnessText([
        { max: 4095, bits: 16 },
        { max: 40_000, bits: 16 },
      ]),
    ).toBe('');
    expect(brightnessText([{ max: 0, bits: 16 }])).toBe('');
    expect(brightnessText([])).toBe('');
    const two = brightnessText([
      { max: 4095, bits: 12 },
      { max: 900, bits: 16 },
    ]);
    expect(two).toMatch(
      /^1 image .* read as samples of 12 bits, .*; 1 image .* no sample is above 900 of/,
    );
  });
});
