import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import {
  countImagesBelow,
  type FolderEntries,
  isImageName,
  isOtherImageName,
  type LabelledFile,
  listFolder,
  readableKinds,
  some,
} from './imageFiles.ts';

// Names that tools and people give the parts of a data set, in any case of letters.
const partNames = {
  train: ['train', 'training'],
  validation: ['val', 'valid', 'validation', 'dev'],
  test: ['test', 'testing'],
} as const;
type Part = keyof typeof partNames;
const parts = Object.keys(partNames) as Part[];

/** The images of one part of a folder, class by class. */
export interface FolderPart {
  /** The folder that holds the class folders. */
  readonly root: string;
  readonly files: readonly LabelledFile[];
}

/** What a folder of images holds. */
export interface FolderLayout {
  readonly classes: readonly string[];
  readonly train: FolderPart;
  readonly validation?: FolderPart;
  readonly test?: FolderPart;
  /** What lies in the folder and is not taken. */
  readonly left: readonly LeftOut[];
}

/** Why files are not taken; what systems leave behind is not counted. */
const leftKinds = {
  unread: ['image of a kind that is not read', 'images of kinds that are not read'],
  outside: ['image outside of class folders', 'images outside of class folders'],
  deeper: ['image in another folder', 'images in other folders'],
  other: ['other file', 'other files'],
} as const;

interface LeftOut {
  readonly kind: keyof typeof leftKinds;
  /** A file, or a folder with some. */
  readonly path: string;
  readonly count: number;
}

/** Say what is left, by kind; empty where nothing is. */
export function leftText(left: readonly LeftOut[]): string {
  const kinds = Object.keys(leftKinds) as (keyof typeof leftKinds)[];
  return kinds
    .map((kind) => {
      const found = left.filter((each) => each.kind === kind);
      const count = found.reduce((sum, each) => sum + each.count, 0);
      const [singular, plural] = leftKinds[kind];
      const names = some(found.map(({ path }) => path));
      return count === 0 ? '' : `${count} ${count === 1 ? singular : plural} (${names})`;
    })
    .filter((text) => text !== '')
    .join(', ');
}

/**
 * Find the class folders of a folder: FOLDER/train/CLASS with FOLDER/val/CLASS, FOLDER/test/CLASS or both, or
 * FOLDER/CLASS alone. A folder named train (or val, …) that holds images itself is a class of that name.
 *
 * @returns undefined where there are no class folders with images
 * @throws HbnnError naming class folders without images, those that not all parts have, or parts named twice
 */
export function folderLayout(folder: string): FolderLayout | undefined {
  const top = listFolder(folder);
  const found = partsOf(folder, top);
  const left = leftFiles(folder, top.files);
  if (found.train === undefined) {
    const orphan = found.test ?? found.validation;
    if (orphan !== undefined)
      throw new HbnnError(
        `${folder}: expected a folder 'train' beside '${orphan}', found none; add it, or pass a folder that holds the class folders themselves`,
      );
    const part = partFiles(folder, top, left);
    if (part.files.length === 0) return noImages(folder, top.folders);
    refuseEmpty(folder, top.folders, part.files);
    return { classes: top.folders, train: part, left };
  }
  const { train, ...others } = found;
  const root = join(folder, train);
  const inside = listFolder(root);
  const classes = inside.folders;
  left.push(...leftFiles(root, inside.files));
  const trained = partFiles(root, inside, left);
  if (trained.files.length === 0) return noImages(root, classes);
  refuseEmpty(root, classes, trained.files);
  const other = (name: string | undefined): FolderPart | undefined =>
    name === undefined ? undefined : comparedPart(root, join(folder, name), classes, left);
  const taken: readonly (string | undefined)[] = Object.values(found);
  left.push(
    ...leftFolders(
      folder,
      top.folders.filter((name) => !taken.includes(name)),
    ),
  );
  const [validation, test] = [other(others.validation), other(others.test)];
  return { classes, train: trained, validation, test, left };
}

/** Which folder is which part. One that has images itself, and no folders, is a class. */
function partsOf(folder: string, { folders }: FolderEntries): Partial<Record<Part, string>> {
  const isPart = (name: string): boolean => {
    const inside = listFolder(join(folder, name));
    return inside.folders.length > 0 || !inside.files.some(isImageName);
  };
  const found: Partial<Record<Part, string>> = {};
  for (const part of parts) {
    const names: readonly string[] = partNames[part];
    const fitting = folders.filter((name) => names.includes(name.toLowerCase()) && isPart(name));
    if (fitting.length > 1)
      throw new HbnnError(
        `${folder}: expected one folder with the ${part} images, found ${fitting.join(' and ')}; keep one of them`,
      );
    found[part] = fitting[0];
  }
  return found;
}

/** The images of class folders; what else lies there is added to `left`. */
function partFiles(root: string, { folders }: FolderEntries, left: LeftOut[]): FolderPart {
  const files = folders.flatMap((name, label) => {
    const dir = join(root, name);
    const inside = listFolder(dir);
    left.push(...leftFiles(dir, inside.files, isImageName));
    left.push(...leftFolders(dir, inside.folders));
    return inside.files.filter(isImageName).map((file) => ({ file: join(dir, file), label }));
  });
  return { root, files };
}

/** What is not taken of the files in a folder. */
function leftFiles(
  dir: string,
  files: readonly string[],
  taken: (name: string) => boolean = () => false,
): LeftOut[] {
  return files
    .filter((name) => !taken(name))
    .map((name) => {
      const kind = isImageName(name) ? 'outside' : isOtherImageName(name) ? 'unread' : 'other';
      return { kind, path: join(dir, name), count: 1 };
    });
}

/** Folders that are not gone through, where they hold images. */
function leftFolders(dir: string, folders: readonly string[]): LeftOut[] {
  return folders
    .map((name): LeftOut => {
      const path = join(dir, name);
      return { kind: 'deeper', path, count: countImagesBelow(path) };
    })
    .filter(({ count }) => count > 0);
}

function refuseEmpty(
  root: string,
  classes: readonly string[],
  files: readonly LabelledFile[],
): void {
  const filled = new Set(files.map(({ label }) => label));
  const empty = classes.filter((_, k) => !filled.has(k)).map((name) => join(root, name));
  if (empty.length === 0) return;
  const deeper = empty.filter((dir) => countImagesBelow(dir) > 0);
  const wayOut =
    deeper.length > 0
      ? `${some(deeper)} holds images in folders of its own: move them up, or pass that folder`
      : 'add images or remove the folder';
  throw new HbnnError(
    `${root}: expected ${readableKinds} images in every class folder, found none in ${some(empty)}; ${wayOut}`,
  );
}

/** Undefined where there is nothing at all; an error where images lie deeper than class folders do. */
function noImages(root: string, classes: readonly string[]): undefined {
  const deeper = classes.map((name) => join(root, name)).filter((dir) => countImagesBelow(dir) > 0);
  if (deeper.length === 0) return undefined;
  throw new HbnnError(
    `${root}: expected ${readableKinds} images in class folders, found some only deeper in ${some(deeper)}; pass that folder`,
  );
}

/** The images of a part that must have the classes of the training images. */
function comparedPart(
  train: string,
  root: string,
  classes: readonly string[],
  left: LeftOut[],
): FolderPart {
  const inside = listFolder(root);
  // Systems write the accents of a name in one letter or in two.
  const byName = new Map(inside.folders.map((name) => [name.normalize(), name]));
  const wanted = new Set(classes.map((name) => name.normalize()));
  const missing = classes.filter((name) => !byName.has(name.normalize()));
  const further = inside.folders.filter((name) => {
    const normal = name.normalize();
    return !wanted.has(normal) || byName.get(normal) !== name;
  });
  const found = [
    ...(missing.length > 0 ? [`${some(missing.map((name) => join(root, name)))} missing`] : []),
    ...(further.length > 0 ? [`${some(further.map((name) => join(root, name)))} beyond them`] : []),
  ];
  if (found.length > 0)
    throw new HbnnError(
      `${root}: expected the class folders of ${train}, found ${found.join(' and ')}; ` +
        'make the class folders of both the same',
    );
  left.push(...leftFiles(root, inside.files));
  const folders = classes.map((name) => byName.get(name.normalize()) ?? name);
  const part = partFiles(root, { ...inside, folders }, left);
  refuseEmpty(root, folders, part.files);
  return part;
}

/** Whether a folder has images in class folders. @throws HbnnError like `folderLayout` */
export const hasClassFolders = (folder: string): boolean =>
  existsSync(folder) && folderLayout(folder) !== undefined;
