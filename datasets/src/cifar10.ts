import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import * as tar from 'tar';
import { type Dataset, memoryDataset, type OpenOptions } from './dataset.ts';
import { download, fileDigest } from './download.ts';
import { hasClassFolders } from './folderLayout.ts';
import { readFolderImages } from './imageFolder.ts';
import { type LabelledImages, labelledImages } from './images.ts';

/** The ten classes, by label. */
const cifar10Classes = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

const side = 32;
const plane = side * side;
const recordBytes = 1 + 3 * plane;
/** Images of a batch as the data set has them. */
const maxRecords = 10_000;
const shape: readonly [number, number, number] = [side, side, 3];
const trainFiles = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
const archiveName = 'cifar-10-binary.tar.gz';
const archiveMd5 = 'c32a1d4ab5d03f1284b67883e8d13530';
const address = `https://www.cs.toronto.edu/~kriz/${archiveName}`;

/** Read records of the official binary layout: a label, then 1,024 red, green and blue values. */
function parseCifar10(bytes: Uint8Array, where: string): LabelledImages {
  if (bytes.length === 0 || bytes.length % recordBytes !== 0) {
    throw new HbnnError(
      `${where}: expected a whole number of ${recordBytes}-byte records, got ${bytes.length} bytes; ` +
        'the file is truncated or of another kind, fetch it again',
    );
  }
  const count = bytes.length / recordBytes;
  const labels = new Uint8Array(count);
  const pixels = new Uint8Array(count * 3 * plane);
  for (let i = 0; i < count; i++) {
    const record = bytes.subarray(i * recordBytes, (i + 1) * recordBytes);
    labels[i] = record[0];
    for (let p = 0; p < plane; p++) {
      const to = (i * plane + p) * 3;
      for (let c = 0; c < 3; c++) pixels[to + c] = record[1 + c * plane + p];
    }
  }
  return labelledImages(pixels, labels, shape, cifar10Classes.length, where);
}

function concatenate(parts: readonly LabelledImages[]): LabelledImages {
  const pixels = Buffer.concat(parts.map((part) => part.pixels));
  const labels = Int32Array.from(parts.flatMap((part) => [...part.labels]));
  return { pixels, labels, shape };
}

/** Whether a folder has all six batches, each of whole records. */
export function hasBatches(folder: string): boolean {
  const dir = join(folder, 'cifar-10-batches-bin');
  return [...trainFiles, 'test_batch.bin'].every((name) => {
    const file = join(dir, name);
    const size = existsSync(file) ? statSync(file).size : 0;
    return size > 0 && size % recordBytes === 0;
  });
}

/** Where the binary batches lie below a folder: in it or in cifar-10-batches-bin. */
function batchesFolder(folder: string): string | undefined {
  return [folder, join(folder, 'cifar-10-batches-bin')].find((dir) =>
    existsSync(join(dir, 'test_batch.bin')),
  );
}

/**
 * Open CIFAR-10 from a folder of the official binary batches, or from class folders of 32×32 images
 * (train/airplane/0001.png …), as far as they are CIFAR-10's classes.
 */
export async function openCifar10(folder: string, o: OpenOptions): Promise<Dataset> {
  const local = o.from === undefined ? '' : ' (local files)';
  const binary = batchesFolder(folder);
  if (binary !== undefined) {
    const read = (file: string): LabelledImages => {
      const path = join(binary, file);
      if (!existsSync(path)) {
        throw new HbnnError(`cifar10: expected ${file} in ${binary}, found none; fetch it again`);
      }
      return parseCifar10(readFileSync(path), path);
    };
    const parts = { train: concatenate(trainFiles.map(read)), test: read('test_batch.bin') };
    const about = { name: 'cifar10', label: `CIFAR-10${local}`, classes: cifar10Classes };
    return memoryDataset(about, parts, o);
  }
  if (!hasClassFolders(folder)) {
    throw new HbnnError(
      `cifar10: expected cifar-10-batches-bin or class folders in ${folder}, found neither; run ` +
        "'hbnn datasets fetch cifar10', or pass a folder or archive that has them by --from",
    );
  }
  return openClassFolders(folder, o);
}

async function openClassFolders(folder: string, o: OpenOptions): Promise<Dataset> {
  const { classes, train, test, validation, jpeg } = await readFolderImages(folder, side, o);
  if (classes.join() !== cifar10Classes.join()) {
    throw new HbnnError(
      `cifar10: expected class folders ${cifar10Classes.join(', ')} in ${folder}, got ` +
        `${classes.join(', ')}; open other images as 'folder'`,
    );
  }
  const about = {
    name: 'cifar10',
    label: `CIFAR-10 (${jpeg ? 'JPEG re-encoding' : 'image files in class folders'})`,
    classes: cifar10Classes,
  };
  return memoryDataset(about, { train, test, validation }, o);
}

/** Download the official archive and unpack it into a folder; or unpack a local one. */
export async function fetchCifar10(folder: string, o: OpenOptions): Promise<void> {
  if (o.from === undefined && hasBatches(folder)) return;
  const archive = o.from ?? join(folder, archiveName);
  if (o.from === undefined) {
    await download({
      urls: [address],
      file: archive,
      checksum: { algorithm: 'md5', digest: archiveMd5 },
      onProgress: ({ bytes, total }) => o.onProgress?.(archiveName, bytes, total),
    });
  }
  await unpackCifar10(archive, folder);
}

/**
 * Unpack the six batches of an archive, beside their place first: what lies there stays until all six are
 * there and whole. Nothing else in the archive is written anywhere.
 */
export async function unpackCifar10(archive: string, folder: string): Promise<void> {
  const wanted = new Set([...trainFiles, 'test_batch.bin']);
  const temporary = mkdtempSync(join(folder, '.unpack-'));
  try {
    // At once: after an error, files would still be written into the folder that is taken away.
    tar.x({
      file: archive,
      cwd: temporary,
      strict: true,
      sync: true,
      filter: (path, entry) => {
        const parts = path.replace(/^\.\//, '').split('/');
        // A link would lead out of the folder; what is larger than a batch would fill the disk.
        const isFile = 'type' in entry && (entry.type === 'File' || entry.type === 'OldFile');
        const fits = isFile && entry.size <= maxRecords * recordBytes;
        const isBatch = parts[0] === 'cifar-10-batches-bin' && wanted.has(parts[1]);
        return fits && isBatch && parts.length === 2;
      },
    });
    if (!hasBatches(temporary)) {
      throw new HbnnError(
        `${archive}: expected six whole batches cifar-10-batches-bin/*.bin inside, found not all (md5 ` +
          `${await fileDigest(archive, 'md5')}, the official archive's is ${archiveMd5}); remove it and download it again`,
      );
    }
    const place = join(folder, 'cifar-10-batches-bin');
    rmSync(place, { recursive: true, force: true });
    renameSync(join(temporary, 'cifar-10-batches-bin'), place);
  } catch (error) {
    if (error instanceof HbnnError) throw error;
    throw new HbnnError(`${archive}: could not be unpacked (${(error as Error).message})`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Whether a path is an archive rather than a folder. */
export function isArchive(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
