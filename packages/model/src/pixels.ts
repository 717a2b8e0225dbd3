import { HbnnError, kindOf } from '@hbnn/core';
import { type FeatureShape, featureCount } from './integerModel.ts';

/** Images with fewer pixels are not examined for RGBA bytes: a chance pattern of few bytes tells nothing. */
const minRgbaPixels = 16;

/**
 * Check the pixels of a batch of images, one byte per value, and count the images.
 *
 * @param shape of one image, [height, width, channels]
 * @throws HbnnError when they are not bytes (floats, a plain array, RGBA of a canvas) or no whole number of images
 */
export function countImages(pixels: unknown, shape: FeatureShape): number {
  const size = featureCount(shape);
  const wanted = `${shape.join('×')} = ${size} pixel values`;
  if (pixels instanceof Uint8ClampedArray)
    throw new HbnnError(
      `run: expected a Uint8Array with images of ${wanted} each, got ${kindOf(pixels)}, as ImageData has it for RGBA; convert it by pixelsFromRgba(imageData, model.input.shape)`,
    );
  if (!(pixels instanceof Uint8Array))
    throw new HbnnError(
      `run: expected a Uint8Array with images of ${wanted} each, from 0 to 255, got ${kindOf(pixels)}; ${wayOut(pixels)}`,
    );
  const count = pixels.length / size;
  if (!Number.isInteger(count))
    throw new HbnnError(
      `run: expected images of ${wanted} each, got ${pixels.length} values; pass whole images${rgbaHint(pixels, shape)}`,
    );
  if (isRgba(pixels, shape))
    throw new HbnnError(
      `run: expected images of ${wanted} each, got ${pixels.length} values of which every fourth is 255, as in RGBA; convert each image by pixelsFromRgba, or run them one at a time if they are ${count} images`,
    );
  return count;
}

function wayOut(pixels: unknown): string {
  if (pixels instanceof Float32Array || pixels instanceof Float64Array)
    return 'an integer model takes the 8-bit pixels themselves: for values from 0 to 1, Uint8Array.from(values, (v) => Math.round(255 * v))';
  if (pixels instanceof ArrayBuffer) return 'pass new Uint8Array(buffer)';
  if (pixels instanceof Promise) return 'await it first';
  if (Array.isArray(pixels) || ArrayBuffer.isView(pixels))
    return 'pass Uint8Array.from(pixels) where its values are whole numbers from 0 to 255';
  if (typeof pixels === 'object' && pixels !== null && 'data' in pixels && 'width' in pixels)
    return 'convert an ImageData by pixelsFromRgba(imageData, model.input.shape)';
  return 'pass the images as a Uint8Array';
}

function rgbaHint(pixels: Uint8Array, [height, width]: FeatureShape): string {
  return pixels.length > 0 && pixels.length % (4 * height * width) === 0
    ? '; RGBA of a canvas is converted by pixelsFromRgba'
    : '';
}

/**
 * Whether bytes can only be RGBA with an opaque alpha: every fourth is 255 while others are neither 0 nor 255, as
 * patterns drawn in black and white would be.
 */
function isRgba(pixels: Uint8Array, [height, width, channels]: FeatureShape): boolean {
  const place = height * width;
  if (channels === 4 || place < minRgbaPixels || pixels.length === 0) return false;
  if (pixels.length % (4 * place) !== 0) return false;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i] !== 255) return false;
  return pixels.some((value) => value !== 0 && value !== 255);
}

/** An image in RGBA, 4 bytes per pixel: what a canvas's `getImageData` gives. */
export interface RgbaImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * Take the pixels that a model reads out of an RGBA image of its size: red, green and blue, or for one channel
 * their luma 0.299 R + 0.587 G + 0.114 B, rounded. Alpha is left out.
 *
 * @param shape of the model's input, [height, width, 1 or 3]
 * @throws HbnnError when the image has another size, or the model another number of channels
 */
export function pixelsFromRgba(image: RgbaImage, shape: FeatureShape): Uint8Array<ArrayBuffer> {
  const { data, width, height } = image ?? {};
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    throw new HbnnError(
      `pixelsFromRgba: expected an ImageData or { data, width, height }, got ${kindOf(image)}; pass what getImageData gives`,
    );
  const [rows, columns, channels] = shape;
  if (height !== rows || width !== columns || data.length !== 4 * rows * columns)
    throw new HbnnError(
      `pixelsFromRgba: expected ${columns}×${rows} RGBA pixels, got ${width}×${height} with ${data.length} bytes; draw the image at that size first`,
    );
  if (channels !== 1 && channels !== 3)
    throw new HbnnError(
      `pixelsFromRgba: expected a model with 1 or 3 channels, got ${channels}; arrange its pixels by hand`,
    );
  const out = new Uint8Array(rows * columns * channels);
  for (let p = 0; p < rows * columns; p++) {
    const [red, green, blue] = data.subarray(4 * p, 4 * p + 3);
    if (channels === 3) out.set([red, green, blue], 3 * p);
    else out[p] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
  }
  return out;
}
