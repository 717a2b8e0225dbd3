// Convolutions of pixels where they lie: [row][column][channel] bytes, of which a row of the window is one run. Four bytes
// meet four weights in one lane of a dot product.
//
// Pixels have eight bits, one more than relaxed SIMD's dot product promises to take. What an engine makes of them
// is tried out (probeDot) before these kernels are chosen: it takes them as unsigned, or as signed, and they are then
// copied less 128. Code without relaxed SIMD takes them as signed. What pixels add beyond their values less the zeros is in the starts.
import { requantized } from './featureMaps';

/** sum plus, in each of four lanes, four int8 weights times four pixels. */
// @ts-ignore: decorator
@inline
function dotPixels(weights: v128, pixels: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, pixels, sum);
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(weights), i16x8.extend_low_i8x16_s(pixels));
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(weights), i16x8.extend_high_i8x16_s(pixels));
  const pairs = i32x4.add(i32x4.shuffle(low, high, 0, 2, 4, 6), i32x4.shuffle(low, high, 1, 3, 5, 7));
  return i32x4.add(sum, pairs);
}

/** Write the dot products of 16 weights and 16 bytes that follow them, and 1 if this code has relaxed SIMD, else 0. */
export function probeDot(from: usize, to: usize): void {
  v128.store(to, dotPixels(v128.load(from), v128.load(from, 16), i32x4.splat(0)));
  store<i32>(to, ASC_FEATURE_RELAXED_SIMD ? 1 : 0, 16);
}

/** Bytes of a row, each changed by `flip`; writes up to 15 bytes more. */
// @ts-ignore: decorator
@inline
function copyRow(from: usize, to: usize, bytes: i32, flip: v128): void {
  for (let i = 0; i < bytes; i += 16) v128.store(to + i, v128.xor(v128.load(from + i), flip));
}

/**
 * An image between borders: `rows` rows of `pitch` bytes. border: a row of the border's bytes; flip: 0, or 128 to take
 * that from each byte. Of an input row `bytes` are copied, from `left` bytes on. Writes up to 15 bytes past the end.
 */
export function borderPixels(
  from: usize, inRows: i32, inPitch: i32, bytes: i32, top: i32, left: i32, border: usize, rows: i32, pitch: i32,
  to: usize, flip: i32,
): void {
  const flips = i8x16.splat(<i8>flip);
  for (let row = 0; row < rows; ++row, to += pitch) {
    const y = row - top;
    if (y < 0 || y >= inRows) {
      copyRow(border, to, pitch, flips);
      continue;
    }
    // What is written beyond each part is overwritten by the next.
    copyRow(border, to, left, flips);
    copyRow(from + y * inPitch, to + left, bytes, flips);
    copyRow(border + left + bytes, to + left + bytes, pitch - left - bytes, flips);
  }
}

/** Four values of one output, requantized. */
// @ts-ignore: decorator
@inline
function storeShort(v: v128, out: usize, constants: usize, least: v128, most: v128): void {
  const low = v128.load32_splat(constants), high = v128.load32_splat(constants, 4);
  const multiplier = v128.load32_splat(constants, 8), rest = v128.load32_splat(constants, 12);
  const short = requantized(v, v, low, high, multiplier, rest, load<i32>(constants, 16), least, most);
  v128.store64_lane(out, short, 0);
}

/** Four outputs of each of four pixels to int32 or, with constants, to int16 as requantizeShort has it. */
// @ts-ignore: decorator
@inline
function finish(
  a: v128, b: v128, c: v128, d: v128, factors: usize, starts: usize, out: usize, outBytes: usize, constants: usize,
  least: v128, most: v128,
): void {
  const f = v128.load(factors), s = v128.load(starts);
  a = i32x4.add(i32x4.mul(a, f), s);
  b = i32x4.add(i32x4.mul(b, f), s);
  c = i32x4.add(i32x4.mul(c, f), s);
  d = i32x4.add(i32x4.mul(d, f), s);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const ba = i32x4.shuffle(a, b, 2, 6, 3, 7), dc = i32x4.shuffle(c, d, 2, 6, 3, 7);
  const p = i32x4.shuffle(ab, cd, 0, 1, 4, 5), q = i32x4.shuffle(ab, cd, 2, 3, 6, 7);
  const r = i32x4.shuffle(ba, dc, 0, 1, 4, 5), t = i32x4.shuffle(ba, dc, 2, 3, 6, 7);
  if (constants == 0) {
    v128.store(out, p);
    v128.store(out + outBytes, q);
    v128.store(out + 2 * outBytes, r);
    v128.store(out + 3 * outBytes, t);
  } else {
    storeShort(p, out, constants, least, most);
    storeShort(q, out + outBytes, constants + 20, least, most);
    storeShort(r, out + 2 * outBytes, constants + 40, least, most);
    storeShort(t, out + 3 * outBytes, constants + 60, least, most);
  }
}

/** Eight outputs of four pixels, `step` bytes apart. */
function eightByFour(
  a: usize, step: usize, pitch: usize, kernelH: i32, line: usize, w: usize, next: usize, factors: usize, starts: usize,
  out: usize, outBytes: usize, constants: usize, least: v128, most: v128,
): void {
  let p0 = i32x4.splat(0), p1 = p0, p2 = p0, p3 = p0, q0 = p0, q1 = p0, q2 = p0, q3 = p0;
  for (let i = 0; i < kernelH; ++i, a += pitch) {
    let x = a;
    const b = step, c = 2 * step, d = 3 * step;
    for (const end = w + line; w < end; w += 16, x += 4) {
      const v = v128.load(w), u = v128.load(w + next);
      let y = v128.load32_splat(x);
      p0 = dotPixels(v, y, p0); q0 = dotPixels(u, y, q0);
      y = v128.load32_splat(x + b);
      p1 = dotPixels(v, y, p1); q1 = dotPixels(u, y, q1);
      y = v128.load32_splat(x + c);
      p2 = dotPixels(v, y, p2); q2 = dotPixels(u, y, q2);
      y = v128.load32_splat(x + d);
      p3 = dotPixels(v, y, p3); q3 = dotPixels(u, y, q3);
    }
  }
  finish(p0, p1, p2, p3, factors, starts, out, outBytes, constants, least, most);
  const more = constants == 0 ? 0 : constants + 80;
  finish(q0, q1, q2, q3, factors + 16, starts + 16, out + 4 * outBytes, outBytes, more, least, most);
}

/** Four outputs of four pixels. */
function fourByFour(
  a: usize, step: usize, pitch: usize, kernelH: i32, line: usize, w: usize, factors: usize, starts: usize, out: usize,
  outBytes: usize, constants: usize, least: v128, most: v128,
): void {
  let p0 = i32x4.splat(0), p1 = p0, p2 = p0, p3 = p0;
  for (let i = 0; i < kernelH; ++i, a += pitch) {
    let x = a;
    for (const end = w + line; w < end; w += 16, x += 4) {
      const v = v128.load(w);
      p0 = dotPixels(v, v128.load32_splat(x), p0);
      p1 = dotPixels(v, v128.load32_splat(x + step), p1);
      p2 = dotPixels(v, v128.load32_splat(x + 2 * step), p2);
      p3 = dotPixels(v, v128.load32_splat(x + 3 * step), p3);
    }
  }
  finish(p0, p1, p2, p3, factors, starts, out, outBytes, constants, least, most);
}

/**
 * out[o][row][column] = factors[o] * sum over a window of w[o] times bytes, and starts[o], modulo 2^32; requantized where
 * there are constants. A row of windows begins `rowStep` bytes after the one before, a window `step` bytes after its
 * neighbour; a row of a window is `fours` times four bytes, the next one lies `pitch` bytes on. quads: int8
 * [groups][kernelH][fours][4 outputs][4]. Columns are at least four: the last four may be computed twice.
 */
export function multiplyPixels(
  a: usize, pitch: i32, step: i32, rowStep: i32, kernelH: i32, fours: i32, quads: usize, groups: i32, factors: usize,
  starts: usize, rows: i32, columns: i32, out: usize, outBytes: i32, constants: usize, least: i32, most: i32,
): void {
  const line = <usize>fours << 4, next = kernelH * line, base = i16x8.splat(<i16>least), top = i16x8.splat(<i16>most);
  const valueBytes: usize = constants == 0 ? 4 : 2;
  for (let row = 0; row < rows; ++row, a += rowStep, out += columns * valueBytes) {
    for (let g = 0; g < groups; g += 2) {
      const w = quads + g * next, f = factors + (g << 4), s = starts + (g << 4);
      const q = constants == 0 ? 0 : constants + g * 80, to = out + <usize>g * 4 * outBytes;
      for (let x = 0; x < columns; x += 4) {
        const at = min(x, columns - 4), p = a + at * step, o = to + at * valueBytes;
        if (g + 1 < groups) eightByFour(p, step, pitch, kernelH, line, w, next, f, s, o, outBytes, q, base, top);
        else fourByFour(p, step, pitch, kernelH, line, w, f, s, o, outBytes, q, base, top);
      }
    }
  }
}
