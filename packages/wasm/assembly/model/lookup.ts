// Products of binary inputs by table lookup. Four input bits (a nibble) of 16 pixels at a time index a table of the
// 16 partial sums of four weights, so whatever bits the weights have, 64 products take one shuffle and one addition.
//
// An input of plane n is k_n (2a - 1) where it is a member and 0 where it is not or beyond the edge. With a = 0 there,
//   sum over k of w[k] * in[k] = sum over n of 2 k_n (sum over k of w[k] * a_n[k]) - C,
// C = the sum of w[k] times the largest value that in[k] can have, which depends on output and position alone: the
// output starts at -C.
//
// Partial sums are int8: a table's entries lie between its negative and its positive weights' sum, at most 127 in
// magnitude. `runs` says how many tables together stay within int8; then sums are widened to int16, which holds the
// whole plane's sum (checked when weights are packed), and at the end times 2 k_n (and the divisor taken out of an
// output's weights, so that its sums stay small; together below 2^15) to int32.

import { field } from './gather';

/** Bytes of one row of places, 16 at a time: writes up to 15 bytes past the end, so rows must be written in order. */
function gatherNibbleRow(
  shape: usize, plane: usize, i: i32, j: i32, first: i32, last: i32, to: usize,
): void {
  const inH = field(shape, 0), inW = field(shape, 1), outH = field(shape, 3), outW = field(shape, 4);
  const strideH = field(shape, 6), strideW = field(shape, 7), top = field(shape, 8);
  const shift = j - field(shape, 9);
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

/** [kernelH][kernelW][groups][width] nibbles of pixels first to last; the shape's channels are groups. */
export function gatherNibbles(
  shape: usize, from: usize, first: i32, last: i32, to: usize, width: i32,
): void {
  const inStride = field(shape, 2), groups = field(shape, 10), kernelH = field(shape, 11), kernelW = field(shape, 12);
  for (let i = 0; i < kernelH; ++i)
    for (let j = 0; j < kernelW; ++j) {
      let plane = from;
      for (let g = 0; g < groups; ++g) {
        gatherNibbleRow(shape, plane, i, j, first, last, to);
        plane += inStride;
        to += width;
      }
    }
}

/** out[o][image][pixel] = start[o][pixel], int32. */
export function startSums(
  start: usize, out: usize, outStride: i32, images: i32, pixels: i32, outputs: i32,
): void {
  for (let o = 0; o < outputs; ++o) {
    const from = start + (<usize>o * pixels << 2);
    let to = out + (<usize>o * outStride << 2);
    for (let n = 0; n < images; ++n) {
      for (let p = 0; p < pixels; p += 4)
        v128.store(to + (<usize>p << 2), v128.load(from + (<usize>p << 2)));
      to += <usize>pixels << 2;
    }
  }
}

// @ts-ignore: decorator
@inline
function addScaled(out: usize, low: v128, high: v128, factor: v128): void {
  v128.store(out, i32x4.add(v128.load(out), i32x4.extmul_low_i16x8_s(low, factor)));
  v128.store(out, i32x4.add(v128.load(out, 16), i32x4.extmul_high_i16x8_s(low, factor)), 16);
  v128.store(out, i32x4.add(v128.load(out, 32), i32x4.extmul_low_i16x8_s(high, factor)), 32);
  v128.store(out, i32x4.add(v128.load(out, 48), i32x4.extmul_high_i16x8_s(high, factor)), 48);
}

/** One output, 64 pixels. a: nibbles, rows `along` bytes apart; t: tables of 16 bytes; r: run lengths up to end. */
// @ts-ignore: decorator
@inline
function lookup64(a: usize, along: usize, t: usize, r: usize, end: usize, out: usize, factor: v128): void {
  let l0 = i16x8.splat(0), h0 = i16x8.splat(0), l1 = i16x8.splat(0), h1 = i16x8.splat(0);
  let l2 = i16x8.splat(0), h2 = i16x8.splat(0), l3 = i16x8.splat(0), h3 = i16x8.splat(0);
  for (; r < end; r += 4) {
    let s0 = i8x16.splat(0), s1 = i8x16.splat(0), s2 = i8x16.splat(0), s3 = i8x16.splat(0);
    for (const stop = t + (<usize>load<i32>(r) << 4); t < stop; t += 16) {
      const table = v128.load(t);
      s0 = i8x16.add(s0, i8x16.swizzle(table, v128.load(a)));
      s1 = i8x16.add(s1, i8x16.swizzle(table, v128.load(a, 16)));
      s2 = i8x16.add(s2, i8x16.swizzle(table, v128.load(a, 32)));
      s3 = i8x16.add(s3, i8x16.swizzle(table, v128.load(a, 48)));
      a += along;
    }
    l0 = i16x8.add(l0, i16x8.extend_low_i8x16_s(s0)); h0 = i16x8.add(h0, i16x8.extend_high_i8x16_s(s0));
    l1 = i16x8.add(l1, i16x8.extend_low_i8x16_s(s1)); h1 = i16x8.add(h1, i16x8.extend_high_i8x16_s(s1));
    l2 = i16x8.add(l2, i16x8.extend_low_i8x16_s(s2)); h2 = i16x8.add(h2, i16x8.extend_high_i8x16_s(s2));
    l3 = i16x8.add(l3, i16x8.extend_low_i8x16_s(s3)); h3 = i16x8.add(h3, i16x8.extend_high_i8x16_s(s3));
  }
  addScaled(out, l0, h0, factor);
  addScaled(out + 64, l1, h1, factor);
  addScaled(out + 128, l2, h2, factor);
  addScaled(out + 192, l3, h3, factor);
}

/** One output, 16 pixels. */
// @ts-ignore: decorator
@inline
function lookup16(a: usize, along: usize, t: usize, r: usize, end: usize, out: usize, factor: v128): void {
  let low = i16x8.splat(0), high = i16x8.splat(0);
  for (; r < end; r += 4) {
    let sum = i8x16.splat(0);
    for (const stop = t + (<usize>load<i32>(r) << 4); t < stop; t += 16) {
      sum = i8x16.add(sum, i8x16.swizzle(v128.load(t), v128.load(a)));
      a += along;
    }
    low = i16x8.add(low, i16x8.extend_low_i8x16_s(sum));
    high = i16x8.add(high, i16x8.extend_high_i8x16_s(sum));
  }
  addScaled(out, low, high, factor);
}

/**
 * out[o][pixel] += factors[o] * sum over k of tables[o][k][a[k][pixel]]. width is a multiple of 16; runs: int32
 * [outputs][runCount], lengths that add up to k.
 */
export function lookup(
  a: usize, along: i32, k: i32, width: i32, tables: usize, runs: usize, runCount: i32,
  outputs: i32, out: usize, outStride: i32, factors: usize,
): void {
  for (let o = 0; o < outputs; ++o) {
    const scale = i16x8.splat(<i16>load<i32>(factors + (<usize>o << 2)));
    const end = runs + (<usize>runCount << 2);
    let p = 0;
    for (; p + 64 <= width; p += 64) lookup64(a + p, along, tables, runs, end, out + (<usize>p << 2), scale);
    for (; p < width; p += 16) lookup16(a + p, along, tables, runs, end, out + (<usize>p << 2), scale);
    tables += <usize>k << 4;
    runs = end;
    out += <usize>outStride << 2;
  }
}
