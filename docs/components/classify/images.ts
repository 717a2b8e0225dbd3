import { HbnnError } from '@hbnn/core';
import { fetched } from '../shared/fetched.ts';
import { cutPicture, isPicture } from './cutPictures.ts';

/** Sides of an image in pixels, and images beside each other in a sheet. */
export const side = 28;
const columns = 20;
/** Browsers warn of pixels that are read back from the graphics card. */
const readOften = { willReadFrequently: true };

/** A sheet of images, read once. */
export class ImageSheet {
  private readonly pixels: Uint8ClampedArray;
  private readonly width: number;
  readonly count: number;
  /** The file that it was read from. */
  readonly file: Blob;

  private constructor(file: Blob, image: ImageBitmap) {
    this.file = file;
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d', readOften) as OffscreenCanvasRenderingContext2D;
    context.drawImage(image, 0, 0);
    this.pixels = context.getImageData(0, 0, image.width, image.height).data;
    this.width = image.width;
    this.count = (image.width / side) * (image.height / side);
  }

  static async load(url: string): Promise<ImageSheet> {
    const file = await fetched(url, (answer) => answer.blob());
    return new ImageSheet(file, await createImageBitmap(file, { colorSpaceConversion: 'none' }));
  }

  /** The bytes of image i. */
  image(i: number): Uint8Array {
    const [top, left] = [Math.floor(i / columns) * side, (i % columns) * side];
    const found = new Uint8Array(side * side);
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        found[y * side + x] = this.pixels[4 * ((top + y) * this.width + left + x)];
    return found;
  }
}

/** Sides, in pixels, that a drawing in vectors gets which does not say its own. */
const vectorSide = 10 * side;

/**
 * Read a visitor's picture as the networks' input.
 *
 * @throws HbnnError when the file is none that the browser shows, is cut off, or the page may not read its pixels
 */
export async function greyImageOf(file: File): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes.length === 0)
    throw new HbnnError(
      `${file.name}: expected a picture, got an empty file; copy or download the picture again.`,
    );
  const cut = cutPicture(bytes);
  if (cut !== undefined)
    throw new HbnnError(
      `${file.name}: expected a whole ${cut}, got one whose end is missing; copy or download the picture again.`,
    );
  try {
    const picture = await createImageBitmap(file);
    const grey = greyImage(picture, picture.width, picture.height);
    picture.close();
    return grey;
  } catch {
    // Browsers read SVG in an image element alone, where its scripts do not run.
    const url = URL.createObjectURL(file);
    try {
      const picture = new Image();
      picture.src = url;
      await picture.decode();
      const { naturalWidth = 0, naturalHeight = 0 } = picture;
      return greyImage(drawn(picture), naturalWidth || vectorSide, naturalHeight || vectorSide);
    } catch (error) {
      // Browsers show a drawing that holds HTML, and keep its pixels from the page.
      if (error instanceof DOMException && error.name === 'SecurityError')
        throw new HbnnError(
          `${file.name}: expected a picture whose pixels the page may read, got one that the browser only shows (an SVG with foreignObject?); save it as PNG or JPEG.`,
        );
      throw new HbnnError(`${file.name}: ${unreadable(bytes)}.`);
    } finally {
      URL.revokeObjectURL(url);
    }
  }
}

/** What is wrong with a file that the browser does not show. */
const unreadable = (bytes: Uint8Array): string =>
  isPicture(bytes)
    ? 'expected a picture that this browser can show, got one that is damaged, or larger than the browser allows; make it smaller, or save it anew'
    : 'expected a picture, got a file of another kind, or of a kind that this browser does not know; save the picture as PNG or JPEG';

/** Sides, in pixels, up to which a drawing in vectors is drawn at its own size. */
const maxDrawnSide = 4096;

/** A drawing in vectors at its own size: one without a view box would be cut at a smaller size, and not made smaller. */
function drawn(picture: HTMLImageElement): CanvasImageSource {
  const { naturalWidth: width, naturalHeight: height } = picture;
  if (Math.min(width, height) < 1 || Math.max(width, height) > maxDrawnSide) return picture;
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.drawImage(picture, 0, 0, width, height);
  return canvas;
}

/** A picture as the networks were shown theirs, see `networkInput`. */
function greyImage(picture: CanvasImageSource, width: number, height: number): Uint8Array {
  const scale = Math.min(side / width, side / height);
  const [w, h] = [width, height].map((size) => Math.max(1, Math.round(size * scale)));
  const canvas = new OffscreenCanvas(w, h);
  const context = canvas.getContext('2d', readOften) as OffscreenCanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, w, h);
  return networkInput(context.getImageData(0, 0, w, h).data, w);
}

/**
 * Make the networks' input from a picture: 28 × 28 grey pixels, light on black. A picture with fewer rows or columns is
 * put in the middle of black. A picture with a light background is inverted. On a transparent background dark strokes
 * count as ink on white paper, and light ones as chalk on a black board.
 *
 * @param rgba four bytes a pixel, row by row, not multiplied by alpha
 */
export function networkInput(rgba: ArrayLike<number>, width: number): Uint8Array {
  const height = rgba.length / 4 / width;
  const pixels = Array.from({ length: width * height }, (_, i) => ({
    light: 0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2],
    cover: rgba[4 * i + 3] / 255,
  }));
  const isEdge = (i: number): boolean => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x === 0 || y === 0 || x === width - 1 || y === height - 1;
  };
  const edge = pixels.filter((_, i) => isEdge(i));
  const seeThrough = edge.reduce((sum, { cover }) => sum + 1 - cover, 0) > edge.length / 2;
  const isLight = seeThrough ? meanLight(pixels) < 128 : meanLight(edge) >= 128;
  const behind = isLight ? 255 : 0;
  const input = new Uint8Array(side * side);
  const [left, top] = [(side - width) >> 1, (side - height) >> 1];
  pixels.forEach(({ light, cover }, i) => {
    const seen = Math.round(light * cover + behind * (1 - cover));
    input[(top + Math.floor(i / width)) * side + left + (i % width)] = isLight ? 255 - seen : seen;
  });
  return input;
}

/** The mean of what covers, by how much it does; 255 where nothing does. */
function meanLight(pixels: readonly { light: number; cover: number }[]): number {
  let [sum, covers] = [0, 0];
  for (const { light, cover } of pixels) {
    sum += light * cover;
    covers += cover;
  }
  return covers > 0 ? sum / covers : 255;
}

/** Draw bytes on a canvas of 28 × 28 pixels. */
export function drawGrey(canvas: HTMLCanvasElement, grey: ArrayLike<number>, width = side): void {
  const height = grey.length / width;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', readOften) as CanvasRenderingContext2D;
  const image = context.createImageData(width, height);
  for (let i = 0; i < grey.length; i++) image.data.set([grey[i], grey[i], grey[i], 255], 4 * i);
  context.putImageData(image, 0, 0);
}
