import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dataset, openDataset } from '@hbnn/datasets';
import * as tar from 'tar';
import { inputFolder, placed } from '../placed.ts';
import { holds, type Reader } from '../reader.ts';

const recordBytes = 3073;
const batches = [
  'data_batch_1',
  'data_batch_2',
  'data_batch_3',
  'data_batch_4',
  'data_batch_5',
  'test_batch',
];

/** The six batches with one image each, as the official archive has them. */
function archive(gzip: boolean): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-cifar10-'));
  try {
    const inner = join(folder, 'cifar-10-batches-bin');
    mkdirSync(inner);
    for (const name of batches)
      writeFileSync(join(inner, `${name}.bin`), new Uint8Array(recordBytes));
    const file = join(folder, 'archive');
    tar.c({ cwd: folder, file, gzip, sync: true, portable: true }, ['cifar-10-batches-bin']);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const reader = (): Promise<Reader<Dataset>> => {
  const cache = join(inputFolder(), 'cache');
  process.env.HBNN_DATA = cache;
  return Promise.resolve({
    form: 'bytes',
    seeds: [archive(false), archive(true)],
    words: [
      '../',
      '/tmp/hbnn-escaped',
      'ustar',
      'cifar-10-batches-bin/test_batch.bin',
      '2',
      '1',
      'pax',
    ],
    read(bytes) {
      rmSync(cache, { recursive: true, force: true });
      return openDataset('cifar10', { from: placed('input.tar', bytes) });
    },
    check({ train, test }) {
      holds(train.count >= 5 && test.count >= 1, 'an image of each batch');
      const names = readdirSync(join(cache, 'cifar10'));
      holds(
        names.every((name) => name.startsWith('local-')),
        'nothing beside what is unpacked',
      );
    },
  });
};
