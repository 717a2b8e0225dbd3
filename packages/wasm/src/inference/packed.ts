import type { PlaneWeights } from '@hbnn/model';
import { PACKED_MULTIPLES, PACKED_ROW_BYTES, RANK_BYTES } from '../layout/packedRows.ts';
import { type InputOrder, type ProductWeights, quadsOf, rowsOf } from './productWeights.ts';

/** Kernels read four bytes at any bit of a stream, so that they read past the last one. */
const streamOverrunBytes = 8;

/** Weights as kernels read them: quads, or packed. */
export const weightBytes = (weights: ProductWeights, order: InputOrder): Int8Array | Uint8Array =>
  weights.packed ? packWeights(weights, order) : quadsOf(weights, order);

/** The weights of an output in the kernels' order: indices into its row, −1 to fill up to a multiple of 16. */
function indicesOf(order: InputOrder, row: number): Int32Array {
  const rows = rowsOf(order);
  const { positions, channels } = order;
  const inputs = row / positions;
  const list = new Int32Array(Math.ceil((positions * rows * 4) / 16) * 16).fill(-1);
  for (let position = 0; position < positions; position++)
    for (let n = 0; n < channels.length; n++)
      list[position * rows * 4 + n] = position * inputs + channels[n];
  return list;
}

/** Lay weights out as assembly/inference/packed.ts reads them. */
function packWeights(
  { layer, outputs, divisors }: ProductWeights,
  order: InputOrder,
): Uint8Array<ArrayBuffer> {
  if (layer.kind !== 'planes') throw new Error('packWeights: weights are no planes');
  const { bits, multiples } = layer;
  const row = bits.length / outputs;
  const indices = indicesOf(order, row);
  const planes = multiples.length;
  const shared = sharesMap(bits, row);
  const members = countMembers(bits, indices, row, outputs, planes);
  const rows = Math.ceil(outputs / 4) * 4;
  const flat = indices.length / 8;
  const streams = Array.from(members, (count) => Math.ceil(count / 8));
  let next = RANK_BYTES + rows * PACKED_ROW_BYTES;
  const put = (bytes: number): number => {
    const at = next;
    next += bytes;
    return at;
  };
  const places = Array.from({ length: rows }, (_, o): number[] => {
    if (o >= outputs) return [0, 0, 0, 0, 0];
    const signs = put(flat);
    if (planes < 2) return [signs, 0, 0, 0, 0];
    const second = shared && o > 0 ? -1 : put(flat);
    const own = put(streams[o]);
    if (planes < 3) return [signs, second, own, 0, 0];
    return [signs, second, own, shared && o > 0 ? -1 : put(streams[o]), put(streams[o])];
  });
  const packed = new Uint8Array(next + streamOverrunBytes);
  writeRanks(packed);
  const header = new DataView(packed.buffer);
  for (let o = 0; o < rows; o++) {
    // An output that fills up the last group may take any signs: its sums are never used.
    const at = places[o < outputs ? o : 0].map((place, i) => (place === -1 ? places[0][i] : place));
    at.forEach((place, i) => {
      header.setUint32(RANK_BYTES + o * PACKED_ROW_BYTES + 4 * i, place, true);
    });
    multiples.forEach((plane, n) => {
      const k = o < outputs ? plane[plane.length === 1 ? 0 : o] / divisors[o] : 0;
      packed[RANK_BYTES + o * PACKED_ROW_BYTES + PACKED_MULTIPLES + n] = k;
    });
    if (o < outputs) writeRow(packed, layer, indices, o * row, places[o]);
  }
  return packed;
}

/** Write, for each byte, which of its set bits each bit is; 128 where it is not set. */
function writeRanks(packed: Uint8Array): void {
  for (let byte = 0; byte < 256; byte++)
    for (let bit = 0, rank = 0; bit < 8; bit++)
      packed[8 * byte + bit] = (byte >> bit) & 1 ? rank++ : 128;
}

/** Whether all outputs have the first one's bitwidths. */
export function sharesMap(bits: Uint8Array, row: number): boolean {
  for (let i = row; i < bits.length; i++) if (bits[i] !== bits[i - row]) return false;
  return true;
}

/** Count the weights of each output that have a second plane. */
function countMembers(
  bits: Uint8Array,
  indices: Int32Array,
  row: number,
  outputs: number,
  planes: number,
): Int32Array {
  const counts = new Int32Array(outputs);
  for (let o = 0; o < outputs && planes > 1; o++) {
    const from = o * row;
    let count = 0;
    for (let n = 0; n < indices.length; n++)
      if (indices[n] >= 0) count += bits[from + indices[n]] >> 1;
    counts[o] = count;
  }
  return counts;
}

/**
 * Write one output's streams. A place of −1 is written already, one of 0 does not exist. This runs over every weight of
 * a model, whose bits no processor can predict: without branches on them, b >> 1 tells 2 and 3 bits from 1, and b & 1
 * then 3 from 2.
 */
function writeRow(
  packed: Uint8Array,
  { bits, signs }: PlaneWeights,
  indices: Int32Array,
  from: number,
  [first, second, secondSigns, third, thirdSigns]: readonly number[],
): void {
  // How many weights with a second plane came before, and the byte of each of their streams.
  let rank = 0;
  let secondSignByte = 0;
  let thirdByte = 0;
  let thirdSignByte = 0;
  const flush = (byte: number): void => {
    if (secondSigns > 0) packed[secondSigns + byte] = secondSignByte;
    if (third > 0) packed[third + byte] = thirdByte;
    if (thirdSigns > 0) packed[thirdSigns + byte] = thirdSignByte;
  };
  for (let n = 0; n < indices.length; n += 8) {
    let firsts = 0;
    let seconds = 0;
    for (let bit = 0; bit < 8; bit++) {
      const index = indices[n + bit];
      if (index < 0) continue;
      const sign = signs[from + index];
      const width = bits[from + index];
      const isSecond = width >> 1;
      const isThird = isSecond & width;
      const at = rank & 7;
      firsts |= (sign & 1) << bit;
      seconds |= isSecond << bit;
      secondSignByte |= (isSecond & (sign >> 1)) << at;
      thirdByte |= isThird << at;
      thirdSignByte |= (isThird & (sign >> 2)) << at;
      rank += isSecond;
      if ((rank & 7) < at) {
        flush((rank >> 3) - 1);
        secondSignByte = thirdByte = thirdSignByte = 0;
      }
    }
    packed[first + (n >> 3)] = firsts;
    if (second > 0) packed[second + (n >> 3)] = seconds;
  }
  if ((rank & 7) > 0) flush(rank >> 3);
}
