import type { Units } from '../granularity.ts';
import type { Mix } from '../mix.ts';

/**
 * Hand out bitwidths to units of different sizes (the short last blocks of rows) in a given order.
 *
 * Each class ends at the unit that is nearest to its share of the elements, counting in what the
 * classes before were off by, so Σ bits is off by at most the largest unit's size times the widest
 * gap between two of the mix's bitwidths: the average over elements is within about 1/units.
 */
export function assignUnequal(order: Uint32Array, units: Units, mix: Mix, bits: Uint8Array): void {
  const { fractions } = mix;
  const elements = units.sizes.reduce((sum, size) => sum + size, 0);
  let place = 0;
  let done = 0;
  let share = 0;
  // Σ bits handed out beyond (or short of) the mix's, were all later classes met exactly.
  let excess = 0;
  fractions.forEach(({ bits: width, fraction }, c) => {
    share += fraction;
    const end = c + 1 < fractions.length ? share * elements : elements;
    const gap = c + 1 < fractions.length ? fractions[c + 1].bits - width : 0;
    while (place < order.length) {
      const size = units.sizes[order[place]];
      const without = excess + gap * Math.max(0, end - done);
      const within = excess + gap * (end - done - size);
      if (gap > 0 && Math.abs(without) <= Math.abs(within)) break;
      bits[order[place++]] = width;
      done += size;
    }
    excess += gap * (end - done);
  });
}

/** Units by key, ascending or descending, equal keys by index: stable radix sort, linear. */
export function orderByKey(keys: Float64Array, descending: boolean): Uint32Array {
  const n = keys.length;
  const digits = new Uint16Array(keys.buffer, keys.byteOffset, n * 4);
  const flip = descending ? 0xffff : 0;
  const starts = new Uint32Array(0x10001);
  let from = Uint32Array.from({ length: n }, (_, i) => i);
  let to = new Uint32Array(n);
  for (let digit = 0; digit < 4; digit++) {
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[(digits[4 * i + digit] ^ flip) + 1]++;
    for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket] += starts[bucket - 1];
    for (let i = 0; i < n; i++) to[starts[digits[4 * from[i] + digit] ^ flip]++] = from[i];
    [from, to] = [to, from];
  }
  return from;
}
