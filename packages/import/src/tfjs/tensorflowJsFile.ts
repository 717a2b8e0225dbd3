import { existsSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import type { WeightArray } from '../assemble/layerSpec.ts';
import { besideFile, bytesOf, jsonOf } from '../files.ts';
import { type Config, isObject, objectAt } from '../keras/fields.ts';
import { kerasModel, type ReadModel } from '../keras/kerasModel.ts';
import { NamedWeights } from '../keras/weightSource.ts';

/**
 * Read a layers model of TensorFlow.js: a model.json and the weights beside it.
 *
 * @throws HbnnError naming the layer, field or weight that cannot be read
 */
export function readTensorflowJs(file: string): ReadModel & { readonly producer: string } {
  const json = objectAt(jsonOf(bytesOf(file), file), file);
  if (json.format === 'graph-model')
    throw new HbnnError(
      `${file}: expected a layers model, got a graph model, which has no layers; convert the network with the output format tfjs_layers_model`,
    );
  const { modelTopology, weightsManifest } = json;
  if (!isObject(modelTopology))
    throw new HbnnError(
      `${file}: expected a modelTopology, got none; name the model.json of a layers model`,
    );
  const architecture = modelTopology.model_config ?? modelTopology;
  const weights = readManifest(weightsManifest, file);
  const producer = [json.generatedBy, json.convertedBy].filter((text) => text).join(', ');
  return { ...kerasModel(architecture, file, () => new NamedWeights(weights)), producer };
}

function readManifest(manifest: unknown, file: string): Map<string, WeightArray> {
  if (!Array.isArray(manifest))
    throw new HbnnError(
      `${file}: expected a weightsManifest, got none; save the network with its weights`,
    );
  const weights = new Map<string, WeightArray>();
  for (const group of manifest) {
    const { paths, weights: specs } = objectAt(group, `${file}: weightsManifest`);
    if (!Array.isArray(paths) || !Array.isArray(specs))
      throw new HbnnError(
        `${file}: expected paths and weights in each group of the weightsManifest, got others; save the network again`,
      );
    const bytes = Buffer.concat(paths.map((path) => weightBytes(file, String(path))));
    for (const [name, weight] of decodeGroup(specs, bytes, file)) {
      if (weights.has(name))
        throw new HbnnError(
          `${file}: expected each weight once, got '${name}' twice; save the network again`,
        );
      weights.set(name, weight);
    }
  }
  return weights;
}

/** The bytes of a file of weights. @throws HbnnError naming the network's file too where there is none */
function weightBytes(file: string, path: string): Uint8Array {
  const beside = besideFile(file, path);
  if (existsSync(beside)) return bytesOf(beside);
  throw new HbnnError(
    `${file}: expected its file of weights at ${beside}, as its weightsManifest says, got none; put it there, or name the network where both files lie`,
  );
}

function decodeGroup(
  manifest: readonly unknown[],
  bytes: Uint8Array,
  file: string,
): [string, WeightArray][] {
  const specs = manifest.map((spec) => objectAt(spec, `${file}: weightsManifest`));
  for (const { name, dtype } of specs) {
    if (dtype === 'float32') continue;
    throw new HbnnError(
      `${file}: weight '${String(name)}': expected float32, got ${String(dtype)}; save the network in float32`,
    );
  }
  const buffer = new Uint8Array(bytes).buffer;
  const length = specs.reduce((sum, spec) => sum + byteLength(spec, file), 0);
  if (length !== buffer.byteLength)
    throw new HbnnError(
      `${file}: expected ${length} bytes of weights, got ${buffer.byteLength}; copy all files of the network again`,
    );
  const tensors = tf.io.decodeWeights(buffer, specs as unknown as tf.io.WeightsManifestEntry[]);
  return Object.entries(tensors).map(([name, tensor]) => {
    const data = Float32Array.from(tensor.dataSync());
    const { shape } = tensor;
    tensor.dispose();
    return [name, { shape, data }];
  });
}

const itemBytes: Readonly<Record<string, number>> = { float32: 4, float16: 2, uint8: 1, uint16: 2 };

function byteLength({ name, shape, dtype, quantization }: Config, file: string): number {
  const stored = isObject(quantization) ? quantization.dtype : dtype;
  const bytes = itemBytes[String(stored)];
  const isShape = Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
  const sizes = isShape ? (shape as readonly number[]) : undefined;
  if (bytes === undefined || sizes === undefined)
    throw new HbnnError(
      `${file}: weight '${String(name)}': expected a shape of whole numbers and values of ${Object.keys(itemBytes).join(', ')}, got ${JSON.stringify(shape)} and ${String(stored)}; save the network in float32`,
    );
  return sizes.reduce((product, size) => product * size, bytes);
}
