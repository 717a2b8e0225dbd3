// Weights of a .hbnn file: bit maps by the entropy code of packages/model/src/file/mapCode.ts, signs by signCode.ts. Both
// are decoded in parts that fit into the caches; src/inference/loadingKernels.ts brings them here and back.

/**
 * The slots of an entropy code: int32 for each of 4096, the share, from bit 12 on how far into it, and from bit 24 on the
 * width. shares: int32 of `widths` bitwidths, at least two of them above 0.
 */
export function writeSlots(shares: usize, widths: i32, to: usize): void {
  for (let width = 0; width < widths; ++width) {
    const share = load<i32>(shares + (<usize>width << 2));
    for (let rest = 0; rest < share; ++rest, to += 4) store<i32>(to, share | (rest << 12) | (width << 24));
  }
}

/**
 * Decode bitwidths. What comes next depends on the state before, so that the time from state to state is what counts.
 *
 * state: uint32 state; int32 how many bytes of the code are taken; int32 1 where the code ends too early.
 */
export function decodeWidths(
  state: usize, slots: usize, code: usize, bytes: i32, out: usize, count: i32,
): void {
  let x = load<u32>(state);
  let at = code;
  const codeEnd = code + <usize>bytes;
  for (const end = out + <usize>count; out < end; ++out) {
    const slot = load<u32>(slots + ((x & 4095) << 2));
    store<u8>(out, slot >>> 24);
    x = (slot & 4095) * (x >>> 12) + ((slot >>> 12) & 4095);
    if (x < 65536) {
      if (at >= codeEnd) {
        store<i32>(state, 1, 8);
        return;
      }
      x = (x << 16) | <u32>load<u16>(at);
      at += 2;
    }
  }
  store<u32>(state, x);
  store<i32>(state, <i32>(at - code), 4);
}

/** For each byte of members, uint8 [256][8]: how many members come before each of its bits, or 128 for no member. */
export function writeRanks(to: usize): void {
  for (let members = 0; members < 256; ++members)
    for (let bit = 0; bit < 8; ++bit, ++to) {
      const before = popcnt<i32>(members & ((1 << bit) - 1));
      store<u8>(to, (members >> bit) & 1 ? before : 128);
    }
}

/**
 * Add the signs of one plane to those of `count` weights, filled up with weights of 0 bits to a multiple of sixteen.
 * packed: the signs of the plane's members, from bit `bit` on; a few bytes more are read. to: int32, the bit after them.
 */
export function addSigns(
  widths: usize, count: i32, plane: i32, packed: usize, bit: i32, ranks: usize, signs: usize, to: usize,
): void {
  const each = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  const eights = i8x16(0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8);
  const above = i8x16.splat(<i8>plane), own = i8x16.shl(i8x16.splat(1), plane);
  for (const end = widths + <usize>count; widths < end; widths += 16, signs += 16) {
    const mask = i8x16.bitmask(i8x16.gt_u(v128.load(widths), above));
    const low = mask & 255, high = mask >>> 8;
    const first = load<u32>(packed + <usize>(bit >>> 3)) >>> (bit & 7);
    bit += popcnt<i32>(low);
    const next = load<u32>(packed + <usize>(bit >>> 3)) >>> (bit & 7);
    bit += popcnt<i32>(high);
    const bytes = i8x16.shuffle(
      i32x4.splat(first), i32x4.splat(next), 0, 0, 0, 0, 0, 0, 0, 0, 16, 16, 16, 16, 16, 16, 16, 16,
    );
    const set = i8x16.eq(v128.and(bytes, each), each);
    const from = ranks + (<usize>high << 3);
    const order = i8x16.add(v128.load64_lane(from, v128.load64_zero(ranks + (<usize>low << 3)), 1), eights);
    v128.store(signs, v128.or(v128.load(signs), v128.and(i8x16.swizzle(set, order), own)));
  }
  store<i32>(to, bit);
}

/** Count the weights of more than `plane` bits: int32. They are filled up with weights of 0 bits to a multiple of sixteen. */
export function countAbove(widths: usize, count: i32, plane: i32, to: usize): void {
  const above = i8x16.splat(<i8>plane);
  let sum = 0;
  for (const end = widths + <usize>count; widths < end; widths += 16)
    sum += popcnt<i32>(i8x16.bitmask(i8x16.gt_u(v128.load(widths), above)));
  store<i32>(to, sum);
}
