import { HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { Assembler, type Value } from '../assemble/assembler.ts';
import { ownEntry } from '../ownEntry.ts';
import { splitActivation } from './activationSteps.ts';
import { type Config, Fields } from './fields.ts';
import { layerReaders } from './layerReaders.ts';
import { readTopology, type Topology, type TopologyLayer } from './topology.ts';
import { checkAllTaken, type WeightSource } from './weightSource.ts';

/** A model with what its user should know. */
export interface ReadModel {
  readonly model: tfl.LayersModel;
  /** Layers whose kernels have zeros between groups. */
  readonly groupedLayers: readonly string[];
}

/**
 * Build the model of an architecture of Keras or TensorFlow.js.
 *
 * @param weights gives each layer its weights, of the topology's layers in their order
 * @throws HbnnError naming the layer or field that cannot be imported
 */
export function kerasModel(
  architecture: unknown,
  file: string,
  weights: (topology: Topology) => WeightSource,
): ReadModel {
  const topology = readTopology(architecture, file);
  const source = weights(topology);
  const assembler = new Assembler();
  try {
    const values = new Map<string, Value>();
    const groupedLayers: string[] = [];
    for (const layer of topology.layers) {
      const value = layerValue(layer, values, assembler, source, file, (name) =>
        groupedLayers.push(name),
      );
      values.set(layer.path, value);
    }
    checkAllTaken(source, file);
    const valueAt = (name: string): Value => {
      const value = values.get(name);
      if (value !== undefined) return value;
      throw new HbnnError(
        `${file}: expected inputs and outputs that are layers, got '${name}'; save the network again`,
      );
    };
    const [inputs, outputs] = [topology.inputs.map(valueAt), topology.outputs.map(valueAt)];
    return { model: assembler.model(topology.name, inputs, outputs), groupedLayers };
  } catch (error) {
    assembler.dispose();
    throw error;
  }
}

function layerValue(
  layer: TopologyLayer,
  values: ReadonlyMap<string, Value>,
  assembler: Assembler,
  source: WeightSource,
  file: string,
  onZeros: (name: string) => void,
): Value {
  const where = `${file}: layer '${layer.path}'`;
  if (layer.className === 'InputLayer') return inputValue(layer, assembler, where);
  const reader = ownEntry(layerReaders, layer.className);
  if (reader === undefined)
    throw new HbnnError(
      `${where}: expected one of ${Object.keys(layerReaders).join(', ')}, got ${layer.className}; replace the layer by these`,
    );
  const inputs = layer.inputs.map((name) => values.get(name) as Value);
  if (inputs.length === 0)
    throw new HbnnError(`${where}: expected an input, got none; connect the layer`);
  const { config, steps } = splitActivation(layer.config, where);
  const fields = new Fields(config, where);
  let hasZeros = false;
  const spec = reader({
    fields,
    inputs: inputs.map(({ shape }) => shape.slice(1) as number[]),
    take: (...names) => source.take(layer, names, where),
    onZeros: () => {
      hasZeros = true;
    },
  });
  fields.finish(layer.className);
  const value = spec === undefined ? inputs[0] : assembler.add(layer.name, spec, inputs, where);
  if (hasZeros) onZeros(value.sourceLayer.name);
  return steps.reduce((before, step, i) => {
    const isLast = i === steps.length - 1;
    const name = spec === undefined && isLast ? layer.name : `${layer.name}_activation`;
    return assembler.add(name, step, [before], where);
  }, value);
}

const inputFields = ['sparse', 'ragged', 'optional'];

function inputValue({ name, config }: TopologyLayer, assembler: Assembler, where: string): Value {
  const fields = new Fields(config, where);
  for (const field of inputFields) fields.only(field, [false], 'build the input without it');
  fields.finish('InputLayer');
  return assembler.input(name, shapeOf(config, where));
}

function shapeOf(config: Config, where: string): number[] {
  const shape = config.batch_shape ?? config.batch_input_shape;
  const sizes = Array.isArray(shape) ? (shape as unknown[]).slice(1) : [];
  if (sizes.length > 0 && sizes.every((n) => Number.isSafeInteger(n) && (n as number) > 0))
    return sizes as number[];
  throw new HbnnError(
    `${where}: expected an input of fixed size, got ${JSON.stringify(shape ?? 'none')}; build the network with an input shape of whole numbers`,
  );
}
