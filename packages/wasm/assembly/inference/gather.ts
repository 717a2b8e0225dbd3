// Windows laid out as the rows of a product: for each place k of a window (kernel row, kernel column, channel) and
// each output pixel the input value there, 0 beyond the edges.
//
// A shape is int32 words (src/layout/shapeFields.ts). Output pixels are counted over all images:
// pixel = (image * outH + y) * outW + x.

import {
  CHANNELS, IN_H, IN_STRIDE, IN_W, KERNEL_H, KERNEL_W, OUT_H, OUT_W, PAD_LEFT, PAD_TOP, STRIDE_H, STRIDE_W,
} from '../../src/layout/shapeFields';

// @ts-ignore: decorator
@inline
export function field(shape: usize, index: i32): i32 {
  return load<i32>(shape + (<usize>index << 2));
}

/** Values of one place of the window for pixels first to last, `step` bytes apart. */
function gatherPlace<T>(
  shape: usize, plane: usize, i: i32, j: i32, first: i32, last: i32, to: usize, step: usize,
): void {
  const inH = field(shape, IN_H), inW = field(shape, IN_W), outH = field(shape, OUT_H), outW = field(shape, OUT_W);
  const strideH = field(shape, STRIDE_H), strideW = field(shape, STRIDE_W), top = field(shape, PAD_TOP);
  const shift = j - field(shape, PAD_LEFT);
  // Columns x with 0 <= x * strideW + shift < inW.
  const inside = shift >= 0 ? 0 : (strideW - 1 - shift) / strideW;
  const rest = inW - 1 - shift;
  const outside = rest < 0 ? 0 : min(outW, rest / strideW + 1);
  let row = first / outW;
  let x = first - row * outW;
  let pixel = first;
  while (pixel < last) {
    const image = row / outH;
    const inY = (row - image * outH) * strideH + i - top;
    const end = min(outW, x + last - pixel);
    pixel += end - x;
    const within = inY >= 0 && inY < inH;
    const a = within ? min(end, max(x, inside)) : end;
    const b = within ? max(a, min(end, outside)) : end;
    for (; x < a; ++x) {
      store<T>(to, <T>0);
      to += step;
    }
    if (a < b) {
      let from = plane + <usize>((image * inH + inY) * inW + x * strideW + shift) * sizeof<T>();
      const along = <usize>strideW * sizeof<T>();
      for (; x < b; ++x) {
        store<T>(to, load<T>(from));
        from += along;
        to += step;
      }
    }
    for (; x < end; ++x) {
      store<T>(to, <T>0);
      to += step;
    }
    x = 0;
    ++row;
  }
}

/**
 * All places, k = (i * kernelW + j) * channels + c. Place k's first value goes to
 * to + floor(k / fold) * rowBytes + (k % fold) * sizeof(T), its pixels `step` bytes apart.
 */
export function gather<T>(
  shape: usize, from: usize, first: i32, last: i32, to: usize, fold: i32, rowBytes: usize, step: usize,
): void {
  const inStride = <usize>field(shape, IN_STRIDE) * sizeof<T>(), channels = field(shape, CHANNELS);
  const kernelH = field(shape, KERNEL_H), kernelW = field(shape, KERNEL_W);
  let lane = 0;
  for (let i = 0; i < kernelH; ++i)
    for (let j = 0; j < kernelW; ++j) {
      let plane = from;
      for (let c = 0; c < channels; ++c) {
        gatherPlace<T>(shape, plane, i, j, first, last, to + <usize>lane * sizeof<T>(), step);
        plane += inStride;
        if (++lane == fold) {
          lane = 0;
          to += rowBytes;
        }
      }
    }
  // Places that fill up the last row are 0.
  for (; lane != 0 && lane < fold; ++lane) {
    let q = to + <usize>lane * sizeof<T>();
    for (let pixel = first; pixel < last; ++pixel, q += step) store<T>(q, <T>0);
  }
}

/** int16 pairs: [ceil(K / 2)][width pixels][2]. */
export function gatherPairs(
  shape: usize, from: usize, first: i32, last: i32, to: usize, width: i32,
): void {
  gather<i16>(shape, from, first, last, to, 2, <usize>width << 2, 4);
}

/** int32: [K][width pixels]. */
export function gather32(
  shape: usize, from: usize, first: i32, last: i32, to: usize, width: i32,
): void {
  gather<i32>(shape, from, first, last, to, 1, <usize>width << 2, 4);
}

/** int16 rows: [pixel][length], length a multiple of 8. */
export function gatherRows(
  shape: usize, from: usize, first: i32, last: i32, to: usize, length: i32,
): void {
  gather<i16>(shape, from, first, last, to, length, 0, <usize>length << 1);
}
