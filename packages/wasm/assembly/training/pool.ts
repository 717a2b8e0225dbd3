// Gradients of pooling, float32, NHWC.

/**
 * dx of max pooling: each window hands its dy to the first element, in row-major order, that equals its maximum
 * `out`. The maximum is compared, never recomputed, so windows of negative values need no special start value.
 */
export function maxPoolGrad(
  x: usize, out: usize, dy: usize, dx: usize, batch: i32, inH: i32, inW: i32, channels: i32, kernelH: i32, kernelW: i32,
  strideH: i32, strideW: i32, padTop: i32, padLeft: i32, outH: i32, outW: i32,
): void {
  const pixel = <usize>channels << 2;
  memory.fill(dx, 0, <usize>(batch * inH * inW) * pixel);
  let at: usize = 0; // of the window's output
  for (let n = 0; n < batch; ++n) {
    const image = <usize>(n * inH * inW) * pixel;
    for (let y = 0; y < outH; ++y) {
      const top = y * strideH - padTop;
      const y0 = max(0, top), y1 = min(inH, top + kernelH);
      for (let ox = 0; ox < outW; ++ox) {
        const left = ox * strideW - padLeft;
        const x0 = max(0, left), x1 = min(inW, left + kernelW);
        let c: usize = 0;
        for (; c + 16 <= pixel; c += 16) {
          const best = v128.load(out + at + c);
          let grad = v128.load(dy + at + c); // zeroed in a lane once handed over
          for (let iy = y0; iy < y1; ++iy) {
            let p = image + <usize>(iy * inW + x0) * pixel + c;
            for (let ix = x0; ix < x1; ++ix) {
              const hit = f32x4.eq(v128.load(x + p), best);
              v128.store(dx + p, f32x4.add(v128.load(dx + p), v128.and(grad, hit)));
              grad = v128.andnot(grad, hit);
              p += pixel;
            }
          }
        }
        for (; c < pixel; c += 4) {
          const best = f32.load(out + at + c);
          let found = false;
          for (let iy = y0; iy < y1 && !found; ++iy) {
            let p = image + <usize>(iy * inW + x0) * pixel + c;
            for (let ix = x0; ix < x1 && !found; ++ix) {
              if (f32.load(x + p) == best) {
                f32.store(dx + p, f32.load(dx + p) + f32.load(dy + at + c));
                found = true;
              }
              p += pixel;
            }
          }
        }
        at += pixel;
      }
    }
  }
}
