import { HbnnError } from '@hbnn/core';
import { unzipSync } from 'fflate';
import { bytesOf, jsonOf } from '../files.ts';
import { ArchivedWeights } from './archivedWeights.ts';
import { objectAt } from './fields.ts';
import { openH5 } from './h5File.ts';
import { kerasModel, type ReadModel } from './kerasModel.ts';
import { NamedWeights } from './weightSource.ts';

type Read = ReadModel & { readonly producer: string };

/**
 * Read a network of a .keras file (Keras 3).
 *
 * @throws HbnnError naming the layer, field or weight that cannot be read
 */
export async function readKerasArchive(file: string): Promise<Read> {
  const entries = unzipped(bytesOf(file), file);
  const part = (name: string): Uint8Array => {
    const bytes = entries[name];
    if (bytes !== undefined) return bytes;
    throw new HbnnError(
      `${file}: expected ${name} in the archive, got ${Object.keys(entries).join(' and ') || 'none of its parts'}; save the network with model.save('network.keras')`,
    );
  };
  const architecture = jsonOf(part('config.json'), `${file}: config.json`);
  const { keras_version: version } = objectAt(
    jsonOf(part('metadata.json'), `${file}: metadata.json`),
    `${file}: metadata.json`,
  );
  const h5 = await openH5(part('model.weights.h5'), file);
  const read = kerasModel(architecture, file, ({ layers }) => new ArchivedWeights(h5, layers));
  return { ...read, producer: `Keras ${String(version)}` };
}

const partNames = ['config.json', 'metadata.json', 'model.weights.h5'];

/** Bytes of a part of an archive, unpacked: what fits into one array. */
const maxPartBytes = 2 ** 31;

/** Unpack the parts of an archive that are read; nothing else in it takes memory. */
function unzipped(bytes: Uint8Array, file: string): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, {
      filter({ name, originalSize }) {
        if (!partNames.includes(name)) return false;
        if (originalSize <= maxPartBytes) return true;
        throw new HbnnError(
          `${file}: expected at most ${maxPartBytes} bytes in ${name}, got ${originalSize}; save a smaller network`,
        );
      },
    });
  } catch (error) {
    if (error instanceof HbnnError) throw error;
    throw new HbnnError(
      `${file}: expected a .keras archive, got other or truncated bytes (${(error as Error).message}); save the network again`,
    );
  }
}

/**
 * Read a network of an .h5 file (Keras 2, or Keras 3 in its older format).
 *
 * @throws HbnnError naming the layer, field or weight that cannot be read
 */
export async function readH5(file: string): Promise<Read> {
  const h5 = await openH5(bytesOf(file), file);
  const text = h5.text('/', 'model_config');
  if (text === undefined)
    throw new HbnnError(
      `${file}: expected a network with its architecture, got weights alone; save it with model.save('network.h5')`,
    );
  const architecture = jsonOf(Buffer.from(text), `${file}: model_config`);
  const read = kerasModel(
    architecture,
    file,
    ({ models }) => new NamedWeights(h5.layerWeights('/model_weights', models)),
  );
  return {
    ...read,
    producer: `Keras ${h5.text('/', 'keras_version') ?? 'of an unknown version'}`,
  };
}
