import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { batchNormInfer, batchNormTrain } from '../ops/batchNorm.ts';
import { callContext, newestShare, singleInput, singleShape } from './context.ts';

export interface BatchNormConfig {
  name?: string;
  /** Momentum of the running statistics. */
  momentum?: number;
  /** Added to the variance under the root. */
  epsilon?: number;
}

/**
 * Normalize each channel (last axis): y = γ (x − mean) / √(variance + ε) + β, over the batch while
 * training, by running statistics at inference (Ioffe & Szegedy 2015).
 *
 * TensorFlow.js's own layer composes this of a dozen operations whose gradients cost more than the
 * convolutions of a small network; this one is a single fused operation each way on the WASM backend.
 */
export class BatchNorm extends tfl.layers.Layer {
  static readonly className = 'HbnnBatchNorm';
  private readonly momentum: number;
  private readonly epsilon: number;
  private gamma!: tfl.LayerVariable;
  private beta!: tfl.LayerVariable;
  private movingMean!: tfl.LayerVariable;
  private movingVariance!: tfl.LayerVariable;

  constructor(config: BatchNormConfig = {}) {
    super(config as object);
    this.momentum = config.momentum ?? 0.9;
    this.epsilon = config.epsilon ?? 1e-4;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const channels = [singleShape(inputShape).at(-1) as number];
    const zeros = tfl.initializers.zeros();
    const ones = tfl.initializers.ones();
    this.gamma = this.addWeight('gamma', channels, 'float32', ones);
    this.beta = this.addWeight('beta', channels, 'float32', zeros);
    this.movingMean = this.addWeight('moving_mean', channels, 'float32', zeros, undefined, false);
    this.movingVariance = this.addWeight(
      'moving_variance',
      channels,
      'float32',
      ones,
      undefined,
      false,
    );
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: unknown): tf.Tensor {
    return tf.tidy(() => {
      const x = singleInput(inputs);
      const context = callContext(kwargs);
      const gamma = this.gamma.read() as tf.Tensor1D;
      const beta = this.beta.read() as tf.Tensor1D;
      if (!context.training) {
        const mean = this.movingMean.read() as tf.Tensor1D;
        const variance = this.movingVariance.read() as tf.Tensor1D;
        return batchNormInfer(x, gamma, beta, mean, variance, this.epsilon);
      }
      const { y, mean, variance } = batchNormTrain(x, gamma, beta, this.epsilon);
      const share = newestShare(context, this.momentum);
      moveTowards(this.movingMean, mean, share);
      moveTowards(this.movingVariance, variance, share);
      return y;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), momentum: this.momentum, epsilon: this.epsilon };
  }
}
tf.serialization.registerClass(BatchNorm);

/** running ← running + share·(value − running). */
function moveTowards(running: tfl.LayerVariable, value: tf.Tensor, share: number): void {
  tf.tidy(() => {
    const current = running.read();
    running.write(tf.add(current, tf.mul(tf.sub(value, current), share)));
  });
}
