import { HbnnError } from '../error.ts';
import { maxBitwidth } from '../mix.ts';

/**
 * An entropy code for bitwidths: range asymmetric numeral systems (Duda 2013), one 32-bit state, 16-bit words,
 * shares in 4096ths. For n bitwidths of entropy H it takes n·H bits, up to what the rounding of shares costs
 * (below 0.1 % where no share is below 1 %), and 4 bytes.
 *
 * The counts of each bitwidth are known to both sides, and the shares follow from them.
 */
const shareBits = 12;
const whole = 2 ** shareBits;
/** States lie in [2^16, 2^32) between symbols. */
const lowest = 2 ** 16;

/** Shares of 4096 in proportion to counts, at least 1 for each that occurs. */
function sharesOf(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const shares = counts.map((count) =>
    count > 0 ? Math.max(1, Math.round((count / total) * whole)) : 0,
  );
  // What rounding leaves over or short goes to the largest share, which hardly feels it.
  const largest = shares.indexOf(Math.max(...shares));
  shares[largest] += whole - shares.reduce((sum, share) => sum + share, 0);
  return shares;
}

function startsOf(shares: readonly number[]): number[] {
  let start = 0;
  return shares.map((share) => {
    const here = start;
    start += share;
    return here;
  });
}

const kinds = (counts: readonly number[]): number => counts.filter((count) => count > 0).length;

/** Code bitwidths whose counts are given, index 0 … 8; no bytes where all are alike. */
export function encodeMap(bits: Uint8Array, counts: readonly number[]): Uint8Array {
  if (kinds(counts) < 2) return new Uint8Array(0);
  const shares = sharesOf(counts);
  const starts = startsOf(shares);
  const words: number[][] = [[]];
  const emit = (word: number): void => {
    if (words[words.length - 1].length === 65536) words.push([]);
    words[words.length - 1].push(word);
  };
  let state = lowest;
  // Backwards: the decoder gives the last symbol coded first.
  for (let i = bits.length - 1; i >= 0; i--) {
    const share = shares[bits[i]];
    if (state >= share * 2 ** (32 - shareBits)) {
      emit(state & 0xffff);
      state >>>= 16;
    }
    const quotient = Math.floor(state / share);
    state = quotient * whole + (state - quotient * share) + starts[bits[i]];
  }
  emit(state & 0xffff);
  emit(state >>> 16);
  const all = words.flat();
  const out = new Uint8Array(2 * all.length);
  for (let i = 0; i < all.length; i++) {
    const word = all[all.length - 1 - i];
    out[2 * i] = word & 255;
    out[2 * i + 1] = word >>> 8;
  }
  return out;
}

/**
 * Read bitwidths whose counts are given.
 *
 * @throws HbnnError when the code ends too early or too late
 */
export function decodeMap(code: Uint8Array, counts: readonly number[], where: string): Uint8Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const out = new Uint8Array(total);
  if (kinds(counts) < 2) {
    if (code.length > 0) throw damaged(where);
    return out.fill(
      Math.max(
        0,
        counts.findIndex((count) => count > 0),
      ),
    );
  }
  if (code.length < 4 || code.length % 2 !== 0) throw damaged(where);
  const shares = sharesOf(counts);
  const starts = startsOf(shares);
  const symbols = new Uint8Array(whole);
  shares.forEach((share, bits) => {
    symbols.fill(bits, starts[bits], starts[bits] + share);
  });
  let at = 0;
  const word = (): number => {
    const value = code[at] | (code[at + 1] << 8);
    at += 2;
    return value;
  };
  let state = word() * 65536;
  state += word();
  for (let i = 0; i < total; i++) {
    const slot = state & (whole - 1);
    const bits = symbols[slot];
    out[i] = bits;
    state = (Math.imul(shares[bits], state >>> shareBits) >>> 0) + slot - starts[bits];
    if (state < lowest) {
      if (at + 2 > code.length) throw damaged(where);
      state = state * 65536 + word();
    }
  }
  if (state !== lowest || at !== code.length) throw damaged(where);
  return out;
}

const damaged = (where: string): HbnnError =>
  new HbnnError(`${where}: its bit map's code is damaged; write the model anew`);

/** Counts of each bitwidth, index 0 … 8. */
export function widthCounts(bits: Uint8Array): number[] {
  const counts = new Array<number>(maxBitwidth + 1).fill(0);
  for (let i = 0; i < bits.length; i++) counts[bits[i]]++;
  return counts;
}
