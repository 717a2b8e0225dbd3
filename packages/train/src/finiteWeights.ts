import { HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';

/**
 * Check that the weights of some layers are finite, running statistics included.
 *
 * @param task what is about to happen, or has happened
 * @throws HbnnError naming layer, weight and value
 */
export function checkFiniteWeights(layers: readonly tfl.layers.Layer[], task: string): void {
  for (const layer of layers)
    for (const weight of layer.weights) {
      const values = weight.read().dataSync();
      const at = values.findIndex((value) => !Number.isFinite(value));
      if (at < 0) continue;
      const name = weight.originalName.split('/').at(-1);
      throw new HbnnError(
        `layer '${layer.name}': ${task} expected finite weights, got ${values[at]} in ${name} at index ${at}; the training diverged, train again with a lower learning rate`,
      );
    }
}
