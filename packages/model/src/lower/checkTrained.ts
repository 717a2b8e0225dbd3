import { HbnnError } from '@hbnn/core';
import type { TrainedLayer, TrainedModel, TrainedWeights } from '../trainedModel.ts';

/**
 * Check that every number of a trained model is finite.
 *
 * @throws HbnnError naming the layer and the number
 */
export function checkTrained({ name, input, layers }: TrainedModel): void {
  checkFinite(name, 'mean of the input', input.mean);
  checkFinite(name, 'deviation of the input', input.deviation);
  for (const layer of layers) checkLayer(layer);
}

function checkLayer(layer: TrainedLayer): void {
  const { name } = layer;
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
      checkWeights(name, layer.weights);
      return;
    case 'affine':
      checkFinite(name, 'scales', layer.scales);
      checkFinite(name, 'offsets', layer.offsets);
      return;
    case 'relu':
      if (layer.ceiling !== undefined) checkFinite(name, 'largest value', [layer.ceiling]);
      return;
    case 'binarize':
      if (layer.map === 'static') checkFinite(name, 'input scales', layer.scales);
      return;
    case 'maxPool':
    case 'averagePool':
    case 'flatten':
      return;
    default:
      layer satisfies never;
  }
}

function checkWeights(name: string, weights: TrainedWeights): void {
  if (weights.kind === 'float') checkFinite(name, 'weights', weights.tensor.data);
  else
    for (const plane of weights.residual.planes) checkFinite(name, 'weight scales', plane.scales);
}

function checkFinite(where: string, what: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw new HbnnError(
        `layer '${where}': expected finite ${what}, got ${values[i]} at index ${i}; the training diverged, train again with a lower learning rate`,
      );
}
