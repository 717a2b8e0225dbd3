/**
 * How elements are ranked for few bits: by the key | |x| − centre |, ascending or descending,
 * in float64; equal keys by index, lower index first.
 */
export interface Ranking {
  readonly centre: number;
  readonly descending: boolean;
}

/**
 * The end of a class of elements in a ranking: all keys before `threshold`, and of the keys equal
 * to it the first `ties` by index.
 */
export interface Cut {
  readonly threshold: number;
  readonly ties: number;
}

/** Memory that selection keeps between calls; it grows to the largest bucket seen. */
export interface RankWorkspace {
  histogram: Int32Array;
  list: Uint8Array;
  keys: Float64Array;
  spare: Float64Array;
}

export function rankWorkspace(): RankWorkspace {
  return {
    histogram: new Int32Array(1 << bucketBits),
    list: new Uint8Array(1 << bucketBits),
    keys: new Float64Array(0),
    spare: new Float64Array(0),
  };
}

const bucketBits = 16;
/** Up to this many keys the engine's own sort is as fast as any histogram; a constant, so still linear. */
const smallCount = 2048;

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/**
 * Find where classes of the given sizes end, without sorting everything.
 *
 * Keys are rounded to float32 (which keeps their order) and counted by the 16 high bits of that,
 * 8 of exponent and 8 of mantissa; only the buckets in which a cut falls are gathered and sorted,
 * by radix. Reads x twice (2·bytes of x per element, about 6 operations each time) and is linear
 * even when all keys share one bucket (then 4 more passes over 8-byte keys).
 *
 * @param x the values; key as in Ranking
 * @param ends for each cut the number of elements before it, ascending, 0 … x.length
 */
export function rankCuts(
  x: Float32Array | Float64Array,
  ranking: Ranking,
  ends: readonly number[],
  workspace: RankWorkspace,
): Cut[] {
  const n = x.length;
  if (n <= smallCount) {
    const keys = grow(workspace, 'keys', n);
    gatherAll(x, ranking.centre, keys);
    keys.subarray(0, n).sort();
    return ends.map((end) => cutIn(keys, 0, n, end, n, ranking.descending, 0));
  }
  const { histogram, list } = workspace;
  histogram.fill(0);
  countBuckets(x, ranking.centre, histogram);
  const buckets = cutBuckets(histogram, ends, n, ranking.descending);
  list.fill(0);
  let total = 0;
  const cursors = new Int32Array(buckets.length + 1);
  const starts: number[] = [];
  buckets.forEach((bucket, i) => {
    const first = buckets.findIndex((other) => other.id === bucket.id);
    if (first === i) {
      list[bucket.id] = i + 1;
      cursors[i + 1] = total;
      starts.push(total);
      total += bucket.size;
    } else starts.push(starts[first]);
  });
  const keys = grow(workspace, 'keys', total);
  gatherLists(x, ranking.centre, list, cursors, keys);
  buckets.forEach((bucket, i) => {
    if (list[bucket.id] === i + 1)
      sortKeys(keys.subarray(starts[i], starts[i] + bucket.size), workspace);
  });
  return buckets.map((bucket, i) =>
    cutIn(keys, starts[i], bucket.size, ends[i], n, ranking.descending, bucket.before),
  );
}

function grow(workspace: RankWorkspace, name: 'keys' | 'spare', size: number): Float64Array {
  if (workspace[name].length < size) workspace[name] = new Float64Array(size);
  return workspace[name];
}

function gatherAll(x: Float32Array | Float64Array, centre: number, keys: Float64Array): void {
  for (let i = 0; i < x.length; i++) keys[i] = Math.abs(Math.abs(x[i]) - centre);
}

function countBuckets(x: Float32Array | Float64Array, centre: number, histogram: Int32Array) {
  for (let i = 0; i < x.length; i++) {
    float[0] = Math.abs(Math.abs(x[i]) - centre);
    histogram[(floatBits[0] >>> 15) & 0xffff]++;
  }
}

interface Bucket {
  readonly id: number;
  readonly size: number;
  /** Elements in the buckets of smaller keys. */
  readonly before: number;
}

/** The 0-based place, in ascending order, of the key that a cut's threshold is. */
function thresholdPlace(end: number, n: number, descending: boolean): number {
  return Math.min(n - 1, Math.max(0, descending ? n - end : end - 1));
}

function cutBuckets(
  histogram: Int32Array,
  ends: readonly number[],
  n: number,
  descending: boolean,
): Bucket[] {
  const found: Bucket[] = new Array(ends.length);
  const order = ends
    .map((end, i) => ({ i, place: thresholdPlace(end, n, descending) }))
    .sort((a, b) => a.place - b.place);
  let before = 0;
  let next = 0;
  for (let id = 0; id < histogram.length && next < order.length; id++) {
    const size = histogram[id];
    while (next < order.length && order[next].place < before + size)
      found[order[next++].i] = { id, size, before };
    before += size;
  }
  return found;
}

function gatherLists(
  x: Float32Array | Float64Array,
  centre: number,
  list: Uint8Array,
  cursors: Int32Array,
  keys: Float64Array,
): void {
  for (let i = 0; i < x.length; i++) {
    const key = Math.abs(Math.abs(x[i]) - centre);
    float[0] = key;
    const at = list[(floatBits[0] >>> 15) & 0xffff];
    if (at !== 0) keys[cursors[at]++] = key;
  }
}

/** The cut in sorted keys[start … start + size), which have `before` smaller keys outside. */
function cutIn(
  keys: Float64Array,
  start: number,
  size: number,
  end: number,
  n: number,
  descending: boolean,
  before: number,
): Cut {
  const threshold = keys[start + thresholdPlace(end, n, descending) - before];
  let low = start;
  let high = start + size;
  // First key of the bucket that is >= threshold (ascending) or > threshold (descending).
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < threshold || (descending && keys[middle] === threshold)) low = middle + 1;
    else high = middle;
  }
  const smaller = before + low - start;
  return { threshold, ties: descending ? end - (n - smaller) : end - smaller };
}

/**
 * Sort non-negative float64 keys in place, in linear time: by radix of their bits, 16 at a time,
 * skipping a digit that all keys share.
 */
export function sortKeys(keys: Float64Array, workspace: RankWorkspace): void {
  const n = keys.length;
  if (n <= smallCount) {
    keys.sort();
    return;
  }
  const spare = grow(workspace, 'spare', n).subarray(0, n);
  const { histogram } = workspace;
  let from = keys;
  let to = spare;
  for (let digit = 0; digit < 4; digit++) {
    const digits = new Uint16Array(from.buffer, from.byteOffset, n * 4);
    histogram.fill(0);
    for (let i = digit; i < digits.length; i += 4) histogram[digits[i]]++;
    if (histogram[digits[digit]] === n) continue;
    let sum = 0;
    for (let bucket = 0; bucket < histogram.length; bucket++) {
      const size = histogram[bucket];
      histogram[bucket] = sum;
      sum += size;
    }
    for (let i = 0; i < n; i++) to[histogram[digits[4 * i + digit]]++] = from[i];
    [from, to] = [to, from];
  }
  if (from !== keys) keys.set(from);
}

/**
 * Write the bitwidth of every element's class: widths[c] where c is the number of cuts it lies beyond.
 *
 * @param cuts ends of all classes but the last, in rank order
 */
export function assignByCuts(
  x: Float32Array | Float64Array,
  ranking: Ranking,
  cuts: readonly Cut[],
  widths: readonly number[],
  bits: Uint8Array,
): void {
  const { centre } = ranking;
  // Descending ranks are ascending ranks of −key; both signs are exact.
  const sign = ranking.descending ? -1 : 1;
  const last = cuts.length;
  const thresholds = Float64Array.from(cuts, (cut) => sign * cut.threshold);
  const seen = new Float64Array(last);
  const table = Uint8Array.from(widths);
  const first = last > 0 ? thresholds[0] : 0;
  const second = last > 1 ? thresholds[1] : Number.POSITIVE_INFINITY;
  if (last === 0) {
    bits.fill(table[0], 0, x.length);
    return;
  }
  for (let i = 0; i < x.length; i++) {
    const key = sign * Math.abs(Math.abs(x[i]) - centre);
    let c = 0;
    if (key === first || key === second || last > 2) {
      c = classOf(key, thresholds, cuts, seen);
    } else {
      c = Number(key > first) + Number(key > second);
    }
    bits[i] = table[c];
  }
}

function classOf(key: number, thresholds: Float64Array, cuts: readonly Cut[], seen: Float64Array) {
  let c = -1;
  for (let i = 0; i < thresholds.length; i++) {
    if (key < thresholds[i]) {
      if (c < 0) c = i;
      break;
    }
    if (key === thresholds[i] && seen[i]++ < cuts[i].ties && c < 0) c = i;
  }
  return c < 0 ? thresholds.length : c;
}
