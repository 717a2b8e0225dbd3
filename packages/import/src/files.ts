import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { HbnnError } from '@hbnn/core';

/** Read a file's bytes. @throws HbnnError saying why it cannot be read */
export function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new HbnnError(`${file}: could not be read: ${why}; name the file of a network`);
  }
}

/** SHA-256 of bytes, in hexadecimal digits. */
export const digestOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** Read a file as JSON. @throws HbnnError where it is none */
export function jsonOf(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new HbnnError(
      `${file}: is not JSON (${(error as Error).message.replaceAll('\n', ' ')}); save the network again`,
    );
  }
}

/** A path that a file names, which must lie in the file's folder. */
export function besideFile(file: string, path: string): string {
  const plain = normalize(path);
  if (!isAbsolute(plain) && !plain.split(/[/\\]/).includes('..')) return join(dirname(file), plain);
  throw new HbnnError(
    `${file}: expected files of weights in its own folder, got '${path}'; move them beside it`,
  );
}
