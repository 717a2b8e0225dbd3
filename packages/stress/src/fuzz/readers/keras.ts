import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ImportedNetwork } from '@hbnn/import';
import { networkReader, wholeFile } from '../network.ts';
import type { Reader } from '../reader.ts';

const golden = fileURLToPath(new URL('../../../../import/test/golden/keras/', import.meta.url));

export const reader = (): Promise<Reader<ImportedNetwork>> =>
  networkReader(
    {
      form: 'bytes',
      seeds: ['groups', 'vgg'].map((name) => readFileSync(`${golden}${name}.keras`)),
      words: [
        'config.json',
        'metadata.json',
        'model.weights.h5',
        'PK\u0001\u0002',
        'PK\u0005\u0006',
      ],
    },
    wholeFile('input.keras'),
  );
