import type { TrainedLayer } from '@hbnn/model';
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

const count = 8;
const width = 6 / count;
/** Chords of x · (x + 3) / 6 lie above it by up to width² / 24: lowered by half of that they part from it by as much. */
const lowered = width ** 2 / 48;

/** HardSwish in straight pieces: 0 up to −3, x from 3 on, and 8 pieces between, at most 0.012 beside it. */
export function hardSwishPieces(name: string): TrainedLayer {
  const knots = Array.from({ length: count + 1 }, (_, k) => -3 + k * width);
  const chords = knots.slice(1).map((knot, k) => (knots[k] + knot + 3) / 6);
  chords[0] -= lowered / width;
  chords[count - 1] += lowered / width;
  return { kind: 'piecewise', name, knots, slopes: [0, ...chords, 1], atZero: -lowered };
}
