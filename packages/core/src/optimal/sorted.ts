import type { Groups } from '../residual.ts';
import { type RankWorkspace, rankWorkspace, sortKeys } from '../select/rank.ts';

/** The magnitudes of a tensor, sorted within each group, with sums of any stretch at hand. */
export interface Sorted {
  /** Group by group, ascending within a group. */
  readonly values: Float32Array | Float64Array;
  /** Where groups start; one more at the end. */
  readonly starts: Float64Array;
  /** Sum of all values before each block of 64. */
  readonly blockSums: Float64Array;
  /** Σ x² over everything. */
  squares: number;
  readonly spare: Uint32Array;
  readonly rank: RankWorkspace;
}

const blockShift = 6;

/** Memory for the sorted magnitudes of tensors of one size. */
export function sortedMemory(count: number, groups: Groups, single: boolean): Sorted {
  const each = count / groups.count;
  return {
    values: single ? new Float32Array(count) : new Float64Array(count),
    starts: Float64Array.from({ length: groups.count + 1 }, (_, g) => g * each),
    blockSums: new Float64Array((count >> blockShift) + 1),
    squares: 0,
    spare: new Uint32Array(single ? count : 0),
    rank: rankWorkspace(),
  };
}

/** Sort the magnitudes of x into memory, in linear time. */
export function sortMagnitudes(
  x: Float32Array | Float64Array,
  groups: Groups,
  memory: Sorted,
): void {
  const { values, starts } = memory;
  const cursors = starts.slice();
  let g = 0;
  for (let start = 0; start < x.length; start += groups.run) {
    const end = start + groups.run;
    let at = cursors[g];
    for (let i = start; i < end; i++) values[at++] = Math.abs(x[i]);
    cursors[g] = at;
    if (++g === groups.count) g = 0;
  }
  for (let group = 0; group < groups.count; group++) {
    const segment = values.subarray(starts[group], starts[group + 1]);
    if (segment instanceof Float64Array) sortKeys(segment, memory.rank);
    else sortSingles(segment, memory.spare, memory.rank.histogram);
  }
  sumBlocks(memory);
}

/** Take values that are sorted already as one group. */
function sortedOf(values: Float64Array): Sorted {
  const memory = sortedMemory(values.length, { count: 1, run: values.length }, false);
  memory.values.set(values);
  sumBlocks(memory);
  return memory;
}

function sumBlocks(memory: Sorted): void {
  const { values, blockSums } = memory;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if ((i & 63) === 0) blockSums[i >> blockShift] = sum;
    const value = values[i];
    sum += value;
    squares += value * value;
  }
  if ((values.length & 63) === 0) blockSums[values.length >> blockShift] = sum;
  memory.squares = squares;
}

/** Sort non-negative float32 numbers in place by radix of their bits, 16 at a time. */
function sortSingles(values: Float32Array, spare: Uint32Array, histogram: Int32Array): void {
  const n = values.length;
  if (n <= 2048) {
    values.sort();
    return;
  }
  const words = new Uint32Array(values.buffer, values.byteOffset, n);
  let from = words;
  let to = spare.subarray(0, n);
  for (let shift = 0; shift < 32; shift += 16) {
    histogram.fill(0);
    for (let i = 0; i < n; i++) histogram[(from[i] >>> shift) & 0xffff]++;
    let sum = 0;
    for (let bucket = 0; bucket < histogram.length; bucket++) {
      const size = histogram[bucket];
      histogram[bucket] = sum;
      sum += size;
    }
    for (let i = 0; i < n; i++) {
      const word = from[i];
      to[histogram[(word >>> shift) & 0xffff]++] = word;
    }
    [from, to] = [to as Uint32Array<ArrayBuffer>, from];
  }
}

/** The sum of the first `count` values. */
export function sumBefore(sorted: Sorted, count: number): number {
  let sum = sorted.blockSums[count >> blockShift];
  for (let i = count & ~63; i < count; i++) sum += sorted.values[i];
  return sum;
}

/** The first index in low … high whose value is above the limit. */
export function firstAbove(sorted: Sorted, limit: number, low: number, high: number): number {
  const { values } = sorted;
  let from = low;
  let to = high;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle] <= limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** About `size` equally likely values of one group's distribution: the means of equal stretches. */
export function summarise(sorted: Sorted, size: number): Sorted {
  const n = sorted.values.length;
  if (n <= size) return sortedOf(Float64Array.from(sorted.values));
  const means = new Float64Array(size);
  let before = 0;
  let start = 0;
  for (let i = 0; i < size; i++) {
    const end = Math.floor(((i + 1) * n) / size);
    const sum = sumBefore(sorted, end);
    means[i] = (sum - before) / (end - start);
    before = sum;
    start = end;
  }
  return sortedOf(means);
}
