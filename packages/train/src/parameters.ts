import { HbnnError, random } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { isModel } from './layerConfig.ts';
import { variableOf } from './layers/context.ts';
import type { TrainedVariable } from './optimizer.ts';
import type { NamedArray } from './tensorFile.ts';

interface Parameter extends TrainedVariable {
  readonly trainable: boolean;
}

/** Every weight of a model by `layer/weight`, in the model's order. */
export function parametersOf(model: tfl.LayersModel): Parameter[] {
  return layersWithin(model).flatMap((layer) =>
    layer.weights.map((weight) => {
      const short = weight.originalName.split('/').at(-1) as string;
      return {
        name: `${layer.name}/${short}`,
        variable: variableOf(weight),
        decay: short === 'kernel' || short === 'depthwise_kernel',
        trainable: layer.trainableWeights.includes(weight),
        constraint: constraintOf(weight),
      };
    }),
  );
}

/** The layers of a model, those of models inside it in their place. */
export function layersWithin(model: tfl.LayersModel): tfl.layers.Layer[] {
  return model.layers.flatMap((layer) => (isModel(layer) ? layersWithin(layer) : [layer]));
}

interface Constraint {
  apply(w: tf.Tensor): tf.Tensor;
}

/** What a weight must keep to after each update, as tf.layers applies it; undefined where it is free. */
function constraintOf(weight: tfl.LayerVariable): TrainedVariable['constraint'] {
  const { constraint } = weight as unknown as { constraint?: Constraint | null };
  return constraint === null || constraint === undefined ? undefined : (w) => constraint.apply(w);
}

/**
 * Draw the kernels: He normal, standard deviation √(2 / fan-in), from a stream of their own per
 * (seed, layer), so that settings that differ in precision alone start from the same weights.
 */
export function initialize(model: tfl.LayersModel, seed: number): void {
  for (const { name, variable, decay } of parametersOf(model)) {
    if (!decay) continue;
    const rng = random(seed, 'initial', name);
    const deviation = Math.sqrt(2 / fanIn(name, variable.shape));
    const values = Float32Array.from({ length: variable.size }, () => deviation * rng.normal());
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
}

/** Inputs of one output: all dimensions but the last; a depthwise kernel's output sees one channel. */
function fanIn(name: string, shape: readonly number[]): number {
  const sizes = name.endsWith('depthwise_kernel') ? shape.slice(0, 2) : shape.slice(0, -1);
  return sizes.reduce((product, size) => product * size, 1);
}

/** Copy variables out, under a prefix. */
export function exportArrays(
  entries: Iterable<readonly [string, tf.Tensor]>,
  prefix = '',
): NamedArray[] {
  return [...entries].map(([name, tensor]) => ({
    name: prefix + name,
    shape: tensor.shape,
    data: Float32Array.from(tensor.dataSync()),
  }));
}

/** Put stored values back; every variable must be there in its shape. */
export function importArrays(
  entries: Iterable<readonly [string, tf.Variable]>,
  arrays: ReadonlyMap<string, NamedArray>,
  where: string,
  prefix = '',
): void {
  for (const [name, variable] of entries) {
    const stored = arrays.get(prefix + name);
    if (stored === undefined || stored.shape.join() !== variable.shape.join()) {
      const came = stored === undefined ? 'nothing' : `[${stored.shape.join(', ')}]`;
      throw new HbnnError(
        `${where}: expected ${prefix + name} of shape [${variable.shape.join(', ')}], got ${came}; ` +
          'it belongs to another network or configuration',
      );
    }
    tf.tidy(() => variable.assign(tf.tensor(stored.data as Float32Array, variable.shape)));
  }
}
