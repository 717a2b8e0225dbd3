import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Batch, type BatchSource, HbnnError, random } from '@hbnn/core';
import sharp, { type Sharp } from 'sharp';
import type { Dataset, OpenOptions } from './dataset.ts';
import { epochOrder, type LabelledImages, normalizationTable, normalizeInto } from './images.ts';
import { splitValidation } from './validation.ts';

// ImageNet's usual statistics, per channel, of pixels scaled to 0 … 1.
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const extensions = /\.(jpe?g|png)$/i;
const trainNames = ['train'];
const testNames = ['val', 'test', 'validation'];
// Without a test folder every fifth image of a class is held out for the test.
const holdOut = 5;

interface LabelledFile {
  readonly file: string;
  readonly label: number;
}

interface Splits {
  readonly classes: readonly string[];
  readonly train: readonly LabelledFile[];
  readonly test: readonly LabelledFile[];
}

/** Names in a folder by kind, in order; links count as what they lead to. */
function entries(folder: string, kind: 'folder' | 'file'): string[] {
  const fits = (entry: Dirent): boolean => {
    const it = entry.isSymbolicLink()
      ? statSync(join(folder, entry.name), { throwIfNoEntry: false })
      : entry;
    return (kind === 'folder' ? it?.isDirectory() : it?.isFile()) ?? false;
  };
  return readdirSync(folder, { withFileTypes: true })
    .filter(fits)
    .map(({ name }) => name)
    .sort();
}

/** Folders that a person made; hidden ones are a tool's. */
const subfolders = (folder: string): string[] =>
  entries(folder, 'folder').filter((name) => !name.startsWith('.'));

/** The images of each class folder, class by class. */
function filesOf(folder: string, classes: readonly string[]): LabelledFile[][] {
  return classes.map((name, label) => {
    const dir = join(folder, name);
    if (!existsSync(dir)) return [];
    return entries(dir, 'file')
      .filter((file) => extensions.test(file))
      .map((file) => ({ file: join(dir, file), label }));
  });
}

/** A few names of many. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function refuseEmpty(
  folder: string,
  classes: readonly string[],
  files: readonly (readonly LabelledFile[])[],
): void {
  const empty = classes.filter((_, k) => files[k].length === 0).map((name) => join(folder, name));
  if (empty.length === 0) return;
  throw new HbnnError(
    `${folder}: expected JPEG or PNG images in every class folder, found none in ${some(empty)}; ` +
      'add images or remove the folder',
  );
}

function refuseOtherClasses(train: string, test: string, classes: readonly string[]): void {
  const tested = subfolders(test);
  const missing = classes.filter((name) => !tested.includes(name));
  const further = tested.filter((name) => !classes.includes(name));
  if (missing.length + further.length === 0) return;
  const found = [
    ...(missing.length > 0 ? [`${some(missing.map((name) => join(test, name)))} missing`] : []),
    ...(further.length > 0 ? [`${some(further.map((name) => join(test, name)))} beyond them`] : []),
  ];
  throw new HbnnError(
    `${test}: expected the class folders of ${train}, found ${found.join(' and ')}; ` +
      'make the class folders of both the same',
  );
}

/**
 * Find class folders: FOLDER/train/CLASS and FOLDER/val (or test)/CLASS as ImageNet has them, or
 * FOLDER/CLASS, of which every fifth image is then held out for the test. Undefined when there are none.
 *
 * @throws HbnnError naming class folders without images, or those that only one of train and val has
 */
export function findSplits(folder: string): Splits | undefined {
  const below = subfolders(folder);
  const trainName = trainNames.find((name) => below.includes(name));
  const testName = testNames.find((name) => below.includes(name));
  const root = trainName === undefined ? folder : join(folder, trainName);
  const classes = subfolders(root);
  const byClass = filesOf(root, classes);
  const all = byClass.flat();
  if (all.length === 0) return undefined;
  refuseEmpty(root, classes, byClass);
  if (testName !== undefined && trainName !== undefined) {
    const testRoot = join(folder, testName);
    refuseOtherClasses(root, testRoot, classes);
    const test = filesOf(testRoot, classes);
    refuseEmpty(testRoot, classes, test);
    return { classes, train: all, test: test.flat() };
  }
  const place = new Map<number, number>();
  const held = all.map(({ label }) => {
    const i = place.get(label) ?? 0;
    place.set(label, i + 1);
    return i % holdOut === holdOut - 1;
  });
  return {
    classes,
    train: all.filter((_, i) => !held[i]),
    test: all.filter((_, i) => held[i]),
  };
}

async function decode(file: string, prepare: (image: Sharp) => Sharp): Promise<Buffer> {
  try {
    return await prepare(sharp(file).rotate())
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
      .then(({ data, info }) => (info.channels === 3 ? data : triple(data)));
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be read as an image (${(error as Error).message.trim()}); remove or replace it`,
    );
  }
}

/** Grey to red, green and blue. */
function triple(grey: Buffer): Buffer {
  const out = Buffer.alloc(grey.length * 3);
  for (let i = 0; i < grey.length; i++) out.fill(grey[i], 3 * i, 3 * i + 3);
  return out;
}

/** Resize the shorter side to 8/7 of the crop (256 for 224), then cut the square: AlexNet's way. */
function cropped(
  size: number,
  place: 'centre' | { x: number; y: number; flip: boolean },
): (image: Sharp) => Sharp {
  const shorter = Math.round((size * 8) / 7);
  if (place === 'centre') {
    return (image) =>
      image.resize(shorter, shorter, { fit: 'cover', position: 'centre' }).extract({
        ...{ left: (shorter - size) >> 1, top: (shorter - size) >> 1 },
        ...{ width: size, height: size },
      });
  }
  const free = shorter - size + 1;
  const area = {
    ...{ left: Math.floor(place.x * free), top: Math.floor(place.y * free) },
    ...{ width: size, height: size },
  };
  return (image) => {
    const cut = image.resize(shorter, shorter, { fit: 'cover', position: 'centre' }).extract(area);
    return place.flip ? cut.flop() : cut;
  };
}

/** Stream images from files: decoded a batch ahead, so memory stays at a few batches. */
function folderSource(
  name: string,
  classes: readonly string[],
  files: readonly LabelledFile[],
  size: number,
  augment: boolean,
): BatchSource {
  const tables = normalizationTable(imagenet);
  const pixels = size * size * 3;
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
    ...{ name, shape: [size, size, 3], classes, count: files.length },
    normalization: imagenet,
    async *batches({ batch, shuffle, seed, epoch, from = 0 }) {
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

/** Open a folder of images in class folders (ImageNet's layout), streamed from disk. */
export function openImageFolder(folder: string, o: OpenOptions): Dataset {
  if (!existsSync(folder)) throw new HbnnError(`folder: ${folder} does not exist`);
  const splits = findSplits(folder);
  if (splits === undefined || splits.test.length === 0) {
    throw new HbnnError(
      `folder: expected JPEG or PNG images in class folders (train/CLASS/*.jpg and val/CLASS/*.jpg, or ` +
        `CLASS/*.jpg) below ${folder}, found ${splits === undefined ? 'none' : 'none to test on'}`,
    );
  }
  const size = o.size ?? 224;
  const name = 'folder';
  const limited = (files: readonly LabelledFile[], limit = files.length): LabelledFile[] =>
    [...files.keys()]
      .filter(
        (i) =>
          Math.floor((i * limit) / files.length) !== Math.floor(((i + 1) * limit) / files.length),
      )
      .map((i) => files[i]);
  const { classes } = splits;
  const files = limited(splits.train, o.limit);
  const held =
    o.validation === undefined
      ? undefined
      : splitValidation(
          files.map(({ label }) => label),
          classes.length,
          o.validation,
          o.seed ?? 0,
        );
  const source = (part: readonly LabelledFile[], augment: boolean): BatchSource =>
    folderSource(name, classes, part, size, augment);
  return {
    name,
    label: `images in class folders (${classes.length} classes, ${size} pixels)`,
    train: source(held?.train.map((i) => files[i]) ?? files, true),
    test: source(limited(splits.test, o.testLimit), false),
    ...(held && {
      validation: source(
        held.validation.map((i) => files[i]),
        false,
      ),
    }),
  };
}

interface FolderImages {
  readonly classes: readonly string[];
  readonly train: LabelledImages;
  readonly test: LabelledImages;
  /** Whether every file is a JPEG, whose pixels are not quite those it was made from. */
  readonly jpeg: boolean;
}

/** Read small images of class folders into memory, resized to a square where they are not one. */
export async function readFolderImages(
  folder: string,
  size: number,
  o: OpenOptions,
): Promise<FolderImages> {
  const splits = findSplits(folder);
  if (splits === undefined) throw new HbnnError(`${folder}: found no images in class folders`);
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
    const labels = Uint8Array.from(files, ({ label }) => label);
    return { pixels, labels, shape: [size, size, 3] };
  };
  const train = await read(splits.train, 'training');
  const test = await read(splits.test, 'test');
  const jpeg = [...splits.train, ...splits.test].every(({ file }) => /\.jpe?g$/i.test(file));
  return { classes: splits.classes, train, test, jpeg };
}
