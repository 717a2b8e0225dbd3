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

/** The error of a file that could not be read. */
export const unreadable = (file: string, error: unknown): HbnnError =>
  new HbnnError(
    `${file}: could not be read: ${whyUnreadable(error)}; name a file that can be read`,
  );
