// Matrix products in float32 on 4x8 register tiles; convolutions are built on the same two kernels.
//
// A tile is C[m][n] = sum over k of A[m][k] * B[k][n], m < 4, n < 8: 8 accumulators of 4 lanes, 2 vectors of B
// and 1 broadcast of A, which fits the 15 vector registers a compiler for x64 leaves to WASM. Each step of k
// costs 6 loads for 8 multiplies and 8 adds; every product is rounded before it is added (no fused
// multiply-add), so that results are the same on every machine.
//
// B is packed into panels of 8 columns, [panel][k][8], the last one filled up with zeros: a tile then reads B
// in order, and no kernel has a special case for widths that 8 does not divide. A is packed into strips of 4
// rows, [strip][k][4]: reading 4 rows where they lie, a power of two apart, hits the same cache bank 4 times
// over and was measured a third slower.

/** Floats in a row of a panel. */
const WIDTH: i32 = 8;

/**
 * One tile: C[m][n] = sum over r < rows, k < cols of a[m * 4 + r * rowStep + k * kStep] * b[r * cols + k][n].
 * Steps in bytes. Writes 4 rows of 8 floats, cStride bytes apart; with `add`, adds to what is there.
 */
export function multiplyTile(
  a: usize, kStep: usize, rowStep: usize, b: usize, rows: i32, cols: i32, c: usize, cStride: usize, add: bool,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  const run = <usize>cols * 32;
  for (let r = 0; r < rows; ++r) {
    let p = a;
    const end = b + run;
    while (b < end) {
      const x0 = v128.load(b), x1 = v128.load(b, 16);
      let s = v128.load_splat<f32>(p);
      c00 = f32x4.add(c00, f32x4.mul(s, x0)); c01 = f32x4.add(c01, f32x4.mul(s, x1));
      s = v128.load_splat<f32>(p, 4);
      c10 = f32x4.add(c10, f32x4.mul(s, x0)); c11 = f32x4.add(c11, f32x4.mul(s, x1));
      s = v128.load_splat<f32>(p, 8);
      c20 = f32x4.add(c20, f32x4.mul(s, x0)); c21 = f32x4.add(c21, f32x4.mul(s, x1));
      s = v128.load_splat<f32>(p, 12);
      c30 = f32x4.add(c30, f32x4.mul(s, x0)); c31 = f32x4.add(c31, f32x4.mul(s, x1));
      p += kStep; b += 32;
    }
    a += rowStep;
  }
  const d = c + cStride, e = d + cStride, f = e + cStride;
  if (add) {
    c00 = f32x4.add(c00, v128.load(c)); c01 = f32x4.add(c01, v128.load(c, 16));
    c10 = f32x4.add(c10, v128.load(d)); c11 = f32x4.add(c11, v128.load(d, 16));
    c20 = f32x4.add(c20, v128.load(e)); c21 = f32x4.add(c21, v128.load(e, 16));
    c30 = f32x4.add(c30, v128.load(f)); c31 = f32x4.add(c31, v128.load(f, 16));
  }
  v128.store(c, c00); v128.store(c, c01, 16);
  v128.store(d, c10); v128.store(d, c11, 16);
  v128.store(e, c20); v128.store(e, c21, 16);
  v128.store(f, c30); v128.store(f, c31, 16);
}

/** Bytes of packed strips worked on together, so that they stay in the second-level cache. */
export const STRIPS_BYTES: i32 = 131072;
/** Bytes of one tile: 4 rows of 8 floats. */
export const TILE_BYTES: i32 = 128;

/** Packs `cols` floats from each of 4 places, in turn: [k][4]. Returns where the next strip row goes. */
export function packStrip(p0: usize, p1: usize, p2: usize, p3: usize, cols: i32, to: usize): usize {
  let k = 0;
  for (; k + 4 <= cols; k += 4) {
    const a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), d = v128.load(p3);
    const ab = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const cd = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const ef = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    const gh = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    v128.store(to, i8x16.shuffle(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
    v128.store(to, i8x16.shuffle(ab, cd, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 16);
    v128.store(to, i8x16.shuffle(ef, gh, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 32);
    v128.store(to, i8x16.shuffle(ef, gh, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 48);
    p0 += 16; p1 += 16; p2 += 16; p3 += 16; to += 64;
  }
  for (; k < cols; ++k) {
    f32.store(to, f32.load(p0));
    f32.store(to, f32.load(p1), 4);
    f32.store(to, f32.load(p2), 8);
    f32.store(to, f32.load(p3), 12);
    p0 += 4; p1 += 4; p2 += 4; p3 += 4; to += 16;
  }
  return to;
}

/** Copies m rows of n <= 8 floats from a tile (rows 32 bytes apart) to c. */
export function storeTile(tile: usize, m: i32, n: i32, c: usize, cStride: usize): void {
  for (let i = 0; i < m; ++i) {
    if (n == WIDTH) {
      v128.store(c, v128.load(tile));
      v128.store(c, v128.load(tile, 16), 16);
    } else {
      for (let j = 0; j < n; ++j) f32.store(c + (j << 2), f32.load(tile + (j << 2)));
    }
    tile += 32;
    c += cStride;
  }
}

/** Packs a row-major [k, n] matrix, rows `stride` bytes apart, into panels [ceil(n / 8)][k][8]. */
export function packColumns(b: usize, k: i32, n: i32, stride: usize, panels: usize): void {
  let j = 0;
  for (; j + WIDTH <= n; j += WIDTH) {
    let from = b + (<usize>j << 2);
    for (let i = 0; i < k; ++i) {
      v128.store(panels, v128.load(from));
      v128.store(panels, v128.load(from, 16), 16);
      from += stride;
      panels += 32;
    }
  }
  if (j == n) return;
  memory.fill(panels, 0, <usize>k * 32);
  let from = b + (<usize>j << 2);
  for (let i = 0; i < k; ++i) {
    for (let l = 0; l < n - j; ++l) f32.store(panels + (l << 2), f32.load(from + (l << 2)));
    from += stride;
    panels += 32;
  }
}

/** Packs a row-major [n, k] matrix, read as its transpose [k, n], into panels [ceil(n / 8)][k][8]. */
export function packRows(b: usize, k: i32, n: i32, panels: usize): void {
  const stride = <usize>k << 2;
  for (let j = 0; j < n; j += WIDTH) {
    const width = min(WIDTH, n - j);
    if (width < WIDTH) memory.fill(panels, 0, <usize>k * 32);
    for (let l = 0; l < width; ++l) {
      let from = b + <usize>(j + l) * stride;
      let to = panels + (<usize>l << 2);
      for (let i = 0; i < k; ++i) {
        f32.store(to, f32.load(from));
        from += 4;
        to += 32;
      }
    }
    panels += <usize>k * 32;
  }
}

/** Packs rows i to i + 4 (the last one repeated past m) of op(a) into a strip [k][4]. */
function packRowsOf(a: usize, m: i32, k: i32, i: i32, transposed: i32, strip: usize): void {
  if (!transposed) {
    const stride = <usize>k << 2;
    packStrip(
      a + <usize>i * stride, a + <usize>min(i + 1, m - 1) * stride,
      a + <usize>min(i + 2, m - 1) * stride, a + <usize>min(i + 3, m - 1) * stride, k, strip,
    );
    return;
  }
  const stride = <usize>m << 2;
  a += <usize>i << 2;
  const height = min(4, m - i);
  for (let l = 0; l < k; ++l) {
    if (height == 4) v128.store(strip, v128.load(a));
    else for (let h = 0; h < height; ++h) f32.store(strip + (h << 2), f32.load(a + (h << 2)));
    a += stride;
    strip += 16;
  }
}

// Scratch sizes are float64: a layer of more than 4 GiB must not wrap around to a small one.

/** Bytes of k rows of n columns as panels. */
export function panelsBytes(k: f64, n: f64): f64 {
  return ceil<f64>(n / 8) * k * 32;
}

/** Bytes of a tile, and of the strips of k columns that are worked on together. */
export function stripsBytes(k: f64): f64 {
  return TILE_BYTES + max<f64>(STRIPS_BYTES, k * 16);
}

/** Bytes of scratch memory that `matMul` needs. */
export function matMulScratch(n: f64, k: f64): f64 {
  return stripsBytes(k) + panelsBytes(k, n);
}

/** c[m, n] = op(a) op(b), op the transpose where its flag is 1. a is [m, k] or [k, m], b is [k, n] or [n, k]. */
export function matMul(
  a: usize, b: usize, c: usize, m: i32, n: i32, k: i32, transposeA: i32, transposeB: i32, scratch: usize,
): void {
  const tile = scratch, panels = scratch + TILE_BYTES;
  const panelBytes = <usize>k << 5, stripBytes = <usize>k << 4;
  const strips = panels + <usize>((n + 7) >> 3) * panelBytes;
  if (transposeB) packRows(b, k, n, panels);
  else packColumns(b, k, n, <usize>n << 2, panels);
  const cStride = <usize>n << 2;
  const group = max(1, STRIPS_BYTES / max(1, k << 4)) << 2;
  for (let first = 0; first < m; first += group) {
    const end = min(m, first + group);
    let strip = strips;
    for (let i = first; i < end; i += 4) {
      packRowsOf(a, m, k, i, transposeA, strip);
      strip += stripBytes;
    }
    let panel = panels;
    for (let j = 0; j < n; j += WIDTH) {
      const width = min(WIDTH, n - j);
      strip = strips;
      for (let i = first; i < end; i += 4) {
        const height = min(4, m - i);
        const to = c + <usize>i * cStride + (<usize>j << 2);
        if (height == 4 && width == WIDTH) {
          multiplyTile(strip, 16, 0, panel, 1, k, to, cStride, false);
        } else {
          multiplyTile(strip, 16, 0, panel, 1, k, tile, 32, false);
          storeTile(tile, height, width, to, cStride);
        }
        strip += stripBytes;
      }
      panel += panelBytes;
    }
  }
}
