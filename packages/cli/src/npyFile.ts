import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { decodeNpy, HbnnError, type NpyArray } from '@hbnn/core';

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'reading it is not permitted',
};

/** Read a .npy file. @throws HbnnError when it is missing, unreadable or malformed */
export function readNpyFile(file: string): NpyArray {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new HbnnError(`${file}: could not be read: ${reasons[code] ?? (error as Error).message}`);
  }
  return decodeNpy(bytes, file);
}

/**
 * Write several files into a folder, all or none: they are written to a folder beside it first. An
 * existing folder keeps its other files.
 */
export function writeFolder(folder: string, files: Readonly<Record<string, Uint8Array>>): void {
  const target = resolve(folder);
  if (existsSync(target) && !statSync(target).isDirectory()) {
    throw new HbnnError(
      `${folder}: expected a folder to write to, got a file; choose another --out`,
    );
  }
  let temporary: string | undefined;
  try {
    mkdirSync(dirname(target), { recursive: true });
    temporary = mkdtempSync(join(dirname(target), `.${basename(target)}-`));
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(temporary, name), bytes);
    mkdirSync(target, { recursive: true });
    for (const name of Object.keys(files)) renameSync(join(temporary, name), join(target, name));
  } catch (error) {
    throw new HbnnError(
      `${folder}: could not be written (${(error as Error).message}); free disk space or choose ` +
        'another --out',
    );
  } finally {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  }
}
