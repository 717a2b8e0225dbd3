import { HbnnError } from '@hbnn/core';
import type { LayerSpec } from '../assemble/layerSpec.ts';
import { type Config, Fields, isObject } from './fields.ts';
import { layerReaders } from './layerReaders.ts';

/** Layers that may be the activation of another layer: they have no weights. */
const activationLayers = ['Activation', 'ELU', 'LeakyReLU', 'ReLU', 'Softmax'];

/** min(max(x + 3, 0), 6) / 6, as Keras 3 has HardSigmoid. */
const hardSigmoid: readonly LayerSpec[] = [
  { kind: 'rescaling', scale: 1, offset: 3 },
  { kind: 'relu', maxValue: 6 },
  { kind: 'rescaling', scale: 1 / 6, offset: 0 },
];

/** A layer's configuration without an activation that takes layers of its own, and these. */
export interface SplitActivation {
  readonly config: Config;
  /** In their order behind the layer. */
  readonly steps: readonly LayerSpec[];
}

/**
 * Take an activation that TensorFlow.js's layers have not by name out of a layer's configuration: HardSwish, HardSigmoid,
 * LeakyReLU, and activations that Keras 3 writes as objects.
 *
 * @throws HbnnError for an object that is no activation, naming the layer
 */
export function splitActivation(config: Config, where: string): SplitActivation {
  const { activation, ...others } = config;
  const steps = stepsOf(activation, config, where);
  return steps === undefined ? { config, steps: [] } : { config: others, steps };
}

/** @returns undefined for a name that the layer itself has */
function stepsOf(value: unknown, layer: Config, where: string): readonly LayerSpec[] | undefined {
  if (isObject(value)) return stepsOfObject(value, layer, where);
  if (value === 'hard_silu' || value === 'hard_swish') return [{ kind: 'hardSwish' }];
  if (value === 'leaky_relu') return [{ kind: 'leakyRelu', slope: 0.2 }];
  if (value !== 'hard_sigmoid') return undefined;
  // Keras 2 computes another function by this name; it writes types of values as names alone.
  if (isObject(layer.dtype)) return hardSigmoid;
  throw new HbnnError(
    `${where}: expected hard_sigmoid of a file that Keras 3 wrote, got one that Keras 2 may have written, where it is min(max(0.2 · x + 0.5, 0), 1); save the network again with Keras 3.3 or newer`,
  );
}

function stepsOfObject(
  { class_name: kind, config }: Config,
  layer: Config,
  where: string,
): readonly LayerSpec[] {
  if (kind === 'function' && typeof config === 'string') {
    const steps = stepsOf(config, layer, where);
    if (steps !== undefined) return steps;
    const activation = new Fields({ activation: config }, where).activation();
    return activation === undefined ? [] : [{ kind: 'activation', activation }];
  }
  const reader = activationLayers.includes(String(kind)) ? layerReaders[String(kind)] : undefined;
  if (reader === undefined || !isObject(config))
    throw new HbnnError(
      `${where}: expected an activation by its name, or one of ${activationLayers.join(', ')}, got ${String(kind)}; put a layer of that activation behind this one`,
    );
  const split = splitActivation(config, where);
  const fields = new Fields(split.config, where);
  const spec = reader({ fields, inputs: [[1]], take: () => [], onZeros: () => {} });
  fields.finish(String(kind));
  return [...(spec === undefined ? [] : [spec]), ...split.steps];
}
