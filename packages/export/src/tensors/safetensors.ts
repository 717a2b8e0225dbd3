import type { NpyArray } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { modelTensors } from './modelTensors.ts';

const dtypes: readonly (readonly [name: string, isOf: (data: NpyArray['data']) => boolean])[] = [
  ['F64', (data) => data instanceof Float64Array],
  ['F32', (data) => data instanceof Float32Array],
  ['I32', (data) => data instanceof Int32Array],
  ['U32', (data) => data instanceof Uint32Array],
  ['I16', (data) => data instanceof Int16Array],
  ['U16', (data) => data instanceof Uint16Array],
  ['I8', (data) => data instanceof Int8Array],
  ['U8', (data) => data instanceof Uint8Array],
];

/** The place of a type in the list, largest elements first, in which order each tensor is aligned. */
const rankOf = ({ data }: NpyArray): number => dtypes.findIndex(([, isOf]) => isOf(data));

/**
 * Write an integer model's tensors as a safetensors file; its metadata `hbnn` is the description as JSON.
 *
 * The file is the length of a JSON header (uint64), the header and the tensors, all little endian.
 */
export function exportSafetensors(model: CheckedModel): Uint8Array {
  const { description, tensors } = modelTensors(model);
  const entries = Object.entries(tensors).sort(([, a], [, b]) => rankOf(a) - rankOf(b));
  const header: Record<string, unknown> = {
    __metadata__: { format: 'np', hbnn: JSON.stringify(description) },
  };
  let end = 0;
  for (const [name, array] of entries) {
    const begin = end;
    end += array.data.byteLength;
    header[name] = {
      dtype: dtypes[rankOf(array)][0],
      shape: array.shape,
      data_offsets: [begin, end],
    };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = 8 * Math.ceil(text.length / 8);
  const start = 8 + headerLength;
  const bytes = new Uint8Array(start + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, start);
  bytes.set(text, 8);
  let at = start;
  for (const [, { data }] of entries) {
    bytes.set(littleEndian(data), at);
    at += data.byteLength;
  }
  return bytes;
}

/** The bytes of an array, as they lie on a little-endian machine. */
function littleEndian(data: NpyArray['data']): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return bytes;
  const size = data.BYTES_PER_ELEMENT;
  return bytes.map((_, i) => bytes[i - (i % size) + size - 1 - (i % size)]);
}
