import { HbnnError, maxBitwidth } from '@hbnn/core';

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

/** The most bytes that the code of bitwidths with these counts may have: a word each and the state. */
export const maxMapBytes = (counts: readonly number[]): number =>
  kinds(counts) < 2 ? 0 : 2 * counts.reduce((sum, count) => sum + count, 0) + 4;

/** Code bitwidths whose counts are given, index 0 … 8; no bytes where all are alike. */
export function encodeMap(bits: Uint8Array, counts: readonly number[]): Uint8Array {
  if (kinds(counts) < 2) return new Uint8Array(0);
  const shares = sharesOf(counts);
  const starts = startsOf(shares);
  // Words from the end of the code to its start, since the decoder gives the last symbol coded first.
  let words = new Uint16Array(1024);
  let count = 0;
  let state = lowest;
  for (let i = bits.length - 1; i >= 0; i--) {
    const width = bits[i];
    const share = shares[width];
    if (state >= share * 2 ** (32 - shareBits)) {
      if (count === words.length) words = doubled(words);
      words[count++] = state & 0xffff;
      state >>>= 16;
    }
    const quotient = Math.floor(state / share);
    state = quotient * whole + (state - quotient * share) + starts[width];
  }
  const out = new Uint8Array(2 * count + 4);
  const view = new DataView(out.buffer);
  view.setUint16(0, state >>> 16, true);
  view.setUint16(2, state & 0xffff, true);
  for (let i = 0; i < count; i++) view.setUint16(4 + 2 * i, words[count - 1 - i], true);
  return out;
}

function doubled(words: Uint16Array): Uint16Array<ArrayBuffer> {
  const more = new Uint16Array(2 * words.length);
  more.set(words);
  return more;
}

/**
 * Read bitwidths whose counts are given.
 *
 * @param decode fills a map, and is false where the code ends too early or too late
 * @throws HbnnError when the code ends too early or too late
 */
export function decodeMap(
  code: Uint8Array,
  counts: readonly number[],
  where: string,
  decode: (code: Uint8Array, shares: readonly number[], out: Uint8Array) => boolean = decodeStates,
): Uint8Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const out = new Uint8Array(total);
  if (kinds(counts) < 2) {
    if (code.length > 0) throw damaged(where);
    const only = counts.findIndex((count) => count > 0);
    return only > 0 ? out.fill(only) : out;
  }
  if (code.length < 4 || code.length % 2 !== 0 || !decode(code, sharesOf(counts), out))
    throw damaged(where);
  return out;
}

/** Fill a map from its code; false where the code ends too early or too late. */
export function decodeStates(
  code: Uint8Array,
  shares: readonly number[],
  out: Uint8Array,
): boolean {
  const slots = slotTable(shares);
  let state = (code[0] << 16) | (code[1] << 24) | code[2] | (code[3] << 8);
  let at = 4;
  // The state is an unsigned number in a signed one's 32 bits: below 2^16 when its upper half is 0.
  for (let i = 0; i < out.length; i++) {
    const slot = slots[state & (whole - 1)];
    out[i] = slot >>> widthAt;
    state = (Math.imul(slot & shareMask, state >>> shareBits) + ((slot >>> restAt) & restMask)) | 0;
    if (state >>> 16 === 0) {
      if (at >= code.length) return false;
      state = (state << 16) | code[at] | (code[at + 1] << 8);
      at += 2;
    }
  }
  return state >>> 0 === lowest && at === code.length;
}

// A slot's entry: the share, 1 … 4095 (with two kinds none has all 4096), how far into it, and the bitwidth.
const restAt = shareBits;
const widthAt = 2 * shareBits;
const shareMask = whole - 1;
const restMask = whole - 1;

/** The slots of a code: the share, from bit 12 on how far into it, and from bit 24 on the bitwidth. */
function slotTable(shares: readonly number[]): Int32Array {
  const slots = new Int32Array(whole);
  let at = 0;
  shares.forEach((share, width) => {
    for (let rest = 0; rest < share; rest++)
      slots[at++] = share | (rest << restAt) | (width << widthAt);
  });
  return slots;
}

const damaged = (where: string): HbnnError =>
  new HbnnError(`${where}: its bit map's code is damaged; write the model anew`);

/** Counts of each bitwidth, index 0 … 8. */
export function widthCounts(bits: Uint8Array): number[] {
  const counts = new Array<number>(256).fill(0);
  for (let i = 0; i < bits.length; i++) counts[bits[i]]++;
  return counts.slice(0, maxBitwidth + 1);
}
