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
// added as it is (even + 256 odd, modulo 2^16) and once more shifted right by 8 (odd). uint16 holds the sum over all
// runs of a plane (checked when weights are packed); at the end it goes times 2 k_n (and the divisor taken out of an
// output's weights, so that its sums stay small; together below 2^16) to int32. The N of all runs are taken off where
// the output starts.
//
// Weights lie as quads: int8 [outputs / 4][place][4 outputs][4 channels].

// @ts-ignore: decorator
@inline
function pick(table: v128, bits: v128): v128 {
  // Indices are 0 to 15 or at least 128, where both are the same.
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, bits);
  return i8x16.swizzle(table, bits);
}

/** The table of four weights, splat, by four masks: in mask j, j where bit j of the entry's number is set, else 255. */
// @ts-ignore: decorator
@inline
function table(w: v128, m0: v128, m1: v128, m2: v128, m3: v128): v128 {
  // Both kinds of swizzle give 0 for 255.
  return i8x16.add(i8x16.add(pick(w, m0), pick(w, m1)), i8x16.add(pick(w, m2), pick(w, m3)));
}

/**
 * Tables of four outputs, in two pairs: [pair][place][2][16]. A plane takes the first `rows` of each position's quads.
 * The masks come from memory: engines would build constants anew for every table.
 */
function makeTables(quads: usize, positions: i32, allRows: i32, rows: i32, to: usize, masks: usize): void {
  const other = <usize>(positions * rows) << 5;
  const m0 = v128.load(masks), m1 = v128.load(masks, 16), m2 = v128.load(masks, 32), m3 = v128.load(masks, 48);
  for (let i = 0; i < positions; ++i) {
    for (let q = quads, end = quads + (<usize>rows << 4); q < end; q += 16, to += 32) {
      v128.store(to, table(v128.load32_splat(q), m0, m1, m2, m3));
      v128.store(to, table(v128.load32_splat(q, 4), m0, m1, m2, m3), 16);
      v128.store(to + other, table(v128.load32_splat(q, 8), m0, m1, m2, m3));
      v128.store(to + other, table(v128.load32_splat(q, 12), m0, m1, m2, m3), 16);
    }
    quads += <usize>allRows << 4;
  }
}

// @ts-ignore: decorator
@inline
function widen(sums: usize, s: v128): void {
  v128.store(sums, i16x8.add(v128.load(sums), s));
  v128.store(sums, i16x8.add(v128.load(sums, 16), i16x8.shr_u(s, 8)), 16);
}

/** 16 pixels' sums, times a factor, to the output. */
// @ts-ignore: decorator
@inline
function addScaled(sums: usize, factor: v128, out: usize): void {
  const odd = v128.load(sums, 16);
  const even = i16x8.sub(v128.load(sums), i16x8.shl(odd, 8));
  const low = i16x8.shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
  const high = i16x8.shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
  v128.store(out, i32x4.add(v128.load(out), i32x4.extmul_low_i16x8_u(low, factor)));
  v128.store(out, i32x4.add(v128.load(out, 16), i32x4.extmul_high_i16x8_u(low, factor)), 16);
  v128.store(out, i32x4.add(v128.load(out, 32), i32x4.extmul_low_i16x8_u(high, factor)), 32);
  v128.store(out, i32x4.add(v128.load(out, 48), i32x4.extmul_high_i16x8_u(high, factor)), 48);
}

/** Two outputs, 64 pixels. a: nibbles, `along` bytes from one place to the next; run: lengths and starts, of which the pair's are at `pair`. */
function lookup64(a: usize, along: usize, t: usize, run: usize, end: usize, pair: usize, sums: usize): void {
  // A call of memory.fill takes longer.
  for (let i: usize = 0; i < 256; i += 64) {
    v128.store(sums + i, i8x16.splat(0)); v128.store(sums + i, i8x16.splat(0), 16);
    v128.store(sums + i, i8x16.splat(0), 32); v128.store(sums + i, i8x16.splat(0), 48);
  }
  for (; run < end; run += 8) {
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
    widen(sums, s0); widen(sums + 32, s1); widen(sums + 64, s2); widen(sums + 96, s3);
    widen(sums + 128, r0); widen(sums + 160, r1); widen(sums + 192, r2); widen(sums + 224, r3);
  }
}

/** Two outputs, 16 pixels. */
function lookup16(a: usize, along: usize, t: usize, run: usize, end: usize, pair: usize, sums: usize): void {
  v128.store(sums, i8x16.splat(0)); v128.store(sums, i8x16.splat(0), 16);
  v128.store(sums, i8x16.splat(0), 128); v128.store(sums, i8x16.splat(0), 144);
  for (; run < end; run += 8) {
    let s = v128.load8_splat(run + pair, 4), r = v128.load8_splat(run + pair, 5);
    for (const stop = t + (<usize>load<u32>(run) << 5); t < stop; t += 32) {
      const b = v128.load(a);
      s = i8x16.add(s, pick(v128.load(t), b));
      r = i8x16.add(r, pick(v128.load(t, 16), b));
      a += along;
    }
    widen(sums, s);
    widen(sums + 128, r);
  }
}

/**
 * out[o][pixel] += factors[o] * sum over places of table[o][place][a[place][pixel]] for four outputs.
 *
 * a: nibbles, places `along` bytes apart, tiles of 64 pixels `tile` bytes apart; vectors: of 16 pixels. scratch: tables,
 * 64 bytes per place, then 256 bytes. runs: [runCount] { uint32 length, uint8 starts[4] }.
 */
export function lookup(
  a: usize, along: i32, tile: i32, vectors: i32, positions: i32, allRows: i32, rows: i32, quads: usize, scratch: usize,
  runs: usize, runCount: i32, factors: usize, out: usize, outStride: i32, masks: usize,
): void {
  const places = positions * rows;
  const sums = scratch + (<usize>places << 6), end = runs + (<usize>runCount << 3), next = <usize>outStride << 2;
  makeTables(quads, positions, allRows, rows, scratch, masks);
  for (let pair: usize = 0; pair < 4; pair += 2) {
    const t = scratch + <usize>places * 16 * pair;
    const first = i16x8.splat(<i16>load<i32>(factors)), second = i16x8.splat(<i16>load<i32>(factors, 4));
    let from = a, v = 0, to = out;
    for (; v + 4 <= vectors; v += 4, from += tile, to += 256) {
      lookup64(from, along, t, runs, end, pair, sums);
      for (let i: usize = 0; i < 4; ++i) {
        addScaled(sums + (i << 5), first, to + (i << 6));
        addScaled(sums + 128 + (i << 5), second, to + next + (i << 6));
      }
    }
    for (; v < vectors; ++v, from += 16, to += 64) {
      lookup16(from, along, t, runs, end, pair, sums);
      addScaled(sums, first, to);
      addScaled(sums + 128, second, to + next);
    }
    out += next << 1;
    factors += 8;
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
  for (let i = 0; i < times; ++i) lookup64(a, 64, tables, runs, end, 0, sums);
}
