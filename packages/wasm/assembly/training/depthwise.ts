// Gradients of depthwise convolutions, float32, NHWC, filters [kernelH, kernelW, inputs, multiplier].
//
// Output channel c = input * multiplier + m. With x widened to `inputs * multiplier` channels (each repeated),
// a multiplier other than 1 is the plain case over c, and the layout [kernelH, kernelW, c] of the filter does
// not change. The kernels below are that plain case; `widen` and `narrow` go there and back.

/** to[p][c * multiplier + m] = from[p][c]. */
export function widen(from: usize, positions: i32, channels: i32, multiplier: i32, to: usize): void {
  const total = positions * channels;
  for (let i = 0; i < total; ++i) {
    const value = f32.load(from + (<usize>i << 2));
    for (let m = 0; m < multiplier; ++m) {
      f32.store(to, value);
      to += 4;
    }
  }
}

/** to[p][c] = sum over m of from[p][c * multiplier + m]. */
export function narrow(from: usize, positions: i32, channels: i32, multiplier: i32, to: usize): void {
  const total = positions * channels;
  for (let i = 0; i < total; ++i) {
    let sum: f32 = 0;
    for (let m = 0; m < multiplier; ++m) {
      sum += f32.load(from);
      from += 4;
    }
    f32.store(to + (<usize>i << 2), sum);
  }
}

/** First output column whose input column x * stride + k - pad is not left of the image. */
// @ts-ignore: decorator
@inline
function firstInside(k: i32, pad: i32, stride: i32): i32 {
  return (max(0, pad - k) + stride - 1) / stride;
}

/** One past the last output column whose input column is not right of the image. */
// @ts-ignore: decorator
@inline
function endInside(k: i32, pad: i32, stride: i32, size: i32, outputs: i32): i32 {
  const last = size - 1 + pad - k;
  return last < 0 ? 0 : min(outputs, last / stride + 1);
}

/**
 * dFilter[kh][kw][c] = sum over samples and outputs of x * dy. One row of outputs is summed in registers, then
 * added to memory.
 */
export function depthwiseBackpropFilter(
  x: usize, dy: usize, dFilter: usize, batch: i32, inH: i32, inW: i32, channels: i32, kernelH: i32, kernelW: i32,
  strideH: i32, strideW: i32, padTop: i32, padLeft: i32, outH: i32, outW: i32,
): void {
  const pixel = <usize>channels << 2;
  const step = <usize>strideW * pixel;
  memory.fill(dFilter, 0, <usize>(kernelH * kernelW) * pixel);
  for (let n = 0; n < batch; ++n) {
    for (let y = 0; y < outH; ++y) {
      for (let kh = 0; kh < kernelH; ++kh) {
        const row = y * strideH + kh - padTop;
        if (row < 0 || row >= inH) continue;
        for (let kw = 0; kw < kernelW; ++kw) {
          const x0 = firstInside(kw, padLeft, strideW), x1 = endInside(kw, padLeft, strideW, inW, outW);
          const count = x1 - x0;
          if (count <= 0) continue;
          const from = x + <usize>((n * inH + row) * inW + x0 * strideW + kw - padLeft) * pixel;
          const other = dy + <usize>((n * outH + y) * outW + x0) * pixel;
          const to = dFilter + <usize>(kh * kernelW + kw) * pixel;
          let c: usize = 0;
          for (; c + 16 <= pixel; c += 16) {
            let sum = f32x4.splat(0);
            let p = from + c, q = other + c;
            for (let i = 0; i < count; ++i) {
              sum = f32x4.add(sum, f32x4.mul(v128.load(p), v128.load(q)));
              p += step;
              q += pixel;
            }
            v128.store(to + c, f32x4.add(v128.load(to + c), sum));
          }
          for (; c < pixel; c += 4) {
            let sum: f32 = 0;
            let p = from + c, q = other + c;
            for (let i = 0; i < count; ++i) {
              sum += f32.load(p) * f32.load(q);
              p += step;
              q += pixel;
            }
            f32.store(to + c, f32.load(to + c) + sum);
          }
        }
      }
    }
  }
}

/** dx[n][iy][ix][c] = sum over taps of dy * filter, scattered one row of outputs and one tap at a time. */
export function depthwiseBackpropInput(
  dy: usize, filter: usize, dx: usize, batch: i32, inH: i32, inW: i32, channels: i32, kernelH: i32, kernelW: i32,
  strideH: i32, strideW: i32, padTop: i32, padLeft: i32, outH: i32, outW: i32,
): void {
  const pixel = <usize>channels << 2;
  const step = <usize>strideW * pixel;
  memory.fill(dx, 0, <usize>(batch * inH * inW) * pixel);
  for (let n = 0; n < batch; ++n) {
    for (let y = 0; y < outH; ++y) {
      for (let kh = 0; kh < kernelH; ++kh) {
        const row = y * strideH + kh - padTop;
        if (row < 0 || row >= inH) continue;
        for (let kw = 0; kw < kernelW; ++kw) {
          const x0 = firstInside(kw, padLeft, strideW), x1 = endInside(kw, padLeft, strideW, inW, outW);
          const count = x1 - x0;
          if (count <= 0) continue;
          const to = dx + <usize>((n * inH + row) * inW + x0 * strideW + kw - padLeft) * pixel;
          const from = dy + <usize>((n * outH + y) * outW + x0) * pixel;
          const tap = filter + <usize>(kh * kernelW + kw) * pixel;
          let c: usize = 0;
          for (; c + 16 <= pixel; c += 16) {
            const w = v128.load(tap + c);
            let p = to + c, q = from + c;
            for (let i = 0; i < count; ++i) {
              v128.store(p, f32x4.add(v128.load(p), f32x4.mul(v128.load(q), w)));
              p += step;
              q += pixel;
            }
          }
          for (; c < pixel; c += 4) {
            const w = f32.load(tap + c);
            let p = to + c, q = from + c;
            for (let i = 0; i < count; ++i) {
              f32.store(p, f32.load(p) + f32.load(q) * w);
              p += step;
              q += pixel;
            }
          }
        }
      }
    }
  }
}
