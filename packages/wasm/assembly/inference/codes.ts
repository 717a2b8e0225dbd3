// Products of whole values with weights of at most three planes, kept as codes of 4 bits: for layers of many weights and
// few pixels, where reading the weights is what takes time. A code says which planes a weight has and their signs; a
// table of its output says what value that is (src/inference/codesStep.ts writes both).
//
// codes: uint8 [output][chunk][16]: byte j of a chunk has the code of input j in its low half and that of input 16 + j in
// its high half. tables: int8 [output][16]. Outputs come in fours.

// @ts-ignore: decorator
@inline
function low(table: v128, codes: v128): v128 {
  return i8x16.swizzle(table, v128.and(codes, i8x16.splat(15)));
}

// @ts-ignore: decorator
@inline
function high(table: v128, codes: v128): v128 {
  return i8x16.swizzle(table, i8x16.shr_u(codes, 4));
}

/** sum plus sixteen int8 weights times sixteen int16 inputs, in four lanes. */
// @ts-ignore: decorator
@inline
function added(sum: v128, weights: v128, x: v128, y: v128): v128 {
  const first = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(weights), x);
  const second = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(weights), y);
  return i32x4.add(sum, i32x4.add(first, second));
}

/** The four lanes of each of four vectors, added up. */
// @ts-ignore: decorator
@inline
function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

/** Four outputs of one pixel. */
function fourOutputs(
  a: usize, size: usize, codes: usize, tables: usize, factors: usize, out: usize, stride: usize,
): void {
  const t0 = v128.load(tables), t1 = v128.load(tables, 16), t2 = v128.load(tables, 32), t3 = v128.load(tables, 48);
  let s0 = i32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const second = size, third = size << 1, fourth = third + size;
  for (const end = codes + size; codes < end; codes += 16, a += 64) {
    const x0 = v128.load(a), x1 = v128.load(a, 16), x2 = v128.load(a, 32), x3 = v128.load(a, 48);
    let c = v128.load(codes);
    s0 = added(added(s0, low(t0, c), x0, x1), high(t0, c), x2, x3);
    c = v128.load(codes + second);
    s1 = added(added(s1, low(t1, c), x0, x1), high(t1, c), x2, x3);
    c = v128.load(codes + third);
    s2 = added(added(s2, low(t2, c), x0, x1), high(t2, c), x2, x3);
    c = v128.load(codes + fourth);
    s3 = added(added(s3, low(t3, c), x0, x1), high(t3, c), x2, x3);
  }
  const scaled = i32x4.mul(laneSums(s0, s1, s2, s3), v128.load(factors));
  store<i32>(out, i32x4.extract_lane(scaled, 0));
  store<i32>(out + stride, i32x4.extract_lane(scaled, 1));
  store<i32>(out + 2 * stride, i32x4.extract_lane(scaled, 2));
  store<i32>(out + 3 * stride, i32x4.extract_lane(scaled, 3));
}

/** One output of four pixels, `row` bytes apart. */
function fourPixels(a: usize, row: usize, size: usize, codes: usize, tables: usize, factors: usize, out: usize): void {
  const t = v128.load(tables);
  let s0 = i32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const second = row, third = row << 1, fourth = third + row;
  for (const end = codes + size; codes < end; codes += 16, a += 64) {
    const c = v128.load(codes);
    const w = low(t, c), v = high(t, c);
    const w0 = i16x8.extend_low_i8x16_s(w), w1 = i16x8.extend_high_i8x16_s(w);
    const w2 = i16x8.extend_low_i8x16_s(v), w3 = i16x8.extend_high_i8x16_s(v);
    s0 = four(s0, w0, w1, w2, w3, a);
    s1 = four(s1, w0, w1, w2, w3, a + second);
    s2 = four(s2, w0, w1, w2, w3, a + third);
    s3 = four(s3, w0, w1, w2, w3, a + fourth);
  }
  v128.store(out, i32x4.mul(laneSums(s0, s1, s2, s3), v128.load32_splat(factors)));
}

/** sum plus 32 int16 weights times 32 inputs. */
// @ts-ignore: decorator
@inline
function four(sum: v128, w0: v128, w1: v128, w2: v128, w3: v128, a: usize): v128 {
  const x = i32x4.add(i32x4.dot_i16x8_s(w0, v128.load(a)), i32x4.dot_i16x8_s(w1, v128.load(a, 16)));
  const y = i32x4.add(i32x4.dot_i16x8_s(w2, v128.load(a, 32)), i32x4.dot_i16x8_s(w3, v128.load(a, 48)));
  return i32x4.add(sum, i32x4.add(x, y));
}

/**
 * out[o][pixel] = factors[o] * sum over k of w[o][k] a[pixel][k]. a: int16 [pixel][chunks][32]. A pair's sum of products
 * is below 2^24, all sums modulo 2^32. Outputs are parted so that their codes stay in the cache for all pixels.
 */
export function multiplyCodes(
  a: usize, chunks: i32, pixels: i32, codes: usize, tables: usize, groups: i32, factors: usize, out: usize,
  outStride: i32,
): void {
  const stride = <usize>outStride << 2, size = <usize>chunks << 4, row = size << 2;
  for (let g = 0; g < groups; ++g) {
    let from = a, to = out, p = 0;
    for (; p + 4 <= pixels; p += 4, from += row << 2, to += 16)
      for (let o: usize = 0; o < 4; ++o)
        fourPixels(from, row, size, codes + o * size, tables + (o << 4), factors + (o << 2), to + o * stride);
    for (; p < pixels; ++p, from += row, to += 4) fourOutputs(from, size, codes, tables, factors, to, stride);
    codes += size << 2;
    tables += 64;
    factors += 16;
    out += stride << 2;
  }
}
