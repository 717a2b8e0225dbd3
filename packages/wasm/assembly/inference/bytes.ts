// Products of inputs of at most seven bits, as those of a binarized layer are: bytes of 0 to 127, four of which meet four
// weights in one lane of a dot product. Relaxed SIMD's is the same on every engine so long as one operand has seven bits.
//
// Inputs of -bound to bound come with the bound added to them; what that adds to the sums is in the starts.

import {
  CHANNELS, IN_H, IN_STRIDE, IN_W, KERNEL_H, KERNEL_W, OUT_H, OUT_W, PAD_LEFT, PAD_TOP, STRIDE_H, STRIDE_W,
} from '../../src/layout/shapeFields';
import { field } from './gather';

/**
 * Windows of int16 inputs, and the bound, as bytes [pixel][rowBytes], places as in gather.ts; the bound alone beyond the
 * edges and the row.
 */
export function gatherBytes(
  shape: usize, from: usize, first: i32, last: i32, to: usize, rowBytes: i32, bound: i32,
): void {
  const inH = field(shape, IN_H), inW = field(shape, IN_W), outH = field(shape, OUT_H), outW = field(shape, OUT_W);
  const strideH = field(shape, STRIDE_H), strideW = field(shape, STRIDE_W);
  const top = field(shape, PAD_TOP), left = field(shape, PAD_LEFT);
  const kernelH = field(shape, KERNEL_H), kernelW = field(shape, KERNEL_W);
  const channels = <usize>field(shape, CHANNELS), along = <usize>field(shape, IN_STRIDE) << 1;
  for (let pixel = first; pixel < last; ++pixel) {
    const row = pixel / outW, image = row / outH, end = to + rowBytes;
    const y = (row - image * outH) * strideH - top, x = (pixel - row * outW) * strideW - left;
    for (let i = y; i < y + kernelH; ++i)
      for (let j = x; j < x + kernelW; ++j) {
        const placeEnd = to + channels;
        if (i < 0 || i >= inH || j < 0 || j >= inW) {
          for (; to < placeEnd; ++to) store<u8>(to, <u8>bound);
          continue;
        }
        for (let p = from + (<usize>((image * inH + i) * inW + j) << 1); to < placeEnd; ++to, p += along)
          store<u8>(to, <u8>(<i32>load<i16>(p) + bound));
      }
    for (; to < end; ++to) store<u8>(to, <u8>bound);
  }
}

/** sum plus, in each of four lanes, four int8 weights times four inputs. */
// @ts-ignore: decorator
@inline
export function dotBytes(weights: v128, inputs: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, inputs, sum);
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(weights), i16x8.extend_low_i8x16_u(inputs));
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(weights), i16x8.extend_high_i8x16_u(inputs));
  const pairs = i32x4.add(i32x4.shuffle(low, high, 0, 2, 4, 6), i32x4.shuffle(low, high, 1, 3, 5, 7));
  return i32x4.add(sum, pairs);
}

// @ts-ignore: decorator
@inline
function scaled(sums: v128, factors: usize, starts: usize): v128 {
  return i32x4.add(i32x4.mul(sums, v128.load(factors)), v128.load(starts));
}

/** Four outputs of one pixel. */
// @ts-ignore: decorator
@inline
function storeOne(sums: v128, factors: usize, starts: usize, out: usize, stride: usize): void {
  const v = scaled(sums, factors, starts);
  store<i32>(out, i32x4.extract_lane(v, 0));
  store<i32>(out + stride, i32x4.extract_lane(v, 1));
  store<i32>(out + 2 * stride, i32x4.extract_lane(v, 2));
  store<i32>(out + 3 * stride, i32x4.extract_lane(v, 3));
}

/** Four outputs of four pixels. */
// @ts-ignore: decorator
@inline
function storeFour(a: v128, b: v128, c: v128, d: v128, factors: usize, starts: usize, out: usize, stride: usize): void {
  a = scaled(a, factors, starts);
  b = scaled(b, factors, starts);
  c = scaled(c, factors, starts);
  d = scaled(d, factors, starts);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const ba = i32x4.shuffle(a, b, 2, 6, 3, 7), dc = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(out, i32x4.shuffle(ab, cd, 0, 1, 4, 5));
  v128.store(out + stride, i32x4.shuffle(ab, cd, 2, 3, 6, 7));
  v128.store(out + 2 * stride, i32x4.shuffle(ba, dc, 0, 1, 4, 5));
  v128.store(out + 3 * stride, i32x4.shuffle(ba, dc, 2, 3, 6, 7));
}

/** Eight outputs of four pixels, `row` bytes apart. */
function eightByFour(
  a: usize, row: usize, quads: usize, size: usize, factors: usize, starts: usize, out: usize, stride: usize,
): void {
  let p0 = i32x4.splat(0), p1 = p0, p2 = p0, p3 = p0, q0 = p0, q1 = p0, q2 = p0, q3 = p0;
  const b = a + row, c = b + row, d = c + row;
  for (let w = quads, k: usize = 0, end = quads + size; w < end; w += 16, k += 4) {
    const v = v128.load(w), u = v128.load(w + size);
    let x = v128.load32_splat(a + k);
    p0 = dotBytes(v, x, p0); q0 = dotBytes(u, x, q0);
    x = v128.load32_splat(b + k);
    p1 = dotBytes(v, x, p1); q1 = dotBytes(u, x, q1);
    x = v128.load32_splat(c + k);
    p2 = dotBytes(v, x, p2); q2 = dotBytes(u, x, q2);
    x = v128.load32_splat(d + k);
    p3 = dotBytes(v, x, p3); q3 = dotBytes(u, x, q3);
  }
  storeFour(p0, p1, p2, p3, factors, starts, out, stride);
  storeFour(q0, q1, q2, q3, factors + 16, starts + 16, out + 4 * stride, stride);
}

/** Sixteen outputs of one pixel. */
function sixteenByOne(
  a: usize, quads: usize, size: usize, factors: usize, starts: usize, out: usize, stride: usize,
): void {
  let s0 = i32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const second = size, third = 2 * size, fourth = 3 * size;
  for (const end = quads + size; quads < end; quads += 16, a += 4) {
    const x = v128.load32_splat(a);
    s0 = dotBytes(v128.load(quads), x, s0);
    s1 = dotBytes(v128.load(quads + second), x, s1);
    s2 = dotBytes(v128.load(quads + third), x, s2);
    s3 = dotBytes(v128.load(quads + fourth), x, s3);
  }
  storeOne(s0, factors, starts, out, stride);
  storeOne(s1, factors + 16, starts + 16, out + 4 * stride, stride);
  storeOne(s2, factors + 32, starts + 32, out + 8 * stride, stride);
  storeOne(s3, factors + 48, starts + 48, out + 12 * stride, stride);
}

/** Four outputs of one pixel. */
function fourByOne(
  a: usize, quads: usize, size: usize, factors: usize, starts: usize, out: usize, stride: usize,
): void {
  let s = i32x4.splat(0);
  for (const end = quads + size; quads < end; quads += 16, a += 4)
    s = dotBytes(v128.load(quads), v128.load32_splat(a), s);
  storeOne(s, factors, starts, out, stride);
}

/**
 * out[o][pixel] = factors[o] * sum over k of w[o][k] a[pixel][k] + starts[o], modulo 2^32. a: bytes of 0 to 127,
 * [pixel][places][4]; quads: see lookup.ts.
 */
export function multiplyByteQuads(
  a: usize, places: i32, pixels: i32, quads: usize, groups: i32, factors: usize, starts: usize, out: usize,
  outStride: i32,
): void {
  const stride = <usize>outStride << 2, row = <usize>places << 2, size = <usize>places << 4;
  const fours = pixels & ~3;
  let g = 0;
  for (; fours > 0 && g + 2 <= groups; g += 2)
    for (let p = 0; p < fours; p += 4)
      eightByFour(
        a + p * row, row, quads + g * size, size, factors + (g << 4), starts + (g << 4), out + g * 4 * stride + (p << 2),
        stride,
      );
  for (; g < groups; ++g)
    for (let p = 0; p < fours; ++p)
      fourByOne(
        a + p * row, quads + g * size, size, factors + (g << 4), starts + (g << 4), out + g * 4 * stride + (p << 2), stride,
      );
  for (let p = fours; p < pixels; ++p) {
    for (g = 0; g + 4 <= groups; g += 4)
      sixteenByOne(
        a + p * row, quads + g * size, size, factors + (g << 4), starts + (g << 4), out + g * 4 * stride + (p << 2),
        stride,
      );
    for (; g < groups; ++g)
      fourByOne(
        a + p * row, quads + g * size, size, factors + (g << 4), starts + (g << 4), out + g * 4 * stride + (p << 2), stride,
      );
  }
}

/** What sixteen codes of 0 to 15 stand for. */
// @ts-ignore: decorator
@inline
function valuesOf(table: v128, codes: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(table, codes) : i8x16.swizzle(table, codes);
}

// @ts-ignore: decorator
@inline
function low(table: v128, codes: v128, halves: v128): v128 {
  return valuesOf(table, v128.and(codes, halves));
}

// @ts-ignore: decorator
@inline
function high(table: v128, codes: v128, halves: v128): v128 {
  return valuesOf(table, v128.and(i16x8.shr_u(codes, 4), halves));
}

/** The four lanes of each of four vectors, added up. */
// @ts-ignore: decorator
@inline
function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

/** Four outputs of one pixel, by codes of weights. */
function codesByOne(
  a: usize, size: usize, codes: usize, tables: usize, factors: usize, starts: usize, out: usize, stride: usize,
  halves: v128,
): void {
  const t0 = v128.load(tables), t1 = v128.load(tables, 16), t2 = v128.load(tables, 32), t3 = v128.load(tables, 48);
  let s0 = i32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const second = size, third = 2 * size, fourth = 3 * size;
  for (const end = codes + size; codes < end; codes += 16, a += 32) {
    const x = v128.load(a), y = v128.load(a, 16);
    let c = v128.load(codes);
    s0 = dotBytes(high(t0, c, halves), y, dotBytes(low(t0, c, halves), x, s0));
    c = v128.load(codes + second);
    s1 = dotBytes(high(t1, c, halves), y, dotBytes(low(t1, c, halves), x, s1));
    c = v128.load(codes + third);
    s2 = dotBytes(high(t2, c, halves), y, dotBytes(low(t2, c, halves), x, s2));
    c = v128.load(codes + fourth);
    s3 = dotBytes(high(t3, c, halves), y, dotBytes(low(t3, c, halves), x, s3));
  }
  storeOne(laneSums(s0, s1, s2, s3), factors, starts, out, stride);
}

/** One output of four pixels, `row` bytes apart, by codes of weights. */
function codesByFour(
  a: usize, row: usize, size: usize, codes: usize, tables: usize, factors: usize, starts: usize, out: usize,
  halves: v128,
): void {
  const t = v128.load(tables);
  let s0 = i32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const second = row, third = 2 * row, fourth = 3 * row;
  for (const end = codes + size; codes < end; codes += 16, a += 32) {
    const c = v128.load(codes);
    const w = low(t, c, halves), v = high(t, c, halves);
    s0 = dotBytes(v, v128.load(a, 16), dotBytes(w, v128.load(a), s0));
    s1 = dotBytes(v, v128.load(a + second, 16), dotBytes(w, v128.load(a + second), s1));
    s2 = dotBytes(v, v128.load(a + third, 16), dotBytes(w, v128.load(a + third), s2));
    s3 = dotBytes(v, v128.load(a + fourth, 16), dotBytes(w, v128.load(a + fourth), s3));
  }
  const sums = i32x4.mul(laneSums(s0, s1, s2, s3), v128.load32_splat(factors));
  v128.store(out, i32x4.add(sums, v128.load32_splat(starts)));
}

/**
 * The same by codes of weights (see codes.ts). a: bytes of 0 to 127, [pixel][chunks][32]; half: 15, as an argument, since
 * engines build constants anew at each use.
 */
export function multiplyByteCodes(
  a: usize, chunks: i32, pixels: i32, codes: usize, tables: usize, groups: i32, factors: usize, starts: usize,
  out: usize, outStride: i32, half: i32,
): void {
  const stride = <usize>outStride << 2, size = <usize>chunks << 4, row = size << 1, halves = i8x16.splat(<i8>half);
  for (let g = 0; g < groups; ++g) {
    let from = a, to = out, p = 0;
    for (; p + 4 <= pixels; p += 4, from += row << 2, to += 16)
      for (let o: usize = 0; o < 4; ++o)
        codesByFour(
          from, row, size, codes + o * size, tables + (o << 4), factors + (o << 2), starts + (o << 2), to + o * stride,
          halves,
        );
    for (; p < pixels; ++p, from += row, to += 4) codesByOne(from, size, codes, tables, factors, starts, to, stride, halves);
    codes += size << 2;
    tables += 64;
    factors += 16;
    starts += 16;
    out += stride << 2;
  }
}
