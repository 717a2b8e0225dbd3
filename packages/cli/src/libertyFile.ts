import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AvoidedCells } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import {
  type CellFile,
  cellFile,
  type LibertyLibrary,
  type ReadInclude,
  readLiberty,
} from '@hbnn/estimator';
import { unreadable } from './unreadable.ts';

/**
 * Read a Liberty file, which may be gzipped and include others, for an estimate.
 *
 * @param flag the option that names it
 * @param dontUse cells to stay away from, whose patterns are checked once all files are read
 * @throws HbnnError where it cannot be read, and as `readLiberty`
 */
export const readLibertyFile = (
  flag: string,
  file: string,
  dontUse?: AvoidedCells,
): LibertyLibrary => ({
  ...readLiberty(textOf(flag, file), file, { dontUse, include: readInclude(flag) }),
  file: basename(file),
});

/** The same for synthesis. @throws HbnnError where it cannot be read, and as `cellFile` */
export const readCellFile = (flag: string, file: string, dontUse?: AvoidedCells): CellFile =>
  cellFile(textOf(flag, file), file, { dontUse, include: readInclude(flag) });

/** What --dont-use names. @throws HbnnError for an empty name */
export const avoidedCells = (text: string | undefined): AvoidedCells | undefined =>
  text === undefined ? undefined : new AvoidedCells(text.split(','), '--dont-use');

/** A file that another one includes; it is looked for beside that one. */
const readInclude =
  (flag: string): ReadInclude =>
  (name, from) => {
    const file = resolve(dirname(from), name);
    return { text: textOf(flag, file, ` that ${from} includes`), file };
  };

/** What fits into one text: libraries have some hundred megabytes. */
const maxTextBytes = 2 ** 29 - 1;

/** How compressed files begin. */
const compressions = [
  { name: 'gzip', bytes: [0x1f, 0x8b] },
  { name: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: 'bzip2', bytes: [0x42, 0x5a, 0x68] },
  { name: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'zip', bytes: [0x50, 0x4b, 0x03, 0x04] },
] as const;

function textOf(flag: string, file: string, role = ''): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const name = file === '' ? 'a file without a name' : file;
    throw unreadable(`${flag}: ${name}${role}`, error, 'name a Liberty file that can be read');
  }
  const compression = compressions.find((each) => each.bytes.every((byte, i) => bytes[i] === byte));
  if (compression === undefined) return Buffer.from(bytes).toString('utf8');
  if (compression.name !== 'gzip')
    throw new HbnnError(
      `${flag}: ${file}${role}: expected text or gzip, got ${compression.name}; unpack the file first`,
    );
  try {
    return gunzipSync(bytes, { maxOutputLength: maxTextBytes }).toString('utf8');
  } catch (error) {
    throw new HbnnError(
      `${flag}: ${file}${role}: expected a whole gzip file, got a damaged one (${(error as Error).message}); copy it again`,
    );
  }
}
