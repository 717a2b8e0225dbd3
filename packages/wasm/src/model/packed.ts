import type { IntegerWeights, PlaneWeights } from '@hbnn/core';
import type { DividedWeights, InputOrder } from './quads.ts';
import { rowsOf } from './quads.ts';

const mostPlanes = 3;
const rankBytes = 2048;
const rowBytes = 24;
/** Kernels read four bytes at any bit of a stream. */
const slackBytes = 8;

/** Whether assembly/model/packed.ts can hold such weights: one to three planes, and no weight of 0 bits. */
export const canPack = (weights: IntegerWeights): weights is PlaneWeights =>
  weights.kind === 'planes' &&
  weights.multiples.length >= 1 &&
  weights.multiples.length <= mostPlanes &&
  !weights.bits.includes(0);

/** Where a map or a sign goes, bit after bit. */
class BitWriter {
  readonly bytes: Uint8Array;
  #at: number;
  #bit = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.#at = at;
  }

  write(bit: number): void {
    this.bytes[this.#at] |= bit << this.#bit;
    if (++this.#bit === 8) {
      this.#bit = 0;
      this.#at++;
    }
  }
}

/** Each of an output's weights in kernel order: indices into its row, −1 to fill up to a multiple of 16. */
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

/** Lay weights out as assembly/model/packed.ts reads them. */
export function packWeights(
  weights: PlaneWeights,
  { outputs, divisors }: DividedWeights,
  order: InputOrder,
): Uint8Array<ArrayBuffer> {
  const { bits, multiples } = weights;
  const row = bits.length / outputs;
  const indices = indicesOf(order, row);
  const planes = multiples.length;
  const shared = sharesMap(bits, row);
  const members = countMembers(bits, indices, row, outputs, planes);
  const rows = Math.ceil(outputs / 4) * 4;
  const flat = indices.length / 8;
  const streams = Array.from(members, (count) => Math.ceil(count / 8));
  let next = rankBytes + rows * rowBytes;
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
  const packed = new Uint8Array(next + slackBytes);
  writeRanks(packed);
  const header = new DataView(packed.buffer);
  for (let o = 0; o < rows; o++) {
    // A padding output takes any signs at all: what it gives is never used.
    const at = places[o < outputs ? o : 0].map((place, i) => (place === -1 ? places[0][i] : place));
    at.forEach((place, i) => {
      header.setUint32(rankBytes + o * rowBytes + 4 * i, place, true);
    });
    multiples.forEach((plane, n) => {
      const k = o < outputs ? plane[plane.length === 1 ? 0 : o] / divisors[o] : 0;
      packed[rankBytes + o * rowBytes + 20 + n] = k;
    });
    if (o < outputs) writeRow(packed, weights, indices, o * row, places[o]);
  }
  return packed;
}

/** In a byte, which of its set bits each bit is; 128 where it is not set. */
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

/** Of each output, the weights with a second plane. */
function countMembers(
  bits: Uint8Array,
  indices: Int32Array,
  row: number,
  outputs: number,
  planes: number,
): Int32Array {
  const counts = new Int32Array(outputs);
  for (let o = 0; o < outputs && planes > 1; o++) {
    let count = 0;
    for (const index of indices) if (index >= 0 && bits[o * row + index] > 1) count++;
    counts[o] = count;
  }
  return counts;
}

/** places: −1 is written already, 0 is not there. */
function writeRow(
  packed: Uint8Array,
  { bits, signs }: PlaneWeights,
  indices: Int32Array,
  from: number,
  [first, second, own, third, last]: readonly number[],
): void {
  const writers = [own, third, last].map((at) => new BitWriter(packed, at));
  for (let n = 0; n < indices.length; n++) {
    const i = indices[n];
    if (i < 0) continue;
    const sign = signs[from + i];
    if (sign & 1) packed[first + (n >> 3)] |= 1 << (n & 7);
    if (bits[from + i] < 2) continue;
    if (second > 0) packed[second + (n >> 3)] |= 1 << (n & 7);
    if (own > 0) writers[0].write((sign >> 1) & 1);
    if (third > 0) writers[1].write(bits[from + i] > 2 ? 1 : 0);
    if (last > 0) writers[2].write((sign >> 2) & 1);
  }
}
