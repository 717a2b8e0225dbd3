import { HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { checkClass, configOf, isModel, type LayerConfig } from './layerConfig.ts';

/** One layer of a chain, and the shapes of one sample that it goes between. */
export interface Link {
  readonly layer: tfl.layers.Layer;
  readonly config: LayerConfig;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/**
 * The layers from input to output, each with one before and one after it; models inside the model are opened.
 *
 * @throws HbnnError naming what is no chain: inputs and outputs beyond one, a branch, a layer applied twice
 */
export function chainOf(model: tfl.LayersModel): Link[] {
  const chain: Link[] = [];
  follow(model, chain);
  const seen = new Set<tfl.layers.Layer>();
  for (const { layer } of chain) {
    if (seen.has(layer))
      throw new HbnnError(
        `${layer.name}: exportModel expected each layer applied once, got this one applied more often; make a layer of its own for each place and copy the weights with setWeights`,
      );
    seen.add(layer);
  }
  return chain;
}

/** Put a model's layers in front of a chain, the last one first. */
function follow(model: tfl.LayersModel, chain: Link[]): void {
  for (const [what, tensors] of [
    ['input', model.inputs],
    ['output', model.outputs],
  ] as const)
    if (tensors.length !== 1)
      throw new HbnnError(
        `${model.name}: exportModel expected a model of one ${what}, got ${tensors.length} (${tensors.map((x) => x.sourceLayer.name).join(', ')}); make a tf.model of one of them`,
      );
  let at = model.outputs[0];
  while (at.inputs.length > 0) {
    const { sourceLayer: layer, inputs } = at;
    if (inputs.length > 1)
      throw new HbnnError(
        `${layer.name}: exportModel expected a chain of layers, got one with ${inputs.length} inputs; an integer model has no branches`,
      );
    if (isModel(layer)) follow(layer, chain);
    else {
      checkClass(layer, 'exportModel');
      const [input, output] = [inputs[0].shape.slice(1), at.shape.slice(1)];
      const known = [...input, ...output].every((n) => n !== null);
      if (!known)
        throw new HbnnError(
          `${layer.name}: exportModel expected sizes that are fixed, got [${input.join(', ')}] to [${output.join(', ')}]; build the model with an inputShape of whole numbers`,
        );
      chain.unshift({
        layer,
        config: configOf(layer),
        input: input as number[],
        output: output as number[],
      });
    }
    [at] = inputs;
  }
}
