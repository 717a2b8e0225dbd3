import { statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { checkFlag, checkOptions, HbnnError, kindOf } from '@hbnn/core';
import { forgetWeightGrids } from '@hbnn/train';
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

export interface ImportOptions {
  /**
   * Take quantized weights of the file as the floats that they stand for, which `lower` quantizes anew; by default
   * `exportModel` gives their whole numbers as they are.
   */
  readonly forgetCodes?: boolean;
}

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
export async function importNetwork(
  path: string,
  options: ImportOptions = {},
): Promise<ImportedNetwork> {
  checkOptions('importNetwork', options, ['forgetCodes']);
  checkFlag('importNetwork', 'forgetCodes', options.forgetCodes);
  const given: unknown = path;
  if (typeof given !== 'string' || given === '')
    throw new HbnnError(
      `importNetwork: expected the path of a network's file as a text, got ${given === '' ? 'an empty one' : kindOf(given)}; name an .onnx, .keras, .h5 or .json file${given instanceof URL ? ', as fileURLToPath of node:url gives it' : ''}`,
    );
  const stat = statSync(path, { throwIfNoEntry: false });
  const file = stat?.isDirectory() ? join(path, 'model.json') : path;
  const format = endings.find(([ending]) => ending.test(file))?.[1];
  if (format === undefined)
    throw new HbnnError(
      `${path}: expected a network in a file of .onnx, .keras, .h5 or .json, got ${extname(file) === '' ? 'a name without an ending' : `one of ${extname(file)}`}; convert the network to ONNX`,
    );
  const sha256 = digestOf(bytesOf(file));
  const { model, groupedLayers, producer } = await readers[format](file);
  if (options.forgetCodes) forgetWeightGrids(model);
  return { model, groupedLayers, origin: { file: basename(file), format, producer, sha256 } };
}
