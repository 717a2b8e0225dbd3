import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BatchSource, decodeNpy, encodeNpy, HbnnError } from '@hbnn/core';
import {
  type ArrayImages,
  arrayDataset,
  type IdxFiles,
  idxDataset,
  idxFilesIn,
  openDataset,
  readIdx,
} from '@hbnn/datasets';
import { describe, expect, it } from 'vitest';

/** All images of a source in order, with their labels. */
async function contents(source: BatchSource): Promise<{ images: number[]; labels: number[] }> {
  const images: number[] = [];
  const labels: number[] = [];
  const pass = { batch: 3, shuffle: false, seed: 0, epoch: 0 };
  for await (const batch of source.batches(pass)) {
    images.push(...batch.images);
    labels.push(...batch.labels);
  }
  return { images, labels };
}

/** The 8-bit pixels behind a source's images. */
async function pixels(source: BatchSource): Promise<number[]> {
  const { mean, deviation } = source.normalization as { mean: number[]; deviation: number[] };
  const { images } = await contents(source);
  return images.map((v, i) => {
    const c = i % source.shape[2];
    return Math.round(255 * (v * deviation[c] + mean[c]));
  });
}

const bytes = Uint8Array.from({ length: 6 * 4 }, (_, i) => 10 * i);
const labels = [0, 1, 0, 1, 0, 1];
const two = { shape: [2, 2, 1], classes: ['a', 'b'] } as const;
const whole = (images: ArrayImages['train']['images']): ArrayImages => ({
  ...two,
  train: { images, labels },
  test: { images: bytes.subarray(0, 8), labels: [1, 0] },
});
const whatever = { onNote: () => {} };

describe("a user's own arrays", () => {
  it.each([
    ['bytes', bytes, undefined],
    ['clamped bytes', Uint8ClampedArray.from(bytes), undefined],
    ['int32', Int32Array.from(bytes), undefined],
    ['floats from 0 to 1', Float32Array.from(bytes, (v) => v / 255), undefined],
    ['doubles from 0 to 1', Float64Array.from(bytes, (v) => v / 255), 'unit'],
    ['floats from 0 to 255', Float32Array.from(bytes), 'pixels'],
    ['an array with its shape', { shape: [6, 2, 2, 1], data: bytes }, undefined],
    ['an array without channels', { shape: [6, 2, 2], data: bytes }, undefined],
  ] as const)('of %s are the same data set', async (_, images, floats) => {
    const { train, test } = arrayDataset({ ...whole(images), floats });
    expect([train.count, train.shape, train.classes]).toEqual([6, [2, 2, 1], ['a', 'b']]);
    expect(await pixels(train)).toEqual([...bytes]);
    expect((await contents(train)).labels).toEqual(labels);
    expect(await pixels(test)).toEqual([...bytes.subarray(0, 8)]);
  });

  it('may name classes in labels, and take shape and number of classes from elsewhere', async () => {
    const named = whole(bytes);
    const train = { images: bytes, labels: ['a', 'b', 'a', 'b', 'a', 'b'] };
    expect((await contents(arrayDataset({ ...named, train }).train)).labels).toEqual(labels);
    const npy = decodeNpy(encodeNpy({ shape: [6, 2, 2], data: bytes }), 'x.npy');
    const part = { images: npy, labels: Uint8Array.from(labels) };
    const set = arrayDataset({ classes: 2, train: part, test: part });
    expect(set.train.shape).toEqual([2, 2, 1]);
    expect(set.train.classes).toEqual(['0', '1']);
  });

  it('hold out every fifth image of a class, draw validation images and take limits', async () => {
    const images = Uint8Array.from({ length: 20 * 4 }, (_, i) => i);
    const train = { images, labels: Array.from({ length: 20 }, (_, i) => i % 2) };
    const set = arrayDataset({ ...two, train }, { validation: 4, seed: 1 });
    expect([set.train.count, set.validation?.count, set.test.count]).toEqual([12, 4, 4]);
    // The fifth and the tenth of each class: images 8, 9, 18 and 19.
    const first = (await pixels(set.test)).filter((_, i) => i % 4 === 0);
    expect(first).toEqual([32, 36, 72, 76]);
    expect(arrayDataset({ ...two, train }, { limit: 4, testLimit: 2 }).train.count).toBe(4);
    const own = { ...two, train, test: train, validation: train };
    expect(arrayDataset(own, { validation: 6 }).validation?.count).toBe(6);
    expect(() => arrayDataset(own, { validation: 21 })).toThrow(/at most the 20 images/);
  });

  it('of any floats stay as they are, without a normalization', async () => {
    const values = Float32Array.from(bytes, (v) => v / 7 - 10);
    const images = { ...whole(values), test: undefined, floats: 'normalized' as const };
    const many = {
      images: Float32Array.from([...values, ...values]),
      labels: [...labels, ...labels],
    };
    const { train, test, validation } = arrayDataset({ ...images, train: many }, { validation: 2 });
    expect(train.normalization).toBeUndefined();
    expect([train.count, validation?.count, test.count]).toEqual([8, 2, 2]);
    expect((await contents(test)).images.slice(0, 4)).toEqual([...values.subarray(8, 12)]);
    expect(() => arrayDataset({ ...images, train: many }, { shrink: 2 })).toThrow(/no shrink/);
  });

  it('say which classes have no training image', () => {
    const notes: string[] = [];
    arrayDataset({ ...whole(bytes), classes: ['a', 'b', 'c'] }, { onNote: (t) => notes.push(t) });
    expect(notes).toEqual(['images: no training image is of 1 of the classes: c']);
  });

  const base = whole(bytes);
  const trained = (part: object): ArrayImages => ({ ...base, train: { ...base.train, ...part } });
  it.each<[string, unknown, RegExp]>([
    ['no object', undefined, /arrayDataset: expected .* got undefined/],
    ['an unknown field', { ...base, channels: 1 }, /'channels' too/],
    ['no classes', { ...base, classes: undefined }, /classes as a list of names or their number/],
    ['no class', { ...base, classes: 0 }, /got the number 0/],
    ['a class twice', { ...base, classes: ['a', 'a'] }, /got 'a' twice/],
    ['no shape', { ...base, shape: undefined }, /shape of one image.* got none/],
    ['an odd shape', { ...base, shape: [4] }, /got \[4\]/],
    [
      'no labels',
      { ...base, train: { images: bytes } },
      /images train: expected \{ images, labels/,
    ],
    [
      'plain images',
      trained({ images: [...bytes] }),
      /a plain array of 24; pass Float32Array\.from/,
    ],
    ['int64', trained({ images: new BigInt64Array(24) }), /got BigInt64Array\(24\)/],
    ['a value missing', trained({ images: bytes.subarray(1) }), /got 23 values \(5\.75 images\)/],
    [
      'a label missing',
      trained({ labels: [0, 1] }),
      /expected 2 images .* got 24 values \(6 images\)/,
    ],
    ['a label beyond', trained({ labels: [0, 1, 2, 0, 0, 0] }), /labels 0 … 1 .* got 2 at image 2/],
    ['a label below', trained({ labels: Int8Array.of(0, -1, 0, 0, 0, 0) }), /got -1 at image 1/],
    ['half a label', trained({ labels: [0.5, 0, 0, 0, 0, 0] }), /got 0\.5 at image 0/],
    ['another name', trained({ labels: ['a', 'x', 'a', 'a', 'a', 'a'] }), /got 'x' at image 1/],
    ['text for labels', trained({ labels: 'labels.npy' }), /got a string/],
    [
      'one-hot labels',
      trained({ labels: { shape: [6, 2], data: new Uint8Array(12) } }),
      /one-hot rows, save arr\.argmax\(1\)/,
    ],
    [
      'floats beyond 1',
      trained({ images: Float32Array.from(bytes) }),
      /from 0 to 1, got 10 in image 0; say floats: 'pixels'/,
    ],
    [
      'NaN',
      trained({ images: new Float32Array(24).fill(Number.NaN, 9) }),
      /got NaN in image 2; mend/,
    ],
    ['16 bits', trained({ images: new Uint16Array(24).fill(300) }), /got 300 in image 0; scale/],
    [
      'an unknown kind of floats beside bytes',
      { ...trained({}), floats: 'raw' },
      /expected floats as unit, pixels, normalized, got 'raw'; name one/,
    ],
    [
      'an unknown kind of floats',
      { ...trained({ images: new Float32Array(24) }), floats: 'raw' },
      /unit, pixels, normalized, got 'raw'/,
    ],
    [
      'channels first',
      {
        ...base,
        shape: [2, 2, 3],
        train: { images: { shape: [2, 3, 2, 2], data: bytes }, labels: [0, 1] },
      },
      /arr\.transpose\(0, 2, 3, 1\)/,
    ],
    [
      'another shape of the test',
      {
        ...base,
        test: { images: { shape: [2, 4, 1], data: bytes.subarray(0, 8) }, labels: [0, 1] },
      },
      /images test: expected images of shape \[count, 2, 2, 1\]/,
    ],
    ['no test', { ...base, test: undefined }, /or five of some class/],
  ])('are refused with %s', (_, images, message) => {
    expect(() => arrayDataset(images as ArrayImages, whatever)).toThrow(HbnnError);
    expect(() => arrayDataset(images as ArrayImages, whatever)).toThrow(message);
    expect(() => arrayDataset(images as ArrayImages, whatever)).toThrow(/^[^\n]*; [^\n]*$/);
  });
});

/** The bytes of an IDX file of unsigned bytes. */
function idx(shape: readonly number[], data: readonly number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.set([0, 0, 8, shape.length]);
  for (const [i, size] of shape.entries()) head.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([head, Buffer.from(data)]);
}

describe('IDX files', () => {
  const folder = (): string => mkdtempSync(join(tmpdir(), 'hbnn-idx-'));
  function digits(prefix = ''): string {
    const dir = folder();
    const write = (name: string, content: Buffer): void =>
      writeFileSync(join(dir, prefix + name), content);
    write('train-images-idx3-ubyte.gz', gzipSync(idx([6, 2, 2], [...bytes])));
    write('train-labels-idx1-ubyte', idx([6], labels));
    write('t10k-images-idx3-ubyte', idx([2, 2, 2], [...bytes.subarray(0, 8)]));
    write('t10k-labels-idx1-ubyte.gz', gzipSync(idx([2], [1, 0])));
    return dir;
  }

  it('are found in a folder and opened, packed or not', async () => {
    for (const prefix of ['', 'emnist-letters-']) {
      const { train, test } = await openDataset('idx', { from: digits(prefix) });
      expect([train.count, test.count, train.shape]).toEqual([6, 2, [2, 2, 1]]);
      expect(await pixels(train)).toEqual([...bytes]);
      expect((await contents(test)).labels).toEqual([1, 0]);
    }
    const files = { ...idxFilesIn(digits()), classes: ['zero', 'one'] };
    expect(idxDataset(files).train.classes).toEqual(['zero', 'one']);
  });

  it('of every type are read', () => {
    const dir = folder();
    const file = join(dir, 'x.idx');
    const head = (type: number, count: number): Buffer =>
      Buffer.from([0, 0, type, 1, 0, 0, 0, count]);
    const values: [number, number[], number[]][] = [
      [8, [0, 255], [0, 255]],
      [9, [0x80, 0x7f], [-128, 127]],
      [11, [0x80, 0, 0x01, 0x02], [-32768, 258]],
      [12, [0xff, 0xff, 0xff, 0xfe, 0, 1, 0, 0], [-2, 65536]],
      [13, [0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0], [1, -2.5]],
      [14, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0, 0, 0, 0], [1, -2.5]],
    ];
    for (const [type, data, wanted] of values) {
      writeFileSync(file, Buffer.concat([head(type, 2), Buffer.from(data)]));
      expect([...readIdx(file).data]).toEqual(wanted);
    }
  });

  it('of one class are refused, and so is a file beside a packed one that differs', async () => {
    const open = (from: string): Promise<unknown> => openDataset('idx', { from, ...whatever });
    const single = digits();
    writeFileSync(join(single, 'train-labels-idx1-ubyte'), idx([6], [1, 1, 1, 1, 1, 1]));
    await expect(open(single)).rejects.toThrow(
      /labels-idx1-ubyte: expected labels of at least two classes, got 1 for every image; /,
    );
    const images = [...bytes];
    const beside = digits();
    writeFileSync(join(beside, 'train-images-idx3-ubyte'), idx([6, 2, 2], images));
    await open(beside);
    writeFileSync(join(beside, 'train-images-idx3-ubyte'), idx([6, 2, 2], images.toReversed()));
    await expect(open(beside)).rejects.toThrow(
      /expected train-images-idx3-ubyte and train-images-idx3-ubyte.gz in .* got two that differ; /,
    );
  });

  it('without a test are told that every fifth image is held out', async () => {
    const dir = folder();
    const many = Array.from({ length: 12 }, (_, i) => i % 2);
    const double = [...bytes, ...bytes];
    writeFileSync(join(dir, 'train-images-idx3-ubyte'), idx([12, 2, 2], double));
    writeFileSync(join(dir, 'train-labels-idx1-ubyte'), idx([12], many));
    const notes: string[] = [];
    const { test } = await openDataset('idx', { from: dir, onNote: (text) => notes.push(text) });
    expect(test.count).toBe(2);
    expect(notes).toEqual([expect.stringMatching(/every fifth training image .* is held out/)]);
  });

  it('of channels that seem to come first are told how they are read', async () => {
    const notes: string[] = [];
    const dir = folder();
    const many = Array.from({ length: 10 }, (_, i) => i % 2);
    writeFileSync(join(dir, 'train-images-idx3-ubyte'), idx([10, 3, 2, 5], new Array(300).fill(7)));
    writeFileSync(join(dir, 'train-labels-idx1-ubyte'), idx([10], many));
    const { train } = await openDataset('idx', { from: dir, onNote: (text) => notes.push(text) });
    expect(train.shape).toEqual([3, 2, 5]);
    expect(notes[0]).toMatch(
      /\[10, 3, 2, 5\] is read as images of 3×2 with 5 channels; if channels come first/,
    );
  });

  it('and options of other names are refused, those of a training passed over', async () => {
    const from = digits();
    const typo = { from, limt: 3 } as object;
    await expect(openDataset('idx', typo)).rejects.toThrow(
      /^idx: expected options of a data set, .*, got 'limt'; did you mean 'limit'\?/,
    );
    const { train } = await openDataset('idx', { from, ...whatever, epochs: 3 } as object);
    expect(train.count).toBe(6);
    expect(() => arrayDataset(whole(bytes), { epochs: 3 } as object)).toThrow(
      /^\w+: expected no other options than from, .*, got 'epochs'/,
    );
    const files = { train: { image: 'a', labels: 'b' } } as unknown as IdxFiles;
    expect(() => idxDataset(files)).toThrow(/expected no other options than images, labels/);
  });

  it('that do not fit are named', async () => {
    const open = (from: string): Promise<unknown> => openDataset('idx', { from, ...whatever });
    await expect(openDataset('idx')).rejects.toThrow(
      'data idx: expected a folder of IDX files by from, got none',
    );
    await expect(open(folder())).rejects.toThrow(/train-images-idx3-ubyte .*found no files/);
    const file = (dir: string, name: string, content: Buffer): string => {
      writeFileSync(join(dir, name), content);
      return dir;
    };
    const exchanged = digits();
    file(exchanged, 'train-images-idx3-ubyte.gz', idx([6], labels));
    await expect(open(exchanged)).rejects.toThrow(/train-images.*are labels and images exchanged/);
    const fewer = file(digits(), 'train-labels-idx1-ubyte', idx([5], labels.slice(1)));
    await expect(open(fewer)).rejects.toThrow(/train-labels-idx1-ubyte: expected 6 labels/);
    const cut = file(digits(), 'train-labels-idx1-ubyte', idx([6], labels).subarray(0, 12));
    await expect(open(cut)).rejects.toThrow(/train-labels-idx1-ubyte: expected 14 bytes .* got 12/);
    for (const label of [Number.NaN, 0.5, -1]) {
      const floats = Buffer.alloc(8 + 4 * 6);
      floats.set([0, 0, 13, 1, 0, 0, 0, 6]);
      floats.writeFloatBE(label, 8 + 4 * 2);
      const odd = file(digits(), 'train-labels-idx1-ubyte', floats);
      await expect(open(odd)).rejects.toThrow(
        `train-labels-idx1-ubyte: expected whole numbers from 0 on as labels, got ${label} at image 2; `,
      );
    }
    const packed = gzipSync(idx([6, 2, 2], [...bytes])).subarray(0, 30);
    const damaged = file(digits(), 'train-images-idx3-ubyte.gz', packed);
    await expect(open(damaged)).rejects.toThrow(
      /train-images-idx3-ubyte.gz: could not be unpacked/,
    );
    const other = file(digits(), 'train-images-idx3-ubyte.gz', Buffer.from('<html>'));
    await expect(open(other)).rejects.toThrow(/expected an IDX file/);
    const twice = file(digits(), 'emnist-train-images-idx3-ubyte', idx([1, 2, 2], [1, 2, 3, 4]));
    await expect(open(twice)).rejects.toThrow(/expected one train-images-idx3-ubyte .* found/);
  });
});
