// Element-wise training kernels, float32.

/** dx = dy where |x| <= 1, else 0: the straight-through gradient of a binarization. */
export function straightThrough(x: usize, dy: usize, dx: usize, count: i32): void {
  const bytes = <usize>count << 2;
  const one = f32x4.splat(1);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    v128.store(dx + i, v128.and(v128.load(dy + i), f32x4.le(f32x4.abs(v128.load(x + i)), one)));
  }
  for (; i < bytes; i += 4) {
    f32.store(dx + i, Mathf.abs(f32.load(x + i)) <= 1 ? f32.load(dy + i) : 0);
  }
}

/** v' = momentum * v + (g + decay * w), w' = w - rate * v'. */
export function sgdMomentum(
  w: usize, v: usize, g: usize, newW: usize, newV: usize, count: i32, rate: f32, momentum: f32, decay: f32,
): void {
  const bytes = <usize>count << 2;
  const rates = f32x4.splat(rate), momenta = f32x4.splat(momentum), decays = f32x4.splat(decay);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    const weight = v128.load(w + i);
    const gradient = f32x4.add(v128.load(g + i), f32x4.mul(decays, weight));
    const velocity = f32x4.add(f32x4.mul(momenta, v128.load(v + i)), gradient);
    v128.store(newV + i, velocity);
    v128.store(newW + i, f32x4.sub(weight, f32x4.mul(rates, velocity)));
  }
  for (; i < bytes; i += 4) {
    const weight = f32.load(w + i);
    const velocity = momentum * f32.load(v + i) + (f32.load(g + i) + decay * weight);
    f32.store(newV + i, velocity);
    f32.store(newW + i, weight - rate * velocity);
  }
}
