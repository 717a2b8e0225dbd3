import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ImportedNetwork } from '@hbnn/import';
import { unzipSync, zipSync } from 'fflate';
import { networkReader } from '../network.ts';
import { placed } from '../placed.ts';
import type { Reader } from '../reader.ts';

const golden = fileURLToPath(new URL('../../../../import/test/golden/keras/', import.meta.url));

const archives = ['groups', 'vgg', 'resnet', 'mobilenet'].map((name) =>
  unzipSync(readFileSync(`${golden}${name}.keras`)),
);

/** The name of an architecture. */
const nameOf = (config: Uint8Array): string =>
  (JSON.parse(Buffer.from(config).toString('utf8')) as { config: { name: string } }).config.name;

/** The architecture of an archive beside the weights of the one whose name it has. */
function archiveOf(config: Uint8Array): string {
  const text = Buffer.from(config).toString('utf8');
  const own = archives.find((entries) =>
    new RegExp(`"name": ?"${nameOf(entries['config.json'])}"`).test(text),
  );
  const entries = { ...(own ?? archives[0]), 'config.json': config };
  return placed('input.keras', zipSync(entries, { level: 0 }));
}

export const reader = (): Promise<Reader<ImportedNetwork>> =>
  networkReader(
    {
      form: 'json',
      seeds: archives.map((entries) => entries['config.json']),
      words: [
        'Conv2D',
        'Dense',
        'Flatten',
        'Add',
        'ReLU',
        'valid',
        'same',
        'channels_first',
        'softmax',
      ],
    },
    archiveOf,
  );
