import type * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

type ConfigValue = tf.serialization.ConfigDict[string];

/** What tf.layers keeps with a kernel and a bias: by name, as an object, or as `getConfig` writes it. */
export interface KeptProperties {
  kernelInitializer?: ConfigValue;
  kernelRegularizer?: ConfigValue;
  kernelConstraint?: ConfigValue;
  biasInitializer?: ConfigValue;
  biasRegularizer?: ConfigValue;
  biasConstraint?: ConfigValue;
}

const fields = [
  'kernelInitializer',
  'kernelRegularizer',
  'kernelConstraint',
  'biasInitializer',
  'biasRegularizer',
  'biasConstraint',
] as const;

type AddWeight = Parameters<tfl.layers.Layer['addWeight']>;
/** The same as objects, as `addWeight` takes them. */
export interface WeightParts {
  readonly kernelInitializer: AddWeight[3];
  readonly kernelRegularizer: AddWeight[4];
  readonly kernelConstraint: AddWeight[6];
  readonly biasInitializer: AddWeight[3];
  readonly biasRegularizer: AddWeight[4];
  readonly biasConstraint: AddWeight[6];
}

/** A dense layer of tf.layers reads them, as it would its own; kernel and bias start at 0 unless told otherwise. */
const reader = (kept: KeptProperties): tfl.layers.Layer =>
  tfl.layers.dense({
    // Named, so that the numbers of a user's own unnamed layers stay as they are.
    name: 'kept',
    units: 1,
    kernelInitializer: (kept.kernelInitializer ?? 'zeros') as 'zeros',
    kernelRegularizer: (kept.kernelRegularizer ?? undefined) as 'l1l2' | undefined,
    kernelConstraint: (kept.kernelConstraint ?? undefined) as 'nonNeg' | undefined,
    biasInitializer: (kept.biasInitializer ?? 'zeros') as 'zeros',
    biasRegularizer: (kept.biasRegularizer ?? undefined) as 'l1l2' | undefined,
    biasConstraint: (kept.biasConstraint ?? undefined) as 'nonNeg' | undefined,
  });

export function weightParts(kept: KeptProperties): WeightParts {
  return reader(kept) as unknown as WeightParts;
}

/** Those that are given, as `getConfig` writes them. */
export function keptConfig(kept: KeptProperties): tf.serialization.ConfigDict {
  const config = reader(kept).getConfig();
  return Object.fromEntries(
    fields
      .filter((field) => kept[field] !== undefined && kept[field] !== null)
      .map((field) => [field, config[field]]),
  );
}
