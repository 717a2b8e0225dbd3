import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { decodeNpy, HbnnError, type NpyArray } from '@hbnn/core';
import { makeFolder } from '@hbnn/train/files';
import { unreadable } from './unreadable.ts';

/** Read a .npy file. @throws HbnnError when it is missing, unreadable or malformed */
export function readNpyFile(file: string): NpyArray {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  return decodeNpy(bytes, file);
}

const outReasons: Record<string, string> = {
  ENOSPC: 'the disk is full; free space',
  EACCES: 'writing there is not permitted; choose another --out',
  EPERM: 'writing there is not permitted; choose another --out',
  EROFS: 'the disk is read-only; choose another --out',
  ENOTDIR: 'a file is in the way; choose another --out',
  ENOENT: 'no folder can be made there; choose another --out',
  EEXIST: 'a file is in the way; choose another --out',
};

/**
 * Write several files into a folder, all or none: they are written to a folder inside it first and
 * renamed into place together. The folder keeps its other files; one that was made for this and could not
 * be filled is removed again.
 */
export function writeFolder(folder: string, files: Readonly<Record<string, Uint8Array>>): void {
  if (folder === '')
    throw new HbnnError(
      '--out: expected a folder, got an empty name; name one, as in --out results',
    );
  const target = resolve(folder);
  const names = Object.keys(files);
  let made: string | undefined;
  let temporary: string | undefined;
  // A signal waits until everything is in place; it comes to nothing then but the end of the process.
  const hold = (): void => {};
  process.on('SIGINT', hold).on('SIGTERM', hold);
  try {
    made = makeFolder(target);
    for (const path of names.map((name) => join(target, name))) {
      if (existsSync(path) && !statSync(path).isFile()) {
        throw new HbnnError(
          `${path}: expected a file or nothing, got a folder; choose another --out`,
        );
      }
    }
    temporary = mkdtempSync(join(target, '.hbnn-'));
    for (const name of names) writeFileSync(join(temporary, name), files[name]);
    for (const name of names) renameSync(join(temporary, name), join(target, name));
  } catch (error) {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    if (error instanceof HbnnError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const why = outReasons[code] ?? `${(error as Error).message}; choose another --out`;
    throw new HbnnError(`${folder}: could not be written: ${why}`);
  } finally {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
    process.off('SIGINT', hold).off('SIGTERM', hold);
  }
}
