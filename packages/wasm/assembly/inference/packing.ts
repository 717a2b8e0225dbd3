// Weights as a file or a model has them, looked through and brought to the layouts of kernels. A weight of at most three
// planes has a code of four bits: with b planes 2^b - 2 plus its signs, and 14 with none. Code 15 is a weight that is
// unsound: one of more bits than there are planes, or with signs beyond its bits.

/** Codes of sixteen weights. limits: above the largest signs of each bitwidth, 0 for those that are unsound. */
// @ts-ignore: decorator
@inline
function sixteenCodes(bits: usize, signs: usize, limits: v128): v128 {
  const b = v128.load(bits), s = v128.load(signs);
  const first = i8x16(14, 0, 2, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const unsound = i8x16.ge_u(s, i8x16.swizzle(limits, b));
  return v128.and(v128.or(i8x16.add(i8x16.swizzle(first, b), s), unsound), i8x16.splat(15));
}

/** What is added to the codes of sixteen weights of which the last ones lie beyond a row. */
// @ts-ignore: decorator
@inline
function beyond(left: i32): v128 {
  const index = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return i8x16.ge_u(index, i8x16.splat(<i8>left));
}

// @ts-ignore: decorator
@inline
function laneSum(v: v128): i32 {
  const two = i32x4.add(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  return i32x4.extract_lane(two, 0) + i32x4.extract_lane(two, 1);
}

/**
 * Sum what the codes of each row stand for, and see which codes there are.
 *
 * tables: uint8 low bytes of each code's value, then int8 high bytes; `step` bytes from row to row. out: int32 the sum,
 * and a bit for each code.
 */
export function sumCodes(
  bits: usize, signs: usize, rows: i32, row: i32, limits: usize, tables: usize, step: i32, out: usize,
): void {
  const max = v128.load(limits);
  const lowHot = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  const highHot = i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, -128);
  for (let r = 0; r < rows; ++r, out += 8, tables += <usize>step, bits += <usize>row, signs += <usize>row) {
    const low = v128.load(tables), high = v128.load(tables, 16);
    let lows = i32x4.splat(0), highs = lows, lowSeen = lows, highSeen = lows;
    for (let i = 0; i < row; i += 16) {
      let codes = sixteenCodes(bits + <usize>i, signs + <usize>i, max);
      if (row - i < 16) codes = v128.or(codes, v128.and(beyond(row - i), i8x16.splat(-128)));
      const l = i16x8.extadd_pairwise_i8x16_u(i8x16.swizzle(low, codes));
      const h = i16x8.extadd_pairwise_i8x16_s(i8x16.swizzle(high, codes));
      lows = i32x4.add(lows, i32x4.extadd_pairwise_i16x8_s(l));
      highs = i32x4.add(highs, i32x4.extadd_pairwise_i16x8_s(h));
      lowSeen = v128.or(lowSeen, i8x16.swizzle(lowHot, codes));
      highSeen = v128.or(highSeen, i8x16.swizzle(highHot, codes));
    }
    store<i32>(out, laneSum(lows) + (laneSum(highs) << 8));
    store<i32>(out, orOf(lowSeen) | (orOf(highSeen) << 8), 4);
  }
}

// @ts-ignore: decorator
@inline
function orOf(v: v128): i32 {
  let x = i64x2.extract_lane(v, 0) | i64x2.extract_lane(v, 1);
  x |= x >>> 32;
  x |= x >>> 16;
  return <i32>((x | (x >>> 8)) & 255);
}

/** Rows of codes as codes.ts reads them, each filled up with codes of weights without planes. */
export function packCodes(bits: usize, signs: usize, rows: i32, row: i32, limits: usize, out: usize): void {
  const max = v128.load(limits), none = i8x16.splat(14);
  for (let r = 0; r < rows; ++r, bits += <usize>row, signs += <usize>row)
    for (let i = 0; i < row; i += 32, out += 16) {
      let low = sixteenCodes(bits + <usize>i, signs + <usize>i, max);
      let high = none;
      const left = row - i;
      if (left < 16) low = v128.bitselect(none, low, beyond(left));
      if (left > 16) {
        high = sixteenCodes(bits + <usize>(i + 16), signs + <usize>(i + 16), max);
        if (left < 32) high = v128.bitselect(none, high, beyond(left - 16));
      }
      v128.store(out, v128.or(low, i8x16.shl(high, 4)));
    }
}

/** What codes stand for, as int8. tables: int8 [16], `step` bytes from row to row. */
export function readCodes(
  bits: usize, signs: usize, rows: i32, row: i32, limits: usize, tables: usize, step: i32, out: usize,
): void {
  const max = v128.load(limits);
  for (let r = 0; r < rows; ++r, tables += <usize>step, bits += <usize>row, signs += <usize>row, out += <usize>row) {
    const table = v128.load(tables);
    // What is written beyond a row is written anew by the next one.
    for (let i = 0; i < row; i += 16)
      v128.store(out + <usize>i, i8x16.swizzle(table, sixteenCodes(bits + <usize>i, signs + <usize>i, max)));
  }
}

function commonDivisor(a: i32, b: i32): i32 {
  while (b != 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/** Look through rows of int8 weights, none of them -128. out: int32 sum of |w|, largest |w|, greatest common divisor. */
export function lookThrough(values: usize, rows: i32, row: i32, out: usize): void {
  for (let r = 0; r < rows; ++r, out += 12, values += <usize>row) {
    let sums = i32x4.splat(0), most = sums;
    for (let i = 0; i < row; i += 16) {
      let w = i8x16.abs(v128.load(values + <usize>i));
      if (row - i < 16) w = v128.andnot(w, beyond(row - i));
      most = i8x16.max_u(most, w);
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(w)));
    }
    let largest = 0;
    for (let k = 0; k < 4; ++k) {
      let word = i32x4.extract_lane(most, 0);
      most = i32x4.shuffle(most, most, 1, 2, 3, 0);
      for (; word != 0; word >>>= 8) largest = max<i32>(largest, word & 255);
    }
    let divisor = 0;
    for (let i = 0; i < row && divisor != 1; ++i)
      divisor = commonDivisor(abs<i32>(<i32>load<i8>(values + <usize>i)), divisor);
    store<i32>(out, laneSum(sums));
    store<i32>(out, largest, 4);
    store<i32>(out, divisor, 8);
  }
}

/** Sums of each row's int8 weights times int16 inputs, which are filled up with 0 to a multiple of sixteen. */
export function sumProducts(values: usize, rows: i32, row: i32, inputs: usize, out: usize): void {
  for (let r = 0; r < rows; ++r, out += 4, values += <usize>row) {
    let sums = i32x4.splat(0);
    for (let i = 0; i < row; i += 16) {
      const w = v128.load(values + <usize>i);
      const a = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w), v128.load(inputs + (<usize>i << 1)));
      const b = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w), v128.load(inputs + (<usize>i << 1), 16));
      sums = i32x4.add(sums, i32x4.add(a, b));
    }
    store<i32>(out, laneSum(sums));
  }
}

/**
 * Quads, int8 [outputs / 4][rows][position][4 outputs][4 channels], in memory that holds 0.
 *
 * @param order int32 channels in order; 0 where all come as they lie
 */
export function layQuads(
  values: usize, outputs: i32, positions: i32, inputs: i32, order: usize, channels: i32, out: usize,
): void {
  const pitch = <usize>positions << 4;
  const whole = channels & ~3;
  const group = pitch * <usize>((channels + 3) >> 2);
  for (let o = 0; o < outputs; ++o) {
    const first = out + <usize>(o >> 2) * group + (<usize>(o & 3) << 2);
    for (let p = 0; p < positions; ++p, values += <usize>inputs) {
      let at = first + (<usize>p << 4);
      let n = 0;
      if (order == 0) for (; n < whole; n += 4, at += pitch) store<i32>(at, load<i32>(values + <usize>n));
      else
        for (; n < whole; n += 4, at += pitch) {
          const list = order + (<usize>n << 2);
          const a = <u32>load<u8>(values + load<u32>(list)), b = <u32>load<u8>(values + load<u32>(list, 4));
          const c = <u32>load<u8>(values + load<u32>(list, 8)), d = <u32>load<u8>(values + load<u32>(list, 12));
          store<u32>(at, a | (b << 8) | (c << 16) | (d << 24));
        }
      for (; n < channels; ++n, ++at)
        store<u8>(at, load<u8>(values + (order == 0 ? <usize>n : <usize>load<u32>(order + (<usize>n << 2)))));
    }
  }
}

/**
 * Plan the runs of the tables of some groups: see lookup.ts.
 *
 * runs: { uint32 length, uint8 starts[4] } for each run, `pitch` bytes from group to group, in memory that holds 0; 0 to
 * count them alone. facts: int32 for each group the number of runs, or -1 where a table or the whole sum spans too much;
 * the largest span of an output's sum; each output's sum of negative weights, as a positive number.
 */
export function planRuns(
  quads: usize, groups: i32, groupBytes: i32, places: i32, runs: usize, pitch: i32, facts: usize,
): void {
  for (let g = 0; g < groups; ++g, quads += <usize>groupBytes, facts += 24) {
    groupRuns(quads, places, runs, facts);
    if (runs != 0) runs += <usize>pitch;
  }
}

function groupRuns(quads: usize, places: i32, runs: usize, facts: usize): void {
  const maxRun = i32x4.splat(255), maxWhole = i32x4.splat(65535);
  let whole = i32x4.splat(0), span = whole, below = whole, negatives = whole;
  let length = 0, count = 0;
  for (const end = quads + (<usize>places << 4); quads < end; quads += 16) {
    const w = v128.load(quads);
    const table = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(i8x16.abs(w)));
    const sum = i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(w));
    whole = i32x4.add(whole, table);
    if (v128.any_true(v128.or(i32x4.gt_s(table, maxRun), i32x4.gt_s(whole, maxWhole)))) {
      store<i32>(facts, -1);
      return;
    }
    let longer = i32x4.add(span, table);
    if (v128.any_true(i32x4.gt_s(longer, maxRun))) {
      if (runs != 0) endRun(runs + (<usize>count << 3), length, below);
      negatives = i32x4.add(negatives, below);
      below = i32x4.splat(0);
      longer = table;
      length = 0;
      ++count;
    }
    span = longer;
    below = i32x4.add(below, i32x4.shr_s(i32x4.sub(table, sum), 1));
    ++length;
  }
  if (length > 0) {
    if (runs != 0) endRun(runs + (<usize>count << 3), length, below);
    ++count;
  }
  store<i32>(facts, count);
  const ab = max<i32>(i32x4.extract_lane(whole, 0), i32x4.extract_lane(whole, 1));
  store<i32>(facts, max<i32>(ab, max<i32>(i32x4.extract_lane(whole, 2), i32x4.extract_lane(whole, 3))), 4);
  v128.store(facts, i32x4.add(negatives, below), 8);
}

// @ts-ignore: decorator
@inline
function endRun(run: usize, length: i32, below: v128): void {
  store<i32>(run, length);
  const bytes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(below, below), below);
  store<i32>(run, i32x4.extract_lane(bytes, 0), 4);
}

/**
 * Set the bits of one plane's members and of those with sign +1, in memory that holds 0: [rows][rowBytes], position after
 * position. Each position has whole groups of four channels.
 *
 * @param order int32 channels in order; 0 where all come as they lie
 */
export function packBits(
  bits: usize, signs: usize, rows: i32, positions: i32, inputs: i32, order: usize, channels: i32, plane: i32,
  members: usize, positives: usize, rowBytes: i32,
): void {
  const above = i8x16.splat(<i8>plane), one = i8x16.shl(i8x16.splat(1), plane);
  const pitch = (channels + 3) & ~3;
  for (let r = 0; r < rows; ++r, members += <usize>rowBytes, positives += <usize>rowBytes)
    for (let p = 0; p < positions; ++p, bits += <usize>inputs, signs += <usize>inputs)
      for (let n = 0; n < channels; n += 16) {
        const left = channels - n;
        let b: v128, s: v128;
        if (order == 0) {
          b = v128.load(bits + <usize>n);
          s = v128.load(signs + <usize>n);
        } else {
          b = gathered(bits, order + (<usize>n << 2), left);
          s = gathered(signs, order + (<usize>n << 2), left);
        }
        let mask = i8x16.bitmask(i8x16.gt_u(b, above));
        if (left < 16) mask &= (1 << left) - 1;
        const plus = mask & i8x16.bitmask(i8x16.eq(v128.and(s, one), one));
        const bit = p * pitch + n;
        const at = <usize>(bit >>> 3);
        // Three bytes, of which the last one may lie beyond the row, where it takes nothing.
        store<u32>(members + at, load<u32>(members + at) | (<u32>mask << (bit & 7)));
        store<u32>(positives + at, load<u32>(positives + at) | (<u32>plus << (bit & 7)));
      }
}

function gathered(from: usize, order: usize, left: i32): v128 {
  let v = i8x16.splat(0);
  // Bytes come in from the highest lane.
  for (let i = 0; i < 16; ++i) {
    const byte = i < left ? load<u8>(from + <usize>load<u32>(order + (<usize>i << 2))) : 0;
    v = i8x16.replace_lane(i8x16.shuffle(v, v, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0), 15, byte);
  }
  return v;
}
