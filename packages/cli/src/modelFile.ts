import { createReadStream, type Stats, statSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { type CheckedModel, readModel } from '@hbnn/model';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'reading it is not permitted',
};

function unreadable(file: string, error: unknown): HbnnError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new HbnnError(
    `${file}: could not be read: ${reasons[code] ?? (error as Error).message}; name a model file (hbnn lower, hbnn random)`,
  );
}

function statOf(file: string): Stats {
  try {
    return statSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * Read a .hbnn file, or a pipe, as it comes.
 *
 * @throws HbnnError when it is missing, unreadable or damaged
 */
export async function readModelFile(file: string): Promise<CheckedModel> {
  return (await readModelWithSize(file)).model;
}

/** The same, with the bytes that were read. */
export async function readModelWithSize(
  file: string,
): Promise<{ model: CheckedModel; bytes: number }> {
  const stat = statOf(file);
  // Only a regular file's size is what there is to read.
  const size = stat.isFile() ? stat.size : undefined;
  const stream = createReadStream(file, { highWaterMark: 2 ** 20 });
  try {
    const model = await readModel(stream, file, size);
    return { model, bytes: stream.bytesRead };
  } catch (error) {
    throw error instanceof HbnnError ? error : unreadable(file, error);
  } finally {
    stream.destroy();
  }
}
