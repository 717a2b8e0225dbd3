// Residual binarization of activations, x is [samples, features] float32: the same numbers, bit for bit, as
// @hbnn/core's selectBits and binarize applied to each sample (or to the whole batch, where scales are shared).
//
// Exactness: magnitudes, keys and sums are float64, added in index order; an element that takes no part adds
// +0, which changes no sum. What is left of an element is reduced by the scale in float64; the scale that is stored
// is that one rounded once to float32. The output is the sum of at most 8 rounded scales in float64, rounded once.

import { MIDDLE_OUT, TOP_DOWN } from '../../src/layout/rankCodes';
import { applyScales, applySign, LAST_ROW, TABLE_BYTES } from './applyScales';

/** Buckets of the first look at keys: 8 bits of exponent and 4 of mantissa of the key rounded to float32. */
const BUCKETS: i32 = 4096;

// Scratch, from its start: cut values f64[9], ties i32[9 + 1], tie counters i32[10], float64 scales
// table[9][8] (zero where a bitwidth has no such plane), histogram i32[4096], then keys f64[features],
// candidates f64[features] and bitwidths u8[features].
const TIES: usize = 72;
const SEEN: usize = 112;
const TABLE: usize = 152;
const HISTOGRAM: usize = TABLE + TABLE_BYTES;
/** The scales as they are, unrounded: f64[8]. */
const EXACT: usize = TABLE + LAST_ROW;
const KEYS: usize = HISTOGRAM + <usize>BUCKETS * 4;

// @ts-ignore: decorator
@inline
function bucketOf(key: f64): i32 {
  return reinterpret<u32>(<f32>key) >> 19;
}

// @ts-ignore: decorator
@inline
function magnitude(x: usize): f64 {
  return abs<f64>(<f64>f32.load(x));
}

/** means[i] = mean |x| of sample i in float64. Four samples at a time, so that four chains of additions overlap. */
function sampleMeans(x: usize, samples: i32, features: i32, means: usize): void {
  const bytes = <usize>features << 2;
  let i = 0;
  for (; i + 4 <= samples; i += 4) {
    let a = x, b = a + bytes, c = b + bytes, d = c + bytes;
    const end = b;
    let sa: f64 = 0, sb: f64 = 0, sc: f64 = 0, sd: f64 = 0;
    for (; a < end; a += 4, b += 4, c += 4, d += 4) {
      sa += magnitude(a);
      sb += magnitude(b);
      sc += magnitude(c);
      sd += magnitude(d);
    }
    f64.store(means, sa / <f64>features);
    f64.store(means, sb / <f64>features, 8);
    f64.store(means, sc / <f64>features, 16);
    f64.store(means, sd / <f64>features, 24);
    means += 32;
    x += bytes << 2;
  }
  for (; i < samples; ++i) {
    let sum: f64 = 0;
    for (const end = x + bytes; x < end; x += 4) sum += magnitude(x);
    f64.store(means, sum / <f64>features);
    means += 8;
  }
}

/**
 * Keys in the order of few bits first, all of them >= 0, and their histogram.
 * MIDDLE_OUT: | |x| - centre |; BOTTOM_UP: |x|; TOP_DOWN: the float64 whose bits are those of the largest number less
 * those of |x|, which turns the order of non-negative numbers around without rounding.
 */
function makeKeys(x: usize, features: i32, rank: i32, centre: f64, scratch: usize): void {
  const histogram = scratch + HISTOGRAM;
  memory.fill(histogram, 0, <usize>BUCKETS << 2);
  let to = scratch + KEYS;
  for (const end = x + (<usize>features << 2); x < end; x += 4) {
    let key = magnitude(x);
    if (rank == MIDDLE_OUT) key = abs<f64>(key - centre);
    else if (rank == TOP_DOWN) key = reinterpret<f64>(<u64>0x7fefffffffffffff - reinterpret<u64>(key));
    f64.store(to, key);
    const slot = histogram + (<usize>bucketOf(key) << 2);
    i32.store(slot, i32.load(slot) + 1);
    to += 8;
  }
}

/** The place-th smallest of count keys, which are reordered (Hoare's selection). */
function select(keys: usize, count: i32, place: i32): f64 {
  let low = 0, high = count - 1;
  while (low < high) {
    const pivot = f64.load(keys + (<usize>((low + high) >> 1) << 3));
    let i = low, j = high;
    while (i <= j) {
      while (f64.load(keys + (<usize>i << 3)) < pivot) ++i;
      while (pivot < f64.load(keys + (<usize>j << 3))) --j;
      if (i <= j) {
        const a = keys + (<usize>i << 3), b = keys + (<usize>j << 3);
        const swap = f64.load(a);
        f64.store(a, f64.load(b));
        f64.store(b, swap);
        ++i;
        --j;
      }
    }
    if (place <= j) high = j;
    else if (place >= i) low = i;
    else break;
  }
  return f64.load(keys + (<usize>place << 3));
}

/**
 * For each cut, with `end` elements before it: its value, the largest key before it, and how many of the keys
 * equal to that value lie before it. An end of 0 gives a value below all keys.
 */
function findCuts(features: i32, ends: usize, cuts: i32, scratch: usize): void {
  const histogram = scratch + HISTOGRAM, keys = scratch + KEYS;
  const candidates = keys + (<usize>features << 3);
  let before = 0, bucket = 0;
  for (let i = 0; i < cuts; ++i) {
    const end = i32.load(ends + (i << 2));
    i32.store(scratch + SEEN + (i << 2), 0);
    if (end == 0) {
      f64.store(scratch + (i << 3), -1);
      i32.store(scratch + TIES + (i << 2), 0);
      continue;
    }
    let size = i32.load(histogram + (<usize>bucket << 2));
    while (before + size < end) {
      before += size;
      size = i32.load(histogram + (<usize>(++bucket) << 2));
    }
    let found = 0;
    for (let k = keys; k < candidates; k += 8) {
      const key = f64.load(k);
      if (bucketOf(key) != bucket) continue; // most keys: cheaper to predict than to store them all
      f64.store(candidates + (<usize>(found++) << 3), key);
    }
    const value = select(candidates, found, end - 1 - before);
    let smaller = before;
    for (let k = 0; k < found; ++k) smaller += i32(f64.load(candidates + (<usize>k << 3)) < value);
    f64.store(scratch + (i << 3), value);
    i32.store(scratch + TIES + (i << 2), end - smaller);
  }
}

/** The number of cuts that a key lies beyond, equal keys by index: counts those it has seen. */
function cutsBefore(key: f64, cuts: i32, scratch: usize): i32 {
  let c = 0;
  for (let i = 0; i < cuts; ++i) {
    const value = f64.load(scratch + (i << 3));
    c += i32(key > value);
    if (key == value) {
      const slot = scratch + SEEN + (i << 2);
      const seen = i32.load(slot);
      c += i32(seen >= i32.load(scratch + TIES + (i << 2)));
      i32.store(slot, seen + 1);
    }
  }
  return c;
}

/** bits[j] = widths[number of cuts that element j lies beyond]; one or two cuts, the usual case, in registers. */
function assignBits(features: i32, cuts: i32, widths: usize, bits: usize, scratch: usize): void {
  const first = f64.load(scratch), second = cuts > 1 ? f64.load(scratch, 8) : Infinity;
  const few = cuts <= 2;
  let k = scratch + KEYS;
  for (const end = bits + <usize>features; bits < end; ++bits) {
    const key = f64.load(k);
    let c = i32(key > first) + i32(key > second);
    if (!few || key == first || key == second) c = cutsBefore(key, cuts, scratch);
    store<u8>(bits, load<u8>(widths + c));
    k += 8;
  }
}

/** The mean of a plane; 0 if it is empty. */
// @ts-ignore: decorator
@inline
function scaleOf(sum: f64, count: i32): f64 {
  return count > 0 ? sum / <f64>count : 0;
}

/**
 * The scales of one sample. A plane's members are gathered in index order with the magnitude of what is left,
 * | a - scale |, before they are added up. Where every element has a bit, the first plane's mean is `mean`.
 * Scales go to the scratch as they are and to `scales` rounded.
 */
function sampleScales(
  x: usize, bits: usize, features: i32, planes: i32, everyone: bool, mean: f64, scales: usize, scratch: usize,
): void {
  const exact = scratch + EXACT, list = scratch + KEYS, members = list + (<usize>features << 3);
  let count = 0;
  let n = 0;
  // Gather the members of the first plane, or after its scale those of the second.
  const scale: f64 = everyone ? mean : 0;
  if (everyone) {
    f64.store(exact, scale);
    f32.store(scales, <f32>scale);
  }
  n = i32(everyone);
  for (let j = 0; j < features; ++j) {
    const width = load<u8>(bits + j);
    f64.store(list + (<usize>count << 3), abs<f64>(magnitude(x + (<usize>j << 2)) - scale));
    store<u8>(members + count, width);
    count += i32(<i32>width > n);
  }
  for (; n < planes; ++n) {
    let sum: f64 = 0;
    for (let k = list, end = list + (<usize>count << 3); k < end; k += 8) sum += f64.load(k);
    const scale = scaleOf(sum, count);
    f64.store(exact + (n << 3), scale);
    f32.store(scales + (n << 2), <f32>scale);
    let kept = 0;
    for (let k = 0; k < count; ++k) {
      const width = <i32>load<u8>(members + k);
      f64.store(list + (<usize>kept << 3), abs<f64>(f64.load(list + (<usize>k << 3)) - scale));
      store<u8>(members + kept, <u8>width);
      kept += i32(width > n + 1);
    }
    count = kept;
  }
}

/** Whether every element has at least one bit. */
function allHaveBits(bits: usize, features: i32): bool {
  for (let j = 0; j < features; ++j) if (!load<u8>(bits + j)) return false;
  return true;
}

/**
 * The scales of a map shared by all samples: sums over sample after sample. A plane's members are listed once,
 * as offsets into a sample. Scales go to the scratch as they are and to `scales` rounded.
 */
function sharedScales(
  x: usize, bits: usize, samples: i32, features: i32, planes: i32, scales: usize, scratch: usize,
): void {
  const exact = scratch + EXACT, list = scratch + KEYS;
  for (let n = 0; n < planes; ++n) {
    let members = 0;
    for (let j = 0; j < features; ++j) {
      i32.store(list + (<usize>members << 2), j << 2);
      members += i32(<i32>load<u8>(bits + j) > n);
    }
    const end = list + (<usize>members << 2);
    let sum: f64 = 0;
    for (let i = 0, p = x; i < samples; ++i, p += <usize>features << 2) {
      for (let k = list; k < end; k += 4) {
        let a = magnitude(p + <usize>i32.load(k));
        for (let m: usize = 0; m < <usize>n << 3; m += 8) a = abs<f64>(a - f64.load(exact + m));
        sum += a;
      }
    }
    const scale = scaleOf(sum, members * samples);
    f64.store(exact + (n << 3), scale);
    f32.store(scales + (n << 2), <f32>scale);
  }
}

/** Bytes of scratch memory, 8-byte aligned, that `binarizeSamples` needs: means, and the parts listed at the top. */
export function binarizeSamplesScratch(samples: f64, features: f64): f64 {
  return samples * 8 + <f64>KEYS + features * 17;
}

/**
 * Every sample binarized with a map and scales of its own: scales is [samples, planes].
 * classes bitwidths widths[c], ascending, the c-th up to rank ends[c]; with classes 0, the map `bits` of all.
 */
export function binarizeSamples(
  x: usize, out: usize, samples: i32, features: i32, rank: i32, classes: i32, widths: usize, ends: usize,
  bits: usize, planes: i32, scales: usize, scratch: usize,
): void {
  const means = scratch;
  scratch += <usize>samples << 3;
  const own = classes > 1 ? scratch + KEYS + (<usize>features << 4) : bits;
  const uniform = classes == 1;
  sampleMeans(x, samples, features, means);
  const everyone = planes > 0 && (classes > 0 ? load<u8>(widths) > 0 : allHaveBits(bits, features));
  for (let i = 0; i < samples; ++i) {
    const mean = f64.load(means + (<usize>i << 3));
    if (uniform && planes == 1) {
      f32.store(scales, <f32>mean);
      applySign(x, features, <f32>mean, out);
    } else {
      if (classes > 1) {
        makeKeys(x, features, rank, mean, scratch);
        findCuts(features, ends, classes - 1, scratch);
        assignBits(features, classes - 1, widths, own, scratch);
      }
      sampleScales(x, own, features, planes, everyone, mean, scales, scratch);
      applyScales(x, own, features, planes, true, scratch + TABLE, out);
    }
    scales += <usize>planes << 2;
    x += <usize>features << 2;
    out += <usize>features << 2;
  }
}

/** Bytes of scratch memory, 8-byte aligned, that `binarizeShared` needs. */
export function binarizeSharedScratch(features: f64): f64 {
  return <f64>KEYS + features * 4;
}

/**
 * All samples binarized with one map bits[features] and one set of scales[planes]: measured over the batch, or
 * given (then what is left is reduced by those float32 numbers).
 */
export function binarizeShared(
  x: usize, out: usize, samples: i32, features: i32, bits: usize, planes: i32, scales: usize, measure: i32,
  scratch: usize,
): void {
  if (measure) sharedScales(x, bits, samples, features, planes, scales, scratch);
  else for (let n = 0; n < planes; ++n) f64.store(scratch + EXACT + (n << 3), <f64>f32.load(scales + (n << 2)));
  for (let i = 0; i < samples; ++i) {
    applyScales(x, bits, features, planes, i == 0, scratch + TABLE, out);
    x += <usize>features << 2;
    out += <usize>features << 2;
  }
}

/** Bytes of scratch memory that `meanMagnitudes` needs: a float64 sum of each feature. */
export function meanMagnitudesScratch(features: f64): f64 {
  return features * 8;
}

/** means[j] = mean over samples of |x[i][j]|, added up in float64. */
export function meanMagnitudes(x: usize, samples: i32, features: i32, means: usize, scratch: usize): void {
  memory.fill(scratch, 0, <usize>features << 3);
  for (let i = 0; i < samples; ++i) {
    for (let j = 0; j < features; ++j) {
      const to = scratch + (<usize>j << 3);
      f64.store(to, f64.load(to) + magnitude(x));
      x += 4;
    }
  }
  for (let j = 0; j < features; ++j) {
    f32.store(means + (<usize>j << 2), <f32>(f64.load(scratch + (<usize>j << 3)) / <f64>samples));
  }
}
