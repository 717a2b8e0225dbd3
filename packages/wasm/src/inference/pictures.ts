import { HbnnError, kindOf } from '@hbnn/core';
import { type FeatureShape, pixelsFromRgba, type RgbaImage } from '@hbnn/model';

/** A canvas, an ImageBitmap, or an image or video element; only those that the environment can draw are taken. */
export interface DrawableImage {
  readonly width: number;
  readonly height: number;
}

/** What is needed of a VideoFrame. */
export interface DrawableFrame {
  readonly displayWidth: number;
  readonly displayHeight: number;
}

/** One image as pages have it. */
export type Picture = RgbaImage | DrawableImage | DrawableFrame;

/** Images as bytes, [count, height, width, channels], or one picture. */
export type ModelInput = Uint8Array | Picture;

interface Context {
  drawImage(image: unknown, x: number, y: number, width: number, height: number): void;
  clearRect(x: number, y: number, width: number, height: number): void;
  getImageData(x: number, y: number, width: number, height: number): RgbaImage;
}

interface Canvas extends DrawableImage {
  getContext(kind: '2d', options?: { readonly willReadFrequently: boolean }): Context | null;
}

/** Where pictures are drawn, to read their pixels; it is made when the first one comes. */
export interface Easel {
  context?: Context;
}

/** Fields that hold the size of what is drawn; `width` of an element is that of its place on the page. */
const sizeFields: Readonly<Record<string, readonly [string, string]>> = {
  HTMLCanvasElement: ['width', 'height'],
  OffscreenCanvas: ['width', 'height'],
  ImageBitmap: ['width', 'height'],
  HTMLImageElement: ['naturalWidth', 'naturalHeight'],
  HTMLVideoElement: ['videoWidth', 'videoHeight'],
  VideoFrame: ['displayWidth', 'displayHeight'],
};

/** The kind of a picture, from whichever window or frame it comes; undefined when it is none. */
function drawableKind(value: object): string | undefined {
  const [, kind = ''] = /^\[object (\w+)\]$/.exec(Object.prototype.toString.call(value)) ?? [];
  if (kind in sizeFields) return kind;
  // Canvases of Node.js have names of their own.
  return 'getContext' in value && 'width' in value ? 'OffscreenCanvas' : undefined;
}

/**
 * Take the pixels of what `run` was given: bytes as they are, a picture's by `pixelsFromRgba`.
 *
 * @param shape of the model's input
 * @throws HbnnError when a picture has another size, is not readable, or cannot be drawn here
 */
export function pixelsOfInput(input: unknown, shape: FeatureShape, easel: Easel): Uint8Array {
  // What is neither bytes nor a picture is refused where the images are counted.
  if (typeof input !== 'object' || input === null || ArrayBuffer.isView(input))
    return input as Uint8Array;
  if ('data' in input && 'width' in input && 'height' in input)
    return pixelsFromRgba(checkedRgba(input as unknown as RgbaImage, shape), shape);
  const kind = drawableKind(input);
  return kind === undefined
    ? (input as Uint8Array)
    : pixelsFromRgba(drawn(input, kind, shape, easel), shape);
}

function checkSize(kind: string, width: unknown, height: unknown, shape: FeatureShape): void {
  const [rows, columns] = shape;
  if (width === columns && height === rows) return;
  const wayOut =
    width === 0 || height === 0
      ? 'wait until it is loaded, and do not close it before'
      : `draw it at that size first: context.drawImage(image, 0, 0, ${columns}, ${rows})`;
  throw new HbnnError(
    `run: expected a picture of ${columns}×${rows} pixels, got a value of type ${kind} with ${String(width)}×${String(height)}; ${wayOut}`,
  );
}

function checkedRgba(image: RgbaImage, shape: FeatureShape): RgbaImage {
  const { data, width, height } = image;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    throw new HbnnError(
      `run: expected a picture in bytes, got ${kindOf(data)} as its data; read the canvas in 8 bits: context.getImageData(0, 0, ${shape[1]}, ${shape[0]})`,
    );
  checkSize('ImageData', width, height, shape);
  if (data.length !== 4 * width * height)
    throw new HbnnError(
      `run: expected a picture of ${width}×${height} RGBA pixels, ${4 * width * height} bytes, got ${data.length} bytes; pass its data alone, a Uint8Array, where it is ${shape.join('×')} values`,
    );
  return image;
}

function drawn(image: object, kind: string, shape: FeatureShape, easel: Easel): RgbaImage {
  const [rows, columns] = shape;
  const [width, height] = sizeFields[kind].map((field) => Reflect.get(image, field) as unknown);
  checkSize(kind, width, height, shape);
  easel.context ??= newContext(columns, rows);
  const { context } = easel;
  if (context === undefined) return readable(kind, () => ownPixels(image, kind, columns, rows));
  // What was drawn before must not shine through.
  context.clearRect(0, 0, columns, rows);
  return readable(kind, () => {
    context.drawImage(image, 0, 0, columns, rows);
    return context.getImageData(0, 0, columns, rows);
  });
}

/** A context to draw on; undefined where the environment has no canvas. */
function newContext(width: number, height: number): Context | undefined {
  const Offscreen: (new (width: number, height: number) => Canvas) | undefined = Reflect.get(
    globalThis,
    'OffscreenCanvas',
  );
  const page: { createElement(name: string): Canvas } | undefined = Reflect.get(
    globalThis,
    'document',
  );
  const canvas =
    Offscreen === undefined ? page?.createElement('canvas') : new Offscreen(width, height);
  if (canvas === undefined) return undefined;
  Object.assign(canvas, { width, height });
  return canvas.getContext('2d', { willReadFrequently: true }) ?? undefined;
}

/** The pixels of a canvas where no other canvas can be made, as in Node.js. */
function ownPixels(image: object, kind: string, width: number, height: number): RgbaImage {
  const context = 'getContext' in image ? (image as Canvas).getContext('2d') : null;
  if (context === null)
    throw new HbnnError(
      `run: expected pixels or an ImageData, got a value of type ${kind}, which cannot be drawn here; pass { data, width, height } in RGBA`,
    );
  return context.getImageData(0, 0, width, height);
}

function readable(kind: string, read: () => RgbaImage): RgbaImage {
  try {
    return read();
  } catch (error) {
    if (error instanceof HbnnError) throw error;
    throw new HbnnError(
      `run: expected a picture whose pixels can be read, got a value of type ${kind} (${String(error)}); load pictures of other servers with crossorigin="anonymous", and pass them before they are closed`,
    );
  }
}
