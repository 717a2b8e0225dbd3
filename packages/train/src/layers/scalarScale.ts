import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { singleInput } from './context.ts';

/**
 * Multiply everything by one learned scalar: the layer that follows an output layer with binarized
 * weights, so that the scores can leave the few values binarization allows (after Tang et al. 2017).
 */
export class ScalarScale extends tfl.layers.Layer {
  static readonly className = 'HbnnScalarScale';
  private scale!: tfl.LayerVariable;

  override build(): void {
    this.scale = this.addWeight('scale', [1], 'float32', tfl.initializers.ones());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => tf.mul(singleInput(inputs), this.scale.read()));
  }
}
tf.serialization.registerClass(ScalarScale);
