import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { bytesOf, digestOf } from './files.ts';
import type { ImportedNetwork, NetworkFormat } from './folder/importedNetwork.ts';
import { readH5, readKerasArchive } from './keras/kerasFiles.ts';
import type { ReadModel } from './keras/kerasModel.ts';
import { readOnnx } from './onnx/onnxFile.ts';
import { readTensorflowJs } from './tfjs/tensorflowJsFile.ts';

type Reader = (
  file: string,
) => (ReadModel & { producer: string }) | Promise<ReadModel & { producer: string }>;

const readers: Readonly<Record<NetworkFormat, Reader>> = {
  onnx: readOnnx,
  keras: readKerasArchive,
  h5: readH5,
  tensorflowjs: readTensorflowJs,
};

const endings: readonly [RegExp, NetworkFormat][] = [
  [/\.onnx$/i, 'onnx'],
  [/\.keras$/i, 'keras'],
  [/\.(h5|hdf5)$/i, 'h5'],
  [/\.json$/i, 'tensorflowjs'],
];

/**
 * Read a trained float network: ONNX (.onnx), Keras (.keras, .h5) or a layers model of TensorFlow.js (model.json, or its
 * folder). A backend of TensorFlow.js must have been started (`useBackend` of @hbnn/train).
 *
 * @returns the network with channels last, whatever the file has
 * @throws HbnnError naming the layer, node or field that cannot be imported, and what to do
 */
export async function importNetwork(path: string): Promise<ImportedNetwork> {
  const stat = statSync(path, { throwIfNoEntry: false });
  const file = stat?.isDirectory() ? join(path, 'model.json') : path;
  const format = endings.find(([ending]) => ending.test(file))?.[1];
  if (format === undefined)
    throw new HbnnError(
      `${path}: expected a network in a file of .onnx, .keras, .h5 or .json, got another; convert the network to ONNX`,
    );
  const sha256 = digestOf(bytesOf(file));
  const { model, groupedLayers, producer } = await readers[format](file);
  return { model, groupedLayers, origin: { file: basename(file), format, producer, sha256 } };
}
