// Batch normalization in training over all but the last axis: x is [rows, channels], float32.
//
// Sums over rows are taken in float32 over blocks of 32 rows (which stay in the first-level cache) and added up
// in float64, so that their error does not grow with the batch; float64 sums lie in scratch.

const BLOCK: i32 = 32;

/** Adds a block's float32 sums of channels c to c + 3 to the float64 sums. */
// @ts-ignore: decorator
@inline
function addTo(sums: usize, c: i32, v: v128): void {
  const to = sums + (<usize>c << 3);
  const high = i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(v)));
  v128.store(to + 16, f64x2.add(v128.load(to + 16), f64x2.promote_low_f32x4(high)));
}

/** Bytes of scratch memory that `moments` needs: a float64 sum of each channel. */
export function momentsScratch(channels: f64): f64 {
  return channels * 8;
}

/** mean[c] and variance[c] (divided by rows) of x in two passes: mean first, then the mean of (x - mean)^2. */
export function moments(x: usize, rows: i32, channels: i32, mean: usize, variance: usize, scratch: usize): void {
  const pixel = <usize>channels << 2;
  const vectors = channels & ~3;
  memory.fill(scratch, 0, <usize>channels << 3);
  for (let r = 0; r < rows; r += BLOCK) {
    const end = min(rows, r + BLOCK);
    for (let c = 0; c < vectors; c += 4) {
      let sum = f32x4.splat(0);
      let p = x + <usize>r * pixel + (<usize>c << 2);
      for (let i = r; i < end; ++i) {
        sum = f32x4.add(sum, v128.load(p));
        p += pixel;
      }
      addTo(scratch, c, sum);
    }
    for (let c = vectors; c < channels; ++c) {
      let sum: f32 = 0;
      let p = x + <usize>r * pixel + (<usize>c << 2);
      for (let i = r; i < end; ++i) {
        sum += f32.load(p);
        p += pixel;
      }
      const to = scratch + (<usize>c << 3);
      f64.store(to, f64.load(to) + <f64>sum);
    }
  }
  finish(scratch, rows, channels, mean);
  for (let r = 0; r < rows; r += BLOCK) {
    const end = min(rows, r + BLOCK);
    for (let c = 0; c < vectors; c += 4) {
      let sum = f32x4.splat(0);
      const m = v128.load(mean + (<usize>c << 2));
      let p = x + <usize>r * pixel + (<usize>c << 2);
      for (let i = r; i < end; ++i) {
        const d = f32x4.sub(v128.load(p), m);
        sum = f32x4.add(sum, f32x4.mul(d, d));
        p += pixel;
      }
      addTo(scratch, c, sum);
    }
    for (let c = vectors; c < channels; ++c) {
      let sum: f32 = 0;
      const m = f32.load(mean + (<usize>c << 2));
      let p = x + <usize>r * pixel + (<usize>c << 2);
      for (let i = r; i < end; ++i) {
        const d = f32.load(p) - m;
        sum += d * d;
        p += pixel;
      }
      const to = scratch + (<usize>c << 3);
      f64.store(to, f64.load(to) + <f64>sum);
    }
  }
  finish(scratch, rows, channels, variance);
}

/** to[c] = sums[c] / rows, and clears the sums. */
function finish(sums: usize, rows: i32, channels: i32, to: usize): void {
  for (let c = 0; c < channels; ++c) {
    const from = sums + (<usize>c << 3);
    f32.store(to + (<usize>c << 2), <f32>(f64.load(from) / <f64>rows));
    f64.store(from, 0);
  }
}

/** Bytes of scratch memory that `normalize` needs: a float32 scale of each channel. */
export function normalizeScratch(channels: f64): f64 {
  return channels * 4;
}

/**
 * y = (x - mean) * scale + beta with scale = gamma / sqrt(variance + epsilon), so y = x * scale + shift.
 * The difference is taken first: x * scale + (beta - mean * scale) would cancel for a large mean.
 */
export function normalize(
  x: usize, rows: i32, channels: i32, mean: usize, variance: usize, gamma: usize, beta: usize, epsilon: f64,
  y: usize, scratch: usize,
): void {
  const pixel = <usize>channels << 2;
  for (let c: usize = 0; c < pixel; c += 4) {
    f32.store(scratch + c, <f32>(<f64>f32.load(gamma + c) / Math.sqrt(<f64>f32.load(variance + c) + epsilon)));
  }
  for (let r = 0; r < rows; ++r) {
    let c: usize = 0;
    for (; c + 16 <= pixel; c += 16) {
      const d = f32x4.sub(v128.load(x + c), v128.load(mean + c));
      v128.store(y + c, f32x4.add(f32x4.mul(d, v128.load(scratch + c)), v128.load(beta + c)));
    }
    for (; c < pixel; c += 4) {
      f32.store(y + c, (f32.load(x + c) - f32.load(mean + c)) * f32.load(scratch + c) + f32.load(beta + c));
    }
    x += pixel;
    y += pixel;
  }
}

/** Bytes of scratch memory, 8-byte aligned, that `batchNormBackprop` needs: two float64 sums and s, t, u in float32 for each channel. */
export function batchNormBackpropScratch(channels: f64): f64 {
  return channels * 28;
}

/**
 * Gradients of training batch norm, xhat = (x - mean) * inv, inv = 1 / sqrt(variance + epsilon):
 *   dBeta = sum dy,  dGamma = sum dy * xhat,
 *   dx = gamma * inv * (dy - dBeta / rows - xhat * dGamma / rows)
 *      = dy * s - (x - mean) * t - u,  s = gamma * inv, t = s * inv * dGamma / rows, u = s * dBeta / rows.
 */
export function batchNormBackprop(
  x: usize, dy: usize, rows: i32, channels: i32, mean: usize, variance: usize, gamma: usize, epsilon: f64,
  dx: usize, dGamma: usize, dBeta: usize, scratch: usize,
): void {
  const pixel = <usize>channels << 2;
  const vectors = channels & ~3;
  const sums = scratch, products = scratch + (<usize>channels << 3);
  memory.fill(scratch, 0, <usize>channels << 4);
  for (let r = 0; r < rows; r += BLOCK) {
    const end = min(rows, r + BLOCK);
    for (let c = 0; c < vectors; c += 4) {
      let sum = f32x4.splat(0), product = f32x4.splat(0);
      const m = v128.load(mean + (<usize>c << 2));
      let p = <usize>r * pixel + (<usize>c << 2);
      for (let i = r; i < end; ++i) {
        const g = v128.load(dy + p);
        sum = f32x4.add(sum, g);
        product = f32x4.add(product, f32x4.mul(g, f32x4.sub(v128.load(x + p), m)));
        p += pixel;
      }
      addTo(sums, c, sum);
      addTo(products, c, product);
    }
    for (let c = vectors; c < channels; ++c) {
      let sum: f32 = 0, product: f32 = 0;
      const m = f32.load(mean + (<usize>c << 2));
      let p = <usize>r * pixel + (<usize>c << 2);
      for (let i = r; i < end; ++i) {
        const g = f32.load(dy + p);
        sum += g;
        product += g * (f32.load(x + p) - m);
        p += pixel;
      }
      const at = <usize>c << 3;
      f64.store(sums + at, f64.load(sums + at) + <f64>sum);
      f64.store(products + at, f64.load(products + at) + <f64>product);
    }
  }
  const s = scratch + (<usize>channels << 4), t = s + pixel, u = t + pixel;
  for (let c: usize = 0; c < pixel; c += 4) {
    const inverse = 1.0 / Math.sqrt(<f64>f32.load(variance + c) + epsilon);
    const gradBeta = f64.load(sums + 2 * c), gradGamma = f64.load(products + 2 * c) * inverse;
    const scale = <f64>f32.load(gamma + c) * inverse;
    f32.store(dBeta + c, <f32>gradBeta);
    f32.store(dGamma + c, <f32>gradGamma);
    f32.store(s + c, <f32>scale);
    f32.store(t + c, <f32>(scale * inverse * gradGamma / <f64>rows));
    f32.store(u + c, <f32>(scale * gradBeta / <f64>rows));
  }
  for (let r = 0; r < rows; ++r) {
    let c: usize = 0;
    for (; c + 16 <= pixel; c += 16) {
      const d = f32x4.mul(f32x4.sub(v128.load(x + c), v128.load(mean + c)), v128.load(t + c));
      const g = f32x4.mul(v128.load(dy + c), v128.load(s + c));
      v128.store(dx + c, f32x4.sub(f32x4.sub(g, d), v128.load(u + c)));
    }
    for (; c < pixel; c += 4) {
      const d = (f32.load(x + c) - f32.load(mean + c)) * f32.load(t + c);
      f32.store(dx + c, f32.load(dy + c) * f32.load(s + c) - d - f32.load(u + c));
    }
    x += pixel;
    dy += pixel;
    dx += pixel;
  }
}
