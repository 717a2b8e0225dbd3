import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchSource } from '@hbnn/core';
import { fetchDataset, openDataset } from '@hbnn/datasets';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const temporary = (): string => mkdtempSync(join(tmpdir(), 'hbnn-datasets-'));

// An empty cache: nothing on this machine may help or disturb.
let before: string | undefined;
beforeEach(() => {
  before = process.env.HBNN_DATA;
  process.env.HBNN_DATA = temporary();
});
afterEach(() => {
  if (before === undefined) delete process.env.HBNN_DATA;
  else process.env.HBNN_DATA = before;
});

async function labelsOf(source: BatchSource): Promise<number[]> {
  const labels: number[] = [];
  const pass = { batch: 1000, shuffle: false, seed: 0, epoch: 0 };
  for await (const batch of source.batches(pass)) labels.push(...batch.labels);
  return labels;
}

const counts = (labels: readonly number[]): number[] =>
  labels.reduce((sums, label) => sums.with(label, sums[label] + 1), new Array<number>(10).fill(0));

describe('the embedded Fashion-MNIST subset', () => {
  it('has 1,000 images of each class to train and to test, without network or cache', async () => {
    const { train, test } = await openDataset('fashion-mnist-subset');
    expect(train.shape).toEqual([28, 28, 1]);
    expect(counts(await labelsOf(train))).toEqual(new Array(10).fill(1000));
    expect(counts(await labelsOf(test))).toEqual(new Array(10).fill(1000));
  });

  it('can be limited and shrunk', async () => {
    const options = { limit: 50, testLimit: 20, shrink: 2 };
    const { train, test } = await openDataset('fashion-mnist-subset', options);
    expect([train.count, test.count]).toEqual([50, 20]);
    expect(train.shape).toEqual([14, 14, 1]);
    expect(counts(await labelsOf(train))).toEqual(new Array(10).fill(5));
  });
});

describe('validation images', () => {
  const open = (o: object) =>
    openDataset('fashion-mnist-subset', { limit: 300, testLimit: 10, seed: 1, ...o });

  it('are held out of the training images, evenly over the classes, by seed', async () => {
    const { train, validation, test } = await open({ validation: 50 });
    expect([train.count, validation?.count, test.count]).toEqual([250, 50, 10]);
    const held = await labelsOf(validation as BatchSource);
    expect(counts(held)).toEqual(new Array(10).fill(5));
    expect(counts(await labelsOf(train))).toEqual(new Array(10).fill(25));
    const imagesOf = async (source: BatchSource | undefined): Promise<string> => {
      const pass = { batch: 1000, shuffle: false, seed: 0, epoch: 0 };
      let digest = '';
      for await (const { images } of (source as BatchSource).batches(pass)) {
        digest += createHash('sha256').update(images).digest('hex');
      }
      return digest;
    };
    const first = await imagesOf(validation);
    expect(await imagesOf((await open({ validation: 50 })).validation)).toBe(first);
    expect(await imagesOf((await open({ validation: 50, seed: 2 })).validation)).not.toBe(first);
  });

  it('leave some to train on', async () => {
    await expect(open({ validation: 300 })).rejects.toThrow('fewer images than the 300');
    expect((await open({})).validation).toBeUndefined();
  });
});

/** Ten records a batch in the official layout: image i of label i, its red channel all 10·i. */
function cifarFolder(): string {
  const folder = temporary();
  const batches = join(folder, 'cifar-10-batches-bin');
  mkdirSync(batches);
  const records = Buffer.concat(
    Array.from({ length: 10 }, (_, i) =>
      Buffer.concat([Buffer.of(i), Buffer.alloc(1024, 10 * i), Buffer.alloc(2048, 200)]),
    ),
  );
  for (const name of [...[1, 2, 3, 4, 5].map((k) => `data_batch_${k}`), 'test_batch']) {
    writeFileSync(join(batches, `${name}.bin`), records);
  }
  return folder;
}

describe('CIFAR-10', () => {
  it('opens the official batches from a folder, planes turned to channels', async () => {
    const { train, test, label } = await openDataset('cifar10', { from: cifarFolder() });
    expect([train.count, test.count]).toEqual([50, 10]);
    expect(label).toContain('local');
    for await (const { images } of test.batches({ batch: 10, shuffle: false, seed: 0, epoch: 0 })) {
      const red = Array.from({ length: 10 }, (_, i) => images[i * 3072]);
      expect(red).toEqual([...red].sort((a, b) => a - b));
      expect(images[1]).toBe(images[3072 + 1]);
    }
  });

  it('opens and fetches a local archive, and refuses one without the batches', async () => {
    const archive = join(temporary(), 'cifar.tar.gz');
    const packed = spawnSync('tar', ['-czf', archive, '-C', cifarFolder(), 'cifar-10-batches-bin']);
    expect(packed.status).toBe(0);
    expect((await openDataset('cifar10', { from: archive })).train.count).toBe(50);
    expect(await fetchDataset('cifar10', { from: archive })).toContain('ready');
    process.env.HBNN_DATA = temporary();
    const junk = join(temporary(), 'junk.tar.gz');
    writeFileSync(junk, 'not an archive');
    await expect(openDataset('cifar10', { from: junk })).rejects.toThrow(junk);
  });

  it('names a truncated batch and a missing one', async () => {
    const folder = cifarFolder();
    const file = join(folder, 'cifar-10-batches-bin', 'data_batch_3.bin');
    writeFileSync(file, Buffer.alloc(4000));
    await expect(openDataset('cifar10', { from: folder })).rejects.toThrow(`${file}: expected`);
    const none = openDataset('cifar10', { from: temporary() });
    await expect(none).rejects.toThrow('cifar-10-batches-bin or class folders');
  });

  it('opens class folders of image files', async () => {
    const folder = temporary();
    const names = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');
    for (const split of ['train', 'test']) {
      for (const name of names) await writeImages(join(folder, split, name), 2, 32, 'png');
    }
    const { train, test } = await openDataset('cifar10', { from: folder });
    expect([train.count, test.count]).toEqual([20, 20]);
    expect(train.classes).toEqual(names);
  });
});

async function writeImages(
  folder: string,
  count: number,
  size: number,
  kind: 'png' | 'jpeg',
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < count; i++) {
    const background = { r: 20 * i, g: 100, b: 200 };
    const image = sharp({ create: { width: size + i, height: size, channels: 3, background } });
    await image.toFormat(kind).toFile(join(folder, `${i}.${kind === 'png' ? 'png' : 'JPG'}`));
  }
}

describe('a folder of images', () => {
  it('streams crops in an order and with an augmentation of seed and epoch alone', async () => {
    const folder = temporary();
    for (const name of ['cat', 'dog']) {
      await writeImages(join(folder, 'train', name), 6, 70, 'jpeg');
      await writeImages(join(folder, 'val', name), 2, 40, 'png');
    }
    const { train, test } = await openDataset('folder', { from: folder, size: 32 });
    expect([train.count, test.count, train.shape]).toEqual([12, 4, [32, 32, 3]]);
    const collect = async (epoch: number, from = 0): Promise<number[][]> => {
      const batches: number[][] = [];
      const pass = { batch: 5, shuffle: true, seed: 3, epoch, from };
      for await (const { images, labels } of train.batches(pass)) {
        batches.push([...labels, ...images.subarray(0, 50)]);
      }
      return batches;
    };
    const first = await collect(0);
    expect(first).toHaveLength(3);
    expect(await collect(0)).toEqual(first);
    expect(await collect(0, 2)).toEqual(first.slice(2));
    expect(await collect(1)).not.toEqual(first);
  });

  it('is cropped to a height and a width', async () => {
    const folder = temporary();
    const blue = { create: { width: 20, height: 20, channels: 3, background: '#0000ff' } } as const;
    const right = await sharp(blue).png().toBuffer();
    for (const part of ['train/a', 'train/b', 'test/a', 'test/b']) {
      mkdirSync(join(folder, part), { recursive: true });
      const red = { ...blue.create, width: 40, background: '#ff0000' };
      await sharp({ create: red })
        .composite([{ input: right, left: 20, top: 0 }])
        .toFile(join(folder, part, '0.png'));
    }
    const { test, label } = await openDataset('folder', { from: folder, size: [7, 14] });
    expect([test.shape, label]).toEqual([
      [7, 14, 3],
      'images in class folders (2 classes, 7x14 pixels)',
    ]);
    for await (const { images } of test.batches({ batch: 1, shuffle: false, seed: 0, epoch: 0 })) {
      expect(images).toHaveLength(7 * 14 * 3);
      // The last row: red on the left, blue on the right.
      const [left, end] = [images.subarray(6 * 14 * 3), images.subarray(-3)];
      expect(left[0]).toBeGreaterThan(left[2]);
      expect(end[0]).toBeLessThan(end[2]);
    }
    const wrong = openDataset('folder', { from: folder, size: [7, 0] });
    await expect(wrong).rejects.toThrow(
      /expected a whole number above 0 as size, or two as \[height, width\], got \[7,0\]/,
    );
  });

  it('holds out every fifth image when there is no test folder', async () => {
    const folder = temporary();
    for (const name of ['a', 'b', 'c']) await writeImages(join(folder, name), 10, 20, 'png');
    const { train, test } = await openDataset('folder', { from: folder, size: 16 });
    expect([train.count, test.count]).toEqual([24, 6]);
    const held = await openDataset('folder', { from: folder, size: 16, validation: 6, seed: 1 });
    expect([held.train.count, held.validation?.count, held.test.count]).toEqual([18, 6, 6]);
    const labels = await labelsOf(held.validation as BatchSource);
    expect(labels).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('names empty class folders, and classes that only one of train and val has', async () => {
    const folder = temporary();
    for (const name of ['cat', 'dog']) {
      for (const split of ['train', 'val']) {
        await writeImages(join(folder, split, name), 2, 20, 'png');
      }
    }
    const open = (): Promise<unknown> => openDataset('folder', { from: folder, size: 8 });
    await open();
    // A tool's folder is no class.
    mkdirSync(join(folder, 'train', '.cache'));
    await open();
    mkdirSync(join(folder, 'train', 'cow'));
    await expect(open()).rejects.toThrow(`found none in ${join(folder, 'train', 'cow')}`);
    await writeImages(join(folder, 'train', 'cow'), 1, 20, 'png');
    await expect(open()).rejects.toThrow(`${join(folder, 'val', 'cow')} missing`);
    mkdirSync(join(folder, 'val', 'cow'));
    await expect(open()).rejects.toThrow(`found none in ${join(folder, 'val', 'cow')}`);
    await writeImages(join(folder, 'val', 'cow'), 1, 20, 'png');
    await writeImages(join(folder, 'val', 'eel'), 1, 20, 'png');
    await expect(open()).rejects.toThrow(`${join(folder, 'val', 'eel')} beyond them`);
  });

  it('has its own augmentation and refuses another', async () => {
    const folder = temporary();
    await writeImages(join(folder, 'a'), 6, 20, 'png');
    const open = openDataset('folder', { from: folder, size: 8, augment: { flip: true } });
    await expect(open).rejects.toThrow('leave augment out');
  });

  it('reads grey, transparent and odd-sized images', async () => {
    const folder = temporary();
    const mixed = join(folder, 'a');
    await writeImages(mixed, 5, 9, 'png');
    const grey = { create: { width: 200, height: 3, channels: 3, background: 'gray' } } as const;
    await sharp(grey).toColourspace('b-w').png().toFile(join(mixed, 'grey.png'));
    const clear = {
      create: { width: 7, height: 90, channels: 4, background: '#11223344' },
    } as const;
    await sharp(clear).png().toFile(join(mixed, 'clear.png'));
    const { train } = await openDataset('folder', { from: folder, size: 8 });
    for await (const batch of train.batches({ batch: 9, shuffle: true, seed: 0, epoch: 0 })) {
      expect(batch.images.length).toBe(batch.count * 8 * 8 * 3);
      expect(batch.images.every(Number.isFinite)).toBe(true);
    }
  });

  it('asks for the folder, and says what it found in one without images', async () => {
    await expect(openDataset('folder')).rejects.toThrow('by from, got none');
    await expect(openDataset('folder', { from: temporary() })).rejects.toThrow('class folders');
    await expect(openDataset('folder', { from: '/no/where' })).rejects.toThrow('does not exist');
  });
});

describe('data sets by name', () => {
  it.each([
    [{ limit: 0 }, /above 0 as limit, got 0/],
    [{ testLimit: -5 }, /as testLimit, got -5/],
    [{ shrink: 1.5 }, /as shrink, got 1\.5/],
    [{ validation: '10' as never }, /as validation, got '10'/],
    [{ limit: Number.NaN }, /as limit, got NaN/],
  ])('refuse the option %o', async (o, message) => {
    await expect(openDataset('fashion-mnist-subset', o)).rejects.toThrow(message);
  });

  it('note limits above the images that there are, by the name that they have there', async () => {
    const notes: string[] = [];
    const onNote = (text: string): void => {
      notes.push(text);
    };
    const place = (option: string) => `--${option}`;
    const open = (o: object) => openDataset('fashion-mnist-subset', { onNote, ...o });
    const { train } = await open({ limit: 10_001 });
    const { test } = await open({ limit: 10, testLimit: 10_001, place });
    expect([train.count, test.count]).toEqual([10_000, 10_000]);
    expect(notes).toEqual([
      'limit 10001: there are 10000 training images, all are taken',
      '--testLimit 10001: there are 10000 test images, all are taken',
    ]);
    await expect(open({ validation: 10_000, place })).rejects.toThrow(
      '--validation: expected fewer',
    );
  });

  it('are told from unknown ones', async () => {
    await expect(openDataset('mnist')).rejects.toThrow("got 'mnist'");
    await expect(openDataset('constructor')).rejects.toThrow("got 'constructor'");
    await expect(openDataset('fashion-mnist')).rejects.toThrow('hbnn datasets fetch');
  });
});
