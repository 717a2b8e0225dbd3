// Depthwise convolutions of whole numbers: every output channel sees one input channel. Shapes as in gather.ts.
import {
  CHANNELS, IN_H, IN_STRIDE, IN_W, KERNEL_H, KERNEL_W,
  OUT_H, OUT_STRIDE, OUT_W, PAD_LEFT, PAD_TOP, STRIDE_H, STRIDE_W,
} from '../../src/layout/shapeFields';
import { field } from './gather';

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

/** One row of the input to its place in a padded plane, columns of a stride of 2 apart: see depthwisePairs. */
// @ts-ignore: decorator
@inline
function padRow(from: usize, width: i32, strideW: i32, left: i32, row: usize, phase: usize): void {
  const none = i16x8.splat(0);
  if (strideW == 1) {
    let q = row + (<usize>left << 1);
    const end = q + (<usize>width << 1);
    for (; q < end; q += 16, from += 16) v128.store(q, v128.load(from));
    // What was written beyond the row.
    v128.store(end, none);
    return;
  }
  let even = row + <usize>(left & 1) * phase + (<usize>(left >> 1) << 1);
  let odd = row + <usize>((left + 1) & 1) * phase + (<usize>((left + 1) >> 1) << 1);
  const evenEnd = even + (<usize>((width + 1) >> 1) << 1), oddEnd = odd + (<usize>(width >> 1) << 1);
  for (; even < evenEnd; even += 16, odd += 16, from += 32) {
    const a = v128.load(from), b = v128.load(from, 16);
    v128.store(even, i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14));
    v128.store(odd, i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15));
  }
  v128.store(evenEnd, none);
  v128.store(oddEnd, none);
}

/**
 * The same for int16 inputs and strides of 1 or 2 columns, eight outputs at a time: each image's plane is copied once
 * between zeros, columns that are a stride apart beside one another, so that every weight meets a run of inputs; two
 * weights go into one i32x4.dot_i16x8_s.
 *
 * padded: [stride][rows][pitch] int16 and 64 bytes; offsets: bytes of each weight's first input in it, int32
 * [pairs][2]; w: int16 [outputs][pairs][2].
 */
export function depthwisePairs(
  shape: usize, from: usize, offsets: usize, pairs: i32, w: usize, out: usize, images: i32, outputs: i32,
  padded: usize, rows: i32, pitch: i32,
): void {
  const inH = field(shape, IN_H), inW = field(shape, IN_W), inStride = field(shape, IN_STRIDE);
  const outH = field(shape, OUT_H), outW = field(shape, OUT_W), outStride = field(shape, OUT_STRIDE);
  const strideH = field(shape, STRIDE_H), strideW = field(shape, STRIDE_W), top = field(shape, PAD_TOP), left = field(shape, PAD_LEFT);
  const channels = field(shape, CHANNELS), each = outputs / channels;
  const line = <usize>pitch << 1, phase = <usize>rows * line;
  memory.fill(padded, 0, <usize>strideW * phase + 64);
  for (let c = 0; c < channels; ++c) {
    for (let image = 0; image < images; ++image) {
      const plane = from + (<usize>(c * inStride + image * inH * inW) << 1);
      for (let y = 0; y < inH; ++y)
        padRow(plane + (<usize>(y * inW) << 1), inW, strideW, left, padded + <usize>(y + top) * line, phase);
      for (let o = c * each; o < (c + 1) * each; ++o) {
        const factors = w + (<usize>(o * pairs) << 2);
        let to = out + (<usize>(o * outStride + image * outH * outW) << 2);
        for (let y = 0; y < outH; ++y, to += <usize>outW << 2) {
          const row = padded + <usize>(y * strideH) * line;
          for (let x = 0; x < outW; x += 8) {
            let low = i32x4.splat(0), high = low;
            const p = row + (<usize>x << 1);
            for (let k = 0, at = offsets, f = factors; k < pairs; ++k, at += 8, f += 4) {
              const a = v128.load(p + load<i32>(at)), b = v128.load(p + load<i32>(at, 4));
              const s = v128.load32_splat(f);
              low = i32x4.add(low, i32x4.dot_i16x8_s(s, i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)));
              high = i32x4.add(high, i32x4.dot_i16x8_s(s, i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)));
            }
            v128.store(to + (<usize>x << 2), low);
            v128.store(to + (<usize>x << 2), high, 16);
          }
        }
      }
    }
  }
}
