import type { FileHandle } from 'node:fs/promises';

/** Tags of a TIFF that say how its numbers become colours, with what they are where a file states none. */
const tags = {
  bitsPerSample: { tag: 258, unstated: [1] },
  compression: { tag: 259, unstated: [1] },
  photometric: { tag: 262, unstated: [] },
  samplesPerPixel: { tag: 277, unstated: [1] },
  sampleFormat: { tag: 339, unstated: [1] },
  maxSampleValue: { tag: 281, unstated: [] },
  subsampling: { tag: 530, unstated: [2, 2] },
} as const;

export type Tags = Readonly<Record<keyof typeof tags, readonly number[]>>;

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
export async function readTags(handle: FileHandle): Promise<Tags | undefined> {
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
export async function bytesAt(
  handle: FileHandle,
  at: number,
  length: number,
): Promise<DataView | undefined> {
  if (!Number.isSafeInteger(at)) return undefined;
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  return bytesRead === length ? new DataView(bytes.buffer) : undefined;
}
