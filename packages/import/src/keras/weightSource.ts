import { HbnnError } from '@hbnn/core';
import type { WeightArray } from '../assemble/layerSpec.ts';

/** A layer whose weights are looked for. */
export interface WeightedLayer {
  readonly name: string;
  /** The names of the models around the layer and its own, with / between them. */
  readonly path: string;
}

/** The weights of a file, each given out once. */
export interface WeightSource {
  /** Give the weights of a layer, in the order of their names in Keras. @throws HbnnError naming a missing one */
  take(layer: WeightedLayer, names: readonly string[], where: string): WeightArray[];
  /** Names of weights that no layer took. */
  rest(): readonly string[];
}

/** Weights by `LAYER/WEIGHT`, as TensorFlow.js and older Keras name them; inside a model by `MODEL/LAYER/WEIGHT` too. */
export class NamedWeights implements WeightSource {
  private readonly weights: Map<string, WeightArray>;

  constructor(weights: ReadonlyMap<string, WeightArray>) {
    this.weights = new Map(weights);
  }

  take(
    { name: layer, path }: WeightedLayer,
    names: readonly string[],
    where: string,
  ): WeightArray[] {
    const [model, ...others] = path.split('/');
    const scopes = others.length === 0 ? [layer] : [`${model}/${layer}`, layer];
    return names.map((name) => {
      // Keras 3 calls a depthwise kernel a kernel in its older format.
      const key = [name, name.replace(/^depthwise_/, '')]
        .flatMap((short) => scopes.map((scope) => `${scope}/${short}`))
        .find((wanted) => this.weights.has(wanted));
      const weight = key === undefined ? undefined : this.weights.get(key);
      if (key === undefined || weight === undefined) {
        const others = [...this.weights.keys()].filter((other) => other.startsWith(`${layer}/`));
        throw new HbnnError(
          `${where}: expected a weight '${layer}/${name}', got ${others.length === 0 ? 'none of this layer' : others.join(', ')}; save architecture and weights of the same network`,
        );
      }
      this.weights.delete(key);
      return weight;
    });
  }

  rest(): readonly string[] {
    return [...this.weights.keys()];
  }
}

/** Refuse weights that no layer took: the file would mean more than was read. */
export function checkAllTaken(source: WeightSource, where: string): void {
  const rest = source.rest();
  if (rest.length === 0) return;
  throw new HbnnError(
    `${where}: expected each weight to belong to a layer, got '${rest[0]}'${rest.length > 1 ? ` and ${rest.length - 1} more` : ''}, which none has; save architecture and weights of the same network`,
  );
}
