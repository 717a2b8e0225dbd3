import {
  type BatchSource,
  checkOptions as checkNames,
  checkSeed,
  HbnnError,
  suggestion,
} from '@hbnn/core';
import {
  type LabelledImages,
  memorySource,
  normalizationOf,
  pick,
  shrink,
  stratified,
} from './images.ts';
import { splitValidation } from './validation.ts';

/** A data set, opened: what trains and what tests. */
export interface Dataset {
  readonly name: string;
  /** What a table should call it, with where it came from. */
  readonly label: string;
  readonly train: BatchSource;
  readonly test: BatchSource;
  /**
   * Images to validate on: those of a folder of their own (val/ beside test/), or training images held out where
   * `validation` asks for them.
   */
  readonly validation?: BatchSource;
}

/** How to open a data set. */
export interface OpenOptions {
  /** A local folder or archive instead of the cache. */
  readonly from?: string;
  /** Use only so many training images, stratified. */
  readonly limit?: number;
  /** Use only so many test images, stratified. */
  readonly testLimit?: number;
  /** Average size×size pixels into one. */
  readonly shrink?: number;
  /** What images of a folder are cropped to: the side of a square, or [height, width]. */
  readonly size?: number | readonly [height: number, width: number];
  /** Hold out so many of the training images, stratified, drawn by `seed`. */
  readonly validation?: number;
  readonly seed?: number;
  /** What training will do to the images; refused by data sets that do it themselves. */
  readonly augment?: object;
  /** Leave out images of a folder that cannot be read, and say how many; otherwise they are an error. */
  readonly skipBadImages?: boolean;
  /** Only the test images will be used: those of a folder that train need not be checked. */
  readonly testOnly?: boolean;
  /** What is told of the images besides errors: what was found, taken and left; by default a line on stderr. */
  readonly onNote?: (text: string) => void;
  readonly onProgress?: (text: string, done: number, total?: number) => void;
  /** What is told of an option calls it so, as in `--limit`; undefined for one that the user cannot set. By default: its name. */
  readonly place?: (option: string) => string | undefined;
}

/** What errors call an option. */
export const placeOf = (o: Pick<OpenOptions, 'place'>, option: keyof OpenOptions): string =>
  o.place?.(option) ?? option;

/** Whether the user can set an option, so that it may be a way out. */
export const canBeSet = (o: Pick<OpenOptions, 'place'>, option: keyof OpenOptions): boolean =>
  o.place === undefined || o.place(option) !== undefined;

const limited = { limit: 'training', testLimit: 'test' } as const;

/** Say where a limit is above the images that there are, all of which are taken. */
export function tellLimit(o: OpenOptions, option: keyof typeof limited, images: number): void {
  const limit = o[option];
  if (limit === undefined || limit <= images) return;
  note(
    o,
    `${placeOf(o, option)} ${limit}: there are ${images} ${limited[option]} images, all are taken`,
  );
}

/** Tell something of a data set. */
export function note(o: Pick<OpenOptions, 'onNote'>, text: string): void {
  if (o.onNote !== undefined) o.onNote(text);
  else process.stderr.write(`note: ${text}\n`);
}

const optionNames: readonly string[] = [
  'from',
  'limit',
  'testLimit',
  'shrink',
  'size',
  'validation',
  'seed',
  'augment',
  'skipBadImages',
  'testOnly',
  'onNote',
  'onProgress',
  'place',
] satisfies (keyof OpenOptions)[];

/**
 * The options of a data set among those of a training, whose configuration may be given whole.
 *
 * @throws HbnnError for a name that is nearly one of an option
 */
export function optionsAmong(where: string, o: OpenOptions): OpenOptions {
  for (const name of Object.keys(o)) {
    const near = optionNames.includes(name) ? '' : suggestion(name, optionNames);
    if (near !== '')
      throw new HbnnError(
        `${where}: expected options of a data set, ${optionNames.join(', ')}, got '${name}'${near}`,
      );
  }
  return Object.fromEntries(Object.entries(o).filter(([name]) => optionNames.includes(name)));
}

/** Options that are numbers of images or pixels. */
const counts = ['limit', 'testLimit', 'shrink', 'validation'] as const;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

const shown = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : JSON.stringify(value);

/** Check the names of options, and the numbers among them. @throws HbnnError naming the option */
export function checkOptions(where: string, o: OpenOptions): void {
  checkNames(where, o, optionNames);
  for (const name of counts) {
    const value: unknown = o[name];
    if (value === undefined || isCount(value)) continue;
    throw new HbnnError(
      `${where}: expected a whole number above 0 as ${name}, got ${typeof value === 'string' ? `'${value}'` : String(value)}; give one or leave it out`,
    );
  }
  checkSeed(where, o.seed);
  const size: unknown = o.size;
  if (size === undefined || isCount(size)) return;
  if (Array.isArray(size) && size.length === 2 && size.every(isCount)) return;
  throw new HbnnError(
    `${where}: expected a whole number above 0 as size, or two as [height, width], got ${shown(size)}; give one or leave it out`,
  );
}

/** Make a data set of images in memory; normalization is that of the training images. */
export function memoryDataset(
  about: { name: string; label: string; classes: readonly string[] },
  images: { train: LabelledImages; test: LabelledImages; validation?: LabelledImages },
  o: OpenOptions,
): Dataset {
  const { name, label, classes } = about;
  const reduce = (part: LabelledImages, limit: number | undefined): LabelledImages => {
    const kept = limit === undefined ? part : stratified(part, classes.length, limit);
    return shrink(kept, o.shrink ?? 1, placeOf(o, 'shrink'));
  };
  tellLimit(o, 'limit', images.train.labels.length);
  tellLimit(o, 'testLimit', images.test.labels.length);
  const reduced = reduce(images.train, o.limit);
  const own = images.validation && reduce(images.validation, o.validation);
  if (own !== undefined && o.validation !== undefined && own.labels.length < o.validation)
    throw new HbnnError(
      `${placeOf(o, 'validation')}: expected at most the ${own.labels.length} images there are to validate on, got ${o.validation}; ask for fewer`,
    );
  const split =
    own !== undefined || o.validation === undefined
      ? undefined
      : splitValidation(
          reduced.labels,
          classes.length,
          o.validation,
          o.seed ?? 0,
          placeOf(o, 'validation'),
        );
  const train = split === undefined ? reduced : pick(reduced, split.train);
  const validation = split === undefined ? own : pick(reduced, split.validation);
  const test = reduce(images.test, o.testLimit);
  const normalization = normalizationOf(train);
  return {
    name,
    label,
    train: memorySource(name, classes, train, normalization),
    test: memorySource(name, classes, test, normalization),
    ...(validation && { validation: memorySource(name, classes, validation, normalization) }),
  };
}
