import * as tf from '@tensorflow/tfjs-core';

type OneInput = (x: tf.Tensor) => tf.Tensor;

/** Compute `forward(x)` with the gradient `backward(dy, x)`. */
export function withGradient(
  x: tf.Tensor,
  forward: OneInput,
  backward: (dy: tf.Tensor, x: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const op = tf.customGrad((...inputs) => {
    const [x] = inputs as tf.Tensor[];
    const save = inputs[1] as unknown as tf.GradSaveFunc;
    save([x]);
    return {
      value: forward(x),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => backward(dy, saved[0]),
    };
  });
  return op(x);
}
