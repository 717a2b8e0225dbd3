import { type FileHandle, open } from 'node:fs/promises';
import sharp from 'sharp';
import { bytesAt, readTags } from './tiffTags.ts';

/** The largest sample of 16 bits. */
export const full = 2 ** 16 - 1;

/** The samples of an image of 16 bits per channel. */
export interface WideSamples {
  /** The largest one. */
  readonly max: number;
  /** Bits of a white sample; 16 unless the file says otherwise. */
  readonly bits: number;
}

/**
 * The factor that samples are multiplied by, so that white is the largest of 16 bits. It is 1, unless an image of 16 bits
 * per channel says that its samples use fewer bits.
 */
export async function stretchOf(file: string): Promise<number> {
  const stated = await statedBits(file);
  if (stated === undefined || stated.bits === 16) return 1;
  return full / (2 ** (await usedBits(file, stated)) - 1);
}

/** The samples of an image of 16 bits per channel; undefined for other images. */
export async function wideSamples(file: string): Promise<WideSamples | undefined> {
  const stated = await statedBits(file);
  if (stated === undefined) return undefined;
  return { max: await largestSample(file), bits: await usedBits(file, stated) };
}

interface StatedBits {
  readonly bits: number;
  /** Whether the format wants samples of fewer bits stretched over all 16, as PNG does. */
  readonly isStretched: boolean;
}

/**
 * The bits that white has in a file's samples. A file may have samples beyond what it states; in a format that wants
 * samples stretched, they are only where one of them has bits below those that it states.
 */
async function usedBits(file: string, { bits, isStretched }: StatedBits): Promise<number> {
  if (bits === 16 || (await largestSample(file)) >= 2 ** bits) return 16;
  if (!isStretched) return bits;
  const below = 2 ** (16 - bits) - 1;
  return (await samplesOf(file)).some((sample) => (sample & below) !== 0) ? bits : 16;
}

/** The largest sample of an image's colours. */
async function largestSample(file: string): Promise<number> {
  const { hasAlpha } = await sharp(file, { failOn: 'error' }).metadata();
  const { channels } = await sharp(file, { failOn: 'error' }).stats();
  return Math.max(...channels.slice(0, hasAlpha ? -1 : undefined).map(({ max }) => max));
}

async function samplesOf(file: string): Promise<Uint16Array> {
  const { space = 'rgb16' } = await sharp(file, { failOn: 'error' }).metadata();
  const bytes = await sharp(file, { failOn: 'error' })
    .toColourspace(space)
    .removeAlpha()
    .raw({ depth: 'ushort' })
    .toBuffer();
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

/** What a PNG or TIFF of 16 bits per channel states; undefined for other files. */
async function statedBits(file: string): Promise<StatedBits | undefined> {
  const handle = await open(file);
  try {
    return (await pngBits(handle)) ?? (await tiffBits(handle));
  } finally {
    await handle.close();
  }
}

/** A TIFF states its largest value; only one that bits alone make is taken for white, not that of one image. */
async function tiffBits(handle: FileHandle): Promise<StatedBits | undefined> {
  const found = await readTags(handle);
  if (found === undefined || found.bitsPerSample.some((bits) => bits !== 16)) return undefined;
  const bits = Math.log2(Math.max(0, ...found.maxSampleValue) + 1);
  const isDepth = Number.isInteger(bits) && bits > 8 && bits < 16;
  return { bits: isDepth ? bits : 16, isStretched: false };
}

const pngSignature = 0x89504e470d0a1a0an;
/** Chunks before the pixels that are looked at; files have some ten. */
const maxChunks = 100;

async function pngBits(handle: FileHandle): Promise<StatedBits | undefined> {
  const head = await bytesAt(handle, 0, 33);
  if (head?.getBigUint64(0) !== pngSignature || head.getUint8(24) !== 16) return undefined;
  let at = 33;
  for (let i = 0; i < maxChunks; i++) {
    const chunk = await bytesAt(handle, at, 12);
    const name = chunk?.getUint32(4);
    if (chunk === undefined || name === idat) break;
    if (name === sbit) {
      const bits = chunk.getUint8(8);
      return { bits: bits > 8 && bits < 16 ? bits : 16, isStretched: true };
    }
    at += 12 + chunk.getUint32(0);
  }
  return { bits: 16, isStretched: true };
}

/** Names of chunks: IDAT and sBIT. */
const idat = 0x49444154;
const sbit = 0x73424954;
