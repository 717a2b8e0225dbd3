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
interface Cut {
  readonly threshold: number;
  readonly ties: number;
}

/** Memory that selection keeps between calls; it grows to the most keys ever gathered. */
export interface RankWorkspace {
  readonly histogram: Int32Array;
  readonly table: Uint8Array;
  /** One number as float32, and its bits. */
  readonly float: Float32Array;
  readonly floatBits: Uint32Array;
  keys: Float64Array;
  ordered: Float64Array;
  spare: Float64Array;
  indices: Uint32Array;
}

export function rankWorkspace(): RankWorkspace {
  const float = new Float32Array(1);
  return {
    histogram: new Int32Array(bucketCount),
    table: new Uint8Array(bucketCount),
    float,
    floatBits: new Uint32Array(float.buffer),
    keys: new Float64Array(0),
    ordered: new Float64Array(0),
    spare: new Float64Array(0),
    indices: new Uint32Array(0),
  };
}

const bucketCount = 1 << 16;
/** Below this many elements, buckets of 8 exponent and 4 mantissa bits cost less than they leave to sort. */
const coarseCount = 1 << 17;
/** Up to this many keys the engine's own sort is as fast as any histogram; a constant, so still linear. */
const smallCount = 2048;
/** In the table: the bucket holds the end of a class. */
const gathered = 0x80;

/**
 * Hand out bitwidths by rank, in linear time: the first `shares[0].count` elements of the ranking
 * get `shares[0].bits`, and so on.
 *
 * Keys are rounded to float32 (which keeps their order) and counted by the high bits of that,
 * 8 of exponent and 8 of mantissa (4 of a small tensor). That settles every element but those of the buckets in which a
 * class ends (of normal values under 1 %); these are gathered and their exact keys sorted by radix.
 * Reads x twice and writes bits once, 9 bytes per float32 element and about 20 operations; if all
 * keys fall into one bucket, 36 bytes and 4 radix passes more.
 *
 * @param shares counts that sum to x.length
 */
export function assignByRank(
  x: Float32Array | Float64Array,
  ranking: Ranking,
  shares: readonly { readonly bits: number; readonly count: number }[],
  bits: Uint8Array,
  workspace: RankWorkspace,
): void {
  if (shares.length === 1) {
    bits.fill(shares[0].bits, 0, x.length);
    return;
  }
  const ends: number[] = [];
  for (const share of shares.slice(0, -1)) ends.push((ends[ends.length - 1] ?? 0) + share.count);
  const buckets = x.length <= smallCount ? undefined : bucketsOf(x, ranking, ends, workspace);
  const total = buckets ? gatheredCount(buckets) : x.length;
  grow(workspace, total);
  if (buckets) {
    fillTable(buckets, ranking.descending, shares, workspace, 1 << (31 - shiftFor(x.length)));
    gather(x, ranking.centre, workspace, bits);
  } else gatherAll(x, ranking.centre, workspace);
  const ordered = workspace.ordered.subarray(0, total);
  ordered.set(workspace.keys.subarray(0, total));
  sortKeys(ordered, workspace);
  const cuts = ends.map((end, c) =>
    cutIn(ordered, end, x.length, ranking.descending, buckets ? smallerOutside(buckets, c) : 0),
  );
  assignGathered(workspace, total, ranking.descending, cuts, shares, bits);
}

function grow(workspace: RankWorkspace, total: number): void {
  if (workspace.keys.length >= total) return;
  workspace.keys = new Float64Array(total);
  workspace.ordered = new Float64Array(total);
  workspace.indices = new Uint32Array(total);
}

function gatherAll(x: Float32Array | Float64Array, centre: number, workspace: RankWorkspace) {
  const { keys, indices } = workspace;
  for (let i = 0; i < x.length; i++) {
    keys[i] = Math.abs(Math.abs(x[i]) - centre);
    indices[i] = i;
  }
}

/** The bucket in which a class ends. */
interface Bucket {
  readonly id: number;
  readonly size: number;
  /** Elements in the buckets of smaller keys. */
  readonly before: number;
}

function bucketsOf(
  x: Float32Array | Float64Array,
  ranking: Ranking,
  ends: readonly number[],
  workspace: RankWorkspace,
): Bucket[] {
  const histogram = workspace.histogram.subarray(0, 1 << (31 - shiftFor(x.length)));
  histogram.fill(0);
  countBuckets(x, ranking.centre, histogram, workspace);
  const found: Bucket[] = new Array(ends.length);
  const order = ends
    .map((end, c) => ({ c, place: thresholdPlace(end, x.length, ranking.descending) }))
    .sort((a, b) => a.place - b.place);
  let before = 0;
  let next = 0;
  for (let id = 0; id < histogram.length && next < order.length; id++) {
    const size = histogram[id];
    while (next < order.length && order[next].place < before + size)
      found[order[next++].c] = { id, size, before };
    before += size;
  }
  return found;
}

function countBuckets(
  x: Float32Array | Float64Array,
  centre: number,
  histogram: Int32Array,
  { float, floatBits }: RankWorkspace,
) {
  const shift = shiftFor(x.length);
  // The sign bit of a NaN is anything: without it the place is in the histogram.
  const mask = histogram.length - 1;
  for (let i = 0; i < x.length; i++) {
    float[0] = Math.abs(Math.abs(x[i]) - centre);
    histogram[(floatBits[0] >>> shift) & mask]++;
  }
}

/** The low bits of a float32 that do not count for its bucket. */
function shiftFor(count: number): number {
  return count < coarseCount ? 19 : 15;
}

/** The 0-based place, in ascending order, of the key that ends a class. */
function thresholdPlace(end: number, n: number, descending: boolean): number {
  return Math.min(n - 1, Math.max(0, descending ? n - end : end - 1));
}

const isFirst = (buckets: readonly Bucket[], c: number) =>
  buckets.findIndex((bucket) => bucket.id === buckets[c].id) === c;

function gatheredCount(buckets: readonly Bucket[]): number {
  return buckets.reduce((sum, bucket, c) => sum + (isFirst(buckets, c) ? bucket.size : 0), 0);
}

/** Elements with keys below those of cut c's bucket that were not gathered. */
function smallerOutside(buckets: readonly Bucket[], c: number): number {
  const inside = buckets.reduce(
    (sum, bucket, other) =>
      sum + (bucket.id < buckets[c].id && isFirst(buckets, other) ? bucket.size : 0),
    0,
  );
  return buckets[c].before - inside;
}

function fillTable(
  buckets: readonly Bucket[],
  descending: boolean,
  shares: readonly { readonly bits: number }[],
  workspace: RankWorkspace,
  size: number,
): void {
  const table = workspace.table.subarray(0, size);
  const ids = buckets.map((bucket) => bucket.id);
  // Buckets from ids[c − 1] to ids[c] are of class c, in the order of the ranking.
  if (descending) {
    table.fill(shares[0].bits);
    ids.forEach((id, c) => {
      table.fill(shares[c + 1].bits, 0, id);
    });
  } else {
    table.fill(shares[0].bits);
    ids.forEach((id, c) => {
      table.fill(shares[c + 1].bits, id + 1);
    });
  }
  for (const id of ids) table[id] = gathered;
}

function gather(
  x: Float32Array | Float64Array,
  centre: number,
  workspace: RankWorkspace,
  bits: Uint8Array,
): void {
  const { table, keys, indices, float, floatBits } = workspace;
  const shift = shiftFor(x.length);
  const mask = (1 << (31 - shift)) - 1;
  let count = 0;
  for (let i = 0; i < x.length; i++) {
    const key = Math.abs(Math.abs(x[i]) - centre);
    float[0] = key;
    const entry = table[(floatBits[0] >>> shift) & mask];
    bits[i] = entry;
    if (entry === gathered) {
      keys[count] = key;
      indices[count++] = i;
    }
  }
}

/** The cut in sorted keys, of which `outside` smaller ones are not there. */
function cutIn(
  keys: Float64Array,
  end: number,
  n: number,
  descending: boolean,
  outside: number,
): Cut {
  const threshold = keys[thresholdPlace(end, n, descending) - outside];
  let low = 0;
  let high = keys.length;
  // The first key that is >= threshold (ascending) or > threshold (descending).
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < threshold || (descending && keys[middle] === threshold)) low = middle + 1;
    else high = middle;
  }
  const smaller = outside + low;
  return { threshold, ties: descending ? end - (n - smaller) : end - smaller };
}

/** Settle the gathered elements, which are in index order. */
function assignGathered(
  workspace: RankWorkspace,
  total: number,
  descending: boolean,
  cuts: readonly Cut[],
  shares: readonly { readonly bits: number }[],
  bits: Uint8Array,
): void {
  const { keys, indices } = workspace;
  // Descending ranks are ascending ranks of −key; negation is exact.
  const sign = descending ? -1 : 1;
  const thresholds = Float64Array.from(cuts, (cut) => sign * cut.threshold);
  const ties = Float64Array.from(cuts, (cut) => cut.ties);
  const widths = Uint8Array.from(shares, (share) => share.bits);
  for (let k = 0; k < total; k++) {
    const key = sign * keys[k];
    let c = cuts.length;
    for (let cut = cuts.length - 1; cut >= 0; cut--) {
      if (key < thresholds[cut]) c = cut;
      else if (key === thresholds[cut] && ties[cut]-- > 0) c = cut;
    }
    bits[indices[k]] = widths[c];
  }
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
  if (workspace.spare.length < n) workspace.spare = new Float64Array(n);
  const spare = workspace.spare.subarray(0, n);
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
