import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { checkOptions as checkNames, HbnnError } from '@hbnn/core';
import { type ArrayPart, arrayDataset, type NumberArray } from './arrays.ts';
import { type Dataset, note, type OpenOptions } from './dataset.ts';

/** An array in the IDX format of MNIST. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: NumberArray;
}

/** The kinds of elements by the type byte of the header; all are big-endian. */
const elementKinds: Readonly<
  Record<number, { bytes: number; read: (view: DataView, count: number) => NumberArray }>
> = {
  8: { bytes: 1, read: (v, n) => new Uint8Array(v.buffer, v.byteOffset, n).slice() },
  9: { bytes: 1, read: (v, n) => new Int8Array(v.buffer, v.byteOffset, n).slice() },
  11: { bytes: 2, read: (v, n) => Int16Array.from({ length: n }, (_, i) => v.getInt16(2 * i)) },
  12: { bytes: 4, read: (v, n) => Int32Array.from({ length: n }, (_, i) => v.getInt32(4 * i)) },
  13: { bytes: 4, read: (v, n) => Float32Array.from({ length: n }, (_, i) => v.getFloat32(4 * i)) },
  14: { bytes: 8, read: (v, n) => Float64Array.from({ length: n }, (_, i) => v.getFloat64(8 * i)) },
};

/**
 * Read an IDX file, gzipped or not: two zero bytes, the type, the number of dimensions, each size as a big-endian
 * uint32, then the values.
 *
 * @throws HbnnError when the header is of another kind or the length does not match it
 */
export function parseIdx(packed: Uint8Array, where: string): IdxArray {
  const bytes = unpacked(packed, where);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = bytes.length < 4 || view.getUint16(0) !== 0 ? undefined : elementKinds[bytes[2]];
  if (kind === undefined)
    throw new HbnnError(
      `${where}: expected an IDX file (two zero bytes, then a type from 8 to 14), got ${bytes.length} bytes that start with ${[...bytes.subarray(0, 4)].join(' ') || 'nothing'}; it is another kind of file`,
    );
  const dimensions = view.getUint8(3);
  const start = 4 + 4 * dimensions;
  if (bytes.length < start)
    throw new HbnnError(`${where}: the IDX header is truncated; fetch the file again`);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length !== start + count * kind.bytes) {
    throw new HbnnError(
      `${where}: expected ${start + count * kind.bytes} bytes for shape [${shape.join(', ')}], got ${bytes.length}; ` +
        'the file is truncated or damaged, fetch it again',
    );
  }
  return {
    shape,
    data: kind.read(new DataView(bytes.buffer, bytes.byteOffset + start), count),
  };
}

/** The most bytes that an array may have: no data set in this format comes near it. */
const maxUnpackedBytes = 2 ** 31;

function unpacked(bytes: Uint8Array, where: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes });
  } catch (error) {
    throw new HbnnError(
      `${where}: could not be unpacked (${(error as Error).message}); it is truncated or damaged, fetch it again`,
    );
  }
}

/** The files of a data set in IDX: images and labels, each packed (.gz) or not. */
export interface IdxFiles {
  readonly name?: string;
  /** Class names by label, or how many there are; left out: as many as the labels tell. */
  readonly classes?: readonly string[] | number;
  readonly train: { readonly images: string; readonly labels: string };
  readonly test?: { readonly images: string; readonly labels: string };
}

/** Read a file of one array. @throws HbnnError when it is missing or no IDX file */
export function readIdx(file: string): IdxArray {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be read (${(error as Error).message}); name an IDX file`,
    );
  }
  return parseIdx(bytes, file);
}

/**
 * Open a data set of IDX files: MNIST, KMNIST, EMNIST and others in their format.
 *
 * @throws HbnnError naming the file that is missing, damaged or does not fit the others
 */
export function idxDataset(files: IdxFiles, o: OpenOptions = {}): Dataset {
  checkNames('idxDataset', files, ['name', 'classes', 'train', 'test']);
  const read = (part: IdxFiles['train']): ArrayPart => {
    checkNames('idxDataset', part, ['images', 'labels']);
    const images = readIdx(part.images);
    const labels = readIdx(part.labels);
    if (images.shape.length < 3 || images.shape.length > 4)
      throw new HbnnError(
        `${part.images}: expected images of shape [count, height, width] or [count, height, width, channels], got [${images.shape.join(', ')}]; are labels and images exchanged?`,
      );
    if (labels.shape.length !== 1 || labels.shape[0] !== images.shape[0])
      throw new HbnnError(
        `${part.labels}: expected ${images.shape[0]} labels, one for each image of ${part.images}, got shape [${labels.shape.join(', ')}]; take the files of one data set`,
      );
    noteChannelsFirst(part.images, images.shape, o);
    const bad = labels.data.findIndex((label) => !(Number.isInteger(label) && label >= 0));
    if (bad >= 0)
      throw new HbnnError(
        `${part.labels}: expected whole numbers from 0 on as labels, got ${labels.data[bad]} at image ${bad}; mend that label`,
      );
    return { images, labels: labels.data };
  };
  const train = read(files.train);
  const test = files.test && read(files.test);
  const parts = test === undefined ? [train] : [train, test];
  const labels = train.labels as NumberArray;
  const [label] = labels;
  if (labels.length > 0 && labels.every((own) => own === label))
    throw new HbnnError(
      `${files.train.labels}: expected labels of at least two classes, got ${label} for every image; add images of another class`,
    );
  if (test === undefined)
    note(
      o,
      `${files.train.images}: without files of test images, every fifth training image of each class is held out for the test`,
    );
  const largest = Math.max(...parts.map(({ labels }) => largestOf(labels as NumberArray)));
  return arrayDataset(
    {
      name: files.name ?? 'idx',
      classes: files.classes ?? largest + 1,
      train,
      ...(test && { test }),
    },
    o,
  );
}

/** Images of one or three channels that come first have the same number of dimensions: say how they are read. */
function noteChannelsFirst(file: string, shape: readonly number[], o: OpenOptions): void {
  const [, height, width, channels] = shape;
  if (channels === undefined || (height !== 1 && height !== 3) || channels <= 4) return;
  note(
    o,
    `${file}: [${shape.join(', ')}] is read as images of ${height}×${width} with ${channels} channels; if channels come first in it, put them last: arr.transpose(0, 2, 3, 1)`,
  );
}

function largestOf(labels: NumberArray): number {
  let largest = 0;
  for (const label of labels) largest = Math.max(largest, label);
  return largest;
}

/** @throws HbnnError where a file lies beside one that is packed and holds something else */
function checkAlike(folder: string, names: readonly string[]): void {
  const [first, ...others] = names.map((name) => {
    const file = join(folder, name);
    return { name, bytes: unpacked(readFileSync(file), file) };
  });
  const other = others.find(({ bytes }) => Buffer.compare(bytes, first.bytes) !== 0);
  if (other !== undefined)
    throw new HbnnError(
      `idx: expected ${first.name} and ${other.name} in ${folder} to hold the same, got two that differ; keep the one that is meant`,
    );
}

const trainName = /train.*(images|labels).*idx/i;
const testName = /(t10k|test).*(images|labels).*idx/i;

/**
 * Find the IDX files of a folder by their usual names: train-images-idx3-ubyte, train-labels-idx1-ubyte and the same
 * with t10k or test, after any prefix, packed or not.
 *
 * @throws HbnnError saying which file is missing or there twice
 */
export function idxFilesIn(folder: string): IdxFiles {
  let names: string[];
  try {
    names = readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    throw new HbnnError(
      `idx: expected a folder of IDX files, got ${folder} (${(error as Error).message}); pass the folder by --from`,
    );
  }
  const fileOf = (part: RegExp, what: 'images' | 'labels', usual: string): string | undefined => {
    const fitting = names.filter((name) => part.exec(name)?.includes(what));
    // The same file packed and unpacked is one.
    const stems = new Set(fitting.map((name) => name.replace(/\.gz$/i, '')));
    if (stems.size > 1)
      throw new HbnnError(
        `idx: expected one ${usual} in ${folder}, found ${[...stems].join(' and ')}; keep the files of one data set there`,
      );
    if (fitting.length > 1) checkAlike(folder, fitting);
    return fitting[0] === undefined ? undefined : join(folder, fitting[0]);
  };
  const pair = (part: RegExp, prefix: string): IdxFiles['train'] | undefined => {
    const [imagesName, labelsName] = [`${prefix}-images-idx3-ubyte`, `${prefix}-labels-idx1-ubyte`];
    const images = fileOf(part, 'images', imagesName);
    const labels = fileOf(part, 'labels', labelsName);
    if (images !== undefined && labels !== undefined) return { images, labels };
    if (images === undefined && labels === undefined) return undefined;
    throw new HbnnError(
      `idx: expected ${images === undefined ? imagesName : labelsName} (or .gz) beside ${images ?? labels}, found none; add it`,
    );
  };
  const train = pair(trainName, 'train');
  if (train === undefined)
    throw new HbnnError(
      `idx: expected train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz) in ${folder}, found ${names.length === 0 ? 'no files' : names.slice(0, 5).join(', ')}; add them`,
    );
  const test = pair(testName, 't10k');
  return { train, ...(test && { test }) };
}
