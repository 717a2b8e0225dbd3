import { type IntegerWeights, weightValues } from '@hbnn/core';

/** What a sum of products over constant weights takes when outputs share what they have in common. */
export interface Sums {
  /** Bits that adders take away: three bits of a weight become two, one per full adder. */
  readonly adders: number;
  /** Sums of three bits and more, those that outputs share and those of outputs; and the bits they have. */
  readonly heaps: number;
  readonly heapBits: number;
}

/** Bits left to be added, and what shared sums there are. */
interface Left {
  readonly bits: number;
  readonly heaps: number;
  readonly heapBits: number;
}

const plus = (a: Left, b: Left): Left => ({
  bits: a.bits + b.bits,
  heaps: a.heaps + b.heaps,
  heapBits: a.heapBits + b.heapBits,
});
const zero: Left = { bits: 0, heaps: 0, heapBits: 0 };
const fewer = (a: Left, b: Left): Left => (b.bits < a.bits ? b : a);

/** Inputs of one place: which weights of a row they meet, and how many bits each has (a mean where places differ). */
export interface Taps {
  readonly indices: readonly number[];
  readonly bits: ArrayLike<number>;
}

interface Row {
  readonly output: number;
  /** Signed digits of the multiple that the row counts. */
  readonly digits: number;
  /** −1, 0, 1 per tap. */
  readonly signs: Int8Array;
}

/** Rows of one plane: those of different planes never share. */
type Pool = readonly Row[];

/** Rows taken together at most: 3^5 patterns of signs. */
const mostTogether = 5;

/**
 * Count the adders of Σ_i w[o, i] · in[i] for outputs `from` … `from + count − 1`, with constant weights.
 *
 * The signs of a few rows together part the inputs into classes; a class that several rows take is added up once and
 * then as a number. The number of rows is the one that leaves the fewest adders. Planes of signs and the signed digits
 * of the whole weights are both tried.
 */
export function sharedSums(weights: IntegerWeights, from: number, count: number, taps: Taps): Sums {
  const ways = [digitPools(weights, from, count, taps)];
  if (weights.kind === 'planes') ways.push(planePools(weights, from, count, taps));
  const found = ways
    .map((pools) => pools.reduce((sum, pool) => plus(sum, poolBits(pool, taps)), zero))
    .reduceRight(fewer);
  const out = outputBits(weights, from, count, taps);
  return {
    adders: Math.max(0, found.bits - out.bits),
    heaps: found.heaps + out.heaps,
    heapBits: found.heapBits + out.bits,
  };
}

function planePools(
  weights: Extract<IntegerWeights, { kind: 'planes' }>,
  from: number,
  count: number,
  { indices }: Taps,
): Pool[] {
  const { bits, signs, multiples, scalePer } = weights;
  const length = bits.length / weights.shape[0];
  return multiples.map((plane, n) => {
    const rows: Row[] = [];
    for (let o = from; o < from + count; o++) {
      const digits = digitCount(plane[scalePer === 'tensor' ? 0 : o]);
      if (digits === 0) continue;
      const found = Int8Array.from(indices, (tap) => {
        const at = o * length + tap;
        return bits[at] <= n ? 0 : (signs[at] >> n) & 1 ? 1 : -1;
      });
      rows.push({ output: o, digits, signs: found });
    }
    return rows;
  });
}

/** Weights in digits −1, 0, 1 without two neighbours: the digits of v are those in which 3v and v differ. */
function digitPools(
  weights: IntegerWeights,
  from: number,
  count: number,
  { indices }: Taps,
): Pool[] {
  const values = weightValues(weights);
  const length = values.length / weights.shape[0];
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const places = Math.floor(Math.log2(3 * most + 1)) + 1;
  return Array.from({ length: places }, (_, place) =>
    Array.from({ length: count }, (_, k) => ({
      ...{ output: from + k, digits: 1 },
      signs: Int8Array.from(indices, (tap) => digit(values[(from + k) * length + tap], place)),
    })),
  );
}

/** Digit `place` of the form of a number without neighbouring digits. */
function digit(value: number, place: number): number {
  const size = Math.abs(value);
  const plus = ((3 * size) >> (place + 1)) & 1;
  const minus = (size >> (place + 1)) & 1;
  return value < 0 ? minus - plus : plus - minus;
}

function digitCount(multiple: number): number {
  let count = 0;
  for (let n = (3 * multiple) ^ multiple; n > 0; n &= n - 1) count++;
  return count;
}

/** The fewest bits that a pool's rows leave to be added, over how many are taken together. */
function poolBits(pool: Pool, taps: Taps): Left {
  const ways: Left[] = [];
  for (let together = 1; together <= Math.min(mostTogether, Math.max(1, pool.length)); together++) {
    let left = zero;
    for (let at = 0; at < pool.length; at += together)
      left = plus(left, groupBits(pool.slice(at, at + together), taps));
    ways.push(left);
  }
  return ways.reduce(fewer);
}

function groupBits(rows: Pool, { bits }: Taps): Left {
  const patterns = 3 ** rows.length;
  const inputs = new Float64Array(patterns);
  const total = new Float64Array(patterns);
  const reach = new Float64Array(patterns);
  for (let i = 0; i < bits.length; i++) {
    const key = patternOf(rows, i);
    inputs[key]++;
    total[key] += bits[i];
    reach[key] += 2 ** bits[i] - 1;
  }
  const none = (patterns - 1) / 2;
  let sum = zero;
  for (let key = 0; key < patterns; key++) {
    if (inputs[key] === 0 || key === none) continue;
    sum = plus(sum, classBits(rows, key, inputs[key], total[key], reach[key]));
  }
  return sum;
}

/** The signs of input i in the rows, up to a common sign, as a number of base 3. */
function patternOf(rows: Pool, i: number): number {
  let key = 0;
  let first = 0;
  for (const { signs } of rows) {
    if (first === 0) first = signs[i];
    key = 3 * key + 1 + signs[i] * first;
  }
  return key;
}

/** Bits to add for one class: within it, and of its sum in every row that takes it. */
function classBits(rows: Pool, key: number, inputs: number, total: number, reach: number): Left {
  let digits = 0;
  let users = 0;
  for (let r = rows.length - 1, rest = key; r >= 0; r--, rest = Math.floor(rest / 3)) {
    if (rest % 3 === 1) continue;
    users++;
    digits += rows[r].digits;
  }
  const width = Math.floor(Math.log2(reach) + 1e-9) + 1;
  const shared = inputs > 1 && (users > 1 || (digits > users && inputs > 2));
  return shared
    ? { bits: total - width + width * digits, heaps: 1, heapBits: width }
    : { bits: total * digits, heaps: 0, heapBits: 0 };
}

/** Bits of the outputs, which no adder takes away. */
function outputBits(weights: IntegerWeights, from: number, count: number, taps: Taps): Left {
  const values = weightValues(weights);
  const length = values.length / weights.shape[0];
  let bits = 0;
  let heaps = 0;
  for (let o = from; o < from + count; o++) {
    let reach = 0;
    taps.indices.forEach((tap, i) => {
      reach += Math.abs(values[o * length + tap]) * (2 ** taps.bits[i] - 1);
    });
    if (reach <= 0) continue;
    heaps++;
    bits += Math.floor(Math.log2(reach) + 1e-9) + 1;
  }
  return { bits, heaps, heapBits: bits };
}
