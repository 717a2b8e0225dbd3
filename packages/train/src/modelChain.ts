import { HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { checkClass, configOf, isModel, type LayerConfig } from './layerConfig.ts';

/** One layer of a network, and the shapes of one sample that it goes between. */
export interface Link {
  readonly layer: tfl.layers.Layer;
  readonly config: LayerConfig;
  /** The links that it reads, by number; −1 is the network's input. */
  readonly sources: readonly number[];
  /** The shape of what it reads, of its first input where it reads several. */
  readonly input: readonly number[];
  readonly inputs: readonly (readonly number[])[];
  readonly output: readonly number[];
}

/**
 * The layers from input to output, each behind those that it reads; models inside the model are opened.
 *
 * @throws HbnnError naming what has no such order: inputs and outputs beyond one, a layer applied twice
 */
export function chainOf(model: tfl.LayersModel): Link[] {
  const links = new Links();
  links.follow(model, -1);
  return links.links;
}

class Links {
  readonly links: Link[] = [];
  private readonly numbers = new Map<number, number>();
  private readonly seen = new Set<tfl.layers.Layer>();

  /** Append a model's layers; `source` is what its input reads. Returns the number of the link of its output. */
  follow(model: tfl.LayersModel, source: number): number {
    for (const [what, tensors] of [
      ['input', model.inputs],
      ['output', model.outputs],
    ] as const)
      if (tensors.length !== 1)
        throw new HbnnError(
          `${model.name}: exportModel expected a model of one ${what}, got ${tensors.length} (${tensors.map((x) => x.sourceLayer.name).join(', ')}); make a tf.model of one of them`,
        );
    this.numbers.set(model.inputs[0].id, source);
    // Each tensor waits on a list until what it reads is there: deep networks need no deep stack.
    const waiting = [model.outputs[0]];
    while (waiting.length > 0) {
      const at = waiting[waiting.length - 1];
      const missing = at.inputs.filter(({ id }) => !this.numbers.has(id));
      if (!this.numbers.has(at.id) && missing.length > 0) {
        waiting.push(...missing.reverse());
        continue;
      }
      waiting.pop();
      if (!this.numbers.has(at.id)) this.numbers.set(at.id, this.append(at));
    }
    return this.numberOf(model.outputs[0]);
  }

  private numberOf(tensor: tfl.SymbolicTensor): number {
    const number = this.numbers.get(tensor.id);
    if (number === undefined) throw new Error(`${tensor.name}: no number`);
    return number;
  }

  private append(at: tfl.SymbolicTensor): number {
    const { sourceLayer: layer } = at;
    const sources = at.inputs.map((input) => this.numberOf(input));
    if (this.seen.has(layer))
      throw new HbnnError(
        `${layer.name}: exportModel expected each layer applied once, got this one applied more often; make a layer of its own for each place and copy the weights with setWeights`,
      );
    this.seen.add(layer);
    if (isModel(layer)) return this.follow(layer, sources[0]);
    checkClass(layer, 'exportModel');
    const inputs = at.inputs.map(({ shape }) => fixed(layer, shape));
    const output = fixed(layer, at.shape);
    const config = configOf(layer);
    return this.links.push({ layer, config, sources, input: inputs[0], inputs, output }) - 1;
  }
}

/** The shape of one sample. */
function fixed(layer: tfl.layers.Layer, shape: tfl.SymbolicTensor['shape']): number[] {
  const sizes = shape.slice(1);
  if (sizes.some((n) => n === null))
    throw new HbnnError(
      `${layer.name}: exportModel expected sizes that are fixed, got [${sizes.join(', ')}]; build the model with an inputShape of whole numbers`,
    );
  return sizes as number[];
}
