import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { HbnnError } from '@hbnn/core';
import { type Dataset, memoryDataset, type OpenOptions } from './dataset.ts';
import { download } from './download.ts';
import { parseIdx } from './idx.ts';
import { type LabelledImages, labelledImages } from './images.ts';

/** The ten classes, by label. */
const fashionMnistClasses = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

// SHA-256 of the archives' content: it stays the same however the archives were packed.
const originals = {
  'train-images-idx3-ubyte': 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
  'train-labels-idx1-ubyte': 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
  't10k-images-idx3-ubyte': '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
  't10k-labels-idx1-ubyte': '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
};
type Original = keyof typeof originals;

// MD5 of the archives as their authors publish them.
const archives: Record<Original, string> = {
  'train-images-idx3-ubyte': '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
  'train-labels-idx1-ubyte': '25c81989df183df01b3e8a0aad5dffbe',
  't10k-images-idx3-ubyte': 'bef4ecab320f06d8554ea6380940ec79',
  't10k-labels-idx1-ubyte': 'bb300cfdad3c16e7a12a480ee83cd310',
};

const addresses = [
  'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion',
  'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com',
];

const shape: readonly [number, number, number] = [28, 28, 1];
const classes = fashionMnistClasses;

function images(pixels: Uint8Array, labels: Uint8Array, where: string): LabelledImages {
  const x = parseIdx(pixels, `${where} images`);
  const y = parseIdx(labels, `${where} labels`);
  return labelledImages(x.data as Uint8Array, y.data as Uint8Array, shape, classes.length, where);
}

function checked(bytes: Uint8Array, sha256: string, where: string): Uint8Array {
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== sha256) {
    throw new HbnnError(
      `${where}: expected SHA-256 ${sha256} of the content, got ${digest}; delete it and fetch it again`,
    );
  }
  return bytes;
}

/** Open the committed subset: 1,000 training images of each class and all 10,000 test images. */
export function openFashionMnistSubset(o: OpenOptions): Dataset {
  const folder = new URL('../embedded/fashion-mnist/', import.meta.url);
  const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as Record<
    string,
    { sha256: string }
  >;
  const read = (name: string): Uint8Array => {
    const file = new URL(`${name}.idx.br`, folder);
    return checked(brotliDecompressSync(readFileSync(file)), manifest[name].sha256, file.pathname);
  };
  const about = {
    name: 'fashion-mnist-subset',
    label: 'Fashion-MNIST, embedded subset',
    classes,
  };
  const parts = {
    train: images(read('train-images'), read('train-labels'), 'fashion-mnist-subset train'),
    test: images(read('test-images'), read('test-labels'), 'fashion-mnist-subset test'),
  };
  return memoryDataset(about, parts, o);
}

/** Open the full Fashion-MNIST from a folder with its four files, packed (.gz) or not. */
export function openFashionMnist(folder: string, o: OpenOptions): Dataset {
  const read = (name: Original): Uint8Array => {
    const file = [`${name}.gz`, name].map((f) => join(folder, f)).find((f) => existsSync(f));
    if (file === undefined) {
      throw new HbnnError(
        `fashion-mnist: expected ${name}.gz in ${folder}, found none; run 'hbnn datasets fetch ` +
          "fashion-mnist', pass a folder that has the four files by --from, or use the embedded " +
          'fashion-mnist-subset',
      );
    }
    return checked(unpacked(file), originals[name], file);
  };
  const about = { name: 'fashion-mnist', label: 'Fashion-MNIST', classes };
  const parts = {
    train: images(read('train-images-idx3-ubyte'), read('train-labels-idx1-ubyte'), 'train'),
    test: images(read('t10k-images-idx3-ubyte'), read('t10k-labels-idx1-ubyte'), 'test'),
  };
  return memoryDataset(about, parts, o);
}

function unpacked(file: string): Uint8Array {
  const bytes = readFileSync(file);
  if (!file.endsWith('.gz')) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be unpacked (${(error as Error).message}); it is truncated or damaged, ` +
        'delete it and fetch it again',
    );
  }
}

/** Download the four archives into a folder. */
export async function fetchFashionMnist(folder: string, o: OpenOptions): Promise<void> {
  for (const [name, digest] of Object.entries(archives)) {
    const file = `${name}.gz`;
    await download({
      urls: addresses.map((address) => `${address}/${file}`),
      file: join(folder, file),
      checksum: { algorithm: 'md5', digest },
      onProgress: ({ bytes, total }) => o.onProgress?.(file, bytes, total),
    });
  }
}
