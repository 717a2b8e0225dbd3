/** Sides of an image in pixels, and images beside each other in a sheet. */
export const side = 28;
const columns = 20;

/** A sheet of images, read once. */
export class ImageSheet {
  private readonly pixels: Uint8ClampedArray;
  private readonly width: number;
  readonly count: number;

  private constructor(image: ImageBitmap) {
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.drawImage(image, 0, 0);
    this.pixels = context.getImageData(0, 0, image.width, image.height).data;
    this.width = image.width;
    this.count = (image.width / side) * (image.height / side);
  }

  static async load(url: string): Promise<ImageSheet> {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: the server answers ${answer.status}`);
    return new ImageSheet(
      await createImageBitmap(await answer.blob(), { colorSpaceConversion: 'none' }),
    );
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

/**
 * A picture as the networks were shown theirs: 28 × 28 grey pixels, light on black. One with a light background is
 * inverted.
 */
export function greyImage(picture: CanvasImageSource, width: number, height: number): Uint8Array {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
  const scale = Math.min(side / width, side / height);
  const [w, h] = [width * scale, height * scale];
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, (side - w) / 2, (side - h) / 2, w, h);
  const { data } = context.getImageData(0, 0, side, side);
  const grey = new Uint8Array(side * side);
  for (let i = 0; i < grey.length; i++) {
    const [r, g, b, a] = data.subarray(4 * i, 4 * i + 4);
    grey[i] = Math.round((0.299 * r + 0.587 * g + 0.114 * b) * (a / 255));
  }
  return lightBackground(grey) ? grey.map((value) => 255 - value) : grey;
}

function lightBackground(grey: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < side; i++)
    sum += grey[i] + grey[side * (side - 1) + i] + grey[side * i] + grey[side * i + side - 1];
  return sum / (4 * side) > 127;
}

/** Draw bytes on a canvas of 28 × 28 pixels. */
export function drawGrey(canvas: HTMLCanvasElement, grey: ArrayLike<number>, width = side): void {
  const height = grey.length / width;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const image = context.createImageData(width, height);
  for (let i = 0; i < grey.length; i++) image.data.set([grey[i], grey[i], grey[i], 255], 4 * i);
  context.putImageData(image, 0, 0);
}
