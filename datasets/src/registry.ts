import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { chosenName, HbnnError } from '@hbnn/core';
import { fetchCifar10, hasBatches, isArchive, openCifar10, unpackCifar10 } from './cifar10.ts';
import { checkOptions, type Dataset, type OpenOptions, optionsAmong, placeOf } from './dataset.ts';
import { makeCacheFolder } from './download.ts';
import { fetchFashionMnist, openFashionMnist, openFashionMnistSubset } from './fashionMnist.ts';
import { idxDataset, idxFilesIn } from './idx.ts';
import { openCheckedFolder } from './imageFolder.ts';

interface Entry {
  readonly about: string;
  readonly size: string;
  /** Options of `OpenOptions` and of training that change nothing here, each with what is so instead. */
  readonly ignores: Readonly<Record<string, string>>;
  readonly open: (o: OpenOptions) => Dataset | Promise<Dataset>;
  /** Get it to the cache; absent where there is nothing to get. */
  readonly fetch?: (o: OpenOptions) => Promise<void>;
  /** Whether it is at hand without fetching. */
  readonly ready: () => boolean;
}

/** Where fetched data sets are kept: $HBNN_DATA, or hbnn/datasets in the user's cache folder. */
export function cacheFolder(name: string): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return join(process.env.HBNN_DATA ?? join(cache, 'hbnn', 'datasets'), name);
}

const noCrop = {
  size: 'only images of a folder are cropped to a size (--data folder)',
  skipBadImages: 'only images of a folder are files of their own (--data folder)',
};

const augmentedAlready = 'training images of a folder are cropped at random and flipped already';

/** The data sets by name. */
export const datasets: Readonly<Record<string, Entry>> = {
  'fashion-mnist-subset': {
    about: 'Fashion-MNIST: 10,000 training images (stratified), all 10,000 test images; embedded',
    size: '28×28×1, 10 classes',
    ignores: { ...noCrop, from: 'its images are embedded; --data fashion-mnist reads a folder' },
    open: openFashionMnistSubset,
    ready: () => true,
  },
  'fashion-mnist': {
    about: 'Fashion-MNIST: 60,000 training and 10,000 test images (30 MB)',
    size: '28×28×1, 10 classes',
    ignores: noCrop,
    open: (o) => openFashionMnist(o.from ?? cacheFolder('fashion-mnist'), o),
    fetch: async (o) => {
      const folder = cacheFolder('fashion-mnist');
      if (o.from === undefined) await fetchFashionMnist(folder, o);
      openFashionMnist(o.from ?? folder, {});
    },
    ready: () => existsSync(join(cacheFolder('fashion-mnist'), 'train-images-idx3-ubyte.gz')),
  },
  cifar10: {
    about: 'CIFAR-10: 50,000 training and 10,000 test images (170 MB)',
    size: '32×32×3, 10 classes',
    ignores: { size: noCrop.size },
    open: async (o) => {
      const folder = cacheFolder('cifar10');
      if (o.from === undefined || !isArchive(o.from)) return openCifar10(o.from ?? folder, o);
      // An archive of one's own has a place of its own and does not replace the fetched data set.
      const { size, mtimeMs } = statSync(o.from);
      const name = createHash('sha256')
        .update(`${resolve(o.from)} ${size} ${mtimeMs}`)
        .digest('hex');
      const own = join(folder, `local-${name.slice(0, 12)}`);
      makeCacheFolder(own);
      if (!hasBatches(own)) await unpackCifar10(o.from, own);
      return openCifar10(own, o);
    },
    fetch: async (o) => {
      const folder = cacheFolder('cifar10');
      makeCacheFolder(folder);
      if (o.from !== undefined && !isArchive(o.from)) await openCifar10(o.from, o);
      else await fetchCifar10(folder, o);
    },
    ready: () => hasBatches(cacheFolder('cifar10')),
  },
  idx: {
    about:
      'your own IDX files, as MNIST, KMNIST and EMNIST come (train-images-idx3-ubyte(.gz) …); needs --from',
    size: 'any size; as many classes as labels',
    ignores: noCrop,
    open: (o) => {
      if (o.from === undefined) {
        throw needFrom('idx', 'IDX files', o);
      }
      return idxDataset(idxFilesIn(o.from), o);
    },
    ready: () => false,
  },
  folder: {
    about:
      'images in class folders (ImageNet’s layout): JPEG, PNG, WebP, GIF, TIFF, AVIF; streamed; needs --from',
    size: 'any size, cropped to a square or to --size HxW',
    ignores: {
      shrink: 'images of a folder are brought to a size by --size',
      augment: augmentedAlready,
    },
    open: (o) => {
      if (o.augment !== undefined) {
        throw new HbnnError(`folder: ${augmentedAlready}; leave ${placeOf(o, 'augment')} out`);
      }
      if (o.from === undefined) {
        throw needFrom('folder', 'images in class folders', o);
      }
      return openCheckedFolder(o.from, o);
    },
    ready: () => false,
  },
};

function entry(name: string, where: string): Entry {
  return datasets[chosenName(name, Object.keys(datasets), where)];
}

function checkSource(name: string, { from, place }: OpenOptions): void {
  if (from !== undefined && !existsSync(from)) {
    throw new HbnnError(
      `${placeOf({ place }, 'from')}: expected the files of ${name}, got '${from}', which does not exist; name an existing path`,
    );
  }
}

/** The error of a data set whose files are nowhere unless the user says where. */
function needFrom(name: string, files: string, { place }: OpenOptions): HbnnError {
  const [from, data] = ['from', 'data'].map((option) => place?.(option) ?? option);
  return new HbnnError(
    `${data} ${name}: expected a folder of ${files} by ${from}, got none; add ${from}, as in ${place === undefined ? "from: 'photos'" : `${from} photos`}`,
  );
}

/** Options that change nothing with a data set, each with what is so instead. */
export function ignoredOptions(name: string): Readonly<Record<string, string>> {
  return entry(name, '--data').ignores;
}

/**
 * Open a data set by name.
 *
 * @throws HbnnError when the name is unknown or its files are missing, truncated or changed
 */
export async function openDataset(name: string, o: OpenOptions = {}): Promise<Dataset> {
  const { open } = entry(
    name,
    o.place === undefined ? 'openDataset' : (o.place('data') ?? '--data'),
  );
  const options = optionsAmong(name, o);
  checkSource(name, options);
  checkOptions(name, options);
  return open(options);
}

/**
 * Get a data set into the cache, or check a local copy of it.
 *
 * @throws HbnnError when it cannot be had; nothing half-written is left in its place
 */
export async function fetchDataset(name: string, o: OpenOptions = {}): Promise<string> {
  const { fetch } = entry(name, 'datasets fetch');
  checkSource(name, o);
  if (fetch === undefined) return `${name}: nothing to fetch`;
  try {
    await fetch(o);
  } catch (error) {
    if (!(error instanceof HbnnError) || o.from !== undefined) throw error;
    throw new HbnnError(
      `${name}: ${error.message}. With no network, get the files elsewhere and pass their folder or ` +
        `archive by --from, or use the embedded fashion-mnist-subset`,
    );
  }
  return `${name}: ready in ${o.from ?? cacheFolder(name)}`;
}
