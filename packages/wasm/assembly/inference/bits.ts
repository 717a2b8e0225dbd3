// Products of binary weights and binary inputs by counting bits: for few pixels, where weights come as whole planes.
//
// With inputs a of 0 and 1 (see lookup.ts) a plane of weights, +j where its sign is set and -j on its other members, adds
//   j (2 popcount(signs & a) - popcount(members & a));
// the second count is the same for all outputs that share the members. For inputs of -1 and +1 this is the exclusive nor
// and its popcount, less what `start` takes off.

import { gather } from './gather';

/** Bits of one plane, [pixel][rowBytes], four channels after the other; the shape's channels are groups of four. */
export function gatherBits(
  shape: usize, from: usize, first: i32, last: i32, places: i32, rowBytes: i32, scratch: usize, to: usize,
): void {
  gather<u8>(shape, from, first, last, scratch, places, 0, places);
  for (let pixel = first; pixel < last; ++pixel) {
    let k = 0;
    let q = to;
    for (; k + 1 < places; k += 2, ++q) store<u8>(q, load<u8>(scratch + k) | (load<u8>(scratch + k, 1) << 4));
    if (k < places) store<u8>(q++, load<u8>(scratch + k));
    memory.fill(q, 0, to + rowBytes - q);
    to += rowBytes;
    scratch += places;
  }
}

// @ts-ignore: decorator
@inline
function both(x: usize, y: usize, offset: usize): v128 {
  return v128.and(v128.load(x + offset), v128.load(y + offset));
}

// The two bits of a sum of three: carry-save addition.
// @ts-ignore: decorator
@inline
function carry(a: v128, b: v128, c: v128): v128 {
  return v128.or(v128.and(a, b), v128.and(v128.xor(a, b), c));
}

// @ts-ignore: decorator
@inline
function parity(a: v128, b: v128, c: v128): v128 {
  return v128.xor(v128.xor(a, b), c);
}

// @ts-ignore: decorator
@inline
function total(bytes: v128): i32 {
  const words = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes));
  return i32x4.extract_lane(words, 0) + i32x4.extract_lane(words, 1) + i32x4.extract_lane(words, 2) + i32x4.extract_lane(words, 3);
}

/** popcount(x & y); bytes is a multiple of 16. */
function countBoth(x: usize, y: usize, bytes: i32): i32 {
  let count = 0;
  const end = x + bytes;
  let ones = i8x16.splat(0), twos = ones, fours = ones, eights = ones;
  let blocks = 0;
  // Eight vectors add up to ones, twos, fours and one vector of eights, whose bytes count up to 8 each.
  for (; x + 128 <= end; x += 128, y += 128) {
    const a = both(x, y, 0), b = both(x, y, 16), c = both(x, y, 32), d = both(x, y, 48);
    const e = both(x, y, 64), f = both(x, y, 80), g = both(x, y, 96), h = both(x, y, 112);
    const p = carry(ones, a, b);
    ones = parity(ones, a, b);
    const q = carry(ones, c, d);
    ones = parity(ones, c, d);
    const s = carry(twos, p, q);
    twos = parity(twos, p, q);
    const r = carry(ones, e, f);
    ones = parity(ones, e, f);
    const t = carry(ones, g, h);
    ones = parity(ones, g, h);
    const u = carry(twos, r, t);
    twos = parity(twos, r, t);
    eights = i8x16.add(eights, i8x16.popcnt(carry(fours, s, u)));
    fours = parity(fours, s, u);
    if (++blocks == 31) {
      count += total(eights) << 3;
      eights = i8x16.splat(0);
      blocks = 0;
    }
  }
  count += (total(eights) << 3) + (total(i8x16.popcnt(fours)) << 2) + (total(i8x16.popcnt(twos)) << 1);
  let rest = i8x16.popcnt(ones);
  // At most seven vectors more: 8 + 7 * 8 fit into a byte.
  for (; x < end; x += 16, y += 16) rest = i8x16.add(rest, i8x16.popcnt(both(x, y, 0)));
  return count + total(rest);
}

/** counts[pixel] = popcount(members & a[pixel]). */
export function countMembers(a: usize, rowBytes: i32, pixels: i32, members: usize, counts: usize): void {
  for (let p = 0; p < pixels; ++p, a += rowBytes, counts += 4) store<i32>(counts, countBoth(members, a, rowBytes));
}

/**
 * out[o][pixel] += factors[o] * (2 popcount(signs[o] & a[pixel]) - members); members are counts[pixel], or, with
 * counts 0, popcount(members[o] & a[pixel]).
 */
export function multiplyBits(
  a: usize, rowBytes: i32, pixels: i32, signs: usize, members: usize, counts: usize, outputs: i32, factors: usize,
  out: usize, outStride: i32,
): void {
  for (let o = 0; o < outputs; ++o) {
    const factor = load<i32>(factors + (<usize>o << 2));
    let row = a, to = out;
    for (let p = 0; p < pixels; ++p, row += rowBytes, to += 4) {
      const all = counts != 0 ? load<i32>(counts + (<usize>p << 2)) : countBoth(members, row, rowBytes);
      const sum = 2 * countBoth(signs, row, rowBytes) - all;
      store<i32>(to, load<i32>(to) + factor * sum);
    }
    signs += rowBytes;
    members += rowBytes;
    out += <usize>outStride << 2;
  }
}
