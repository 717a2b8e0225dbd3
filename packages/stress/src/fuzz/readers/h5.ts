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
      seeds: ['groups', 'vgg'].map((name) => readFileSync(`${golden}${name}.h5`)),
      words: [
        'TREE',
        'HEAP',
        'SNOD',
        'GCOL',
        'weight_names',
        'model_config',
        'model_weights',
        'keras_version',
      ],
    },
    wholeFile('input.h5'),
  );
