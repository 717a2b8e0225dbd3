import { readFileSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import type { WeightArray } from '../assemble/layerSpec.ts';
import type { TensorProto } from './schema.ts';

/** A value that does not depend on the input. A size that is the batch's is NaN. */
export interface Constant {
  readonly kind: 'constant';
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /** Whether its type is one of whole numbers, whose quotients are cut off. */
  readonly isWhole?: boolean;
  /** Its type in onnx.proto, of a tensor as the file has it. */
  readonly elementType?: number;
  /** How it was quantized, of what a quantizer gave. */
  readonly quantized?: Quantization;
}

/** Values that are whole numbers of some bits times scales. */
export interface Quantization {
  readonly bits: number;
  /** The scale of each value, in the order of the values. */
  readonly scales: Float64Array;
}

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

export const constant = (shape: readonly number[], data: ArrayLike<number>): Constant => ({
  kind: 'constant',
  shape,
  data: Float64Array.from(data),
});

/** A constant as a weight of a layer. */
export const weightFrom = ({ shape, data }: Constant): WeightArray => ({
  shape,
  data: Float32Array.from(data),
});

/** Reorder the axes: axis i of the result is axis axes[i] of the input. */
export function permuted(given: Constant, axes: readonly number[]): Constant {
  const { shape, data, quantized } = given;
  const steps = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const to = axes.map((axis) => shape[axis]);
  const result = new Float64Array(data.length);
  const index = new Array<number>(axes.length).fill(0);
  for (let i = 0, from = 0; i < data.length; i++) {
    result[i] = data[from];
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += steps[axes[axis]];
      if (++index[axis] < to[axis]) break;
      from -= index[axis] * steps[axes[axis]];
      index[axis] = 0;
    }
  }
  const moved: Constant = { kind: 'constant', shape: to, data: result };
  if (quantized === undefined) return moved;
  const { data: scales } = permuted({ kind: 'constant', shape, data: quantized.scales }, axes);
  return { ...moved, quantized: { bits: quantized.bits, scales } };
}

/** Reads the bytes that lie in another file. */
export type ExternalData = (path: string) => Uint8Array;

interface ElementType {
  readonly name: string;
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
  readonly field: 'float_data' | 'int32_data' | 'int64_data' | 'double_data' | 'uint64_data';
}

/** Types of whole numbers, by their number in onnx.proto. */
export const wholeTypes: readonly number[] = [2, 3, 6, 7];

/** The types of elements, by their number in onnx.proto. */
const elementTypes: Readonly<Record<number, ElementType | undefined>> = {
  1: { name: 'float', bytes: 4, read: (v, at) => v.getFloat32(at, true), field: 'float_data' },
  2: { name: 'uint8', bytes: 1, read: (v, at) => v.getUint8(at), field: 'int32_data' },
  3: { name: 'int8', bytes: 1, read: (v, at) => v.getInt8(at), field: 'int32_data' },
  6: { name: 'int32', bytes: 4, read: (v, at) => v.getInt32(at, true), field: 'int32_data' },
  7: {
    name: 'int64',
    bytes: 8,
    read: (v, at) => Number(v.getBigInt64(at, true)),
    field: 'int64_data',
  },
  9: { name: 'bool', bytes: 1, read: (v, at) => v.getUint8(at), field: 'int32_data' },
  11: { name: 'double', bytes: 8, read: (v, at) => v.getFloat64(at, true), field: 'double_data' },
};

/**
 * Read a tensor of a file.
 *
 * @throws HbnnError for an element type that is not read, or values that do not fit the shape
 */
export function constantOf(tensor: TensorProto, where: string, external: ExternalData): Constant {
  const type = elementTypes[tensor.data_type];
  if (type === undefined)
    throw new HbnnError(
      `${where}: expected values of ${Object.values(elementTypes)
        .map((known) => known?.name)
        .join(
          ', ',
        )}, got the ONNX type ${tensor.data_type}; convert the network to float32 and export it again`,
    );
  const count = sizeOf(tensor.dims);
  const fields = tensor[type.field];
  const raw = tensor.data_location === 1 ? externalBytes(tensor, where, external) : tensor.raw_data;
  const fits = raw.length > 0 ? raw.length === count * type.bytes : fields.length === count;
  if (!fits)
    throw new HbnnError(
      `${where}: expected ${count} values for the shape [${tensor.dims.join(', ')}], got ${raw.length > 0 ? `${raw.length} bytes` : fields.length}; export the network again`,
    );
  const elementType = tensor.data_type;
  const isWhole = wholeTypes.includes(elementType);
  if (raw.length === 0) return { ...constant(tensor.dims, fields), isWhole, elementType };
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = type.read(view, i * type.bytes);
  return { kind: 'constant', shape: tensor.dims, data, isWhole, elementType };
}

function externalBytes(tensor: TensorProto, where: string, external: ExternalData): Uint8Array {
  const entries = new Map(tensor.external_data.map(({ key, value }) => [key, value]));
  const location = entries.get('location');
  if (location === undefined)
    throw new HbnnError(
      `${where}: expected the file of its values, got none; export the network again`,
    );
  const bytes = external(location);
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? bytes.length - offset);
  if (offset + length > bytes.length || !(offset >= 0) || !(length >= 0))
    throw new HbnnError(
      `${where}: expected ${length} bytes at ${offset} of ${location}, got a file of ${bytes.length}; copy all files of the network again`,
    );
  return bytes.subarray(offset, offset + length);
}

/** Reads files of external data, each once. */
export function externalReader(placeOf: (path: string) => string): ExternalData {
  const files = new Map<string, Uint8Array>();
  return (path) => {
    const bytes = files.get(path) ?? readExternal(placeOf(path));
    files.set(path, bytes);
    return bytes;
  };
}

function readExternal(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be read (${(error as Error).message}); copy the file of weights beside the network`,
    );
  }
}
