import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';

/** The convolutions of TensorFlow.js's WASM backend: whether each is depthwise. */
const convolutions: Readonly<Record<string, boolean>> = {
  [tf.Conv2D]: false,
  [tf.FusedConv2D]: false,
  [tf.DepthwiseConv2dNative]: true,
  [tf.FusedDepthwiseConv2D]: true,
};

// Once, when this file is loaded: also a WASM backend that the user starts gets the right kernels.
for (const [kernelName, depthwise] of Object.entries(convolutions)) mend(kernelName, depthwise);

/**
 * Give a stock convolution its 'same' padding as numbers where the last window ends before the image does (a kernel
 * smaller than its stride). XNNPACK subtracts there without looking, finds the padding negative as an unsigned number,
 * makes no operator, and the kernel leaves zeros without a word.
 */
function mend(kernelName: string, depthwise: boolean): void {
  const stock = tf.getKernel(kernelName, 'wasm');
  if (stock === undefined) return;
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    ...stock,
    kernelFunc: (call) => {
      const pad = explicitPadding(call.inputs, call.attrs ?? {}, depthwise);
      return stock.kernelFunc(
        pad === undefined ? call : { ...call, attrs: { ...call.attrs, pad } },
      );
    },
  });
}

type Shape4 = [number, number, number, number];

/** The padding to hand to the stock kernel; undefined where it does right by itself. */
function explicitPadding(
  { x, filter }: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap,
  depthwise: boolean,
): tf.backend_util.ExplicitPadding | undefined {
  if (attrs.pad !== 'same' || attrs.dataFormat === 'NCHW') return undefined;
  const info = tf.backend_util.computeConv2DInfo(
    x?.shape as Shape4,
    filter?.shape as Shape4,
    attrs.strides as number | [number, number],
    (attrs.dilations ?? 1) as number | [number, number],
    'same',
    attrs.dimRoundingMode as 'floor' | undefined,
    depthwise,
  );
  const { outHeight, outWidth, strideHeight, strideWidth, padInfo } = info;
  const restBelow = (outHeight - 1) * strideHeight + info.effectiveFilterHeight < info.inHeight;
  const restBeside = (outWidth - 1) * strideWidth + info.effectiveFilterWidth < info.inWidth;
  if (!restBelow && !restBeside) return undefined;
  const { top, bottom, left, right } = padInfo;
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}
