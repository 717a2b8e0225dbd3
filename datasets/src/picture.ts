import { existsSync, statSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import sharp from 'sharp';
import { decode, shownSize } from './imageFiles.ts';

/** What red, green and blue give to grey, after ITU-R BT.601. */
const grey = [0.299, 0.587, 0.114] as const;

/**
 * Read a picture as the 8-bit pixels of one image, [height, width, channels] with one channel of grey or three of red,
 * green and blue. It is neither resized nor cropped.
 *
 * @throws HbnnError naming the file: it cannot be read, or is of another size
 */
export async function readPicture(file: string, shape: readonly number[]): Promise<Uint8Array> {
  const [height, width, channels] = shape;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3))
    throw new HbnnError(
      `${file}: expected a model of images with 1 or 3 channels, got an input of ${shape.join('×')}; give its values in a .npy`,
    );
  if (!existsSync(file) || !statSync(file).isFile())
    throw new HbnnError(`${file}: could not be read: there is no such file; name one that can be`);
  const pixels = await decode(file, (image) => image);
  const shown = await shownSize(file);
  if (shown.height !== height || shown.width !== width)
    throw new HbnnError(
      `${file}: expected a picture of ${width}×${height} pixels, the model's size, got one of ${shown.width}×${shown.height}; resize it`,
    );
  if (channels === 3) return Uint8Array.from(pixels);
  return Uint8Array.from({ length: height * width }, (_, i) =>
    Math.round(grey.reduce((sum, share, c) => sum + share * pixels[3 * i + c], 0)),
  );
}

/**
 * An image as a PNG file's bytes.
 *
 * @param pixels 8-bit values, row by row, channels fastest
 * @param shape height, width and 1 or 3 channels
 * @throws HbnnError where the image is neither grey nor RGB
 */
export async function pngOf(
  pixels: Uint8Array,
  [height, width, channels]: readonly [height: number, width: number, channels: number],
): Promise<Uint8Array> {
  if (channels !== 1 && channels !== 3)
    throw new HbnnError(
      `a picture has 1 channel (grey) or 3 (RGB), got ${channels}; pick channels of the image`,
    );
  return sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
}
