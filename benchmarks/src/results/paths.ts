import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HbnnError } from '@hbnn/core';

/**
 * Find out before hours of work whether a folder could be written at their end.
 *
 * @param option the one that names the folder
 */
export function checkWritable(folder: string, option: string): void {
  let there = resolve(folder);
  while (!existsSync(there)) there = dirname(there);
  try {
    if (!statSync(there).isDirectory()) throw new Error(`${there} is a file`);
    accessSync(there, constants.W_OK);
  } catch (error) {
    throw new HbnnError(
      `${option}: expected a folder that can be written, got ${folder} (${(error as Error).message}); choose another ${option}`,
    );
  }
}

/** Refuse a --from with nothing at it, before anything starts. @throws HbnnError */
export function checkSourcePath(from: string | undefined): void {
  if (from !== undefined && !existsSync(from))
    throw new HbnnError(
      `--from: expected the files of a data set, got '${from}', which does not exist; name an existing path`,
    );
}
