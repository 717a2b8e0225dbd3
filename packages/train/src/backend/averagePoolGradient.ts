import * as tf from '@tensorflow/tfjs-core';

/**
 * Put a right gradient of average pooling in place of TensorFlow.js's. The forward kernels divide the sum of a
 * window by the number of its elements inside the image; the gradient kernels of the cpu, wasm and webgpu backends
 * by the size of the window, too much where padding cuts it. Here dy is multiplied by the quotient first. TensorFlow's
 * native kernel is right.
 */
export function registerAveragePoolGradient(): void {
  tf.registerGradient({
    kernelName: tf.AvgPool,
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attrs) => {
      const input = saved[0] as tf.Tensor4D;
      const gradient = (): tf.Tensor => {
        const quotients = tf.getBackend() === 'tensorflow' ? undefined : cut(input.shape, attrs);
        const scaled = quotients ? tf.mul(dy as tf.Tensor, quotients) : (dy as tf.Tensor);
        return tf.engine().runKernel(tf.AvgPoolGrad, { dy: scaled, input }, attrs) as tf.Tensor;
      };
      return { x: gradient };
    },
  });
}

/** Size of the window over its elements inside the image, [1, height, width, 1]; none where all are inside. */
function cut(shape: tf.Tensor4D['shape'], attrs: tf.NamedAttrMap): tf.Tensor4D | undefined {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as tf.AvgPoolAttrs;
  const info = tf.backend_util.computePool2DInfo(
    shape,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const { padInfo, filterHeight, filterWidth } = info;
  const rows = inside(info.outHeight, info.strideHeight, padInfo.top, filterHeight, info.inHeight);
  const cols = inside(info.outWidth, info.strideWidth, padInfo.left, filterWidth, info.inWidth);
  const window = filterHeight * filterWidth;
  const quotients = rows.flatMap((row) => cols.map((col) => window / (row * col)));
  if (quotients.every((quotient) => quotient === 1)) return undefined;
  return tf.tensor4d(quotients, [1, info.outHeight, info.outWidth, 1]);
}

/** How much of the window at each place of one axis lies inside the image. */
function inside(out: number, stride: number, pad: number, kernel: number, size: number): number[] {
  return Array.from({ length: out }, (_, i) => {
    const start = i * stride - pad;
    return Math.min(size, start + kernel) - Math.max(0, start);
  });
}
