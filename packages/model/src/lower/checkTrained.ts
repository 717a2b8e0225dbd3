import { HbnnError, kindOf } from '@hbnn/core';
import type { TrainedLayer, TrainedModel, TrainedWeights } from '../trainedModel.ts';

/**
 * Check that a value is a trained model, and that every number of it is finite.
 *
 * @throws HbnnError for another value, and naming the layer and the number
 */
export function checkTrained(trained: TrainedModel): void {
  if (typeof trained !== 'object' || trained === null || trained.input?.mean === undefined)
    throw new HbnnError(
      `lower: expected a trained model, got ${kindOf(trained)}; pass what 'await exportModel(model, train)' of @hbnn/train gives`,
    );
  const { name, input, layers } = trained;
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
