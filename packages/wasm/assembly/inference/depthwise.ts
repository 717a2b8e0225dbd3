// Depthwise convolutions of whole numbers: every output channel sees one input channel. Shapes as in gather.ts.
import {
  CHANNELS, IN_H, IN_STRIDE, IN_W, KERNEL_H, KERNEL_W,
  OUT_H, OUT_STRIDE, OUT_W, PAD_LEFT, PAD_TOP, STRIDE_H, STRIDE_W,
} from '../../src/layout/shapeFields';
import { field } from './gather';
import { sixteenBits } from './nibbles';

/** w: int32 [outputs][kernelH * kernelW]; out: planar int32. */
function depthwise<T>(shape: usize, from: usize, w: usize, out: usize, images: i32, outputs: i32): void {
  const inH = field(shape, IN_H), inW = field(shape, IN_W), inStride = field(shape, IN_STRIDE);
  const outH = field(shape, OUT_H), outW = field(shape, OUT_W), outStride = field(shape, OUT_STRIDE);
  const strideH = field(shape, STRIDE_H), strideW = field(shape, STRIDE_W), top = field(shape, PAD_TOP), left = field(shape, PAD_LEFT);
  const kernelH = field(shape, KERNEL_H), kernelW = field(shape, KERNEL_W);
  const each = outputs / field(shape, CHANNELS);
  const along = <usize>strideW * sizeof<T>();
  for (let o = 0; o < outputs; ++o) {
    const plane = from + <usize>(o / each) * inStride * sizeof<T>();
    for (let row = 0; row < images * outH; ++row) {
      const image = row / outH;
      const to = out + (<usize>o * outStride + row * outW << 2);
      memory.fill(to, 0, <usize>outW << 2);
      const y = (row - image * outH) * strideH - top;
      for (let i = max(0, -y), endI = min(kernelH, inH - y); i < endI; ++i)
        for (let j = 0; j < kernelW; ++j) {
          const factor = load<i32>(w + (<usize>((o * kernelH + i) * kernelW + j) << 2));
          const shift = j - left;
          let x = shift >= 0 ? 0 : (strideW - 1 - shift) / strideW;
          const rest = inW - 1 - shift;
          const end = rest < 0 ? 0 : min(outW, rest / strideW + 1);
          let p = plane + <usize>((image * inH + y + i) * inW + x * strideW + shift) * sizeof<T>();
          let q = to + (<usize>x << 2);
          if (sizeof<T>() == 2 && strideW == 1) {
            const splat = i32x4.splat(factor);
            for (; x + 4 <= end; x += 4, p += 8, q += 16)
              v128.store(q, i32x4.add(v128.load(q), i32x4.mul(splat, v128.load_ext<i16>(p))));
          }
          for (; x < end; ++x, p += along, q += 4)
            store<i32>(q, load<i32>(q) + factor * <i32>load<T>(p));
        }
    }
  }
}

export function depthwise16(shape: usize, from: usize, w: usize, out: usize, images: i32, outputs: i32): void {
  depthwise<i16>(shape, from, w, out, images, outputs);
}

export function depthwise32(shape: usize, from: usize, w: usize, out: usize, images: i32, outputs: i32): void {
  depthwise<i32>(shape, from, w, out, images, outputs);
}

/** A plane of one image between zeros, which are there: rows `line` bytes apart, the first value `at` bytes in. */
function padPlane(from: usize, rows: i32, width: i32, to: usize, line: usize): void {
  const none = i16x8.splat(0);
  for (let y = 0; y < rows; ++y, from += <usize>width << 1, to += line) {
    let p = from, q = to;
    const end = q + (<usize>width << 1);
    for (; q < end; q += 16, p += 16) v128.store(q, v128.load(p));
    // What was written beyond the row.
    v128.store(end, none);
  }
}

/**
 * Four sums over a window, of pairs of neighbouring columns with pairs of weights: windows that begin two columns apart.
 * w: int16 [kernelH][pairs][2].
 */
// @ts-ignore: decorator
@inline
function fourSums(p: usize, line: usize, kernelH: i32, pairs: i32, w: usize): v128 {
  let sum = i32x4.splat(0);
  for (let i = 0; i < kernelH; ++i, p += line)
    for (let k = 0; k < pairs; ++k, w += 4)
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load32_splat(w), v128.load(p + (k << 2))));
  return sum;
}

/** The same of 3 x 3, with its weights in registers. */
// @ts-ignore: decorator
@inline
function fourSums3(p: usize, line: usize, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128): v128 {
  const q = p + line, r = q + line;
  const x = i32x4.add(i32x4.dot_i16x8_s(a, v128.load(p)), i32x4.dot_i16x8_s(b, v128.load(p, 4)));
  const y = i32x4.add(i32x4.dot_i16x8_s(c, v128.load(q)), i32x4.dot_i16x8_s(d, v128.load(q, 4)));
  const z = i32x4.add(i32x4.dot_i16x8_s(e, v128.load(r)), i32x4.dot_i16x8_s(f, v128.load(r, 4)));
  return i32x4.add(i32x4.add(x, y), z);
}

/** Eight sums, in two halves: with a stride of 1 those of even columns and of odd ones. */
// @ts-ignore: decorator
@inline
function storeSums(to: usize, a: v128, b: v128, strideW: i32): void {
  if (strideW == 1) {
    v128.store(to, i32x4.shuffle(a, b, 0, 4, 1, 5));
    v128.store(to, i32x4.shuffle(a, b, 2, 6, 3, 7), 16);
  } else {
    v128.store(to, a);
    v128.store(to, b, 16);
  }
}

/** One output of an image: rows of sums one after the other, eight at a time, up to 28 bytes past the end. */
function sumPlane(
  from: usize, line: usize, strideH: i32, strideW: i32, kernelH: i32, pairs: i32, w: usize, rows: i32, columns: i32,
  to: usize,
): void {
  const step: usize = strideW == 1 ? 16 : 32, second: usize = strideW == 1 ? 2 : 16;
  const next = <usize>strideH * line, outLine = <usize>columns << 2;
  if (kernelH == 3 && pairs == 2) {
    const a = v128.load32_splat(w), b = v128.load32_splat(w, 4), c = v128.load32_splat(w, 8);
    const d = v128.load32_splat(w, 12), e = v128.load32_splat(w, 16), f = v128.load32_splat(w, 20);
    for (let y = 0; y < rows; ++y, from += next, to += outLine) {
      let p = from;
      for (let q = to, end = to + outLine; q < end; q += 32, p += step) {
        const x = fourSums3(p, line, a, b, c, d, e, f);
        storeSums(q, x, fourSums3(p + second, line, a, b, c, d, e, f), strideW);
      }
    }
    return;
  }
  for (let y = 0; y < rows; ++y, from += next, to += outLine) {
    let p = from;
    for (let q = to, end = to + outLine; q < end; q += 32, p += step) {
      const x = fourSums(p, line, kernelH, pairs, w);
      storeSums(q, x, fourSums(p + second, line, kernelH, pairs, w), strideW);
    }
  }
}

/**
 * The same for int16 inputs and strides of 1 or 2 columns: each image's plane is copied once between zeros, and two
 * neighbouring columns meet two weights in one lane of i32x4.dot_i16x8_s.
 *
 * padded: [rows][pitch] int16 and 64 bytes; w: int16 [outputs][kernelH][pairs][2], a row's weights filled up with 0;
 * input channels first to last, each with `each` outputs.
 */
export function depthwisePairs(
  shape: usize, from: usize, pairs: i32, w: usize, out: usize, images: i32, each: i32, padded: usize, rows: i32,
  pitch: i32, first: i32, last: i32,
): void {
  const inH = field(shape, IN_H), inW = field(shape, IN_W), inStride = field(shape, IN_STRIDE);
  const outH = field(shape, OUT_H), outW = field(shape, OUT_W), outStride = field(shape, OUT_STRIDE);
  const strideH = field(shape, STRIDE_H), strideW = field(shape, STRIDE_W), kernelH = field(shape, KERNEL_H);
  const line = <usize>pitch << 1, inner = padded + <usize>field(shape, PAD_TOP) * line + (field(shape, PAD_LEFT) << 1);
  memory.fill(padded, 0, <usize>rows * line + 64);
  for (let c = first; c < last; ++c)
    for (let image = 0; image < images; ++image) {
      padPlane(from + (<usize>(c * inStride + image * inH * inW) << 1), inH, inW, inner, line);
      for (let o = c * each; o < (c + 1) * each; ++o) {
        const to = out + (<usize>(o * outStride + image * outH * outW) << 2);
        sumPlane(padded, line, strideH, strideW, kernelH, pairs, w + <usize>(o * kernelH * pairs << 2), outH, outW, to);
      }
    }
}

/** Bits of some sums, or-ed to bytes, sixteen at a time; `tail` is what the last sixteen keep. */
// @ts-ignore: decorator
@inline
function orBits(sums: usize, count: i32, plane: i32, tree: usize, flip: v128, bit: v128, to: usize, tail: v128): void {
  for (let left = count; left > 0; left -= 16, sums += 64, to += 16) {
    const a = v128.load(sums), b = v128.load(sums, 16), c = v128.load(sums, 32), d = v128.load(sums, 48);
    const mask = v128.and(sixteenBits(a, b, c, d, plane, tree, flip), bit);
    v128.store(to, v128.or(v128.load(to), left < 16 ? v128.and(mask, tail) : mask));
  }
}

/**
 * Depthwise convolution, one output to a channel, and thresholds to bits at once, for maps that are the same at all pixels:
 * see thresholdNibbles in nibbles.ts. slots: int32, channels in the order of the planes; planes: int32 [planeCount][2],
 * how many of them a plane has, and its first row; out: uint8 [rows][outStride]; sums: room for those of an image and 64
 * bytes. Slots first to last, of which the first is a multiple of four.
 */
export function depthwiseNibbles(
  shape: usize, from: usize, pairs: i32, w: usize, out: usize, images: i32, padded: usize, rows: i32, pitch: i32,
  sums: usize, slots: usize, planes: usize, planeCount: i32, thresholds: usize, nodes: i32, flips: usize, first: i32,
  last: i32,
): void {
  const inH = field(shape, IN_H), inW = field(shape, IN_W), inStride = field(shape, IN_STRIDE);
  const outH = field(shape, OUT_H), outW = field(shape, OUT_W), outStride = field(shape, OUT_STRIDE);
  const strideH = field(shape, STRIDE_H), strideW = field(shape, STRIDE_W), kernelH = field(shape, KERNEL_H);
  const line = <usize>pitch << 1, inner = padded + <usize>field(shape, PAD_TOP) * line + (field(shape, PAD_LEFT) << 1);
  const pixels = outH * outW, places = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const tail = i8x16.lt_s(places, i8x16.splat(<i8>(pixels & 15)));
  memory.fill(padded, 0, <usize>rows * line + 64);
  for (let slot = first; slot < last; ++slot) {
    const c = load<i32>(slots + (<usize>slot << 2));
    const weights = w + <usize>(c * kernelH * pairs << 2), tree = thresholds + (<usize>(c * nodes) << 2);
    const flip = i32x4.splat(-<i32>load<u8>(flips + c)), bit = i8x16.splat(<i8>(<i32>1 << (slot & 3)));
    for (let image = 0; image < images; ++image) {
      padPlane(from + (<usize>(c * inStride + image * inH * inW) << 1), inH, inW, inner, line);
      sumPlane(padded, line, strideH, strideW, kernelH, pairs, weights, outH, outW, sums);
      for (let plane = 0; plane < planeCount; ++plane) {
        if (slot >= load<i32>(planes + (<usize>plane << 3))) continue;
        const row = out + <usize>(load<i32>(planes + (<usize>plane << 3), 4) + (slot >> 2)) * outStride;
        // Rows of four slots begin empty.
        if (!(slot & 3) && image == 0) memory.fill(row, 0, images * pixels + 16);
        const to = row + image * pixels;
        if (plane == 0) orBits(sums, pixels, 0, tree, flip, bit, to, tail);
        else if (plane == 1) orBits(sums, pixels, 1, tree, flip, bit, to, tail);
        else orBits(sums, pixels, 2, tree, flip, bit, to, tail);
      }
    }
  }
}
