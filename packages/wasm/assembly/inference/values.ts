// Products of whole numbers: sum over k of w[o][k] * a[k][pixel], planar int32 out. The plan has bounded every such
// sum below 2^31, and sums modulo 2^32 forget what came between, so wrapping is exact.
//
// i32x4.dot_i16x8_s multiplies 8 pairs of int16 and adds neighbours: |w| <= 2040 and |a| <= 32767 keep each pair's
// sum below 2^27.

/**
 * Tiles of 4 outputs x 8 pixels. a: int16 [pairs][width][2], width a multiple of 8; w: int16
 * [ceil(outputs / 4)][pairs][4][2]; out: int32, outStride values between outputs, 4 at a time.
 */
export function multiplyPairs(
  a: usize, pairs: i32, width: i32, w: usize, outputs: i32, out: usize, outStride: i32,
): void {
  const stride = <usize>outStride << 2, along = <usize>width << 2;
  for (let o = 0; o < outputs; o += 4) {
    for (let p = 0; p < width; p += 8) {
      let c00 = i32x4.splat(0), c01 = i32x4.splat(0), c10 = i32x4.splat(0), c11 = i32x4.splat(0);
      let c20 = i32x4.splat(0), c21 = i32x4.splat(0), c30 = i32x4.splat(0), c31 = i32x4.splat(0);
      let q = a + (<usize>p << 2), v = w;
      for (let k = 0; k < pairs; ++k) {
        const x0 = v128.load(q), x1 = v128.load(q, 16);
        let s = v128.load_splat<i32>(v);
        c00 = i32x4.add(c00, i32x4.dot_i16x8_s(s, x0)); c01 = i32x4.add(c01, i32x4.dot_i16x8_s(s, x1));
        s = v128.load_splat<i32>(v, 4);
        c10 = i32x4.add(c10, i32x4.dot_i16x8_s(s, x0)); c11 = i32x4.add(c11, i32x4.dot_i16x8_s(s, x1));
        s = v128.load_splat<i32>(v, 8);
        c20 = i32x4.add(c20, i32x4.dot_i16x8_s(s, x0)); c21 = i32x4.add(c21, i32x4.dot_i16x8_s(s, x1));
        s = v128.load_splat<i32>(v, 12);
        c30 = i32x4.add(c30, i32x4.dot_i16x8_s(s, x0)); c31 = i32x4.add(c31, i32x4.dot_i16x8_s(s, x1));
        q += along;
        v += 16;
      }
      const d = out + (<usize>p << 2), e = d + stride, f = e + stride, g = f + stride;
      v128.store(d, c00); v128.store(d, c01, 16);
      v128.store(e, c10); v128.store(e, c11, 16);
      v128.store(f, c20); v128.store(f, c21, 16);
      v128.store(g, c30); v128.store(g, c31, 16);
    }
    w += <usize>pairs << 4;
    out += stride << 2;
  }
}

/** Tiles of 4 outputs x 4 pixels in int32, for inputs beyond int16. a: [k][width]; w: [ceil(outputs / 4)][k][4]. */
export function multiply32(
  a: usize, k: i32, width: i32, w: usize, outputs: i32, out: usize, outStride: i32,
): void {
  const stride = <usize>outStride << 2, along = <usize>width << 2;
  for (let o = 0; o < outputs; o += 4) {
    for (let p = 0; p < width; p += 4) {
      let c0 = i32x4.splat(0), c1 = i32x4.splat(0), c2 = i32x4.splat(0), c3 = i32x4.splat(0);
      let q = a + (<usize>p << 2), v = w;
      for (let l = 0; l < k; ++l) {
        const x = v128.load(q);
        c0 = i32x4.add(c0, i32x4.mul(v128.load_splat<i32>(v), x));
        c1 = i32x4.add(c1, i32x4.mul(v128.load_splat<i32>(v, 4), x));
        c2 = i32x4.add(c2, i32x4.mul(v128.load_splat<i32>(v, 8), x));
        c3 = i32x4.add(c3, i32x4.mul(v128.load_splat<i32>(v, 12), x));
        q += along;
        v += 16;
      }
      const d = out + (<usize>p << 2), e = d + stride, f = e + stride, g = f + stride;
      v128.store(d, c0); v128.store(e, c1); v128.store(f, c2); v128.store(g, c3);
    }
    w += <usize>k << 4;
    out += stride << 2;
  }
}
