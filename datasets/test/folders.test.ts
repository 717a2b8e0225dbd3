import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BatchSource } from '@hbnn/core';
import { type Dataset, type OpenOptions, openDataset } from '@hbnn/datasets';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';

const temporary = (): string => mkdtempSync(join(tmpdir(), 'hbnn-folders-'));

/** One picture in every format that is written here, and in none. */
const pictures = new Map<string, Buffer>();
beforeAll(async () => {
  const background = { r: 200, g: 100, b: 50 };
  const image = sharp({ create: { width: 40, height: 30, channels: 3, background } });
  for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)
    pictures.set(format, await image.clone().toFormat(format).toBuffer());
  // Entropy-coded noise, so that a cut falls into image data.
  const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 251));
  const raw = { width: 64, height: 64, channels: 3 } as const;
  pictures.set('noise', await sharp(noise, { raw }).jpeg().toBuffer());
});

/** Files below a new folder, each of some format or with some bytes. */
function files(list: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = temporary();
  for (const [name, content] of Object.entries(list)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    const bytes = typeof content === 'string' ? pictures.get(content) : content;
    writeFileSync(join(folder, name), bytes ?? content);
  }
  return folder;
}

/** So many PNG images in each of some folders. */
function images(count: number, ...folders: string[]): Record<string, string> {
  const names = folders.flatMap((dir) =>
    Array.from({ length: count }, (_, i) => `${dir}/${i}.png`),
  );
  return Object.fromEntries(names.map((name) => [name, 'png']));
}

const opened = async (
  from: string,
  o: OpenOptions = {},
): Promise<Dataset & { notes: string[]; counts: (number | undefined)[] }> => {
  const notes: string[] = [];
  const set = await openDataset('folder', { from, size: 8, onNote: (t) => notes.push(t), ...o });
  const { train, validation, test } = set;
  return { ...set, notes, counts: [train.count, validation?.count, test.count] };
};

async function pass(source: BatchSource): Promise<number> {
  let count = 0;
  for await (const batch of source.batches({ batch: 3, shuffle: false, seed: 0, epoch: 0 }))
    count += batch.count;
  return count;
}

describe('the parts of a folder', () => {
  it.each([
    ['train', 'valid'],
    ['train', 'val'],
    ['Train', 'Validation'],
    ['training', 'test'],
    ['TRAIN', 'TEST'],
    ['train', 'dev'],
  ])('%s and %s: the second tests', async (train, test) => {
    const folder = files({
      ...images(6, `${train}/a`, `${train}/b`),
      ...images(3, `${test}/a`, `${test}/b`),
    });
    const { counts, notes } = await opened(folder);
    expect(counts).toEqual([12, undefined, 6]);
    expect(notes).toEqual([
      `${folder}: 2 classes, 12 images to train on (${train}), 6 to test on (${test})`,
    ]);
  });

  it('train, valid and test: all three are used', async () => {
    const folder = files({
      ...images(5, 'train/a', 'train/b'),
      ...images(3, 'valid/a', 'valid/b'),
      ...images(2, 'test/a', 'test/b'),
    });
    const { counts, notes } = await opened(folder);
    expect(counts).toEqual([10, 6, 4]);
    expect(notes[0]).toContain('6 to validate on (valid), 4 to test on (test)');
    expect(notes[0]).toContain('; validation 6 measures');
    expect((await opened(folder, { validation: 4 })).counts).toEqual([10, 4, 4]);
    expect((await opened(folder, { validation: 6 })).notes[0]).not.toContain('measures');
    await expect(opened(folder, { validation: 7 })).rejects.toThrow(/at most the 6 images/);
  });

  it('without a test folder: every fifth image, said so', async () => {
    const { counts, notes } = await opened(files(images(10, 'cat', 'dog')));
    expect(counts).toEqual([16, undefined, 4]);
    expect(notes[0]).toContain('4 to test on (every fifth of a class)');
  });

  it('named as a class: a folder that holds images itself', async () => {
    const { train, counts } = await opened(files(images(5, 'train', 'val', 'plane')));
    expect(train.classes).toEqual(['plane', 'train', 'val']);
    expect(counts).toEqual([12, undefined, 3]);
    const vehicles = files({
      ...images(5, 'train/train', 'train/test'),
      ...images(1, 'test/train', 'test/test'),
    });
    expect((await opened(vehicles)).train.classes).toEqual(['test', 'train']);
  });

  it('that are there twice, or without training images, are refused', async () => {
    const twice = files(images(1, 'train/a', 'val/a', 'valid/a'));
    await expect(opened(twice)).rejects.toThrow(/validation images, found val and valid; keep/);
    const orphan = files(images(1, 'valid/a', 'valid/b'));
    await expect(opened(orphan)).rejects.toThrow(/expected a folder 'train' beside 'valid'/);
    const other = files({ ...images(1, 'train/a', 'valid/b', 'test/a') });
    await expect(opened(other)).rejects.toThrow(/valid.*missing and .*beyond them/);
  });

  it('have the classes of the training images, however a system writes accents', async () => {
    const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301'];
    const set = await opened(
      files({
        ...images(2, `train/${composed}`, 'train/cafz'),
        ...images(1, `val/${decomposed}`),
        ...images(3, 'val/cafz'),
      }),
    );
    expect(set.train.classes).toEqual(['cafz', composed]);
    const labels: number[] = [];
    for await (const part of set.test.batches({ batch: 9, shuffle: false, seed: 0, epoch: 0 }))
      labels.push(...part.labels);
    expect(labels).toEqual([0, 0, 0, 1]);
    const both = files(images(1, `train/${composed}`, `val/${composed}`, `val/${decomposed}`));
    await expect(opened(both)).rejects.toThrow('beyond them');
  });

  it('of one class are a data set, with a word on what its accuracy says', async () => {
    const { counts, notes } = await opened(files(images(5, 'only')));
    expect(counts).toEqual([4, undefined, 1]);
    expect(notes[0]).toContain('1 class, 4 images');
    expect(notes[0]).toContain('with one class every image is right');
  });
});

describe('what lies beside images', () => {
  it('and was left by systems is passed over', async () => {
    const fork = Buffer.from('\0\x05\x16\x07\0\x02\0\0Mac OS X        ', 'latin1');
    const folder = files({
      ...images(5, 'a', 'b'),
      'a/._0.png': fork,
      '._a': fork,
      'a/.DS_Store': fork,
      '.DS_Store': fork,
      'b/Thumbs.db': fork,
      'b/desktop.ini': fork,
      '__MACOSX/a/._0.png': fork,
      '.cache/0.png': 'png',
      'a/.thumbnails/0.png': 'png',
    });
    const { counts, notes, train } = await opened(folder);
    expect(counts).toEqual([8, undefined, 2]);
    expect(train.classes).toEqual(['a', 'b']);
    expect(notes).toEqual([
      `${folder}: 2 classes, 8 images to train on, 2 to test on (every fifth of a class)`,
    ]);
  });

  it('and is not taken is said, by kind', async () => {
    const folder = files({
      ...images(5, 'train/a', 'train/b', 'test/a', 'test/b'),
      'train/a/x.bmp': Buffer.from('BM'),
      'train/b/y.HEIC': Buffer.from('x'),
      'train/a/deeper/0.png': 'png',
      'train/loose.png': 'png',
      'extra/0.png': 'png',
      'extra/1.png': 'png',
      'train/_annotations.csv': Buffer.from('x'),
      'README.roboflow.txt': Buffer.from('x'),
    });
    const { notes, counts } = await opened(folder);
    expect(counts).toEqual([10, undefined, 10]);
    const [, left] = notes[0].split('; left: ');
    expect(left.split(/(?<=\)), /)).toEqual([
      `2 images of kinds that are not read (${folder}/train/a/x.bmp, ${folder}/train/b/y.HEIC)`,
      `1 image outside of class folders (${folder}/train/loose.png)`,
      `3 images in other folders (${folder}/train/a/deeper, ${folder}/extra)`,
      `2 other files (${folder}/README.roboflow.txt, ${folder}/train/_annotations.csv)`,
    ]);
  });

  it('deeper than class folders leads to an error that says where', async () => {
    const nested = files(images(2, 'inner/a', 'inner/b'));
    await expect(opened(nested)).rejects.toThrow(/only deeper in .*inner; pass that folder/);
    const half = files({ ...images(2, 'a', 'b/inner') });
    await expect(opened(half)).rejects.toThrow(/found none in .*b; .*b holds images in folders/);
    const file = join(nested, 'inner', 'a', '0.png');
    await expect(opened(file)).rejects.toThrow(
      /0\.png: expected a folder of images, got a file; unpack an archive first/,
    );
  });

  it('is read in every format that sharp reads', async () => {
    const folder = files({
      ...images(1, 'a'),
      'a/1.webp': 'webp',
      'a/2.GIF': 'gif',
      'a/3.tif': 'tiff',
      'a/4.avif': 'avif',
      'a/5.jfif': 'jpeg',
      'a/6.JPE': 'jpeg',
      'a/7.svg': Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
      ),
      'a/8.tiff': 'tiff',
      'a/9.jpeg': 'png',
    });
    const { counts, train, notes } = await opened(folder);
    expect(counts).toEqual([8, undefined, 2]);
    expect(notes[0]).not.toContain('left');
    expect(await pass(train)).toBe(8);
  });
});

describe('images that cannot be read', () => {
  const damaged = (): string => {
    const noise = pictures.get('noise') as Buffer;
    const folder = files({
      ...images(6, 'train/a', 'train/b', 'val/a', 'val/b'),
      'train/a/cut.jpg': noise.subarray(0, noise.length / 2),
      'train/b/end.jpg': noise.subarray(0, noise.length - 20),
      'train/b/empty.png': new Uint8Array(0),
      'val/a/page.png': Buffer.from('<html>not found</html>'),
    });
    symlinkSync('nowhere.png', join(folder, 'val', 'b', 'link.png'));
    return folder;
  };

  it('are all named before any is used', async () => {
    const folder = damaged();
    const error = await opened(folder).then(
      () => '',
      ({ message }: Error) => message,
    );
    expect(error).toMatch(
      /got 5 of 29 images that cannot: .*; remove or replace them, or leave them out by skipBadImages$/,
    );
    for (const name of ['train/a/cut.jpg', 'train/b/end.jpg', 'train/b/empty.png'])
      expect(error).toContain(`${folder}/${name} (`);
    for (const name of ['val/a/page.png', 'val/b/link.png'])
      expect(error).toContain(`${folder}/${name} (`);
    expect(error).not.toContain('\n');
    await expect(opened(folder, { testOnly: true })).rejects.toThrow(/got 2 of 14 images/);
  });

  it('are not waited for where they are pipes', async () => {
    const folder = files(images(5, 'a', 'b'));
    expect(spawnSync('mkfifo', [join(folder, 'a', 'pipe.png')]).status).toBe(0);
    await expect(opened(folder)).rejects.toThrow(/pipe\.png \(it is no regular file\)/);
  });

  it('are left out and counted when asked, as if the files were not there', async () => {
    const { counts, notes, train, test } = await opened(damaged(), { skipBadImages: true });
    expect(counts).toEqual([12, undefined, 12]);
    expect(notes[0]).toMatch(/skipped 5 of 29 images, which cannot be read: .*cut\.jpg \(/);
    expect([await pass(train), await pass(test)]).toEqual([12, 12]);
    const emptied = files({ ...images(5, 'a'), 'b/0.png': Buffer.from('x') });
    await expect(opened(emptied, { skipBadImages: true })).rejects.toThrow(
      /none that can be read in b/,
    );
  });

  it('are other than those with faults that viewers pass over', async () => {
    const jpeg = pictures.get('noise') as Buffer;
    const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));
    const components = jpeg[scan + 4];
    const parameters = Buffer.from(jpeg);
    parameters.fill(0, scan + 5 + 2 * components, scan + 8 + 2 * components);
    const between = Buffer.concat([
      jpeg.subarray(0, scan),
      Buffer.from([0, 0x11, 0x22]),
      jpeg.subarray(scan),
    ]);
    const after = Buffer.concat([jpeg, Buffer.from('appended by a phone')]);
    const folder = files({
      ...images(4, 'a'),
      'a/parameters.jpg': parameters,
      'a/between.jpg': between,
      'a/after.jpg': after,
    });
    const { train, test } = await opened(folder);
    expect((await pass(train)) + (await pass(test))).toBe(7);
  });

  it('of CIFAR-10 as class folders are named as well', async () => {
    const names = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');
    const folder = files(images(5, ...names));
    writeFileSync(join(folder, 'cat', '3.png'), 'x');
    const onNote = (): void => {};
    await expect(openDataset('cifar10', { from: folder, onNote })).rejects.toThrow(
      /got 1 of 50 images that cannot: .*cat\/3\.png \(/,
    );
    const { train, test } = await openDataset('cifar10', {
      from: folder,
      onNote,
      skipBadImages: true,
    });
    expect([train.count, test.count]).toEqual([40, 9]);
  });

  it('after the check end the pass that needs them, by name', async () => {
    const folder = files(images(6, 'a'));
    const { train } = await opened(folder);
    const good = readFileSync(join(folder, 'a', '1.png'));
    writeFileSync(join(folder, 'a', '1.png'), good.subarray(0, 40));
    await expect(pass(train)).rejects.toThrow(
      /1\.png: expected JPEG.*could not be read as an image/,
    );
    copyFileSync(join(folder, 'a', '0.png'), join(folder, 'a', '1.png'));
    expect(await pass(train)).toBe(5);
  });
});

describe('the limits and the size of images', () => {
  const place = (option: string): string => `--${option}`;

  it('are told once where they are above the images', async () => {
    const folder = files(images(3, 'train/a', 'train/b', 'test/a', 'test/b'));
    const { notes } = await opened(folder, { limit: 99, testLimit: 98, place });
    expect(notes.filter((note) => note.includes('all are taken'))).toEqual([
      '--limit 99: there are 6 training images, all are taken',
      '--testLimit 98: there are 6 test images, all are taken',
    ]);
  });

  it('are refused where a batch is larger than a tensor', async () => {
    const folder = files(images(3, 'train/a', 'train/b', 'test/a', 'test/b'));
    await expect(opened(folder, { size: 100_000, place })).rejects.toThrow(
      '--size: expected at most 13377 pixels, since a batch of 1 image takes at most 2 GiB, got 100000, which take 112 GiB; take smaller images',
    );
    const { train } = await opened(folder, { size: 10_000, place });
    await expect(pass(train)).rejects.toThrow(
      '--size: expected at most 7723 pixels, since a batch of 3 images takes at most 2 GiB, got 10000, which take 3.35 GiB; take smaller images, or fewer in a batch',
    );
  });
});
