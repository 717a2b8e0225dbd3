import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchSource } from '@hbnn/core';
import type { Dataset } from '@hbnn/datasets';
import { type RunConfig, writeWhole } from '@hbnn/train';
import { openRunData } from '../runData.ts';

/** Which images a training saw: what a table calls them, and a checksum. */
export interface DataIdentity {
  readonly label: string;
  /** Over all images as training sees them and their labels, in order: training, validation, test. */
  readonly sha256: string;
}

const imagesPerBatch = 1000;

/**
 * Checksum a data set that lies in memory. For a folder of images that is streamed (`data: folder`), which would
 * take hours, names, sizes and times of its files stand for the images.
 */
export async function dataIdentity(config: RunConfig, dataset: Dataset): Promise<DataIdentity> {
  const { label, train, validation, test } = dataset;
  const digest = createHash('sha256');
  if (config.data === 'folder') digest.update(fileFingerprint(config.from ?? ''));
  else for (const source of [train, validation, test]) await digestImages(source, digest);
  return { label, sha256: digest.digest('hex') };
}

async function digestImages(
  source: BatchSource | undefined,
  digest: ReturnType<typeof createHash>,
): Promise<void> {
  if (source === undefined) return;
  digest.update(JSON.stringify([source.shape, source.classes, source.count]));
  const pass = { batch: imagesPerBatch, shuffle: false, seed: 0, epoch: 0, from: 0 };
  for await (const { images, labels } of source.batches(pass)) {
    digest.update(new Uint8Array(images.buffer, images.byteOffset, images.byteLength));
    digest.update(Int32Array.from(labels));
  }
}

/** The fields of a configuration that decide which images a training sees. */
function openingOf(config: RunConfig): object {
  const { data, limit, testLimit, shrink, size, validation, seed } = config;
  // The seed draws the validation images, where there are any.
  const drawn = validation === undefined ? {} : { validation, seed };
  return { data, limit, testLimit, shrink, size, ...drawn };
}

/** A name for the data of a configuration as it lies on this machine now. */
export function dataKey(config: RunConfig): string {
  const local = config.from === undefined ? '' : fileFingerprint(config.from);
  const text = JSON.stringify(openingOf(config)) + local;
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Identify the data that a configuration would be trained on here. Decoding many images takes seconds, so what was
 * found for local files is kept below `cache` and taken from there while the files stay as they are.
 *
 * @throws HbnnError when the data is missing or damaged
 */
export async function localDataIdentity(config: RunConfig, cache: string): Promise<DataIdentity> {
  const file = join(cache, 'data', `${dataKey(config)}.json`);
  if (config.from !== undefined) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as DataIdentity;
    } catch {
      // It was not identified yet.
    }
  }
  const identity = await dataIdentity(config, await openRunData(config));
  if (config.from !== undefined) {
    mkdirSync(join(cache, 'data'), { recursive: true });
    writeWhole(file, `${JSON.stringify(identity)}\n`);
  }
  return identity;
}

const fingerprintDepth = 3;
const maxFilesListed = 2000;

/**
 * Names, sizes and times of a file or of a folder's upper three levels: enough to see that images came, went or were
 * replaced by others, without reading a million of them.
 */
function fileFingerprint(path: string): string {
  const digest = createHash('sha256');
  const walk = (at: string, depth: number): void => {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return;
    digest.update(`${at} ${stat.isDirectory() ? '' : stat.size} ${stat.mtimeMs}\n`);
    if (!stat.isDirectory() || depth === 0) return;
    const names = readdirSync(at).sort();
    digest.update(`${names.length}\n`);
    // Class folders hold many files: their own time tells when one comes or goes.
    if (names.length <= maxFilesListed) for (const name of names) walk(join(at, name), depth - 1);
  };
  walk(path, fingerprintDepth);
  return digest.digest('hex');
}
