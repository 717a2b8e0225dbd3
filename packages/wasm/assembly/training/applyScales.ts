// These functions binarize a sample whose bits and scales are known: an output is the sum over the element's planes of
// the rounded scale times the sign of what is left. The caller has written the scales, unrounded, into the last row of
// a table.

/** Classes of bitwidths: 0 to 8 bits. */
const CLASSES: i32 = 9;
/** The table: float64 scales [9][8], a row for each bitwidth, zero where a bitwidth has no such plane. */
export const TABLE_BYTES: usize = 9 * 8 * 8;
/** Where the last row starts, of 8 bits: the scales of all planes. */
export const LAST_ROW: usize = 8 * 64;

/** table[width][n] = scales[n] where n < width, else 0; the last row holds the scales of all planes already. */
function fillTable(planes: i32, table: usize): void {
  for (let width = 0; width < CLASSES - 1; ++width) {
    const row = table + (<usize>width << 6);
    for (let n = 0; n < planes; ++n) {
      f64.store(row + (n << 3), n < width ? f64.load(table + LAST_ROW + (n << 3)) : 0);
    }
  }
}

/**
 * out = sum over planes of the rounded scale * sign(what is left), sign(0) = -1. Two elements at a time, signs by masks: a
 * choice between two floats is a branch to V8, and this one is a coin toss.
 */
function applyTable(x: usize, bits: usize, features: i32, planes: i32, table: usize, out: usize): void {
  const zero = f64x2.splat(0);
  const tail = features & 1;
  for (let j = 0; j < features; j += 2) {
    const last = tail && j == features - 1;
    const a = table + (<usize>load<u8>(bits + j) << 6);
    const b = last ? a : table + (<usize>load<u8>(bits + j, 1) << 6);
    let rest = f64x2.promote_low_f32x4(last ? v128.load32_zero(x) : v128.load64_zero(x));
    let sum = zero; // -0 + 0 = +0, as for an element of no bits in core
    for (let n = 0; n < planes; ++n) {
      const scales = v128.load64_lane(b + (n << 3), v128.load64_zero(a + (n << 3)), 1);
      const step = v128.bitselect(scales, f64x2.neg(scales), f64x2.gt(rest, zero));
      sum = f64x2.add(sum, f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(step)));
      rest = f64x2.sub(rest, step);
    }
    const rounded = f32x4.demote_f64x2_zero(sum);
    if (last) v128.store32_lane(out, rounded, 0);
    else v128.store64_lane(out, rounded, 0);
    x += 8;
    out += 8;
  }
}

/** Orders of Infinity and -Infinity among all floats: see floatAt. */
const MOST: i32 = 0x7f800000;
const LEAST: i32 = -0x7f800001;

/** The float whose order among all floats, -0 below +0, is given. */
// @ts-ignore: decorator
@inline
function floatAt(order: i32): f32 {
  return reinterpret<f32>(order ^ ((order >> 31) & 0x7fffffff));
}

/** Whether what is left of x after the steps a and b is positive. */
// @ts-ignore: decorator
@inline
function isLeft(order: i32, a: f64, b: f64): bool {
  return <f64>floatAt(order) - a - b > 0;
}

/**
 * The largest float x with (x - a) - b <= 0 in float64: what is left of an element after the steps a and b is
 * positive just where the element is larger, as rounding keeps order. Sought from a + b in steps that double.
 */
function threshold(a: f64, b: f64): f32 {
  let order = reinterpret<i32>(<f32>(a + b));
  order = max(LEAST, min(MOST, order ^ ((order >> 31) & 0x7fffffff))); // NaN lies beyond
  let low = LEAST, high = MOST, step = 1;
  if (isLeft(order, a, b)) {
    high = order - 1;
    while (<u32>step <= <u32>(high - LEAST) && isLeft(high - step, a, b)) {
      high -= step + 1;
      step <<= 1;
    }
    if (<u32>step <= <u32>(high - LEAST)) low = high - step;
  } else {
    low = order;
    while (<u32>step <= <u32>(MOST - low) && !isLeft(low + step, a, b)) {
      low += step;
      step <<= 1;
    }
    if (<u32>step <= <u32>(MOST - low)) high = low + step - 1;
  }
  while (low < high) {
    const middle = high - ((high - low) >>> 1); // the difference may not fit 31 bits
    if (isLeft(middle, a, b)) high = middle - 1;
    else low = middle;
  }
  return floatAt(low);
}

/** Thresholds and outputs of 1 to 3 planes, from the scales in the table's last row; of planes that there are not, as if 0. */
function fillFew(planes: i32, table: usize): void {
  const a = f64.load(table + LAST_ROW);
  const b: f64 = planes > 1 ? f64.load(table + LAST_ROW, 8) : 0;
  const c: f64 = planes > 2 ? f64.load(table + LAST_ROW, 16) : 0;
  for (let i = 0; i < 2; ++i) {
    const first = i ? a : -a;
    f32.store(table + (i << 2), threshold(first, 0));
    // As `applyTable` adds up: from +0, each scale rounded, the sum rounded once.
    const one: f64 = 0.0 + <f64><f32>first;
    f32.store(table + ((6 + i) << 2), <f32>one);
    for (let j = 0; j < 2; ++j) {
      const second = j ? b : -b;
      f32.store(table + ((2 + 2 * i + j) << 2), threshold(first, second));
      const two = one + <f64><f32>second;
      f32.store(table + ((8 + 2 * i + j) << 2), <f32>two);
      for (let k = 0; k < 2; ++k) {
        f32.store(table + ((12 + 4 * i + 2 * j + k) << 2), <f32>(two + <f64><f32>(k ? c : -c)));
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function choose(yes: v128, no: v128, mask: v128): v128 {
  return v128.bitselect(yes, no, mask);
}

/**
 * What `applyTable` computes, for at most 3 planes and at least 4 features, without its float64: the signs of
 * four elements come from comparisons with thresholds, the outputs from a table. The last four may be done twice.
 */
function applyFew(x: usize, bits: usize, features: i32, table: usize, out: usize): void {
  const zero = f32x4.splat(0);
  const n2 = v128.load32_splat(table), p2 = v128.load32_splat(table, 4);
  const nn3 = v128.load32_splat(table, 8), np3 = v128.load32_splat(table, 12);
  const pn3 = v128.load32_splat(table, 16), pp3 = v128.load32_splat(table, 20);
  const n = v128.load32_splat(table, 24), p = v128.load32_splat(table, 28);
  const nn = v128.load32_splat(table, 32), np = v128.load32_splat(table, 36);
  const pn = v128.load32_splat(table, 40), pp = v128.load32_splat(table, 44);
  const nnn = v128.load32_splat(table, 48), nnp = v128.load32_splat(table, 52);
  const npn = v128.load32_splat(table, 56), npp = v128.load32_splat(table, 60);
  const pnn = v128.load32_splat(table, 64), pnp = v128.load32_splat(table, 68);
  const ppn = v128.load32_splat(table, 72), ppp = v128.load32_splat(table, 76);
  for (let j = 0; j < features; j += 4) {
    const at = min(j, features - 4);
    const value = v128.load(x + (<usize>at << 2));
    const width = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(bits + at)));
    const first = f32x4.gt(value, zero);
    const second = f32x4.gt(value, choose(p2, n2, first));
    const third = f32x4.gt(value, choose(choose(pp3, pn3, second), choose(np3, nn3, second), first));
    const one = choose(p, n, first);
    const two = choose(choose(pp, pn, second), choose(np, nn, second), first);
    const plus = choose(choose(ppp, ppn, third), choose(pnp, pnn, third), second);
    const minus = choose(choose(npp, npn, third), choose(nnp, nnn, third), second);
    const three = choose(plus, minus, first);
    const some = choose(choose(three, two, i32x4.gt_s(width, i32x4.splat(2))), one, i32x4.gt_s(width, i32x4.splat(1)));
    v128.store(out + (<usize>at << 2), v128.and(some, i32x4.gt_s(width, zero)));
  }
}

/** A sample binarized with the scales in the table's last row. `fresh`: they are others than at the last call. */
export function applyScales(
  x: usize, bits: usize, features: i32, planes: i32, fresh: bool, table: usize, out: usize,
): void {
  if (planes >= 1 && planes <= 3 && features >= 4) {
    // Thresholds and outputs lie where the rows of few bits would be.
    if (fresh) fillFew(planes, table);
    applyFew(x, bits, features, table, out);
  } else {
    if (fresh) fillTable(planes, table);
    applyTable(x, bits, features, planes, table, out);
  }
}

/** out = scale where x > 0, else 0 - scale (a scale of 0 gives +0, as core's sum does). */
export function applySign(x: usize, count: i32, scale: f32, out: usize): void {
  const plus = f32x4.splat(scale), zero = f32x4.splat(0), minus = f32x4.sub(zero, plus);
  const bytes = <usize>count << 2;
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    v128.store(out + i, v128.bitselect(plus, minus, f32x4.gt(v128.load(x + i), zero)));
  }
  for (; i < bytes; i += 4) f32.store(out + i, f32.load(x + i) > 0 ? scale : <f32>0 - scale);
}
