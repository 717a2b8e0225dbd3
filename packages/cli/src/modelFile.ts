import { createReadStream } from 'node:fs';
import { HbnnError, type IntegerModel, readModel } from '@hbnn/core';

/** Read a .hbnn file as it comes from the disk. @throws HbnnError when it is missing, unreadable or damaged */
export async function readModelFile(file: string): Promise<IntegerModel> {
  const stream = createReadStream(file, { highWaterMark: 2 ** 20 });
  try {
    return await readModel(stream, file);
  } catch (error) {
    if (error instanceof HbnnError) throw error;
    throw new HbnnError(`${file}: could not be read (${(error as Error).message})`);
  } finally {
    stream.destroy();
  }
}
