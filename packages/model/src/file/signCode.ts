/** Bytes of so many signs. */
export const signBytes = (members: number): number => Math.ceil(members / 8);

/** Signs of members, plane after plane, eight to a byte, lowest bit first. */
export function packSigns(bits: Uint8Array, signs: Uint8Array, planes: number): Uint8Array {
  const members = bits.reduce((sum, width) => sum + width, 0);
  const out = new Uint8Array(signBytes(members));
  let at = 0;
  for (let n = 0; n < planes; n++)
    for (let i = 0; i < bits.length; i++)
      if (bits[i] > n) {
        out[at >>> 3] |= ((signs[i] >> n) & 1) << (at & 7);
        at++;
      }
  return out;
}

/**
 * The signs of each weight, bit n that of plane n, from `packSigns`' bytes.
 *
 * @param full that no weight has 0 bits, where that is known: the first plane is then read faster
 */
export function unpackSigns(
  packed: Uint8Array,
  bits: Uint8Array,
  planes: number,
  full = false,
): Uint8Array {
  const signs = new Uint8Array(bits.length);
  const whole = full && planes > 0;
  let at = whole ? unpackWhole(packed, bits.length, signs) : 0;
  for (let n = whole ? 1 : 0; n < planes; n++) at = unpackPlane(packed, at, bits, n, signs);
  return signs;
}

/** The first plane, where every weight is a member of it. */
function unpackWhole(packed: Uint8Array, count: number, signs: Uint8Array): number {
  let i = 0;
  if (lowestFirst) {
    const out = new Int32Array(signs.buffer, 0, count >>> 2);
    const bytes = count >>> 3;
    for (let byte = 0; byte < bytes; byte++) {
      const eight = packed[byte];
      out[2 * byte] = spreadSigns[15 | ((eight & 15) << 4)];
      out[2 * byte + 1] = spreadSigns[15 | (eight & 240)];
    }
    i = 8 * bytes;
  }
  for (; i < count; i++) signs[i] = (packed[i >>> 3] >> (i & 7)) & 1;
  return count;
}

/** Four members or not (low nibble of the index) and the next four signs: the signs spread to the members' bytes. */
const spreadSigns = Int32Array.from({ length: 256 }, (_, index) => {
  let out = 0;
  for (let i = 0, signs = index >>> 4; i < 4; i++)
    if ((index >>> i) & 1) {
      out |= (signs & 1) << (8 * i);
      signs >>>= 1;
    }
  return out;
});
const memberCounts = Uint8Array.from({ length: 16 }, (_, mask) =>
  [0, 1, 2, 3].reduce((sum, i) => sum + ((mask >>> i) & 1), 0),
);

/** Whether the first element of a number's bytes is its lowest, as on every machine that matters. */
const lowestFirst = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * Add the signs of one plane, from bit `at` on; returns where they end. Four weights at a time without branches, since
 * membership is as good as random: with bitwidths w ≤ 8, bit 7 of w + 127 − n says w > n, and the product gathers the
 * four bits 7 into a nibble.
 */
function unpackPlane(
  packed: Uint8Array,
  start: number,
  bits: Uint8Array,
  n: number,
  signs: Uint8Array,
): number {
  let at = start;
  let i = 0;
  if (lowestFirst && bits.byteOffset % 4 === 0) {
    // The last bytes are left to the plain loop, so that reading a byte ahead stays inside.
    const fours = bits.length >>> 2;
    const widths = new Int32Array(bits.buffer, bits.byteOffset, fours);
    const out = new Int32Array(signs.buffer, signs.byteOffset, fours);
    const above = Math.imul(127 - n, 0x01010101);
    const readable = 8 * (packed.length - 1);
    let four = 0;
    for (; four < fours && at < readable; four++) {
      const members = ((widths[four] + above) >>> 7) & 0x01010101;
      const mask = (Math.imul(members, 0x01020408) >>> 24) & 15;
      const byte = at >>> 3;
      const next = (packed[byte] | (packed[byte + 1] << 8)) >>> (at & 7);
      out[four] |= spreadSigns[mask | ((next & 15) << 4)] << n;
      at += memberCounts[mask];
    }
    i = 4 * four;
  }
  for (; i < bits.length; i++)
    if (bits[i] > n) {
      signs[i] |= ((packed[at >>> 3] >> (at & 7)) & 1) << n;
      at++;
    }
  return at;
}
