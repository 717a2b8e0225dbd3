import type { BatchSource } from '@hbnn/core';
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
  /** Training images held out, where `validation` asks for them; the others are `train`. */
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
  /** Side of the square images a folder of images is cropped to. */
  readonly size?: number;
  /** Hold out so many of the training images, stratified, drawn by `seed`. */
  readonly validation?: number;
  readonly seed?: number;
  /** What training will do to the images; refused by data sets that do it themselves. */
  readonly augment?: object;
  readonly onProgress?: (text: string, done: number, total?: number) => void;
}

/** Make a data set of images in memory; normalization is that of the training images. */
export function memoryDataset(
  about: { name: string; label: string; classes: readonly string[] },
  images: { train: LabelledImages; test: LabelledImages },
  o: OpenOptions,
): Dataset {
  const { name, label, classes } = about;
  const reduce = (part: LabelledImages, limit: number | undefined): LabelledImages => {
    const kept = limit === undefined ? part : stratified(part, classes.length, limit);
    return shrink(kept, o.shrink ?? 1);
  };
  const limited = reduce(images.train, o.limit);
  const split =
    o.validation === undefined
      ? undefined
      : splitValidation(limited.labels, classes.length, o.validation, o.seed ?? 0);
  const train = split === undefined ? limited : pick(limited, split.train);
  const test = reduce(images.test, o.testLimit);
  const normalization = normalizationOf(train);
  return {
    ...{ name, label },
    train: memorySource(name, classes, train, normalization),
    test: memorySource(name, classes, test, normalization),
    ...(split && {
      validation: memorySource(name, classes, pick(limited, split.validation), normalization),
    }),
  };
}
