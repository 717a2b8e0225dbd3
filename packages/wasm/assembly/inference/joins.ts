// Where branches meet: maps of one layout are added up, or laid one after the other.

// @ts-ignore: decorator
@inline
function four<T>(p: usize): v128 {
  return sizeof<T>() == 2 ? v128.load_ext<i16>(p) : v128.load(p);
}

/**
 * to = (first ? 0 : to) + multipliers[c] * from, int32. The plan has bounded the whole sum below 2^31, and sums modulo
 * 2^32 forget what came between, so wrapping is exact.
 */
function addScaled<T>(
  from: usize, to: usize, multipliers: usize, first: i32, count: i32, channels: i32, stride: i32,
): void {
  for (let c = 0; c < channels; ++c) {
    const multiplier = v128.load32_splat(multipliers + (<usize>c << 2));
    let p = from + <usize>(c * stride) * sizeof<T>(), q = to + (<usize>(c * stride) << 2);
    for (let i = 0; i < count; i += 4, p += 4 * sizeof<T>(), q += 16) {
      const product = i32x4.mul(four<T>(p), multiplier);
      v128.store(q, first ? product : i32x4.add(v128.load(q), product));
    }
  }
}

export function addScaled16(
  from: usize, to: usize, multipliers: usize, first: i32, count: i32, channels: i32, stride: i32,
): void {
  addScaled<i16>(from, to, multipliers, first, count, channels, stride);
}

export function addScaled32(
  from: usize, to: usize, multipliers: usize, first: i32, count: i32, channels: i32, stride: i32,
): void {
  addScaled<i32>(from, to, multipliers, first, count, channels, stride);
}

export function copyBytes(from: usize, to: usize, bytes: i32): void {
  memory.copy(to, from, bytes);
}
