import { HbnnError } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { CallContext } from './layers/context.ts';
import { layersWithin } from './parameters.ts';

/**
 * Check that a model gives a row of scores for each image.
 *
 * @throws HbnnError naming the layer that gives a map
 */
export function checkScoreRow(model: tfl.LayersModel, where: string): void {
  const { shape, sourceLayer } = model.outputs[0];
  if (shape.length === 2) return;
  throw new HbnnError(
    `layer '${sourceLayer.name}': ${where} expected scores of shape [classes] at the end of ${model.name}, got [${shape.slice(1).join(', ')}]; add a Flatten layer behind it`,
  );
}

/** Name the layer at which a training step failed: the first that fails by itself, else the model. */
export function stepFault(model: tfl.LayersModel, error: unknown, context: CallContext): HbnnError {
  for (const layer of layersWithin(model)) {
    const fault = faultOf(layer, context);
    if (fault !== undefined)
      return new HbnnError(
        `layer '${layer.name}': training expected a layer that gradients go through, got ${layer.getClassName()}, of which TensorFlow.js says: ${fault}; take it out, or put a layer in its place that TensorFlow.js can train`,
      );
  }
  return new HbnnError(
    `${model.name}: training expected a step that TensorFlow.js can compute, got its error: ${messageOf(error)}; train fewer images at once, or change the layer that it names`,
  );
}

/** What TensorFlow.js says of one layer's outputs and their gradient; undefined where it can compute them. */
function faultOf(layer: tfl.layers.Layer, context: CallContext): string | undefined {
  if (layer.getClassName() === 'InputLayer' || layer.inboundNodes.length !== 1) return undefined;
  const inputs = [layer.input].flat();
  // Running statistics move in a step.
  const weights = layer.getWeights().map((weight) => weight.clone());
  try {
    tf.tidy(() => {
      const samples = inputs.map(({ shape }) => tf.ones(shape.map((size) => size ?? 1)));
      tf.grads((...x: tf.Tensor[]) =>
        tf.sum(layer.apply(x.length === 1 ? x[0] : x, context) as tf.Tensor),
      )(samples);
    });
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    if (weights.length > 0) layer.setWeights(weights);
    tf.dispose(weights);
  }
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*\.\s*$/, '');
