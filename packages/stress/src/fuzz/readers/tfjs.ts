import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ImportedNetwork, importNetwork, saveNetwork } from '@hbnn/import';
import { useBackend } from '@hbnn/train';
import { networkReader } from '../network.ts';
import { placed } from '../placed.ts';
import type { Reader } from '../reader.ts';

const golden = fileURLToPath(new URL('../../../../import/test/golden/keras/', import.meta.url));

/** A network of Keras as the two files of TensorFlow.js. */
async function converted(name: string): Promise<{ json: Uint8Array; weights: Uint8Array }> {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-tfjs-'));
  try {
    const network = await importNetwork(`${golden}${name}.keras`);
    await saveNetwork(join(folder, name), network);
    network.model.dispose();
    return {
      json: readFileSync(join(folder, name, 'model.json')),
      weights: readFileSync(join(folder, name, 'weights.bin')),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const reader = async (): Promise<Reader<ImportedNetwork>> => {
  await useBackend({ prefer: 'cpu' });
  const networks = await Promise.all(['groups', 'vgg'].map(converted));
  const seeds = networks.map(({ json, weights }, i) => {
    placed(`${i}.bin`, weights);
    return Buffer.from(Buffer.from(json).toString('utf8').replaceAll('weights.bin', `${i}.bin`));
  });
  return networkReader(
    {
      form: 'json',
      seeds,
      words: ['layers-model', 'float32', 'uint8', 'quantization', 'weightsManifest'],
    },
    (bytes) => placed('model.json', bytes),
  );
};
