import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import sharp, { type Sharp } from 'sharp';
import { full, stretchOf, type WideSamples, wideSamples } from './sampleBits.ts';
import { tiffFault } from './tiffFault.ts';

/** An image file and the number of its class. */
export interface LabelledFile {
  readonly file: string;
  readonly label: number;
}

/** Suffixes that sharp reads here: JPEG, PNG, WebP, GIF, TIFF, AVIF, SVG. VIPS's own format is no image of a person. */
const readSuffixes: readonly string[] = Object.entries(sharp.format)
  .filter(([name, { input }]) => name !== 'vips' && input.file)
  .flatMap(([, { input }]) => input.fileSuffix ?? []);

/** Suffixes of images that it does not read. */
const otherSuffixes =
  /\.(bmp|dib|hei[cf]|jxl|jp2|j2k|jpx|ppm|pgm|pbm|pnm|psd|tga|ico|raw|dng|cr2|cr3|nef|arw|exr|hdr|pcx|fits?|dcm|xcf)$/i;

export const readableKinds = 'JPEG, PNG, WebP, GIF, TIFF, AVIF or SVG';

export const isImageName = (name: string): boolean =>
  readSuffixes.some((suffix) => name.toLowerCase().endsWith(suffix));

export const isOtherImageName = (name: string): boolean => otherSuffixes.test(name);

/** Names of files and folders that systems and tools leave behind, among them macOS' `._NAME.jpg` beside NAME.jpg. */
const leftBySystems = new Set([
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  'icon\r',
  '__macosx',
  '@eadir',
  '$recycle.bin',
  'system volume information',
  'lost+found',
  '#recycle',
]);
const isHidden = (name: string): boolean =>
  name.startsWith('.') || leftBySystems.has(name.toLowerCase());

/** What a folder holds, by kind and in order; links count as what they lead to, those that lead nowhere as files. */
export interface FolderEntries {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/**
 * List a folder without hidden entries and what systems leave there.
 *
 * @throws HbnnError when it cannot be read
 */
export function listFolder(folder: string): FolderEntries {
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entriesOf(folder)) {
    if (isHidden(entry.name)) continue;
    const isFolder = entry.isSymbolicLink()
      ? leadsToFolder(join(folder, entry.name))
      : entry.isDirectory();
    (isFolder ? folders : files).push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR')
      throw new HbnnError(
        `${folder}: expected a folder of images, got a file; unpack an archive first`,
      );
    throw new HbnnError(`${folder}: could not be read (${message}); make it readable`);
  }
}

function leadsToFolder(link: string): boolean {
  try {
    return statSync(link).isDirectory();
  } catch {
    return false;
  }
}

/** The images in a folder and below it, folders that links lead to left out: they could lead back. */
export function countImagesBelow(folder: string): number {
  let count = 0;
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const entry of entriesOf(next)) {
      if (isHidden(entry.name)) continue;
      if (entry.isDirectory()) pending.push(join(next, entry.name));
      else if (isImageName(entry.name)) count++;
    }
  }
  return count;
}

/** A few names of many. */
export function some(names: readonly string[], shown = 5): string {
  const text = names.slice(0, shown).join(', ');
  return names.length > shown ? `${text} and ${names.length - shown} more` : text;
}

/**
 * Read an image as red, green and blue bytes. What viewers read is read, such as JPEGs of phones with odd
 * parameters or bytes between segments; files that are cut short are not. Colours of a profile become those of sRGB,
 * alpha is left out. Where a file says that its samples of 16 bits use fewer, they become brighter by as much. A TIFF
 * whose colours sharp would mistake is refused.
 *
 * @throws HbnnError naming the file
 */
export async function decode(file: string, prepare: (image: Sharp) => Sharp): Promise<Buffer> {
  try {
    await checkColours(file);
    const stretch = await stretchOf(file);
    const prepared = prepare(sharp(file, { failOn: 'error' }).rotate());
    const { data, info } = await (stretch === 1 ? prepared : prepared.linear(stretch, 0))
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return info.channels === 3 ? data : triple(data);
  } catch (error) {
    throw unreadableImage(file, error);
  }
}

/** @throws Error for a TIFF whose pixels would be read as other colours */
async function checkColours(file: string): Promise<void> {
  const fault = await tiffFault(file);
  if (fault !== undefined) throw new Error(fault);
}

const unreadableImage = (file: string, error: unknown): HbnnError =>
  new HbnnError(
    `${file}: expected ${readableKinds}, got what could not be read as an image (${reason(error)}); remove or replace it`,
  );

/** The sizes of an image as it is shown: one that lies on its side is turned. @throws HbnnError naming the file */
export async function shownSize(file: string): Promise<{ width: number; height: number }> {
  try {
    const { width, height, orientation = 1 } = await sharp(file).metadata();
    return orientation >= 5 ? { width: height, height: width } : { width, height };
  } catch (error) {
    throw unreadableImage(file, error);
  }
}

/** The first line of what sharp says. */
function reason(error: unknown): string {
  const [first] = (error as Error).message.trim().split('\n');
  return first;
}

/** Grey to red, green and blue. */
function triple(grey: Buffer): Buffer {
  const out = Buffer.alloc(grey.length * 3);
  for (let i = 0; i < grey.length; i++) out.fill(grey[i], 3 * i, 3 * i + 3);
  return out;
}

/** A file that could not be read as an image, and why. */
export interface BadFile {
  readonly file: string;
  readonly why: string;
}

/** Sides of the picture that a check makes of each image: little to resize, while all of the file is read. */
const checkedSide = 8;

/** Why a file cannot be read as an image; undefined where it can. */
async function faultOf(file: string): Promise<string | undefined> {
  // A pipe would be waited for without end.
  if (!existsSync(file)) return 'a link to nothing';
  if (!statSync(file).isFile()) return 'it is no regular file';
  try {
    await checkColours(file);
    await sharp(file, { failOn: 'error' })
      .resize(checkedSide, checkedSide, { fit: 'fill' })
      .raw()
      .toBuffer();
    return undefined;
  } catch (error) {
    return reason(error);
  }
}

/** What a look into files finds. */
export interface CheckedFiles {
  /** Those that cannot be read, in order. */
  readonly bad: readonly BadFile[];
  /** Those of 16 bits per channel. */
  readonly wide: readonly WideSamples[];
}

/** Decode files whole, several at a time. */
export async function checkFiles(
  files: readonly string[],
  onProgress?: (done: number, total: number) => void,
): Promise<CheckedFiles> {
  const suspects: number[] = [];
  const wide: WideSamples[] = [];
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < files.length) {
      const i = next++;
      if ((await faultOf(files[i])) !== undefined) suspects.push(i);
      else {
        const samples = await wideSamples(files[i]);
        if (samples !== undefined) wide.push(samples);
      }
      done++;
      if (done % 100 === 0 || done === files.length) onProgress?.(done, files.length);
    }
  };
  await Promise.all(Array.from({ length: Math.max(4, availableParallelism()) }, work));
  const bad: BadFile[] = [];
  // Once more and alone: images that are decoded at the same time mix up their reasons.
  for (const i of suspects.sort((a, b) => a - b)) {
    const why = await faultOf(files[i]);
    if (why !== undefined) bad.push({ file: files[i], why });
  }
  return { bad, wide };
}

/** Bad files that an error or a note names one by one. */
const maxNamed = 200;

/** Name bad files, each with its reason. */
export function badFilesText(bad: readonly BadFile[]): string {
  return some(
    bad.map(({ file, why }) => `${file} (${why})`),
    maxNamed,
  );
}

/** Bits up to which samples of 16 bits are taken for those of a camera of fewer: they are at most a quarter of white. */
const dimBits = 14;

/**
 * What is to be said of the brightness of a folder's images of 16 bits per channel: those that were read as samples of
 * fewer bits, and those that are dark where all of them are.
 */
export function brightnessText(wide: readonly WideSamples[]): string {
  const texts: string[] = [];
  for (const bits of [...new Set(wide.map((samples) => samples.bits))].sort((a, b) => a - b)) {
    const own = wide.filter((samples) => samples.bits === bits);
    const images = `${own.length} image${own.length === 1 ? '' : 's'} of 16 bits per channel ${own.length === 1 ? 'is' : 'are'}`;
    const max = Math.max(...own.map((samples) => samples.max));
    const used = Math.max(1, Math.ceil(Math.log2(max + 1)));
    if (bits < 16)
      texts.push(`${images} read as samples of ${bits} bits, as sBIT or MaxSampleValue says`);
    else if (max > 0 && used <= dimBits)
      texts.push(
        `${images} dark: no sample is above ${max} of ${full}; if a camera of ${used} bits took them, multiply the samples by ${2 ** (16 - used)}, or state the bits (sBIT of PNG, MaxSampleValue ${2 ** used - 1} of TIFF)`,
      );
  }
  return texts.join('; ');
}
