import { type FileHandle, open } from 'node:fs/promises';

/** Tags of a TIFF that say how its numbers become colours, with what they are where a file states none. */
const tags = {
  bitsPerSample: { tag: 258, unstated: [1] },
  compression: { tag: 259, unstated: [1] },
  photometric: { tag: 262, unstated: [] },
  samplesPerPixel: { tag: 277, unstated: [1] },
  sampleFormat: { tag: 339, unstated: [1] },
  subsampling: { tag: 530, unstated: [2, 2] },
} as const;

type Tags = Readonly<Record<keyof typeof tags, readonly number[]>>;

/** Photometric interpretations that are read, with the samples of a pixel without alpha. */
const colourSamples: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 3],
  [3, 1],
  [5, 4],
  [6, 3],
]);

const photometricNames: ReadonlyMap<number, string> = new Map([
  [4, 'a mask of transparency'],
  [6, 'YCbCr'],
  [8, 'CIE L*a*b*'],
  [9, 'ICC L*a*b*'],
  [10, 'ITU L*a*b*'],
  [32803, 'a colour filter array'],
  [32844, 'LogL'],
  [32845, 'LogLuv'],
  [34892, 'raw values of a sensor'],
]);

const formatNames: ReadonlyMap<number, string> = new Map([
  [2, 'signed integers'],
  [3, 'floats'],
  [5, 'complex integers'],
  [6, 'complex floats'],
]);

const yCbCr = 6;
const jpegCompression = 7;

/**
 * Why the pixels of a TIFF would be read as other colours than it shows; undefined where they would not, for files of
 * other formats, and for what is no whole TIFF, which its decoder refuses. sharp takes floats for linear light, cuts
 * off integers of 32 bits and negative ones, passes over further channels, and takes YCbCr for RGB where it is
 * neither compressed as JPEG nor subsampled.
 */
export async function tiffFault(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const found = await readTags(handle);
    return found && faultOf(found);
  } finally {
    await handle.close();
  }
}

function faultOf(found: Tags): string | undefined {
  const format = found.sampleFormat.find((value) => value !== 1 && value !== 4);
  if (format !== undefined)
    return `a TIFF of ${formatNames.get(format) ?? `numbers of kind ${format}`}: save it with 8 bits per channel`;
  const bits = found.bitsPerSample.find((value) => value > 16);
  if (bits !== undefined)
    return `a TIFF of ${bits} bits per channel: save it with 8 bits per channel`;
  const [photometric] = found.photometric;
  if (photometric === undefined) return undefined;
  const colour = photometricNames.get(photometric) ?? `kind ${photometric}`;
  const samples = colourSamples.get(photometric);
  if (samples === undefined) return `a TIFF whose colours are ${colour}: save it as RGB or grey`;
  const [channels] = found.samplesPerPixel;
  if (channels > samples + 1)
    return `a TIFF of ${channels} channels, where its colours have ${samples} and alpha 1: save it as RGB or grey`;
  const isWhole = found.subsampling.every((value) => value === 1);
  if (photometric === yCbCr && found.compression[0] !== jpegCompression && isWhole)
    return `a TIFF whose colours are ${colour} without JPEG compression: save it as RGB`;
  return undefined;
}

/** Entries of a directory and values of one tag that are looked at; files have some twenty, and as many as channels. */
const maxEntries = 1000;
const maxValues = 16;

/** Bytes of a value, by the type that an entry states: byte, short, long, and the long of BigTIFF. */
const valueSizes: ReadonlyMap<number, number> = new Map([
  [1, 1],
  [3, 2],
  [4, 4],
  [16, 8],
]);

/** The first directory of a TIFF or BigTIFF, whose numbers are wider. */
interface Directory {
  readonly entries: DataView;
  readonly little: boolean;
  readonly isBig: boolean;
}

/** The tags of a TIFF's first image; undefined for other formats and for what breaks off. */
async function readTags(handle: FileHandle): Promise<Tags | undefined> {
  const directory = await readDirectory(handle);
  if (directory === undefined) return undefined;
  const found = new Map<string, readonly number[]>();
  for (const [name, { tag, unstated }] of Object.entries(tags)) {
    const values = await readValues(handle, directory, tag, unstated);
    if (values === undefined) return undefined;
    found.set(name, values);
  }
  return Object.fromEntries(found) as Tags;
}

async function readDirectory(handle: FileHandle): Promise<Directory | undefined> {
  const start = await bytesAt(handle, 0, 16);
  const order = start?.getUint16(0);
  if (start === undefined || (order !== 0x4949 && order !== 0x4d4d)) return undefined;
  const little = order === 0x4949;
  const version = start.getUint16(2, little);
  if (version !== 42 && version !== 43) return undefined;
  const isBig = version === 43;
  const at = isBig ? numberAt(start, 8, 8, little) : numberAt(start, 4, 4, little);
  const countSize = isBig ? 8 : 2;
  const head = await bytesAt(handle, at, countSize);
  if (head === undefined) return undefined;
  const count = numberAt(head, 0, countSize, little);
  if (count > maxEntries) return undefined;
  const entries = await bytesAt(handle, at + countSize, count * (isBig ? 20 : 12));
  return entries && { entries, little, isBig };
}

/** The values of a tag, `unstated` where the directory has it not; undefined where they break off. */
async function readValues(
  handle: FileHandle,
  { entries, little, isBig }: Directory,
  tag: number,
  unstated: readonly number[],
): Promise<readonly number[] | undefined> {
  const [entrySize, wide] = isBig ? [20, 8] : [12, 4];
  for (let at = 0; at < entries.byteLength; at += entrySize) {
    if (entries.getUint16(at, little) !== tag) continue;
    const size = valueSizes.get(entries.getUint16(at + 2, little));
    if (size === undefined) return undefined;
    const count = Math.min(numberAt(entries, at + 4, wide, little), maxValues);
    const valueAt = at + 4 + wide;
    const lieInEntry = count * size <= wide;
    const values = lieInEntry
      ? new DataView(entries.buffer, entries.byteOffset + valueAt, count * size)
      : await bytesAt(handle, numberAt(entries, valueAt, wide, little), count * size);
    return (
      values && Array.from({ length: count }, (_, i) => numberAt(values, i * size, size, little))
    );
  }
  return unstated;
}

function numberAt(view: DataView, at: number, size: number, little: boolean): number {
  switch (size) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, little);
    case 4:
      return view.getUint32(at, little);
    default:
      return Number(view.getBigUint64(at, little));
  }
}

/** Bytes of a file; undefined where it has fewer. */
async function bytesAt(
  handle: FileHandle,
  at: number,
  length: number,
): Promise<DataView | undefined> {
  if (!Number.isSafeInteger(at)) return undefined;
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  return bytesRead === length ? new DataView(bytes.buffer) : undefined;
}
