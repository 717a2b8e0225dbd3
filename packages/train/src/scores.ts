import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { CallContext } from './layers/context.ts';

/** The least probability whose logarithm is taken: what Keras takes, far from float32's own end. */
const leastProbability = 1e-7;

/**
 * A model's scores before the softmax, [count, classes]. Of a model that ends in a softmax they are the
 * logarithms of its probabilities, log p = z − log Σ exp z, whose softmax is p again: cross-entropy and
 * its gradient are then those of the probabilities, not of a softmax taken twice.
 */
export function scoresOf(model: tfl.LayersModel, x: tf.Tensor, context: CallContext): tf.Tensor {
  const y = model.apply(x, context) as tf.Tensor;
  return endsInSoftmax(model) ? tf.log(tf.clipByValue(y, leastProbability, 1)) : y;
}

/** Whether a model's last layer is a softmax or has one as its activation. */
function endsInSoftmax(model: tfl.LayersModel): boolean {
  const last = model.outputs[0].sourceLayer;
  return last.getClassName() === 'Softmax' || last.getConfig().activation === 'softmax';
}
