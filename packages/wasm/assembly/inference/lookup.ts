// Products of binary inputs by table lookup. Four input bits (a nibble) of 16 pixels at a time index a table of the
// 16 partial sums of four weights, so whatever bits the weights have, 64 products take one shuffle and one addition.
//
// An input of plane n is k_n (2a - 1) where it is a member and 0 where it is not or beyond the edge. With a = 0 there,
//   sum over k of w[k] * in[k] = sum over n of 2 k_n (sum over k of w[k] * a_n[k]) - C,
// C = the sum of w[k] times the largest value that in[k] can have, which depends on output and position alone: the
// output starts at -C.
//
// A sum over some tables lies between that of their negative weights, -N, and that of their positive ones: a span of
// the sum of |w|. So long as that is at most 255, sums modulo 256 that start at N end as unsigned numbers, exactly. A
// run is as many tables; its sums are then widened to uint16, those of even pixels and of odd ones apart: the vector is
// added as it is (even + 256 odd, modulo 2^16) and once more shifted right by 8 (odd), both times the plane's k_n over the
// greatest common divisor of those of some planes. uint16 holds the sum over these planes (src/inference/lookupStep.ts
// says which go together); at their end it goes times twice that divisor (and the divisor taken out of an output's
// weights, so that its sums stay small; together below 2^16) to int32. The N of all runs are taken off where the output
// starts.
//
// Weights lie as quads: int8 [outputs / 4][place][4 outputs][4 channels], places as [channels / 4][position]: the places
// of every plane are the first ones.
import { requantized } from './featureMaps';

// @ts-ignore: decorator
@inline
function pick(table: v128, bits: v128): v128 {
  // Indices are 0 to 15 or at least 128, where both are the same.
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, bits);
  return i8x16.swizzle(table, bits);
}

/**
 * Tables of four outputs, in two pairs: [pair][place][2][16]; entry i is the sum of the weights j where bit j of i is set.
 * Entries are made of two halves: the four sums of weights 0 and 1, and those of 2 and 3, of all four outputs at once.
 * The masks come from memory, since engines would build constants anew for every table: four that make the halves,
 * then two for each output that spread them.
 */
function makeTables(quads: usize, places: i32, to: usize, masks: usize): void {
  const other = <usize>places << 5;
  const m0 = v128.load(masks), m1 = v128.load(masks, 16), m2 = v128.load(masks, 32), m3 = v128.load(masks, 48);
  const a0 = v128.load(masks, 64), a1 = v128.load(masks, 80), b0 = v128.load(masks, 96), b1 = v128.load(masks, 112);
  const c0 = v128.load(masks, 128), c1 = v128.load(masks, 144), d0 = v128.load(masks, 160), d1 = v128.load(masks, 176);
  for (const end = quads + (<usize>places << 4); quads < end; quads += 16, to += 32) {
    const w = v128.load(quads);
    // Both kinds of swizzle give 0 for 255.
    const low = i8x16.add(pick(w, m0), pick(w, m1)), high = i8x16.add(pick(w, m2), pick(w, m3));
    v128.store(to, i8x16.add(pick(low, a0), pick(high, a1)));
    v128.store(to, i8x16.add(pick(low, b0), pick(high, b1)), 16);
    v128.store(to + other, i8x16.add(pick(low, c0), pick(high, c1)));
    v128.store(to + other, i8x16.add(pick(low, d0), pick(high, d1)), 16);
  }
}

/** Add a run's sums of 16 pixels, times a factor, to those of even pixels and of odd ones. */
// @ts-ignore: decorator
@inline
function widenScaled(sums: usize, s: v128, factor: v128): void {
  v128.store(sums, i16x8.add(v128.load(sums), i16x8.mul(s, factor)));
  v128.store(sums, i16x8.add(v128.load(sums, 16), i16x8.mul(i16x8.shr_u(s, 8), factor)), 16);
}

/** The same without a factor, written if these are the first sums. */
// @ts-ignore: decorator
@inline
function widen(sums: usize, s: v128, fresh: bool): void {
  let even = s, odd = i16x8.shr_u(s, 8);
  if (!fresh) {
    even = i16x8.add(even, v128.load(sums));
    odd = i16x8.add(odd, v128.load(sums, 16));
  }
  v128.store(sums, even);
  v128.store(sums, odd, 16);
}

/** Sums of two outputs and 64 pixels, or 16, times a factor. */
function scale(sums: usize, many: bool, factor: v128): void {
  for (let i: usize = 0; i < 256; i += many ? 32 : 128) {
    v128.store(sums + i, i16x8.mul(v128.load(sums + i), factor));
    v128.store(sums + i, i16x8.mul(v128.load(sums + i, 16), factor), 16);
  }
}

/**
 * Two outputs, 64 pixels. a: nibbles, `along` bytes from one place to the next; run: lengths and starts, of which the
 * pair's are at `pair`. `first` planes write sums, whose factor comes later; others add theirs, times a factor.
 */
function lookup64(
  a: usize, along: usize, t: usize, run: usize, end: usize, pair: usize, sums: usize, factor: v128, first: bool,
): void {
  for (let fresh = true; run < end; run += 8, fresh = false) {
    let s0 = v128.load8_splat(run + pair, 4), s1 = s0, s2 = s0, s3 = s0;
    let r0 = v128.load8_splat(run + pair, 5), r1 = r0, r2 = r0, r3 = r0;
    for (const stop = t + (<usize>load<u32>(run) << 5); t < stop; t += 32) {
      const x = v128.load(t), y = v128.load(t, 16);
      let b = v128.load(a);
      s0 = i8x16.add(s0, pick(x, b)); r0 = i8x16.add(r0, pick(y, b));
      b = v128.load(a, 16);
      s1 = i8x16.add(s1, pick(x, b)); r1 = i8x16.add(r1, pick(y, b));
      b = v128.load(a, 32);
      s2 = i8x16.add(s2, pick(x, b)); r2 = i8x16.add(r2, pick(y, b));
      b = v128.load(a, 48);
      s3 = i8x16.add(s3, pick(x, b)); r3 = i8x16.add(r3, pick(y, b));
      a += along;
    }
    if (first) {
      widen(sums, s0, fresh); widen(sums + 32, s1, fresh); widen(sums + 64, s2, fresh); widen(sums + 96, s3, fresh);
      widen(sums + 128, r0, fresh); widen(sums + 160, r1, fresh); widen(sums + 192, r2, fresh); widen(sums + 224, r3, fresh);
    } else {
      widenScaled(sums, s0, factor); widenScaled(sums + 32, s1, factor);
      widenScaled(sums + 64, s2, factor); widenScaled(sums + 96, s3, factor);
      widenScaled(sums + 128, r0, factor); widenScaled(sums + 160, r1, factor);
      widenScaled(sums + 192, r2, factor); widenScaled(sums + 224, r3, factor);
    }
  }
}

/** Two outputs, 16 pixels. */
function lookup16(
  a: usize, along: usize, t: usize, run: usize, end: usize, pair: usize, sums: usize, factor: v128, first: bool,
): void {
  for (let fresh = true; run < end; run += 8, fresh = false) {
    let s = v128.load8_splat(run + pair, 4), r = v128.load8_splat(run + pair, 5);
    for (const stop = t + (<usize>load<u32>(run) << 5); t < stop; t += 32) {
      const b = v128.load(a);
      s = i8x16.add(s, pick(v128.load(t), b));
      r = i8x16.add(r, pick(v128.load(t, 16), b));
      a += along;
    }
    if (first) {
      widen(sums, s, fresh);
      widen(sums + 128, r, fresh);
    } else {
      widenScaled(sums, s, factor);
      widenScaled(sums + 128, r, factor);
    }
  }
}

// What becomes of sums: they are added to the output, or to a start that is the same for all pixels and written, or
// requantized too.
const ADDED = 0, WRITTEN = 1;

/** The sums of one output and `vectors` of 16 pixels, times a factor, to the output. */
// @ts-ignore: decorator
@inline
function finish(
  sums: usize, vectors: usize, factor: v128, start: usize, to: i32, out: usize, constants: usize, least: v128, most: v128,
): void {
  const first = v128.load32_splat(start);
  const least32 = v128.load32_splat(constants), most32 = v128.load32_splat(constants, 4);
  const multiplier = v128.load32_splat(constants, 8), rest = v128.load32_splat(constants, 12);
  const shift = load<i32>(constants, 16);
  for (const end = sums + (vectors << 5); sums < end; sums += 32) {
    const odd = v128.load(sums, 16);
    const even = i16x8.sub(v128.load(sums), i16x8.shl(odd, 8));
    const low = i16x8.shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
    const high = i16x8.shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
    let a = i32x4.extmul_low_i16x8_u(low, factor), b = i32x4.extmul_high_i16x8_u(low, factor);
    let c = i32x4.extmul_low_i16x8_u(high, factor), d = i32x4.extmul_high_i16x8_u(high, factor);
    if (to == ADDED) {
      a = i32x4.add(a, v128.load(out));
      b = i32x4.add(b, v128.load(out, 16));
      c = i32x4.add(c, v128.load(out, 32));
      d = i32x4.add(d, v128.load(out, 48));
    } else {
      a = i32x4.add(a, first);
      b = i32x4.add(b, first);
      c = i32x4.add(c, first);
      d = i32x4.add(d, first);
    }
    if (to > WRITTEN) {
      v128.store(out, requantized(a, b, least32, most32, multiplier, rest, shift, least, most));
      v128.store(out, requantized(c, d, least32, most32, multiplier, rest, shift, least, most), 16);
      out += 32;
    } else {
      v128.store(out, a);
      v128.store(out, b, 16);
      v128.store(out, c, 32);
      v128.store(out, d, 48);
      out += 64;
    }
  }
}

/** The sums of two outputs. */
function finishPair(
  sums: usize, vectors: usize, factors: usize, divisor: i32, starts: usize, to: i32, out: usize, next: usize,
  constants: usize, least: v128, most: v128,
): void {
  const first = i16x8.splat(<i16>(load<i32>(factors) * divisor));
  const second = i16x8.splat(<i16>(load<i32>(factors, 4) * divisor));
  if (to == ADDED) {
    finish(sums, vectors, first, starts, ADDED, out, constants, least, most);
    finish(sums + 128, vectors, second, starts + 4, ADDED, out + next, constants, least, most);
  } else if (to == WRITTEN) {
    finish(sums, vectors, first, starts, WRITTEN, out, constants, least, most);
    finish(sums + 128, vectors, second, starts + 4, WRITTEN, out + next, constants, least, most);
  } else {
    finish(sums, vectors, first, starts, 2, out, constants, least, most);
    finish(sums + 128, vectors, second, starts + 4, 2, out + next, constants + 20, least, most);
  }
}

/**
 * out[o][pixel] = sum over planes of factors[o] * k * sum over places of table[o][place][a[place][pixel]], and starts,
 * for some groups of four outputs; with `to` ADDED the starts are what the output holds.
 *
 * a: nibbles, places `along` bytes apart; vectors: of 16 pixels. planes: int32 [planeCount][6]: offset from a, bytes from
 * one tile of 64 pixels to the next, offset of the runs in those of a group, their count, k over the divisor of planes
 * that go together, and that divisor at the last of them, else 0. runs: [groups][groupRuns], of { uint32 length, uint8
 * starts[4] }. scratch: tables, 64 bytes per place, then 256 bytes. With `to` 2 the output is int16, by the constants of
 * requantizeShort in featureMaps.ts; `outBytes` from one output to the next.
 */
export function lookup(
  a: usize, along: i32, vectors: i32, planes: usize, planeCount: i32, places: i32, masks: usize, quads: usize,
  runs: usize, groupRuns: i32, factors: usize, starts: usize, groups: i32, scratch: usize, out: usize, outBytes: i32,
  to: i32, constants: usize, least: i32, most: i32,
): void {
  const sums = scratch + (<usize>places << 6), next = <usize>outBytes, planesEnd = planes + planeCount * 24;
  const base = i16x8.splat(<i16>least), top = i16x8.splat(<i16>most);
  const pixel: usize = to > WRITTEN ? 2 : 4;
  for (let g = 0; g < groups; ++g) {
    makeTables(quads, places, scratch, masks);
    for (let pair: usize = 0; pair < 4; pair += 2) {
      const t = scratch + <usize>places * 16 * pair;
      const pairOut = out + pair * next, pairConstants = constants + pair * 20;
      for (let v = 0; v < vectors; ) {
        // Three vectors take less time with a fourth, which is not used, than one by one.
        const left = vectors - v, many = left >= 3;
        const tileOut = pairOut + (<usize>v << 4) * pixel;
        let fresh = true, how = to;
        for (let p = planes; p < planesEnd; p += 24) {
          const from = a + load<i32>(p) + <usize>(v >> 2) * load<i32>(p, 4) + (<usize>(v & 3) << 4);
          const run = runs + load<i32>(p, 8), end = run + (<usize>load<i32>(p, 12) << 3);
          const multiple = load<i32>(p, 16), k = i16x8.splat(<i16>multiple), divisor = load<i32>(p, 20);
          if (many) lookup64(from, along, t, run, end, pair, sums, k, fresh);
          else lookup16(from, along, t, run, end, pair, sums, k, fresh);
          if (fresh && multiple != 1) scale(sums, many, k);
          fresh = divisor != 0;
          if (fresh) {
            const f = factors + (pair << 2), s = starts + (pair << 2);
            finishPair(sums, many ? min(4, left) : 1, f, divisor, s, how, tileOut, next, pairConstants, base, top);
            how = ADDED;
          }
        }
        v += many ? 4 : 1;
      }
    }
    quads += <usize>places << 4;
    runs += groupRuns;
    factors += 16;
    starts += 16;
    out += next << 2;
    constants += 80;
  }
}

/**
 * out[o][pixel] = start for pixels first to last of the batch; start: int32, [o][pixel of an image] or, with `each` 0,
 * [o].
 */
export function startSums(
  start: usize, each: i32, out: usize, outStride: i32, first: i32, last: i32, pixels: i32, outputs: i32,
): void {
  for (let o = 0; o < outputs; ++o) {
    let to = out + (<usize>(o * outStride + first) << 2);
    if (!each) {
      const value = v128.load32_splat(start + (<usize>o << 2));
      for (const end = to + (<usize>(last - first) << 2); to < end; to += 16) v128.store(to, value);
      continue;
    }
    const from = start + (<usize>(o * pixels) << 2);
    for (let p = first; p < last; ) {
      const at = p % pixels;
      const count = min(pixels - at, last - p);
      const q = from + (<usize>at << 2);
      for (let i = 0; i < count; i += 4) v128.store(to + (<usize>i << 2), v128.load(q + (<usize>i << 2)));
      to += <usize>count << 2;
      p += count;
    }
  }
}

/** The inner loop alone, over and over on the same 64 pixels and tables, all in the first-level cache: its limit. */
export function repeatLookup(a: usize, tables: usize, runs: usize, end: usize, sums: usize, times: i32): void {
  for (let i = 0; i < times; ++i) lookup64(a, 64, tables, runs, end, 0, sums, i16x8.splat(1), true);
}
