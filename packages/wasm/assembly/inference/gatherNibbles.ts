// Windows over nibbles: for each place of a window (kernel row, kernel column, four channels) and each output pixel the
// byte there, 0 beyond the edges.

import {
  CHANNELS, IN_H, IN_STRIDE, IN_W, KERNEL_H, KERNEL_W, OUT_H, OUT_W, PAD_LEFT, PAD_TOP, STRIDE_H, STRIDE_W,
} from '../../src/layout/shapeFields';
import { field } from './gather';

/** Bytes of one row of places, 16 at a time: writes up to 15 bytes past the end, so rows must be written in order. */
function gatherNibbleRow(
  shape: usize, plane: usize, i: i32, j: i32, first: i32, last: i32, to: usize,
): void {
  const inH = field(shape, IN_H), inW = field(shape, IN_W), outH = field(shape, OUT_H), outW = field(shape, OUT_W);
  const strideH = field(shape, STRIDE_H), strideW = field(shape, STRIDE_W), top = field(shape, PAD_TOP);
  const shift = j - field(shape, PAD_LEFT);
  const inside = shift >= 0 ? 0 : (strideW - 1 - shift) / strideW;
  const rest = inW - 1 - shift;
  const outside = rest < 0 ? 0 : min(outW, rest / strideW + 1);
  let row = first / outW;
  let x = first - row * outW;
  let image = row / outH, y = row - image * outH;
  let pixel = first;
  while (pixel < last) {
    const inY = y * strideH + i - top;
    const end = min(outW, x + last - pixel);
    pixel += end - x;
    const within = inY >= 0 && inY < inH;
    const a = within ? min(end, max(x, inside)) : end;
    const b = within ? max(a, min(end, outside)) : end;
    let q = to;
    for (let l = a - x; l > 0; l -= 16, q += 16) v128.store(q, i8x16.splat(0));
    to += a - x;
    if (a < b) {
      let from = plane + <usize>((image * inH + inY) * inW + a * strideW + shift);
      q = to;
      if (strideW == 1) {
        for (let l = b - a; l > 0; l -= 16, q += 16, from += 16) v128.store(q, v128.load(from));
      } else if (strideW == 2) {
        for (let l = b - a; l > 0; l -= 16, q += 16, from += 32)
          v128.store(q, i8x16.shuffle(
            v128.load(from), v128.load(from, 16), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
          ));
      } else {
        for (let l = b - a; l > 0; --l, ++q, from += strideW) store<u8>(q, load<u8>(from));
      }
      to += b - a;
    }
    q = to;
    for (let l = end - b; l > 0; l -= 16, q += 16) v128.store(q, i8x16.splat(0));
    to += end - b;
    x = 0;
    if (++y == outH) {
      y = 0;
      ++image;
    }
  }
}

/**
 * [tile][groups][kernelH][kernelW][64] nibbles of pixels first to last, in tiles of 64; the shape's channels are groups.
 * line: room for one place's pixels and 80 bytes more.
 */
export function gatherNibbles(shape: usize, from: usize, first: i32, last: i32, line: usize, to: usize): void {
  const inStride = field(shape, IN_STRIDE), groups = field(shape, CHANNELS), kernelH = field(shape, KERNEL_H), kernelW = field(shape, KERNEL_W);
  const positions = <usize>(kernelH * kernelW) << 6, tile = groups * positions;
  const end = line + last - first;
  for (let i = 0; i < kernelH; ++i)
    for (let j = 0; j < kernelW; ++j) {
      let plane = from, place = to;
      for (let g = 0; g < groups; ++g) {
        gatherNibbleRow(shape, plane, i, j, first, last, line);
        plane += inStride;
        let q = place;
        for (let p = line; p < end; p += 64, q += tile) {
          v128.store(q, v128.load(p));
          v128.store(q, v128.load(p, 16), 16);
          v128.store(q, v128.load(p, 32), 32);
          v128.store(q, v128.load(p, 48), 48);
        }
        place += positions;
      }
      to += 64;
    }
}
