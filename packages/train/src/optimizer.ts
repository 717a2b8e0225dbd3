import * as tf from '@tensorflow/tfjs-core';
import { sgdMomentum } from './ops/sgdMomentum.ts';

/** A trained variable under the name it has in checkpoints. */
export interface TrainedVariable {
  readonly name: string;
  readonly variable: tf.Variable;
  /** Weight decay applies to kernels, not to batch norm parameters, biases and the output scale. */
  readonly decay: boolean;
  /** Brings values back to what the weight must keep to, after each step. */
  readonly constraint?: (w: tf.Tensor) => tf.Tensor;
}

/**
 * SGD with momentum and weight decay (the paper's §4.1): v ← m·v + g + λ·w, w ← w − η·v.
 *
 * TensorFlow.js's own momentum optimizer has no weight decay and names its slots by a process-wide
 * counter, which a resumed run would not find again.
 */
export class SgdMomentum {
  readonly velocities: Map<string, tf.Variable>;
  private readonly variables: readonly TrainedVariable[];
  private readonly momentum: number;
  private readonly weightDecay: number;

  constructor(
    variables: readonly TrainedVariable[],
    options: { momentum: number; weightDecay: number },
  ) {
    this.variables = variables;
    this.momentum = options.momentum;
    this.weightDecay = options.weightDecay;
    this.velocities = new Map(
      variables.map(({ name, variable }) => [
        name,
        tf.tidy(() => tf.variable(tf.zerosLike(variable), false)),
      ]),
    );
  }

  /** One update; the gradients are keyed by `variable.name`, as tf.variableGrads gives them. */
  step(gradients: tf.NamedTensorMap, learningRate: number): void {
    for (const { name, variable, decay, constraint } of this.variables) {
      sgdMomentum(variable, this.velocities.get(name) as tf.Variable, gradients[variable.name], {
        learningRate,
        momentum: this.momentum,
        weightDecay: decay ? this.weightDecay : 0,
      });
      if (constraint !== undefined) tf.tidy(() => variable.assign(constraint(variable)));
    }
  }

  dispose(): void {
    for (const velocity of this.velocities.values()) velocity.dispose();
  }
}
