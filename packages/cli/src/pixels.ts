import { HbnnError } from '@hbnn/core';
import type { readNpyFile } from './npyFile.ts';

/** Pixels of at least one image, read by `pixelsFrom`. @throws HbnnError where the file has no image */
export function somePixelsFrom(
  array: ReturnType<typeof readNpyFile>,
  expected: readonly number[],
  file: string,
): Uint8Array {
  const pixels = pixelsFrom(array, expected, file);
  if (pixels.length > 0) return pixels;
  throw new HbnnError(
    `${file}: expected at least one image, got [${array.shape.join(', ')}]; give a file that has some`,
  );
}

/** Whole pixel values 0 … 255 from any of the types a .npy may have; of no images none. */
export function pixelsFrom(
  { shape, data }: ReturnType<typeof readNpyFile>,
  expected: readonly number[],
  file: string,
): Uint8Array {
  const own = shape.length === expected.length + 1 ? shape.slice(1) : shape;
  if (own.join() !== expected.join())
    throw new HbnnError(
      `${file}: expected images of shape [images, ${expected.join(', ')}], got [${shape.join(', ')}]; reshape them, or give the images of this model`,
    );
  if (data instanceof Uint8Array) return data;
  const bad = data.findIndex((value) => !Number.isInteger(value) || value < 0 || value > 255);
  if (bad >= 0)
    throw new HbnnError(
      `${file}: expected pixels as whole numbers from 0 to 255, got ${data[bad]} at value ${bad}; save them as uint8`,
    );
  return Uint8Array.from(data);
}
