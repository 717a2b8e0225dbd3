// Thresholds to bits: each activation plane as nibbles, four channels' bits of one pixel to a byte.

// @ts-ignore: decorator
@inline
function first(v: v128, tree: usize, flip: v128): v128 {
  return v128.xor(i32x4.ge_s(v, v128.load_splat<i32>(tree)), flip);
}

// @ts-ignore: decorator
@inline
function second(v: v128, tree: usize, flip: v128): v128 {
  const at = v128.bitselect(v128.load_splat<i32>(tree, 8), v128.load_splat<i32>(tree, 4), first(v, tree, flip));
  return v128.xor(i32x4.ge_s(v, at), flip);
}

// @ts-ignore: decorator
@inline
function third(v: v128, tree: usize, flip: v128): v128 {
  const b = second(v, tree, flip);
  const at = v128.bitselect(
    v128.bitselect(v128.load_splat<i32>(tree, 24), v128.load_splat<i32>(tree, 20), b),
    v128.bitselect(v128.load_splat<i32>(tree, 16), v128.load_splat<i32>(tree, 12), b),
    first(v, tree, flip),
  );
  return v128.xor(i32x4.ge_s(v, at), flip);
}

/** Four int32 masks to one of bytes: saturation keeps 0 and -1. */
// @ts-ignore: decorator
@inline
function bytesOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** Masks of sixteen values for one plane (0, 1 or 2). */
// @ts-ignore: decorator
@inline
export function sixteenBits(a: v128, b: v128, c: v128, d: v128, plane: i32, tree: usize, flip: v128): v128 {
  if (plane == 0) return bytesOf(first(a, tree, flip), first(b, tree, flip), first(c, tree, flip), first(d, tree, flip));
  if (plane == 1)
    return bytesOf(second(a, tree, flip), second(b, tree, flip), second(c, tree, flip), second(d, tree, flip));
  return bytesOf(third(a, tree, flip), third(b, tree, flip), third(c, tree, flip), third(d, tree, flip));
}

/**
 * One plane (0, 1 or 2) of some channels. slots: int32, as many as there are channels in the plane, ascending; tree:
 * int32 [channels][nodes]; members: 0, or uint8 [channel][stride] bitwidths of each element; out: [groups][stride].
 */
export function thresholdNibbles(
  from: usize, stride: i32, count: i32, plane: i32, list: usize, length: i32, thresholds: usize, nodes: i32,
  flips: usize, members: usize, out: usize,
): void {
  const width = i8x16.splat(<i8>(plane + 1));
  for (let slot = 0; slot < length; ++slot) {
    const c = load<i32>(list + (<usize>slot << 2));
    const tree = thresholds + (<usize>c * nodes << 2);
    const flip = i32x4.splat(-<i32>load<u8>(flips + c));
    const bit = i8x16.splat(<i8>(<i32>1 << (slot & 3)));
    const q = out + <usize>(slot >> 2) * stride;
    const p = from + (<usize>c * stride << 2);
    const m = members + <usize>c * stride;
    for (let i = 0; i < count; i += 16) {
      const at = p + (<usize>i << 2);
      const a = v128.load(at), b = v128.load(at, 16), d = v128.load(at, 32), e = v128.load(at, 48);
      let mask = sixteenBits(a, b, d, e, plane, tree, flip);
      mask = v128.and(mask, bit);
      if (members != 0) mask = v128.and(mask, i8x16.ge_u(v128.load(m + i), width));
      if (slot & 3) mask = v128.or(mask, v128.load(q + i));
      v128.store(q + i, mask);
    }
  }
}
