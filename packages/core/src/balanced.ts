import { HbnnError } from './error.ts';
import { geometry, type Layout } from './layout.ts';
import { allocate, type Mix } from './mix.ts';

/**
 * Check a balanced map's group size.
 *
 * @throws HbnnError unless it is a whole number of at least 2
 */
function checkBalance(balance: number, where: string): number {
  if (Number.isInteger(balance) && balance >= 2) return balance;
  throw new HbnnError(
    `${where}: expected balance to be a whole number of inputs of at least 2, got ${balance}; pass the lanes of a unit, such as 10`,
  );
}

/** Hands out bitwidths group by group. */
export interface BalancedAssignment {
  /** The most bits that any group has. */
  readonly widest: number;
  /** Give each element its bits by key, fewest bits first; equal keys by place in the group. */
  assign(keys: Float64Array, descending: boolean, bits: Uint8Array): void;
}

/**
 * Prepare balanced maps: the inputs of an output, kernel position after kernel position, are cut into groups of
 * `balance` (a row's last group may be shorter), and every group of g elements gets `allocate(mix, g)` bitwidths. Which
 * element of a group gets which is free, as in N:M sparsity; a unit that takes a group per cycle has all lanes busy.
 *
 * The average is that of `allocate(mix, balance)`: within 1/balance of the mix's, and exact where the shares of the mix
 * are whole numbers of a group (1.4 bits as 7, 2 and 1 of 10).
 *
 * @param o balance: elements per group, at least 2
 */
export function balancedAssignment(o: {
  shape: readonly number[];
  layout: Layout;
  mix: Mix;
  balance: number;
}): BalancedAssignment {
  const size = checkBalance(o.balance, 'selectBits');
  const { outputs, positions, inputs, outputStride, restStride } = geometry(o.shape, o.layout);
  const row = positions * inputs;
  const whole = widthsOf(o.mix, Math.min(size, row));
  const rest = row % size;
  const last = row > size && rest > 0 ? widthsOf(o.mix, rest) : whole;
  const order = new Uint32Array(size);
  return {
    widest: Math.max(...whole, ...last),
    assign(keys, descending, bits) {
      for (let output = 0; output < outputs; output++) {
        for (let start = 0; start < row; start += size) {
          const widths = start + size <= row ? whole : last;
          const first = output * outputStride + start * restStride;
          sortGroup(keys, first, restStride, widths.length, descending, order);
          for (let rank = 0; rank < widths.length; rank++) {
            bits[first + order[rank] * restStride] = widths[rank];
          }
        }
      }
    },
  };
}

/** The bitwidths of one group, fewest first. */
function widthsOf(mix: Mix, size: number): Uint8Array {
  return Uint8Array.from(
    allocate(mix, size).flatMap(({ bits, count }) => new Array<number>(count).fill(bits)),
  );
}

/** Order a group's places by key: an insertion sort, stable, for the few elements that a unit has lanes. */
function sortGroup(
  keys: Float64Array,
  first: number,
  stride: number,
  size: number,
  descending: boolean,
  order: Uint32Array,
): void {
  for (let place = 0; place < size; place++) {
    const key = keys[first + place * stride];
    let to = place;
    while (to > 0) {
      const before = keys[first + order[to - 1] * stride];
      if (descending ? before >= key : before <= key) break;
      order[to] = order[to - 1];
      to--;
    }
    order[to] = place;
  }
}

/**
 * Bits that the map of one group takes, stored as the number of its arrangement: ceil(log2(g! / Π n_b!)) for n_b
 * elements of b bits among g.
 */
export function arrangementBits(counts: readonly number[]): number {
  let arrangements = 1n;
  let placed = 0;
  for (const count of counts) {
    for (let i = 1; i <= count; i++) {
      placed++;
      arrangements = (arrangements * BigInt(placed)) / BigInt(i);
    }
  }
  return (arrangements - 1n).toString(2).length * Number(arrangements > 1n);
}

/** Bits that a balanced map takes, group by group. */
export function balancedMapBits(
  bits: Uint8Array,
  shape: readonly number[],
  layout: Layout,
  balance: number,
): number {
  const { outputs, positions, inputs, outputStride, restStride } = geometry(shape, layout);
  const row = positions * inputs;
  const cache = new Map<string, number>();
  let sum = 0;
  for (let output = 0; output < outputs; output++) {
    for (let start = 0; start < row; start += balance) {
      const counts = new Array<number>(9).fill(0);
      for (let i = start; i < Math.min(start + balance, row); i++) {
        counts[bits[output * outputStride + i * restStride]]++;
      }
      const key = counts.join();
      const stored = cache.get(key) ?? arrangementBits(counts);
      cache.set(key, stored);
      sum += stored;
    }
  }
  return sum;
}
