import { HbnnError, kindOf } from '@hbnn/core';
import { checkOptions, type Dataset, memoryDataset, note, type OpenOptions } from './dataset.ts';
import { floatDataset, type ReadPart } from './floatImages.ts';
import { imageSize, type LabelledImages, labelledImages } from './images.ts';

/** Numbers in memory, or an array of NumPy's as `decodeNpy` of @hbnn/core reads it, whose shape is checked too. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;
export type ShapedArray = {
  readonly shape: readonly number[];
  readonly data: NumberArray;
};

/** Some images with a label each. */
export interface ArrayPart {
  /** Row-major [count, height, width, channels]. */
  readonly images: NumberArray | ShapedArray;
  /** Class numbers from 0 on, or class names. */
  readonly labels: NumberArray | ShapedArray | readonly (number | string)[];
}

/** What the values of float images are; whole-number arrays hold 8-bit pixels. */
export type FloatPixels = 'unit' | 'pixels' | 'normalized';
const floatKinds: readonly FloatPixels[] = ['unit', 'pixels', 'normalized'];

/** A user's own images, and what they are. */
export interface ArrayImages {
  readonly name?: string;
  /** The shape of one image, [height, width, channels]; may be left out where the arrays have shapes. */
  readonly shape?: readonly number[];
  /** Class names by class number, or how many classes there are. */
  readonly classes: readonly string[] | number;
  readonly train: ArrayPart;
  /** Left out: every fifth training image of each class is held out for the test. */
  readonly test?: ArrayPart;
  readonly validation?: ArrayPart;
  /**
   * `unit` (the default): values from 0 to 1, rounded to 8 bits. `pixels`: whole values from 0 to 255. `normalized`:
   * any values, taken as they are; a network trained on them has no integer model, which takes pixels.
   */
  readonly floats?: FloatPixels;
}

/** Without test images, every fifth training image of a class is held out. */
const holdOut = 5;

/**
 * Make a data set of images in memory: what `evaluate`, `fineTune` and `exportModel` of @hbnn/train take.
 *
 * @throws HbnnError naming the part and the image: shapes, counts, values or labels that do not fit
 */
export function arrayDataset(images: ArrayImages, o: OpenOptions = {}): Dataset {
  const where = images?.name ?? 'images';
  if (typeof images !== 'object' || images === null)
    throw new HbnnError(
      `arrayDataset: expected { classes, train: { images, labels }, … }, got ${kindOf(images)}; pass an object`,
    );
  const known = ['name', 'shape', 'classes', 'train', 'test', 'validation', 'floats'];
  const unknown = Object.keys(images).find((field) => !known.includes(field));
  if (unknown !== undefined)
    throw new HbnnError(
      `${where}: expected the fields ${known.join(', ')}, got '${unknown}' too; leave it out`,
    );
  checkOptions(where, o);
  const { floats = 'unit' } = images;
  if (!floatKinds.includes(floats))
    throw new HbnnError(
      `${where}: expected floats as ${floatKinds.join(', ')}, got ${typeof floats === 'string' ? `'${String(floats)}'` : kindOf(floats)}; name one of them`,
    );
  const classes = classNames(images.classes, where);
  const about = { name: where, label: where, classes };
  const shape = imageShape(images, where);
  const parts = {
    train: images.train,
    ...(images.test !== undefined && { test: images.test }),
    ...(images.validation !== undefined && { validation: images.validation }),
  };
  const read = Object.entries(parts).map(([part, given]): [string, ReadPart] => [
    part,
    readPart(given, { shape, classes, floats, where: `${where} ${part}` }),
  ]);
  const { train, test, validation } = Object.fromEntries(read) as Partial<Record<string, ReadPart>>;
  if (train === undefined)
    throw new HbnnError(
      `${where}: expected images to train on, got none; give them as train: { images, labels }`,
    );
  noteMissingClasses(train.labels, classes, where, o);
  const [trained, tested] = test === undefined ? heldOut(train, where) : [train, test];
  if (floats === 'normalized')
    return floatDataset(about, shape, { train: trained, test: tested, validation }, o);
  const bytes = (part: ReadPart): LabelledImages =>
    labelledImages(part.values as Uint8Array, part.labels, shape, classes.length, where);
  return memoryDataset(
    about,
    {
      train: bytes(trained),
      test: bytes(tested),
      ...(validation && { validation: bytes(validation) }),
    },
    o,
  );
}

function classNames(classes: readonly string[] | number, where: string): string[] {
  if (typeof classes === 'number' && Number.isSafeInteger(classes) && classes > 0)
    return Array.from({ length: classes }, (_, k) => String(k));
  if (
    !Array.isArray(classes) ||
    classes.length === 0 ||
    !classes.every((c) => typeof c === 'string')
  )
    throw new HbnnError(
      `${where}: expected classes as a list of names or their number, got ${kindOf(classes)}; give ['cat', 'dog'] or 2`,
    );
  const twice = classes.find((name, k) => classes.indexOf(name) !== k);
  if (twice !== undefined)
    throw new HbnnError(
      `${where}: expected class names that differ, got '${twice}' twice; rename one`,
    );
  return [...classes];
}

const isShaped = (value: unknown): value is ShapedArray =>
  typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;

const isNumbers = (value: unknown): value is NumberArray =>
  ArrayBuffer.isView(value) &&
  !(value instanceof DataView) &&
  !(value instanceof BigInt64Array) &&
  !(value instanceof BigUint64Array);

/** The shape of one image: as given, or that of the training array; [height, width] has one channel. */
function imageShape({ shape, train }: ArrayImages, where: string): LabelledImages['shape'] {
  const found = shape ?? (isShaped(train?.images) ? train.images.shape.slice(1) : undefined);
  if (found === undefined)
    throw new HbnnError(
      `${where}: expected the shape of one image, [height, width, channels], got none; give shape`,
    );
  const full = Array.isArray(found) && found.length === 2 ? [...found, 1] : found;
  if (full.length !== 3 || !full.every((n) => Number.isSafeInteger(n) && n > 0))
    throw new HbnnError(
      `${where}: expected the shape of one image as [height, width, channels], got [${[...found].join(', ')}]; give three sizes above 0`,
    );
  return [full[0], full[1], full[2]];
}

interface Expected {
  readonly shape: LabelledImages['shape'];
  readonly classes: readonly string[];
  readonly floats: FloatPixels;
  readonly where: string;
}

function readPart(part: ArrayPart, expected: Expected): ReadPart {
  const { where, shape } = expected;
  if (typeof part !== 'object' || part === null || !('images' in part) || !('labels' in part))
    throw new HbnnError(`${where}: expected { images, labels }, got ${kindOf(part)}; pass both`);
  const size = imageSize(shape);
  const data = numbersOf(part.images, shape, where);
  const labels = labelsOf(part.labels, expected);
  if (data.length !== labels.length * size)
    throw new HbnnError(
      `${where}: expected ${labels.length} images of ${shape.join('×')} for ${labels.length} labels, got ${data.length} values (${Number((data.length / size).toFixed(3))} images); make them agree`,
    );
  if (labels.length === 0)
    throw new HbnnError(`${where}: expected at least one image, got none; leave the part out`);
  return { values: pixelsOf(data, size, expected), labels, size };
}

/** The values of an images array, whose shape must be [count, …shape] where it has one. */
function numbersOf(
  images: ArrayPart['images'],
  shape: LabelledImages['shape'],
  where: string,
): NumberArray {
  const data: unknown = isShaped(images) ? images.data : images;
  if (!isNumbers(data))
    throw new HbnnError(
      `${where}: expected images as a typed array (Uint8Array, Float32Array, …) or { shape, data }, got ${kindOf(images)}; ${Array.isArray(images) ? 'pass Float32Array.from(images.flat(Infinity))' : 'convert them'}`,
    );
  if (!isShaped(images)) return data;
  const [count, ...own] = images.shape;
  const full = own.length === 2 ? [...own, 1] : own;
  if (full.join() === shape.join() && count * imageSize(shape) === data.length) return data;
  const [channels, height, width] = own;
  const first = own.length === 3 && [height, width, channels].join() === shape.join();
  throw new HbnnError(
    `${where}: expected images of shape [count, ${shape.join(', ')}], got [${images.shape.join(', ')}] with ${data.length} values; ${first ? 'put the channels last: arr.transpose(0, 2, 3, 1)' : 'reshape them'}`,
  );
}

/** Pixels in 8 bits, or floats as they are; every value is looked at. */
function pixelsOf(
  data: NumberArray,
  size: number,
  { floats, where }: Expected,
): ReadPart['values'] {
  if (data instanceof Uint8Array) return data;
  if (data instanceof Uint8ClampedArray) return Uint8Array.from(data);
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  const kind = isFloat ? floats : 'pixels';
  const fits = {
    unit: (v: number) => v >= 0 && v <= 1,
    pixels: (v: number) => Number.isInteger(v) && v >= 0 && v <= 255,
    normalized: Number.isFinite,
  }[kind];
  const bad = data.findIndex((value: number) => !fits(value));
  if (bad >= 0) throw misfit(data[bad], Math.floor(bad / size), kind, isFloat, where);
  if (kind === 'normalized') return Float32Array.from(data);
  return Uint8Array.from(data, (v) => (kind === 'unit' ? Math.round(255 * v) : v));
}

function misfit(
  value: number,
  image: number,
  kind: FloatPixels,
  isFloat: boolean,
  where: string,
): HbnnError {
  const wanted = {
    unit: 'floats from 0 to 1',
    pixels: 'whole pixel values from 0 to 255',
    normalized: 'finite values',
  }[kind];
  const wayOut = !Number.isFinite(value)
    ? 'mend or remove that image'
    : kind === 'unit'
      ? "say floats: 'pixels' for values from 0 to 255, or floats: 'normalized' for others"
      : isFloat
        ? "say floats: 'unit' for values from 0 to 1, or floats: 'normalized' for others"
        : 'scale them to 8 bits';
  return new HbnnError(`${where}: expected ${wanted}, got ${value} in image ${image}; ${wayOut}`);
}

/** Class numbers, of numbers or names. */
function labelsOf(labels: ArrayPart['labels'], { classes, where }: Expected): Int32Array {
  if (isShaped(labels) && labels.shape.filter((n) => n !== 1).length > 1)
    throw new HbnnError(
      `${where}: expected labels of shape [count], got [${labels.shape.join(', ')}]; of one-hot rows, save arr.argmax(1)`,
    );
  const list: unknown = isShaped(labels) ? labels.data : labels;
  if (!isNumbers(list) && !Array.isArray(list))
    throw new HbnnError(
      `${where}: expected labels as class numbers or names, one for each image, got ${kindOf(labels)}; pass a list`,
    );
  const out = new Int32Array(list.length);
  for (let i = 0; i < out.length; i++) {
    const given: unknown = list[i];
    const label = typeof given === 'string' ? classes.indexOf(given) : given;
    if (!(Number.isInteger(label) && (label as number) >= 0 && (label as number) < classes.length))
      throw new HbnnError(
        `${where}: expected labels 0 … ${classes.length - 1} or the names of the ${classes.length} classes, got ${typeof given === 'string' ? `'${given}'` : String(given)} at image ${i}; mend the labels or name all classes`,
      );
    out[i] = label as number;
  }
  return out;
}

function noteMissingClasses(
  labels: Int32Array,
  classes: readonly string[],
  where: string,
  o: OpenOptions,
): void {
  const seen = new Set(labels);
  const missing = classes.filter((_, k) => !seen.has(k));
  if (missing.length > 0)
    note(
      o,
      `${where}: no training image is of ${missing.length} of the classes: ${missing.join(', ')}`,
    );
}

/** Hold out every fifth image of each class. */
function heldOut(part: ReadPart, where: string): [ReadPart, ReadPart] {
  const { values, labels, size } = part;
  const place = new Map<number, number>();
  const isHeld = Array.from(labels, (label) => {
    const i = place.get(label) ?? 0;
    place.set(label, i + 1);
    return i % holdOut === holdOut - 1;
  });
  const rows = (held: boolean): ReadPart => {
    const kept = [...labels.keys()].filter((i) => isHeld[i] === held);
    const chosen =
      values instanceof Uint8Array
        ? new Uint8Array(kept.length * size)
        : new Float32Array(kept.length * size);
    kept.forEach((from, to) => {
      chosen.set(values.subarray(from * size, (from + 1) * size), to * size);
    });
    return { values: chosen, labels: Int32Array.from(kept, (i) => labels[i]), size };
  };
  const [trained, tested] = [rows(false), rows(true)];
  if (tested.labels.length > 0) return [trained, tested];
  throw new HbnnError(
    `${where}: expected test images, or five of some class to hold out every fifth, got ${labels.length} images in all; give test`,
  );
}
