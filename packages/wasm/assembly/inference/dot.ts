// Products of whole values with 8-bit weights where there are few pixels: what the weights take is read once for four
// pixels. Weights lie as quads (see lookup.ts).

// @ts-ignore: decorator
@inline
function finish(low: v128, high: v128, out: usize, stride: usize, factors: usize): void {
  // Lanes: outputs 0, 0, 1, 1 and 2, 2, 3, 3.
  const sums = i32x4.add(i32x4.shuffle(low, high, 0, 2, 4, 6), i32x4.shuffle(low, high, 1, 3, 5, 7));
  const scaled = i32x4.mul(sums, v128.load(factors));
  store<i32>(out, i32x4.extract_lane(scaled, 0));
  store<i32>(out + stride, i32x4.extract_lane(scaled, 1));
  store<i32>(out + 2 * stride, i32x4.extract_lane(scaled, 2));
  store<i32>(out + 3 * stride, i32x4.extract_lane(scaled, 3));
}

/**
 * out[o][pixel] = factors[o] * sum over k of w[o][k] a[pixel][k]. a: int16, [pixel][places][4]. A pair's sum of
 * products is below 2^24, all sums modulo 2^32.
 */
export function multiplyQuads(
  a: usize, places: i32, pixels: i32, quads: usize, groups: i32, factors: usize, out: usize, outStride: i32,
): void {
  const stride = <usize>outStride << 2, row = <usize>places << 3, size = <usize>places << 4;
  for (let g = 0; g < groups; ++g) {
    const end = quads + size;
    let from = a, to = out, p = 0;
    for (; p + 4 <= pixels; p += 4, from += row << 2, to += 16) {
      let l0 = i32x4.splat(0), h0 = l0, l1 = l0, h1 = l0, l2 = l0, h2 = l0, l3 = l0, h3 = l0;
      const b = from + row, c = b + row, d = c + row;
      let k: usize = 0;
      for (let w = quads; w < end; w += 16, k += 8) {
        const v = v128.load(w);
        const low = i16x8.extend_low_i8x16_s(v), high = i16x8.extend_high_i8x16_s(v);
        let x = v128.load64_splat(from + k);
        l0 = i32x4.add(l0, i32x4.dot_i16x8_s(low, x)); h0 = i32x4.add(h0, i32x4.dot_i16x8_s(high, x));
        x = v128.load64_splat(b + k);
        l1 = i32x4.add(l1, i32x4.dot_i16x8_s(low, x)); h1 = i32x4.add(h1, i32x4.dot_i16x8_s(high, x));
        x = v128.load64_splat(c + k);
        l2 = i32x4.add(l2, i32x4.dot_i16x8_s(low, x)); h2 = i32x4.add(h2, i32x4.dot_i16x8_s(high, x));
        x = v128.load64_splat(d + k);
        l3 = i32x4.add(l3, i32x4.dot_i16x8_s(low, x)); h3 = i32x4.add(h3, i32x4.dot_i16x8_s(high, x));
      }
      finish(l0, h0, to, stride, factors);
      finish(l1, h1, to + 4, stride, factors);
      finish(l2, h2, to + 8, stride, factors);
      finish(l3, h3, to + 12, stride, factors);
    }
    for (; p < pixels; ++p, from += row, to += 4) {
      let l = i32x4.splat(0), h = l;
      let k = from;
      for (let w = quads; w < end; w += 16, k += 8) {
        const v = v128.load(w), x = v128.load64_splat(k);
        l = i32x4.add(l, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(v), x));
        h = i32x4.add(h, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(v), x));
      }
      finish(l, h, to, stride, factors);
    }
    quads += size;
    factors += 16;
    out += stride << 2;
  }
}
