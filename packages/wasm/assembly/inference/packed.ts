// Weights of one to three planes with a map of their own, kept in about as many bits as they are made of: for layers of
// many weights and few pixels, where the weights' bytes are what takes memory and time.
//
// Per output: signs of plane 1, a bit for each weight; which weights have a second plane, likewise (outputs may share
// it); and for those weights alone, one after the other, sign of plane 2, whether there is a third plane, sign of plane
// 3. Weights are in the order of quads, 16 at a time.
//
// packed: uint8 ranks[256][8]: in a byte, which of its set bits each bit is, 128 where it is not set; then per output,
// int32 each: offsets from `packed` of plane 1's signs, of the second plane's members, of their signs, of the third
// plane's members, of their signs (0: no such plane), and k_1 ... k_3 as bytes.

import { PACKED_MULTIPLES, PACKED_ROW_BYTES, RANK_BYTES } from '../../src/layout/packedRows';

/** 16 bits to bytes, 0 or -1. */
// @ts-ignore: decorator
@inline
function spread(bits: u32): v128 {
  const bytes = i8x16.swizzle(i16x8.splat(<i16>bits), i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const each = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  return i8x16.eq(v128.and(bytes, each), each);
}

/** +k where a sign is set, else -k: (k ^ ~sign) - ~sign. */
// @ts-ignore: decorator
@inline
function signed(k: v128, sign: v128): v128 {
  const negative = v128.not(sign);
  return i8x16.sub(v128.xor(k, negative), negative);
}

// @ts-ignore: decorator
@inline
function bitsAt(stream: usize, at: u32): v128 {
  return spread(load<u32>(stream + (at >> 3)) >> (at & 7));
}

/** Four outputs' weights as quads: int8 [place][4 outputs][4]. Writes whole 16 weights of an output. */
export function unpackGroup(packed: usize, group: i32, places: i32, to: usize): void {
  for (let i = 0; i < 4; ++i) {
    const row = packed + RANK_BYTES + <usize>(4 * group + i) * PACKED_ROW_BYTES;
    let signs = packed + load<u32>(row), members = packed + load<u32>(row, 4);
    const second = packed + load<u32>(row, 8), third = packed + load<u32>(row, 12), last = packed + load<u32>(row, 16);
    const k1 = v128.load8_splat(row, PACKED_MULTIPLES), k2 = v128.load8_splat(row, PACKED_MULTIPLES + 1);
    const k3 = v128.load8_splat(row, PACKED_MULTIPLES + 2);
    let q = to + (<usize>i << 2);
    let at: u32 = 0;
    for (const end = q + (<usize>places << 4); q < end; q += 64) {
      let w = signed(k1, spread(load<u16>(signs)));
      signs += 2;
      if (members != packed) {
        const low = <u32>load<u8>(members), high = <u32>load<u8>(members, 1);
        members += 2;
        const below = popcnt<u32>(low);
        let rank = v128.load64_zero(packed + (low << 3));
        rank = v128.load64_lane(packed + (high << 3), rank, 1);
        rank = i8x16.add(rank, i64x2.replace_lane(i8x16.splat(<i8>below), 0, 0));
        let value = signed(k2, bitsAt(second, at));
        if (third != packed)
          value = i8x16.add(value, v128.and(bitsAt(third, at), signed(k3, bitsAt(last, at))));
        w = i8x16.add(w, i8x16.swizzle(value, rank));
        at += below + popcnt<u32>(high);
      }
      v128.store_lane<i32>(q, w, 0);
      v128.store_lane<i32>(q, w, 1, 16);
      v128.store_lane<i32>(q, w, 2, 32);
      v128.store_lane<i32>(q, w, 3, 48);
    }
  }
}
