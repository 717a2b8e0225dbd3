import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type BatchSource, checkNormalization, HbnnError } from '@hbnn/core';
import { setWeightGrids, type WeightGrids, weightGridsOf } from '@hbnn/train';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { bytesOf, digestOf, jsonOf } from '../files.ts';
import { type Config, isObject, objectAt } from '../keras/fields.ts';
import { ownEntry } from '../ownEntry.ts';
import { readTensorflowJs } from '../tfjs/tensorflowJsFile.ts';
import type { ImportedNetwork, NetworkOrigin } from './importedNetwork.ts';

export type Normalization = NonNullable<BatchSource['normalization']>;

/** A network in a folder: a layers model of TensorFlow.js, and where it comes from. */
export interface StoredNetwork extends ImportedNetwork {
  /** How the network takes pixels; undefined where nobody has said it. */
  readonly normalization?: Normalization;
}

const format = 'hbnn network';
const version = 1;
/** Fields of a file of networks whose weights were quantized alone. */
const extraFields: readonly string[] = ['weightGrids'];
const fields = [
  'format',
  'version',
  'origin',
  'tensorflowjs',
  'input',
  'normalization',
  'groupedLayers',
  'files',
];

/** The sizes of the one input of a network. @throws HbnnError where it has more */
export function inputShapeOf(model: tfl.LayersModel, where: string): number[] {
  if (model.inputs.length === 1) return model.inputs[0].shape.slice(1) as number[];
  throw new HbnnError(
    `${where}: expected a network of one input, got ${model.inputs.length}; export it with one`,
  );
}

/**
 * Write a network into a new folder: model.json and weights.bin as TensorFlow.js reads them, and hbnn.json.
 * The folder appears whole or not at all.
 *
 * @throws HbnnError when the folder exists, cannot be written, or the normalization does not fit the input
 */
export async function saveNetwork(dir: string, network: StoredNetwork): Promise<void> {
  checkFree(dir);
  const input = inputShapeOf(network.model, dir);
  const { normalization, groupedLayers, origin } = network;
  if (normalization !== undefined) checkNormalization(normalization, input.at(-1) as number, dir);
  const { json, weights } = await filesOf(network.model);
  const weightGrids = weightGridsOf(network.model);
  const about = {
    format,
    version,
    origin,
    tensorflowjs: tf.version_core,
    input,
    normalization: normalization ?? null,
    groupedLayers,
    ...(Object.keys(weightGrids).length > 0 && { weightGrids }),
    files: {
      'model.json': digestOf(Buffer.from(json)),
      'weights.bin': digestOf(weights),
    },
  };
  const temporary = `${dir.replace(/(?<=.)\/+$/, '')}.${process.pid}.tmp`;
  try {
    makeFolder(temporary);
    writeWhole(join(temporary, 'weights.bin'), [weights]);
    writeWhole(join(temporary, 'model.json'), json);
    writeWhole(join(temporary, 'hbnn.json'), `${JSON.stringify(about, null, 2)}\n`);
    renameSync(temporary, dir);
  } catch (error) {
    if (error instanceof HbnnError) throw error;
    throw new HbnnError(
      `${dir}: could not be written (${(error as Error).message}); choose another place`,
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Refuse a folder that exists, and a place where none can be made. @throws HbnnError naming it */
export function checkFree(dir: string): void {
  if (existsSync(dir))
    throw new HbnnError(
      `${dir}: expected a folder that does not exist yet, got one that does; choose another, or remove it`,
    );
  let above = dirname(resolve(dir));
  while (!existsSync(above)) above = dirname(above);
  if (!statSync(above).isDirectory())
    throw new HbnnError(
      `${dir}: expected a name for a new folder, got one below ${above}, which is a file; choose another place`,
    );
}

async function filesOf(model: tfl.LayersModel): Promise<{ json: string; weights: Uint8Array }> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(given) };
    }),
  );
  const { modelTopology, weightSpecs, weightData, generatedBy } = artifacts as tf.io.ModelArtifacts;
  completeTopology(modelTopology as Config, model);
  const json = {
    format: 'layers-model',
    generatedBy,
    convertedBy: null,
    modelTopology,
    weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
  };
  const weights = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
  return { json: `${JSON.stringify(json)}\n`, weights };
}

/** Fields that TensorFlow.js keeps but does not write, by class name. */
const leftOut: Readonly<Record<string, readonly [file: string, layer: string] | undefined>> = {
  ReLU: ['max_value', 'maxValue'],
  SeparableConv2D: ['depth_multiplier', 'depthMultiplier'],
};

function completeTopology(topology: Config, model: tfl.LayersModel): void {
  const { config } = isObject(topology.model_config) ? topology.model_config : topology;
  const { layers } = objectAt(config, 'model');
  for (const entry of layers as readonly Config[]) {
    const names = ownEntry(leftOut, String(entry.class_name));
    if (names === undefined) continue;
    const own = entry.config as Record<string, unknown>;
    const layer = model.getLayer(String(own.name));
    own[names[0]] = Reflect.get(layer, names[1]) ?? null;
  }
}

/** Whether a folder holds a network that `saveNetwork` wrote. */
export const isNetworkFolder = (dir: string): boolean =>
  existsSync(join(dir, 'model.json')) && existsSync(join(dir, 'hbnn.json'));

/**
 * Open a network that `saveNetwork` wrote.
 *
 * @throws HbnnError when a file is missing or was changed, or holds a field that is not known
 */
export function openNetwork(dir: string): StoredNetwork {
  const file = join(dir, 'hbnn.json');
  if (!isNetworkFolder(dir))
    throw new HbnnError(
      `${dir}: expected a folder of a network with model.json and hbnn.json, ${existsSync(dir) ? 'got another' : 'which does not exist'}; make one with 'hbnn import MODEL --out ${dir}'`,
    );
  const about = objectAt(jsonOf(readFileSync(file), file), file);
  checkAbout(about, file);
  for (const [name, digest] of Object.entries(objectAt(about.files, file)))
    if (digestOf(bytesOf(join(dir, name))) !== digest)
      throw new HbnnError(
        `${join(dir, name)}: expected the file that was imported, got one that was changed; import the network again`,
      );
  const { model } = readTensorflowJs(join(dir, 'model.json'));
  if (about.weightGrids !== undefined) setWeightGrids(model, gridsFrom(about.weightGrids, file));
  const { normalization } = about;
  const stored = {
    model,
    origin: objectAt(about.origin, file) as unknown as NetworkOrigin,
    groupedLayers: about.groupedLayers as readonly string[],
  };
  if (normalization === null) return stored;
  const given = objectAt(normalization, file) as unknown as Normalization;
  checkNormalization(given, inputShapeOf(model, dir).at(-1) as number, file);
  return { ...stored, normalization: given };
}

function checkAbout(about: Config, file: string): void {
  if (about.format !== format || about.version !== version)
    throw new HbnnError(
      `${file}: expected a ${format} of version ${version}, got ${JSON.stringify(about.format)} of version ${JSON.stringify(about.version)}; import the network again with this version of hbnn`,
    );
  const unknown = Object.keys(about).find((field) => ![...fields, ...extraFields].includes(field));
  const missing = fields.find((field) => !(field in about));
  const list = about.groupedLayers;
  if (unknown === undefined && missing === undefined && Array.isArray(list)) return;
  throw new HbnnError(
    `${file}: expected the fields ${fields.join(', ')}, got ${unknown === undefined ? `none called '${missing ?? 'groupedLayers'}'` : `'${unknown}'`}; import the network again`,
  );
}

/** How the weights of layers were quantized. @throws HbnnError for what `saveNetwork` does not write */
function gridsFrom(value: unknown, file: string): WeightGrids {
  const grids = objectAt(value, file);
  for (const [name, grid] of Object.entries(grids)) {
    const { bits, scales, fault } = objectAt(grid, file);
    const isGrid =
      typeof bits === 'number' &&
      Array.isArray(scales) &&
      scales.length > 0 &&
      scales.every(Number.isFinite);
    if (isGrid || typeof fault === 'string') continue;
    throw new HbnnError(
      `${file}: expected bits and scales of the quantized weights of '${name}', got ${JSON.stringify(grid)}; import the network again`,
    );
  }
  return grids as WeightGrids;
}
