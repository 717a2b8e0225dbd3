import { HbnnError } from '@hbnn/core';
import { setWeightGrids, type WeightGrids } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { layerOf } from './layerOf.ts';
import type { LayerSpec, WeightArray } from './layerSpec.ts';

/** A value between layers. */
export type Value = tfl.SymbolicTensor;

/** Builds a model layer by layer; each value knows its shape at once. */
export class Assembler {
  private readonly names = new Set<string>();
  private readonly layers: tfl.layers.Layer[] = [];
  private readonly grids: Record<string, WeightGrids[string]> = {};

  /** Add an input; its shape is without the batch. */
  input(name: string, shape: readonly number[]): Value {
    const free = this.freeName(name);
    return tfl.input({ shape: [...shape], name: free, dtype: 'float32' });
  }

  /**
   * Add a layer behind some values.
   *
   * @param where what errors call the layer
   * @throws HbnnError naming a layer whose weights or inputs do not fit
   */
  add(name: string, spec: LayerSpec, inputs: readonly Value[], where: string): Value {
    let layer: tfl.layers.Layer;
    let output: Value;
    try {
      layer = layerOf(this.freeName(name), spec);
      this.layers.push(layer);
      const applied = layer.apply(inputs.length === 1 ? inputs[0] : [...inputs]);
      // Layers of one input make a list of several.
      if (Array.isArray(applied)) throw new Error(`it takes one input, not ${inputs.length}`);
      output = applied as Value;
    } catch (error) {
      throw new HbnnError(
        `${where}: expected settings and inputs that fit the layer, got ${inputs.map(({ shape }) => `[${shape.slice(1).join(', ')}]`).join(' and ')} (${(error as Error).message}); export the network again`,
      );
    }
    setWeights(layer, weightsOf(spec), where);
    if ('grid' in spec && spec.grid !== undefined) this.grids[layer.name] = spec.grid;
    if (output.shape.slice(1).some((size) => size !== null && size < 1))
      throw new HbnnError(
        `${where}: expected a window that fits its feature map, got an output of [${output.shape.slice(1).join(', ')}] for an input of [${inputs[0].shape.slice(1).join(', ')}]; import the network with larger images`,
      );
    if (!('keepDims' in spec) || !spec.keepDims) return output;
    const shape = [1, 1, output.shape[1] as number];
    return this.add(`${name}_map`, { kind: 'reshape', shape }, [output], where);
  }

  /** Make the model of all that was added. */
  model(name: string, inputs: readonly Value[], outputs: readonly Value[]): tfl.LayersModel {
    const model = tfl.model({ name, inputs: [...inputs], outputs: [...outputs] });
    setWeightGrids(model, this.grids);
    return model;
  }

  /** Let the weights go of a model that was not finished. */
  dispose(): void {
    for (const layer of this.layers) for (const weight of layer.weights) weight.dispose();
  }

  /** A name that no layer has: letters, digits and underscores, which every format behind takes. */
  private freeName(wished: string): string {
    const plain = wished.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^_+|_+$/g, '') || 'layer';
    let name = plain;
    for (let n = 2; this.names.has(name); n++) name = `${plain}_${n}`;
    this.names.add(name);
    return name;
  }
}

/** A layer's weights, in the order in which TensorFlow.js lists them. */
function weightsOf(spec: LayerSpec): readonly WeightArray[] {
  const list = (...weights: readonly (WeightArray | undefined)[]): WeightArray[] =>
    weights.filter((weight) => weight !== undefined);
  switch (spec.kind) {
    case 'conv2d':
    case 'depthwiseConv2d':
    case 'dense':
      return list(spec.kernel, spec.bias);
    case 'separableConv2d':
      return list(spec.depthwise, spec.pointwise, spec.bias);
    case 'batchNorm':
      return list(spec.gamma, spec.beta, spec.mean, spec.variance);
    default:
      return [];
  }
}

function setWeights(layer: tfl.layers.Layer, weights: readonly WeightArray[], where: string): void {
  layer.weights.forEach((weight, i) => {
    const { shape, data } = weights[i];
    const name = weight.originalName.split('/').at(-1);
    if (weight.shape.join() !== shape.join())
      throw new HbnnError(
        `${where}: expected the weight '${name}' in the shape [${weight.shape.join(', ')}], got [${shape.join(', ')}]; export the network again`,
      );
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new HbnnError(
        `${where}: expected finite weights, got ${data[bad]} at place ${bad} of '${name}'; train the network again, or mend its weights`,
      );
    tf.tidy(() => {
      weight.write(tf.tensor(data, [...shape]));
    });
  });
}
