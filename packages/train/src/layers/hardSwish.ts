import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { singleInput } from './context.ts';

/** y = x · min(max(x + 3, 0), 6) / 6 on each value, as ONNX's HardSwish and PyTorch's Hardswish have it. */
export class HardSwish extends tfl.layers.Layer {
  static readonly className = 'HbnnHardSwish';

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = singleInput(inputs);
      return tf.mul(x, tf.mul(tf.clipByValue(tf.add(x, 3), 0, 6), 1 / 6));
    });
  }
}
tf.serialization.registerClass(HardSwish);
