import { createReadStream, type Stats, statSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { type CheckedModel, readModel } from '@hbnn/model';
import { checkModelFile } from './pathKind.ts';
import { unreadable } from './unreadable.ts';

const unreadableModel = (file: string, error: unknown): HbnnError =>
  unreadable(file, error, 'name a model file (hbnn lower, hbnn random)');

function statOf(file: string): Stats {
  try {
    return statSync(file);
  } catch (error) {
    throw unreadableModel(file, error);
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
  checkModelFile(file);
  // Only a regular file's size is what there is to read.
  const size = stat.isFile() ? stat.size : undefined;
  const stream = createReadStream(file, { highWaterMark: 2 ** 20 });
  try {
    const model = await readModel(stream, file, size);
    return { model, bytes: stream.bytesRead };
  } catch (error) {
    throw error instanceof HbnnError ? error : unreadableModel(file, error);
  } finally {
    stream.destroy();
  }
}
