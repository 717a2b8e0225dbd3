import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HbnnError } from '@hbnn/core';

/** A named array in a tensor file. */
export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

interface Header {
  readonly version: 1;
  readonly state: unknown;
  readonly arrays: readonly { name: string; shape: number[]; type: 'float32' | 'uint8' }[];
}

const magic = 'HBNNTEN1';
const digestBytes = 32;

/**
 * Write arrays and a JSON state as one file: magic, header length (uint32, little endian), JSON header,
 * the arrays' bytes one after the other, SHA-256 of all before. The file appears whole or not at all: it
 * is written beside its place, flushed to disk and renamed.
 */
export function writeTensorFile(file: string, arrays: readonly NamedArray[], state: unknown): void {
  const header: Header = {
    version: 1,
    state,
    arrays: arrays.map(({ name, shape, data }) => ({
      name,
      shape: [...shape],
      type: data instanceof Float32Array ? 'float32' : 'uint8',
    })),
  };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const parts = [
    Buffer.from(magic),
    length,
    json,
    ...arrays.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  ];
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  writeWhole(file, [...parts, digest.digest()]);
}

/**
 * Make a folder with its parents; returns the topmost one that was made, if any. Node's own recursive
 * mkdir never returns where a parent takes no new folders and says ENOENT (below /proc, for one).
 */
export function makeFolder(folder: string): string | undefined {
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return undefined;
    throw Object.assign(new Error(`${folder} is a file`), { code: 'ENOTDIR' });
  }
  const above = makeFolder(dirname(resolve(folder)));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have been faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return above ?? folder;
}

const nameAFile = 'it is a folder; give the name of a file';

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/** Why a file could not be written, and what to do, by the system's error code. */
function whyUnwritten(file: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (isFolder(file)) return nameAFile;
  const folder = dirname(resolve(file));
  switch (code) {
    case 'ENOENT':
      return `the folder ${folder} does not exist; make it or choose another place`;
    case 'ENOTDIR':
      return `${folder} is not a folder; choose another place`;
    case 'EACCES':
    case 'EPERM':
      return `writing there is not permitted (${code}); choose another place`;
    case 'EROFS':
      return 'the disk is read-only; choose another place';
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk is full (${code}); free disk space or choose another place`;
    default:
      return `${message}; choose another place`;
  }
}

/** Refuse a file whose folder does not exist, or that is a folder itself, before the work that makes its content. @throws HbnnError */
export function checkFolderOf(file: string): void {
  const folder = dirname(resolve(file));
  if (!existsSync(folder))
    throw new HbnnError(
      `${file}: could not be written: the folder ${folder} does not exist; make it or choose another place`,
    );
  if (!isFolder(folder))
    throw new HbnnError(
      `${file}: could not be written: ${folder} is not a folder; choose another place`,
    );
  if (isFolder(file)) throw new HbnnError(`${file}: could not be written: ${nameAFile}`);
}

const stopSignals = ['SIGINT', 'SIGTERM'] as const;

/** Write a file beside its place, flush it and rename it: readers see the old content or the new. */
export function writeWhole(file: string, parts: readonly Uint8Array[] | string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  // Signals wait until the file is in its place, so that none leaves the temporary one.
  const hold = (): void => {};
  for (const signal of stopSignals) process.on(signal, hold);
  try {
    const handle = openSync(temporary, 'w');
    try {
      for (const part of typeof parts === 'string' ? [Buffer.from(parts)] : parts) {
        for (let done = 0; done < part.length; ) done += writeSync(handle, part, done);
      }
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    takeAway(temporary);
    const kept = existsSync(file) && !isFolder(file) ? ' (it is as it was before)' : '';
    throw new HbnnError(`${file}: could not be written${kept}: ${whyUnwritten(file, error)}`);
  } finally {
    for (const signal of stopSignals) process.off(signal, hold);
  }
}

/** Take a half-written file away, where the disk still lets it; whoever writes there next does otherwise. */
function takeAway(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // What went wrong first is what is told.
  }
}

/** Remove a file, if it is there. @throws HbnnError where the folder or the disk does not let it */
export function removeFile(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch (error) {
    throw new HbnnError(`${file}: could not be removed: ${whyUnwritten(file, error)}`);
  }
}

/**
 * Read what writeTensorFile wrote.
 *
 * @throws HbnnError when the file is missing, of another kind, truncated or changed
 */
export function readTensorFile(file: string): { arrays: Map<string, NamedArray>; state: unknown } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new HbnnError(`${file}: could not be read (${(error as Error).message})`);
  }
  const broken = (what: string): HbnnError =>
    new HbnnError(`${file}: ${what}; delete it to start anew`);
  if (bytes.length < magic.length + 4 + digestBytes || bytes.toString('latin1', 0, 8) !== magic) {
    throw broken(`expected a tensor file (${magic}), got another kind or a truncated one`);
  }
  const body = bytes.subarray(0, bytes.length - digestBytes);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(body.length))) {
    throw broken('checksum differs, the file is truncated or was changed');
  }
  const start = magic.length + 4 + bytes.readUInt32LE(magic.length);
  const header = JSON.parse(bytes.toString('utf8', magic.length + 4, start)) as Header;
  return { arrays: readArrays(body, start, header), state: header.state };
}

function readArrays(body: Buffer, start: number, header: Header): Map<string, NamedArray> {
  const arrays = new Map<string, NamedArray>();
  let offset = start;
  for (const { name, shape, type } of header.arrays) {
    const count = shape.reduce((product, size) => product * size, 1);
    const bytes = new Uint8Array(count * (type === 'float32' ? 4 : 1));
    bytes.set(body.subarray(offset, offset + bytes.length));
    offset += bytes.length;
    const data = type === 'float32' ? new Float32Array(bytes.buffer) : bytes;
    arrays.set(name, { name, shape, data });
  }
  return arrays;
}
