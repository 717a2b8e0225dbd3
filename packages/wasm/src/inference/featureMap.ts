import {
  type CheckedLayer,
  type FeatureShape,
  featureCount,
  type ThresholdLayer,
} from '@hbnn/model';
import { roundUp } from './regions.ts';

/** Values of larger magnitude do not fit into a map of int16. */
export const maxInt16 = 32767;

/** How a feature map lies in memory: whole numbers, or bits of each activation plane, four channels to a byte. */
export type MapForm = 'int16' | 'int32' | 'nibbles';

/** One activation plane of a map of nibbles: bits of its member channels, four to a row. */
export interface NibblePlane {
  /** Channels with a member anywhere: the first ones of `memberOrder`. */
  readonly channels: Int32Array;
  readonly firstRow: number;
  readonly rows: number;
  /** k_n. */
  readonly multiple: number;
}

/** A planar feature map of a whole batch: [channel][stride]; see assembly/inference/featureMaps.ts. */
export interface MapLayout {
  readonly form: MapForm;
  readonly shape: FeatureShape;
  readonly stride: number;
  readonly bytes: number;
  /** The planes of a map of nibbles. */
  readonly planes?: readonly NibblePlane[];
  /** The order of the channels of a map of nibbles. */
  readonly order?: Int32Array;
  /** Whether all pixels of a map of nibbles have the bitwidths of the first one. */
  readonly uniform?: boolean;
}

const formBytes = { int16: 2, int32: 4, nibbles: 1 } as const;

/** Values from one channel to the next: vector loops may run up to 16 values past a channel's end. */
const strideOf = ([height, width]: FeatureShape, batch: number): number =>
  roundUp(batch * height * width, 16) + 16;

/** Lay out a feature map; kernels write four channels at a time. */
export function mapLayout(
  shape: FeatureShape,
  form: MapForm,
  batch: number,
  rows = roundUp(shape[2], 4),
): MapLayout {
  const stride = strideOf(shape, batch);
  return { form, shape, stride, bytes: rows * stride * formBytes[form] };
}

/** One image's values of a planar map as the interpreter has them: row by row, channels fastest. */
export function imageValues(
  values: Int16Array | Int32Array,
  { shape, stride }: MapLayout,
  image: number,
): Int32Array<ArrayBuffer> {
  const [height, width, channels] = shape;
  const pixels = height * width;
  const out = new Int32Array(featureCount(shape));
  for (let p = 0, i = 0; p < pixels; p++)
    for (let c = 0; c < channels; c++) out[i++] = values[c * stride + image * pixels + p];
  return out;
}

/** Channels in the order in which nibbles hold them, and the largest bitwidth that each channel has anywhere. */
interface MemberOrder {
  readonly order: Int32Array;
  readonly widths: Uint8Array;
  /** Whether all pixels have the bitwidths of the first one. */
  readonly uniform: boolean;
}

/**
 * Order the channels that have a member in some plane, those in the largest number of planes first: the members of each
 * plane then come first, so that one order of weights serves all planes.
 */
function memberOrder(bits: Uint8Array, channels: number): MemberOrder {
  const widths = bits.slice(0, channels);
  const uniform = rowsRepeat(bits, channels);
  if (!uniform)
    for (let i = 0; i < bits.length; )
      for (let c = 0; c < channels; c++, i++) if (bits[i] > widths[c]) widths[c] = bits[i];
  const members = Array.from(widths.keys()).filter((c) => widths[c] > 0);
  const order = Int32Array.from(members.sort((a, b) => widths[b] - widths[a] || a - b));
  return { order, widths, uniform };
}

/** Whether some of these bytes are 0. */
export function includesZero(bytes: Uint8Array): boolean {
  if (bytes.length % 4 !== 0 || bytes.byteOffset % 4 !== 0) return bytes.includes(0);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (let i = 0; i < words.length; i++) {
    const four = words[i];
    // A byte of 0 borrows from its bit 7.
    if (((four - 0x01010101) & ~four & 0x80808080) !== 0) return true;
  }
  return false;
}

/** Whether all rows of bytes are the first one. */
export function rowsRepeat(bytes: Uint8Array, row: number): boolean {
  if (row % 4 !== 0 || bytes.byteOffset % 4 !== 0) {
    for (let i = row; i < bytes.length; i++) if (bytes[i] !== bytes[i - row]) return false;
    return true;
  }
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const before = row / 4;
  for (let i = before; i < words.length; i++) if (words[i] !== words[i - before]) return false;
  return true;
}

/** Lay out nibbles: the planes that add something, with the channels that have a member in them. */
export function nibbleLayout(
  { layer, input }: CheckedLayer<ThresholdLayer>,
  batch: number,
): MapLayout & Required<Pick<MapLayout, 'planes' | 'order' | 'uniform'>> {
  const { order, widths, uniform } = memberOrder(layer.bits, input[2]);
  let rows = 0;
  const planes = Array.from(layer.multiples, (multiple, n): NibblePlane => {
    const end = multiple === 0 ? 0 : order.findLastIndex((c) => widths[c] > n) + 1;
    const plane = { multiple, firstRow: rows, rows: Math.ceil(end / 4) };
    rows += plane.rows;
    return { ...plane, channels: order.slice(0, end) };
  });
  return { ...mapLayout(input, 'nibbles', batch, rows), planes, order, uniform };
}

/** One image's values behind nibbles: ±k_n per plane where `bits` has a member, row by row, channels fastest. */
export function nibbleValues(
  nibbles: Uint8Array,
  { shape, stride, planes = [] }: MapLayout,
  bits: Uint8Array,
  image: number,
): Int32Array<ArrayBuffer> {
  const [height, width, channels] = shape;
  const pixels = height * width;
  const out = new Int32Array(featureCount(shape));
  planes.forEach(({ channels: members, firstRow, multiple }, n) => {
    members.forEach((c, slot) => {
      const row = (firstRow + (slot >> 2)) * stride + image * pixels;
      for (let p = 0, i = c; p < pixels; p++, i += channels) {
        const bit = (nibbles[row + p] >> (slot & 3)) & 1;
        if (bits[i] > n) out[i] += bit ? multiple : -multiple;
      }
    });
  });
  return out;
}
