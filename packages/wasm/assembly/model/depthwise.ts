// Depthwise convolutions of whole numbers: every output channel sees one input channel. Shapes as in gather.ts.
import { field } from './gather';

/** w: int32 [outputs][kernelH * kernelW]; out: planar int32. */
function depthwise<T>(shape: usize, from: usize, w: usize, out: usize, images: i32, outputs: i32): void {
  const inH = field(shape, 0), inW = field(shape, 1), inStride = field(shape, 2);
  const outH = field(shape, 3), outW = field(shape, 4), outStride = field(shape, 5);
  const strideH = field(shape, 6), strideW = field(shape, 7), top = field(shape, 8), left = field(shape, 9);
  const kernelH = field(shape, 11), kernelW = field(shape, 12);
  const each = outputs / field(shape, 10);
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
