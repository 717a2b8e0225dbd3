// Everything of an integer model but its products: pixels in, pools, thresholds, requantization, scores out.
//
// A feature map is planar: [channel][stride], each channel's values of all images of the batch in order, `stride`
// values (a multiple of 16, with at least 16 beyond the last value) before the next channel begins. Vector loops may
// therefore read and write up to 16 values past a channel's end: what lies there is never used.

import {
  IN_H, IN_STRIDE, IN_W, OUT_H, OUT_STRIDE, OUT_W, PAD_LEFT, PAD_TOP, STRIDE_H, STRIDE_W,
} from '../../src/layout/shapeFields';
import { field } from './gather';

/** From [image][pixel][channel] bytes to int16, less each channel's zero. */
export function readPixels(
  from: usize, zeros: usize, to: usize, count: i32, channels: i32, stride: i32,
): void {
  for (let c = 0; c < channels; ++c) {
    const zero = load<i32>(zeros + (<usize>c << 2));
    let p = from + c;
    let q = to + (<usize>c * stride << 1);
    for (let i = 0; i < count; ++i) {
      store<i16>(q, <i16>(<i32>load<u8>(p) - zero));
      p += channels;
      q += 2;
    }
  }
}

/** From int32 to int16, which holds them; count is a multiple of 8. */
export function narrow(from: usize, to: usize, count: i32): void {
  const end = to + (<usize>count << 1);
  for (; to < end; to += 16, from += 32)
    v128.store(to, i16x8.narrow_i32x4_s(v128.load(from), v128.load(from, 16)));
}

/** From int16 to int32; count is a multiple of 8. */
export function widen(from: usize, to: usize, count: i32): void {
  const end = to + (<usize>count << 2);
  for (; to < end; to += 32, from += 16) {
    const v = v128.load(from);
    v128.store(to, i32x4.extend_low_i16x8_s(v));
    v128.store(to, i32x4.extend_high_i16x8_s(v), 16);
  }
}

/** out[image][pixel][channel] = values + offsets, int32. */
function writeScores<T>(
  from: usize, offsets: usize, to: usize, images: i32, pixels: i32, channels: i32, stride: i32,
): void {
  for (let n = 0; n < images; ++n)
    for (let p = 0; p < pixels; ++p)
      for (let c = 0; c < channels; ++c) {
        const value = <i32>load<T>(from + (<usize>c * stride + n * pixels + p) * sizeof<T>());
        const offset = load<i32>(offsets + (<usize>(p * channels + c) << 2));
        store<i32>(to + (<usize>((n * pixels + p) * channels + c) << 2), value + offset);
      }
}

// @ts-ignore: decorator
@inline
function lanes<T>(a: v128, b: v128, sum: bool): v128 {
  if (sizeof<T>() == 2) return sum ? i16x8.add(a, b) : i16x8.max_s(a, b);
  return sum ? i32x4.add(a, b) : i32x4.max_s(a, b);
}

/** Write the largest (or the sum) of some rows of T for each column, as U; up to 16 bytes past the line's end. */
function column<T, U>(line: usize, from: usize, along: usize, rows: i32, width: i32, sum: bool): void {
  if (sizeof<T>() != sizeof<U>()) {
    for (let x = 0; x < width; ++x, from += sizeof<T>(), line += sizeof<U>()) {
      let value = 0, p = from;
      for (let i = 0; i < rows; ++i, p += along) value += <i32>load<T>(p);
      store<U>(line, <U>value);
    }
    return;
  }
  const end = line + <usize>width * sizeof<T>();
  for (; line < end; line += 16, from += 16) {
    let value = v128.load(from), p = from + along;
    for (let i = 1; i < rows; ++i, p += along) value = lanes<T>(value, v128.load(p), sum);
    v128.store(line, value);
  }
}

/** Every second value of a line, from an even one on or an odd one. */
// @ts-ignore: decorator
@inline
function second<U>(line: usize, odd: bool): v128 {
  const a = v128.load(line), b = v128.load(line, 16);
  if (sizeof<U>() == 4) return odd ? i32x4.shuffle(a, b, 1, 3, 5, 7) : i32x4.shuffle(a, b, 0, 2, 4, 6);
  return odd
    ? i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
    : i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

/** Windows of two or three columns, two apart: a vector at a time, up to 16 values past the end. */
function halve<U>(line: usize, to: usize, width: i32, three: bool, sum: bool): void {
  for (const end = to + <usize>width * sizeof<U>(); to < end; to += 16, line += 32) {
    let value = lanes<U>(second<U>(line, false), second<U>(line, true), sum);
    if (three) value = lanes<U>(value, second<U>(line + 2 * sizeof<U>(), false), sum);
    v128.store(to, value);
  }
}

/**
 * The largest (or, with `sum`, the sum) of each window, clipped at the edges: of its columns first. Sums are written as
 * int32. line: room for a row of the input and 64 bytes more.
 */
function pool<T, U>(
  shape: usize, from: usize, to: usize, images: i32, channels: i32, kernelH: i32, kernelW: i32, line: usize, sum: bool,
): void {
  const inH = field(shape, IN_H), inW = field(shape, IN_W), inStride = field(shape, IN_STRIDE);
  const outH = field(shape, OUT_H), outW = field(shape, OUT_W), outStride = field(shape, OUT_STRIDE);
  const strideH = field(shape, STRIDE_H), strideW = field(shape, STRIDE_W), top = field(shape, PAD_TOP), left = field(shape, PAD_LEFT);
  const along = <usize>inW * sizeof<T>();
  const inside = left == 0 && (outW - 1) * strideW + kernelW <= inW;
  const halving = inside && strideW == 2 && (kernelW == 2 || kernelW == 3);
  for (let c = 0; c < channels; ++c) {
    const plane = from + <usize>c * inStride * sizeof<T>();
    let q = to + <usize>c * outStride * sizeof<U>();
    for (let n = 0; n < images; ++n)
      for (let y = 0; y < outH; ++y) {
        const fromY = max(0, y * strideH - top), endY = min(inH, y * strideH - top + kernelH);
        column<T, U>(line, plane + <usize>(n * inH + fromY) * along, along, endY - fromY, inW, sum);
        if (halving) {
          halve<U>(line, q, outW, kernelW == 3, sum);
          q += <usize>outW * sizeof<U>();
          continue;
        }
        for (let x = 0; x < outW; ++x) {
          const fromX = max(0, x * strideW - left), endX = min(inW, x * strideW - left + kernelW);
          let p = line + <usize>fromX * sizeof<U>();
          let value = <i32>load<U>(p);
          for (let j = fromX + 1; j < endX; ++j) {
            p += sizeof<U>();
            const v = <i32>load<U>(p);
            value = sum ? value + v : max(value, v);
          }
          store<U>(q, <U>value);
          q += sizeof<U>();
        }
      }
  }
}

export function maxPool16(
  shape: usize, from: usize, to: usize, images: i32, channels: i32, kernelH: i32, kernelW: i32, line: usize,
): void {
  pool<i16, i16>(shape, from, to, images, channels, kernelH, kernelW, line, false);
}

export function maxPool32(
  shape: usize, from: usize, to: usize, images: i32, channels: i32, kernelH: i32, kernelW: i32, line: usize,
): void {
  pool<i32, i32>(shape, from, to, images, channels, kernelH, kernelW, line, false);
}

export function sumPool16(
  shape: usize, from: usize, to: usize, images: i32, channels: i32, kernelH: i32, kernelW: i32, line: usize,
): void {
  pool<i16, i32>(shape, from, to, images, channels, kernelH, kernelW, line, true);
}

export function sumPool32(
  shape: usize, from: usize, to: usize, images: i32, channels: i32, kernelH: i32, kernelW: i32, line: usize,
): void {
  pool<i32, i32>(shape, from, to, images, channels, kernelH, kernelW, line, true);
}

/**
 * int16 values of a residual binarization by comparisons. bits: uint8, [channel][pixel] of one image; multiples:
 * int32 per plane; thresholds: int32, [channel][nodes]; flips: uint8 per channel.
 */
function threshold<T>(
  from: usize, to: usize, bits: usize, multiples: usize, thresholds: usize, flips: usize,
  images: i32, pixels: i32, channels: i32, stride: i32, nodes: i32,
): void {
  for (let c = 0; c < channels; ++c) {
    const tree = thresholds + (<usize>c * nodes << 2) - 4;
    const flip = load<u8>(flips + c) != 0;
    let p = from + <usize>c * stride * sizeof<T>();
    let q = to + (<usize>c * stride << 1);
    for (let n = 0; n < images; ++n)
      for (let i = 0; i < pixels; ++i) {
        const value = <i32>load<T>(p);
        const width = <i32>load<u8>(bits + c * pixels + i);
        let node = 1, sum = 0;
        for (let plane = 0; plane < width; ++plane) {
          const bit = (value >= load<i32>(tree + (<usize>node << 2))) != flip;
          const k = load<i32>(multiples + (<usize>plane << 2));
          sum += bit ? k : -k;
          node = 2 * node + i32(bit);
        }
        store<i16>(q, <i16>sum);
        p += sizeof<T>();
        q += 2;
      }
  }
}

export function threshold16(
  from: usize, to: usize, bits: usize, multiples: usize, thresholds: usize, flips: usize,
  images: i32, pixels: i32, channels: i32, stride: i32, nodes: i32,
): void {
  threshold<i16>(from, to, bits, multiples, thresholds, flips, images, pixels, channels, stride, nodes);
}

export function threshold32(
  from: usize, to: usize, bits: usize, multiples: usize, thresholds: usize, flips: usize,
  images: i32, pixels: i32, channels: i32, stride: i32, nodes: i32,
): void {
  threshold<i32>(from, to, bits, multiples, thresholds, flips, images, pixels, channels, stride, nodes);
}

/** Four int32 to int32 in [least, most], in float64: see requantize. */
// @ts-ignore: decorator
@inline
function requantize4(v: v128, multiplier: v128, offset: v128, scale: v128, least: v128, most: v128): v128 {
  let low = f64x2.convert_low_i32x4_s(v);
  let high = f64x2.convert_low_i32x4_s(i64x2.shuffle(v, v, 1, 1));
  low = f64x2.floor(f64x2.mul(f64x2.add(f64x2.mul(low, multiplier), offset), scale));
  high = f64x2.floor(f64x2.mul(f64x2.add(f64x2.mul(high, multiplier), offset), scale));
  low = i32x4.trunc_sat_f64x2_s_zero(f64x2.pmax(f64x2.pmin(low, most), least));
  high = i32x4.trunc_sat_f64x2_s_zero(f64x2.pmax(f64x2.pmin(high, most), least));
  return i64x2.shuffle(low, high, 0, 2);
}

// @ts-ignore: decorator
@inline
function four<T>(p: usize): v128 {
  return sizeof<T>() == 2 ? v128.load_ext<i16>(p) : v128.load(p);
}

/** Eight int32 to int16: see requantizeShort. */
// @ts-ignore: decorator
@inline
export function requantized(
  a: v128, b: v128, low: v128, high: v128, multiplier: v128, rest: v128, shift: i32, least: v128, most: v128,
): v128 {
  a = i32x4.mul(i32x4.min_s(i32x4.max_s(a, low), high), multiplier);
  b = i32x4.mul(i32x4.min_s(i32x4.max_s(b, low), high), multiplier);
  const v = i16x8.narrow_i32x4_s(i32x4.shr_s(i32x4.add(a, rest), shift), i32x4.shr_s(i32x4.add(b, rest), shift));
  return i16x8.min_s(i16x8.max_s(i16x8.add_sat_s(v, least), least), most);
}

/**
 * The same in int32, four times as fast, where src/inference/mapSteps.ts has found it exact: inputs are clamped to where
 * the result is about to leave its limits, so that (in * multiplier + rest) >> shift stays within int32.
 * constants: int32 [channels][5]: low, high, multiplier, rest, shift.
 */
export function requantizeShort(
  from: usize, to: usize, constants: usize, least: i32, most: i32, count: i32, channels: i32, stride: i32,
): void {
  const base = i16x8.splat(<i16>least), top = i16x8.splat(<i16>most);
  for (let c = 0; c < channels; ++c, constants += 20) {
    const low = v128.load32_splat(constants), high = v128.load32_splat(constants, 4);
    const multiplier = v128.load32_splat(constants, 8), rest = v128.load32_splat(constants, 12);
    const shift = load<i32>(constants, 16);
    let p = from + (<usize>(c * stride) << 2), q = to + (<usize>(c * stride) << 1);
    for (let i = 0; i < count; i += 8, p += 32, q += 16)
      v128.store(q, requantized(v128.load(p), v128.load(p, 16), low, high, multiplier, rest, shift, base, top));
  }
}

/**
 * int16 of clamp(floor((in * multipliers[c] + offsets[c]) / 2^shifts[c])). The numerator is below 2^53, so that float64
 * holds it, and every step but the rounding down is exact. multipliers, offsets: float64 per channel; scales: 2^-shift.
 */
function requantize<T>(
  from: usize, to: usize, multipliers: usize, offsets: usize, scales: usize, least: i32, most: i32,
  count: i32, channels: i32, stride: i32,
): void {
  const low = f64x2.splat(<f64>least), high = f64x2.splat(<f64>most);
  for (let c = 0; c < channels; ++c) {
    const multiplier = v128.load64_splat(multipliers + (<usize>c << 3));
    const offset = v128.load64_splat(offsets + (<usize>c << 3));
    const scale = v128.load64_splat(scales + (<usize>c << 3));
    let p = from + <usize>(c * stride) * sizeof<T>();
    let q = to + (<usize>(c * stride) << 1);
    for (let i = 0; i < count; i += 8) {
      const a = requantize4(four<T>(p), multiplier, offset, scale, low, high);
      const b = requantize4(four<T>(p + 4 * sizeof<T>()), multiplier, offset, scale, low, high);
      v128.store(q, i16x8.narrow_i32x4_s(a, b));
      p += 8 * sizeof<T>();
      q += 16;
    }
  }
}

export function requantize16(
  from: usize, to: usize, multipliers: usize, offsets: usize, scales: usize, least: i32, most: i32,
  count: i32, channels: i32, stride: i32,
): void {
  requantize<i16>(from, to, multipliers, offsets, scales, least, most, count, channels, stride);
}

export function requantize32(
  from: usize, to: usize, multipliers: usize, offsets: usize, scales: usize, least: i32, most: i32,
  count: i32, channels: i32, stride: i32,
): void {
  requantize<i32>(from, to, multipliers, offsets, scales, least, most, count, channels, stride);
}

export function writeScores16(
  from: usize, offsets: usize, to: usize, images: i32, pixels: i32, channels: i32, stride: i32,
): void {
  writeScores<i16>(from, offsets, to, images, pixels, channels, stride);
}

export function writeScores32(
  from: usize, offsets: usize, to: usize, images: i32, pixels: i32, channels: i32, stride: i32,
): void {
  writeScores<i32>(from, offsets, to, images, pixels, channels, stride);
}
