import { HbnnError } from '@hbnn/core';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder, not a file',
  EEXIST: 'there is a file of that name',
  EACCES: 'that is not permitted',
};

/** Why a file could not be read, in words. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return reasons[code ?? ''] ?? message;
}

/**
 * The error of a file that could not be read.
 *
 * @param wayOut what to do instead
 */
export const unreadable = (
  file: string,
  error: unknown,
  wayOut = 'name a file that can be read',
): HbnnError => new HbnnError(`${file}: could not be read: ${whyUnreadable(error)}; ${wayOut}`);

/**
 * The error of a path at which nothing lies.
 *
 * @param kind what was expected there
 * @param wayOut what to do instead
 */
export const missing = (
  path: string,
  kind: 'file' | 'folder' | 'file or folder',
  wayOut: string,
): HbnnError => new HbnnError(`${path}: could not be read: there is no such ${kind}; ${wayOut}`);
