// This file is compiled as TypeScript and, for assembly/inference, as AssemblyScript: it holds constants alone.

/** Fields of a shape, which tells kernels how a window slides from an input to an output map: indices of int32 words. */
export const IN_H = 0;
export const IN_W = 1;
/** Values from one channel of the input to the next. */
export const IN_STRIDE = 2;
export const OUT_H = 3;
export const OUT_W = 4;
/** Values from one channel of the output to the next. */
export const OUT_STRIDE = 5;
export const STRIDE_H = 6;
export const STRIDE_W = 7;
/** Padding above and to the left. */
export const PAD_TOP = 8;
export const PAD_LEFT = 9;
export const CHANNELS = 10;
export const KERNEL_H = 11;
export const KERNEL_W = 12;
/** Words of a shape. */
export const SHAPE_WORDS = 13;
