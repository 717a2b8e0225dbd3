import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { openDataset } from '@hbnn/datasets';
import * as tar from 'tar';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-archives-'));
const cache = join(folder, 'cache');
const before = process.env.HBNN_DATA;
process.env.HBNN_DATA = cache;
afterAll(() => {
  if (before === undefined) delete process.env.HBNN_DATA;
  else process.env.HBNN_DATA = before;
  rmSync(folder, { recursive: true });
});

const names = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`).concat('test_batch.bin');
const record = 3073;

/** A folder with the six batches, one image each. */
function batches(): string {
  const root = mkdtempSync(join(folder, 'made-'));
  mkdirSync(join(root, 'cifar-10-batches-bin'));
  for (const name of names)
    writeFileSync(join(root, 'cifar-10-batches-bin', name), new Uint8Array(record));
  return root;
}

/** Pack entries of a folder as they are called, `..` and leading slashes too. */
function packed(root: string, entries: readonly string[], gzip = false): string {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.tar`);
  tar.c({ cwd: root, file, gzip, sync: true, preservePaths: true }, [...entries]);
  return file;
}

const open = (from: string) => openDataset('cifar10', { from });

/** Files anywhere below the cache. */
const cached = (): string[] =>
  existsSync(cache)
    ? readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.bin'),
      )
    : [];

beforeEach(() => rmSync(cache, { recursive: true, force: true }));

describe('archives of CIFAR-10', () => {
  it('with the six batches are opened', async () => {
    const { train, test } = await open(packed(batches(), ['cifar-10-batches-bin']));
    expect([train.count, test.count]).toEqual([5, 1]);
  });

  it('write nothing that is no batch, wherever its path leads', async () => {
    const root = batches();
    const inner = join(root, 'inner');
    mkdirSync(inner);
    writeFileSync(join(root, 'escaped.txt'), 'out');
    writeFileSync(join(folder, 'absolute.txt'), 'out');
    const file = packed(inner, [
      '../escaped.txt',
      join(folder, 'absolute.txt'),
      '../cifar-10-batches-bin',
    ]);
    rmSync(join(folder, 'absolute.txt'));
    await expect(open(file)).rejects.toThrow(/expected six whole batches/);
    expect(existsSync(join(folder, 'absolute.txt'))).toBe(false);
    expect(readdirSync(cache, { recursive: true })).not.toContain('escaped.txt');
    expect(cached()).toEqual([]);
  });

  it('with a link in the place of a batch are refused', async () => {
    const secret = join(folder, 'secret.bin');
    writeFileSync(secret, new Uint8Array(record).fill(1));
    for (const target of [secret, '../../../../secret.bin']) {
      const root = batches();
      const link = join(root, 'cifar-10-batches-bin/test_batch.bin');
      rmSync(link);
      symlinkSync(target, link);
      await expect(open(packed(root, ['cifar-10-batches-bin']))).rejects.toThrow(HbnnError);
      expect(cached()).toEqual([]);
    }
  });

  it('whose folder is a link do not write where it leads', async () => {
    const root = batches();
    const outside = mkdtempSync(join(folder, 'outside-'));
    const linked = mkdtempSync(join(folder, 'linked-'));
    symlinkSync(outside, join(linked, 'cifar-10-batches-bin'));
    const first = readFileSync(packed(linked, ['cifar-10-batches-bin']));
    const second = readFileSync(packed(root, ['cifar-10-batches-bin']));
    const both = join(folder, 'both.tar');
    // Without the two empty blocks that end the first archive.
    const end = first.length - (first.length % 512 || 512);
    let length = end;
    while (length > 0 && first.subarray(length - 512, length).every((byte) => byte === 0))
      length -= 512;
    writeFileSync(both, Buffer.concat([first.subarray(0, length), second]));
    await open(both).catch((error: unknown) => expect(error).toBeInstanceOf(HbnnError));
    expect(readdirSync(outside)).toEqual([]);
  });

  it('with a batch larger than any are refused before it is written', async () => {
    const root = batches();
    writeFileSync(
      join(root, 'cifar-10-batches-bin/data_batch_1.bin'),
      Buffer.alloc(record * 10_001),
    );
    for (const gzip of [false, true]) {
      const file = packed(root, ['cifar-10-batches-bin'], gzip);
      await expect(open(file)).rejects.toThrow(HbnnError);
      expect(cached()).toEqual([]);
    }
  });

  it('cut short are refused, and leave nothing behind', async () => {
    const whole = readFileSync(packed(batches(), ['cifar-10-batches-bin'], true));
    for (const part of [0, 0.1, 0.5, 0.9]) {
      const file = join(folder, `cut-${part}.tar.gz`);
      writeFileSync(file, whole.subarray(0, Math.floor(part * whole.length)));
      await expect(open(file)).rejects.toThrow(HbnnError);
      expect(cached()).toEqual([]);
    }
  });
});
