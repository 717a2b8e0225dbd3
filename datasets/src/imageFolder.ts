import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { type Batch, type BatchSource, HbnnError, random } from '@hbnn/core';
import type { Sharp } from 'sharp';
import { canBeSet, type Dataset, note, type OpenOptions, placeOf, tellLimit } from './dataset.ts';
import { type FolderLayout, type FolderPart, folderLayout, leftText } from './folderLayout.ts';
import {
  badFilesText,
  brightnessText,
  checkFiles,
  decode,
  type LabelledFile,
  readableKinds,
  some,
} from './imageFiles.ts';
import { epochOrder, type LabelledImages, normalizationTable, normalizeInto } from './images.ts';
import { splitValidation } from './validation.ts';

// ImageNet's usual statistics, per channel, of pixels scaled to 0 … 1.
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
// Without a folder for it, every fifth image of a class is held out for the test.
const holdOut = 5;

/** What to train, validate and test on, with what is said of it. */
interface Splits {
  readonly classes: readonly string[];
  readonly train: readonly LabelledFile[];
  /** Only where a folder of its own has them. */
  readonly validation?: readonly LabelledFile[];
  readonly test: readonly LabelledFile[];
  readonly summary: string;
}

/**
 * Share out a folder's images: the test images are those of test/, else of val/, else every fifth of each class.
 * The validation images are those of val/ where test/ is there too.
 */
function shareOut(folder: string, layout: FolderLayout): Splits {
  const { classes, train, left } = layout;
  const test = layout.test ?? layout.validation;
  const validation = layout.test === undefined ? undefined : layout.validation;
  const seen = new Map<number, number>();
  const held = train.files.map(({ label }) => {
    const i = seen.get(label) ?? 0;
    seen.set(label, i + 1);
    return test === undefined && i % holdOut === holdOut - 1;
  });
  const trained = train.files.filter((_, i) => !held[i]);
  const tested = test?.files ?? train.files.filter((_, i) => held[i]);
  const place = (part: FolderPart | undefined): string =>
    part === undefined ? '' : ` (${basename(part.root)})`;
  const taken = [
    `${classes.length === 1 ? '1 class' : `${classes.length} classes`}`,
    `${trained.length} images to train on${place(test && train)}`,
    ...(validation ? [`${validation.files.length} to validate on${place(validation)}`] : []),
    `${tested.length} to test on${test === undefined ? ' (every fifth of a class)' : place(test)}`,
  ];
  const alone = classes.length === 1 ? '; with one class every image is right: add others' : '';
  const rest = leftText(left);
  const summary = `${folder}: ${taken.join(', ')}${rest === '' ? '' : `; left: ${rest}`}${alone}`;
  return { classes, train: trained, validation: validation?.files, test: tested, summary };
}

/** Find a folder's class folders. @throws HbnnError when there are none, or as `folderLayout` */
function layoutOf(folder: string, o: OpenOptions): FolderLayout {
  if (!existsSync(folder))
    throw new HbnnError(
      `${placeOf(o, 'from')}: expected a folder of images, got '${folder}', which does not exist; name an existing folder`,
    );
  const layout = folderLayout(folder);
  if (layout !== undefined) return layout;
  throw new HbnnError(
    `${placeOf(o, 'from')}: expected ${readableKinds} images in class folders (train/CLASS/*.jpg and val/CLASS/*.jpg, or ` +
      `CLASS/*.jpg) below ${folder}, found none; put the images of each class into a folder of its name`,
  );
}

function checkTested(folder: string, { test, train }: Splits, place: string): void {
  if (test.length > 0) return;
  throw new HbnnError(
    `${place}: expected images to test on below ${folder}, found none: without test/ or val/ every fifth image of a class is held out, and the ${train.length} images are fewer in each; add images, or a test folder`,
  );
}

/** Take some images, evenly over the list, which is ordered by class. */
function limited(files: readonly LabelledFile[], limit = files.length): readonly LabelledFile[] {
  return files.filter(
    (_, i) =>
      Math.floor((i * limit) / files.length) !== Math.floor(((i + 1) * limit) / files.length),
  );
}

/** The images that are used, under the limits of the options. */
function chosenSplits(splits: Splits, o: OpenOptions): Splits & { drawn: boolean } {
  const train = limited(splits.train, o.limit);
  const test = limited(splits.test, o.testLimit);
  const { validation } = splits;
  if (validation === undefined) return { ...splits, train, test, drawn: false };
  if (o.validation !== undefined && o.validation > validation.length)
    throw new HbnnError(
      `${placeOf(o, 'validation')}: expected at most the ${validation.length} images of the validation folder, got ${o.validation}; ask for fewer`,
    );
  return { ...splits, train, test, validation: limited(validation, o.validation), drawn: true };
}

/**
 * Decode the images that are used before anything is made of them. Those that cannot be read are an error that names
 * them all; with `skipBadImages` they are left out and counted, as if the files were not there.
 */
async function checkedLayout(folder: string, o: OpenOptions): Promise<FolderLayout> {
  const layout = layoutOf(folder, o);
  const files = filesToCheck(folder, layout, o).map(({ file }) => file);
  const { bad, wide } = await checkFiles(files, (done, total) =>
    o.onProgress?.('checking images', done, total),
  );
  const brightness = brightnessText(wide);
  if (brightness !== '') note(o, `${folder}: ${brightness}`);
  if (bad.length === 0) return layout;
  const text = badFilesText(bad);
  const share = `${bad.length} of ${files.length} images`;
  if (!o.skipBadImages) {
    const orSkip = canBeSet(o, 'skipBadImages')
      ? `, or leave them out by ${placeOf(o, 'skipBadImages')}`
      : '';
    throw new HbnnError(
      `${folder}: expected images that can be read, got ${share} that cannot: ${text}; remove or replace them${orSkip}`,
    );
  }
  note(o, `${folder}: skipped ${share}, which cannot be read: ${text}`);
  const names = new Set(bad.map(({ file }) => file));
  const readable = (part: FolderPart): FolderPart => {
    const kept = part.files.filter(({ file }) => !names.has(file));
    const empty = layout.classes.filter((_, k) => !kept.some(({ label }) => label === k));
    if (empty.length === 0) return { ...part, files: kept };
    throw new HbnnError(
      `${part.root}: expected images in every class folder, found none that can be read in ${some(empty)}; replace the files`,
    );
  };
  const optional = (part: FolderPart | undefined) => part && readable(part);
  return {
    ...layout,
    train: readable(layout.train),
    validation: optional(layout.validation),
    test: optional(layout.test),
  };
}

/** What is skipped moves what is held out and limited, so that all is looked at then. */
function filesToCheck(
  folder: string,
  layout: FolderLayout,
  o: OpenOptions,
): readonly LabelledFile[] {
  const { train, validation, test } = layout;
  if (o.skipBadImages) return [train, validation, test].flatMap((part) => part?.files ?? []);
  const used = chosenSplits(shareOut(folder, layout), o);
  if (o.testOnly) return used.test;
  return [...used.train, ...(used.validation ?? []), ...used.test];
}

type Size = readonly [height: number, width: number];

const sizeFrom = ({ size = 224 }: OpenOptions): Size =>
  typeof size === 'number' ? [size, size] : size;

/** Resize to cover 8/7 of the crop (the shorter side to 256 for 224), then cut it out: AlexNet's way. */
function cropped(
  [height, width]: Size,
  place: 'centre' | { x: number; y: number; flip: boolean },
): (image: Sharp) => Sharp {
  const [rows, columns] = [height, width].map((size) => Math.round((size * 8) / 7));
  const [below, beside] = [rows - height, columns - width];
  const [left, top] =
    place === 'centre'
      ? [beside >> 1, below >> 1]
      : [Math.floor(place.x * (beside + 1)), Math.floor(place.y * (below + 1))];
  const flip = place !== 'centre' && place.flip;
  return (image) => {
    const cut = image
      .resize(columns, rows, { fit: 'cover', position: 'centre' })
      .extract({ left, top, width, height });
    return flip ? cut.flop() : cut;
  };
}

/** The most bytes of a batch: engines number the bytes of a tensor by 31 bits. */
const maxBatchBytes = 2 ** 31;

/** A size as it is typed: 224, or 120x160. */
const sizeText = ([height, width]: Size): string =>
  height === width ? `${height}` : `${height}x${width}`;

/** @throws HbnnError where a batch of images in float32 is larger than a tensor can be */
function checkMemory(size: Size, batch: number, place: string): void {
  const maxPixels = maxBatchBytes / (12 * batch);
  const [height, width] = size;
  if (height * width <= maxPixels) return;
  const gibibytes = Number(((12 * batch * height * width) / 2 ** 30).toPrecision(3));
  const most = height === width ? Math.floor(Math.sqrt(maxPixels)) : `${Math.floor(maxPixels)}`;
  throw new HbnnError(
    `${place}: expected at most ${most} pixels, since a batch of ${batch} image${batch === 1 ? '' : 's'} takes at most 2 GiB, got ${sizeText(size)}, which take ${gibibytes} GiB; take smaller images${batch === 1 ? '' : ', or fewer in a batch'}`,
  );
}

/** Stream images from files: decoded a batch ahead, so memory stays at a few batches. */
function folderSource(
  name: string,
  classes: readonly string[],
  files: readonly LabelledFile[],
  { size, augment, sizeName }: { size: Size; augment: boolean; sizeName: string },
): BatchSource {
  const tables = normalizationTable(imagenet);
  const pixels = size[0] * size[1] * 3;
  const load = async (index: number, seed: number, epoch: number): Promise<Buffer> => {
    const rng = random(seed, 'augment', epoch, index);
    const place = { x: rng.uniform(), y: rng.uniform(), flip: rng.uniform() < 0.5 };
    return decode(files[index].file, cropped(size, augment ? place : 'centre'));
  };
  const batchOf = async (indices: Uint32Array, seed: number, epoch: number): Promise<Batch> => {
    const images = new Float32Array(indices.length * pixels);
    const decoded = [...indices].map(async (index, i) => {
      normalizeInto(images, i * pixels, await load(index, seed, epoch), tables);
    });
    await Promise.all(decoded);
    const labels = Int32Array.from(indices, (index) => files[index].label);
    return { images, labels, count: indices.length };
  };
  return {
    name,
    shape: [...size, 3],
    classes,
    count: files.length,
    normalization: imagenet,
    async *batches({ batch, shuffle, seed, epoch, from = 0 }) {
      checkMemory(size, Math.min(batch, files.length), sizeName);
      const order = epochOrder(files.length, shuffle, seed, epoch);
      const at = (start: number): Promise<Batch> | undefined => {
        if (start >= files.length) return undefined;
        const part = batchOf(order.subarray(start, start + batch), seed, epoch);
        // The rejection is met when the batch is asked for; until then it must not end the process.
        part.catch(() => {});
        return part;
      };
      let ahead = at(from * batch);
      for (let start = from * batch; ahead !== undefined; start += batch) {
        const ready = await ahead;
        ahead = at(start + batch);
        yield ready;
      }
    },
  };
}

/**
 * Open a folder of images in class folders (ImageNet's layout), streamed from disk, every image checked first.
 *
 * @throws HbnnError naming every image that cannot be read, or what does not fit in the layout of the folder
 */
export async function openCheckedFolder(folder: string, o: OpenOptions): Promise<Dataset> {
  return openLayout(folder, await checkedLayout(folder, o), o);
}

/**
 * The same without a look into the images: one that cannot be read is found when its batch comes.
 *
 * @public For folders too large to read twice.
 */
export function openImageFolder(folder: string, o: OpenOptions): Dataset {
  return openLayout(folder, layoutOf(folder, o), o);
}

function openLayout(folder: string, layout: FolderLayout, o: OpenOptions): Dataset {
  const whole = shareOut(folder, layout);
  checkTested(folder, whole, placeOf(o, 'from'));
  const size = sizeFrom(o);
  checkMemory(size, 1, placeOf(o, 'size'));
  if (!o.testOnly) tellLimit(o, 'limit', whole.train.length);
  tellLimit(o, 'testLimit', whole.test.length);
  const { classes, train, validation, test, drawn } = chosenSplits(whole, o);
  const name = 'folder';
  const source = (part: readonly LabelledFile[], augment: boolean): BatchSource =>
    folderSource(name, classes, part, { size, augment, sizeName: placeOf(o, 'size') });
  const held =
    drawn || o.validation === undefined
      ? undefined
      : splitValidation(
          train.map(({ label }) => label),
          classes.length,
          o.validation,
          o.seed ?? 0,
          placeOf(o, 'validation'),
        );
  const validated = held?.validation.map((i) => train[i]) ?? validation;
  note(o, whole.summary + unusedValidation(o, validation));
  return {
    name,
    label: `images in class folders (${classes.length} classes, ${sizeText(size)} pixels)`,
    train: source(held?.train.map((i) => train[i]) ?? train, true),
    test: source(test, false),
    ...(validated && { validation: source(validated, false) }),
  };
}

/** Training looks at validation images when it is asked to: say so where the folder has some. */
function unusedValidation(o: OpenOptions, files: readonly LabelledFile[] | undefined): string {
  if (files === undefined || o.validation !== undefined || o.testOnly) return '';
  return canBeSet(o, 'validation')
    ? `; ${placeOf(o, 'validation')} ${files.length} measures the validation images after each epoch`
    : '';
}

interface FolderImages {
  readonly classes: readonly string[];
  readonly train: LabelledImages;
  readonly test: LabelledImages;
  readonly validation?: LabelledImages;
  /** Whether every file is a JPEG, whose pixels are not quite those it was made from. */
  readonly jpeg: boolean;
}

/**
 * Read small images of class folders into memory, resized to a square where they are not one.
 *
 * @throws HbnnError as `openCheckedFolder`
 */
export async function readFolderImages(
  folder: string,
  size: number,
  o: OpenOptions,
): Promise<FolderImages> {
  // Limits are those of images in memory, applied afterwards: every image is read, and checked.
  const all: OpenOptions = { ...o, limit: undefined, testLimit: undefined, testOnly: undefined };
  const splits = shareOut(folder, await checkedLayout(folder, all));
  checkTested(folder, splits, placeOf(o, 'from'));
  note(o, splits.summary);
  const read = async (files: readonly LabelledFile[], what: string): Promise<LabelledImages> => {
    const bytes = size * size * 3;
    const pixels = new Uint8Array(files.length * bytes);
    const chunk = 256;
    for (let start = 0; start < files.length; start += chunk) {
      const part = files.slice(start, start + chunk).map(async ({ file }, i) => {
        const image = await decode(file, (x) => x.resize(size, size, { fit: 'cover' }));
        pixels.set(image, (start + i) * bytes);
      });
      await Promise.all(part);
      o.onProgress?.(`reading ${what} images`, Math.min(files.length, start + chunk), files.length);
    }
    const labels = Int32Array.from(files, ({ label }) => label);
    return { pixels, labels, shape: [size, size, 3] };
  };
  const train = await read(splits.train, 'training');
  const validation = splits.validation && (await read(splits.validation, 'validation'));
  const test = await read(splits.test, 'test');
  const files = [...splits.train, ...(splits.validation ?? []), ...splits.test];
  const jpeg = files.every(({ file }) => /\.(jpe?g|jpe|jfif)$/i.test(file));
  return { classes: splits.classes, train, validation, test, jpeg };
}
