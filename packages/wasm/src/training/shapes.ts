/** Sizes of a convolution, float32 NHWC, filter [kernelH, kernelW, inputs, outputs]. Padding is cut off below and right by outH, outW. */
export interface ConvShape {
  readonly batch: number;
  readonly inH: number;
  readonly inW: number;
  readonly inputs: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly outputs: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly outH: number;
  readonly outW: number;
}

/** Sizes of a pooling or depthwise operation: every output channel has one input channel. */
export type WindowShape = Omit<ConvShape, 'inputs' | 'outputs'> & { readonly channels: number };

/** Bytes of packed strips worked on together: STRIPS_BYTES in assembly/gemm.ts. */
const stripsBytes = 131072;

const panelsBytes = (k: number, n: number) => Math.ceil(n / 8) * k * 32;

/** Bytes of scratch memory that `matMul` needs. */
export function matMulScratch(n: number, k: number): number {
  return 128 + panelsBytes(k, n) + Math.max(stripsBytes, k * 16);
}

/** Bytes of the padded copy of one sample, as the forward pass and the filter gradient read it. */
function paddedBytes(s: ConvShape): number {
  const height = (s.outH - 1) * s.strideH + s.kernelH;
  const width = (s.outW - 1) * s.strideW + s.kernelW;
  return height * width * s.inputs * 4;
}

/** Bytes of scratch memory that `conv2d` needs. */
export function conv2dScratch(s: ConvShape): number {
  const k = s.kernelH * s.kernelW * s.inputs;
  return 128 + Math.max(stripsBytes, k * 16) + panelsBytes(k, s.outputs) + paddedBytes(s);
}

/** Bytes of scratch memory that `conv2dBackpropInput` needs. */
export function conv2dBackpropInputScratch(s: ConvShape): number {
  const k = s.kernelH * s.kernelW * s.outputs;
  const padded = (s.inH + s.kernelH) * (s.inW + s.kernelW) * s.outputs * 4;
  return 128 + Math.max(stripsBytes, k * 16) + panelsBytes(k, s.inputs) + padded;
}

/** Bytes of scratch memory that `conv2dBackpropFilter` needs. */
export function conv2dBackpropFilterScratch(s: ConvShape): number {
  const rows = s.kernelH * (s.kernelW * s.inputs + 3) + s.outH * s.outW;
  return panelsBytes(rows, s.outputs) + paddedBytes(s) + 16;
}
