/** Byte offset into the memory given to `trainingKernels`; a multiple of 4. */
export type Offset = number;

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

/** Sizes of a product of matrices op(a) [m, k] and op(b) [k, n], op the transpose where its flag is set. */
export interface MatMulShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** The arguments that give a convolution's sizes, in the order in which the kernels of assembly/training/conv.ts take them. */
export function convSizes(s: ConvShape): number[] {
  const image = [s.batch, s.inH, s.inW, s.inputs];
  const filter = [s.kernelH, s.kernelW, s.outputs];
  return image.concat(filter, [s.strideH, s.strideW, s.padTop, s.padLeft, s.outH, s.outW]);
}

/** The same for the kernels of assembly/training/depthwise.ts and pool.ts. */
export function windowSizes(s: WindowShape): number[] {
  const image = [s.batch, s.inH, s.inW, s.channels];
  const filter = [s.kernelH, s.kernelW];
  return image.concat(filter, [s.strideH, s.strideW, s.padTop, s.padLeft, s.outH, s.outW]);
}
