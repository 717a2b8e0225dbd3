/**
 * Signed digits write a whole number as Σ ±2^place of which no two places are neighbours: the fewest digits there are.
 * For the magnitude m the digits' places are those of the bits of (3m ^ m) / 2; 3 is 4 − 1 (`digitAt`, `digitCount`).
 *
 * Bit heaps differ in the highest digits alone: where they are 4 − 1 they become 2 + 1 (`heapDigits`). Both are two
 * digits, but positive ones need no inverted bit and keep the range of a sum narrow. Rows of signs (`digitAt`) keep
 * 4 − 1, as rows that share a place share sums.
 */

/** The places of a number's signed digits, as bits; the magnitude is below 2^29. */
export function digitPlaces(value: number): number {
  const magnitude = Math.abs(value);
  return ((3 * magnitude) ^ magnitude) >> 1;
}

/** How many signed digits a number has; the magnitude is below 2^29. */
export const digitCount = (value: number): number => onesIn(digitPlaces(value));

/** The signed digit of a number at a place: −1, 0 or 1; the magnitude is below 2^29. */
export function digitAt(value: number, place: number): number {
  const digit = (digitPlaces(value) >> place) & 1;
  // The magnitude of a negative digit has a bit one place above it, a positive one has none.
  const minus = digit & (Math.abs(value) >> (place + 1)) & 1;
  return value < 0 ? 2 * minus - digit : digit - 2 * minus;
}

/** The signed digits of a factor in a bit heap, lowest first: 2^place is `place`, −2^place is −1 − place. */
export function heapDigits(factor: bigint): number[] {
  const digits: number[] = [];
  let rest = factor < 0n ? -factor : factor;
  for (let place = 0; rest > 0n; place++, rest >>= 1n) {
    if ((rest & 1n) === 0n) continue;
    const minus = (rest & 3n) === 3n && rest !== 3n;
    if (minus) rest += 1n;
    digits.push(minus === factor < 0n ? place : -1 - place);
  }
  return digits;
}

/** The bits of a word of 32 that are 1: counted in pairs, fours and bytes side by side. */
function onesIn(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
