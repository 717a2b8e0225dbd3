import { HbnnError } from './error.ts';

/** An array in NumPy's file format; C order. A 0-d array has shape []. */
export interface NpyArray {
  shape: number[];
  data: Float32Array | Float64Array | Uint8Array | Int32Array;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const dtypes = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '|u1': Uint8Array,
  '<i4': Int32Array,
} as const;

type Dtype = keyof typeof dtypes;

/** The same types as other spellings name them, where the bytes are the same. */
const synonyms: Readonly<Record<string, Dtype>> = {
  '<u1': '|u1',
  '>u1': '|u1',
  '=u1': '|u1',
  '|f4': '<f4',
};

/**
 * Read the bytes of a .npy file (format 1.0, 2.0 or 3.0; C order; float32, float64, uint8 or int32,
 * little endian).
 *
 * @param where what to call the file in an error
 * @throws HbnnError when the bytes are anything else, or too few, or too many
 */
export function decodeNpy(bytes: Uint8Array, where: string): NpyArray {
  const { text, dataStart } = readHeader(bytes, where);
  const { dtype, shape } = parseHeader(text, where);
  const arrayType = dtypes[dtype];
  const size = arrayType.BYTES_PER_ELEMENT;
  const available = bytes.length - dataStart;
  const count = countWithin(shape, Math.floor(available / size));
  if (count === undefined)
    throw new HbnnError(
      `${where}: expected ${size} bytes for each element of shape (${shape.join(', ')}), got ${available} bytes of data; the file is cut short, save it again`,
    );
  if (count * size !== available)
    throw new HbnnError(
      `${where}: expected ${count * size} bytes of data for shape (${shape.join(', ')}), got ${available}; the file holds more than one array, save this one alone`,
    );
  // A copy: the bytes may lie at an address that the element size does not divide.
  const data = new arrayType(count);
  const copy = new Uint8Array(data.buffer);
  copy.set(bytes.subarray(dataStart));
  if (bigEndianMachine) reverseBytes(copy, size);
  return { shape, data };
}

/** The product of a shape if it is at most `limit`; stops before it can overflow. */
function countWithin(shape: readonly number[], limit: number): number | undefined {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const size of shape) {
    if (size > limit / count) return undefined;
    count *= size;
  }
  return count <= limit ? count : undefined;
}

function readHeader(bytes: Uint8Array, where: string): { text: string; dataStart: number } {
  if (bytes.length < magic.length + 2 || magic.some((byte, i) => bytes[i] !== byte))
    throw new HbnnError(
      `${where}: expected a .npy file, got ${bytes.length} bytes that do not start as one; write it with numpy.save`,
    );
  const major = bytes[6];
  if (major < 1 || major > 3 || bytes[7] !== 0)
    throw new HbnnError(
      `${where}: expected .npy format 1.0, 2.0 or 3.0, got ${major}.${bytes[7]}; write it with numpy.save`,
    );
  const textStart = major === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length =
    bytes.length < textStart
      ? Number.POSITIVE_INFINITY
      : major === 1
        ? view.getUint16(8, true)
        : view.getUint32(8, true);
  if (textStart + length > bytes.length)
    throw new HbnnError(
      `${where}: expected a whole .npy header, got only ${bytes.length} bytes; the file is cut short, save it again`,
    );
  const text = bytes.subarray(textStart, textStart + length);
  return { text: new TextDecoder('utf-8').decode(text), dataStart: textStart + length };
}

function parseHeader(text: string, where: string): { dtype: Dtype; shape: number[] } {
  const field = (name: string, value: string) =>
    new RegExp(`['"]${name}['"]\\s*:\\s*${value}\\s*[,}]`).exec(text)?.[1];
  const descr = field('descr', `['"]([^'"]{1,16})['"]`);
  const order = field('fortran_order', '(True|False)');
  const sizes = field('shape', '\\(([\\d\\s,L-]*)\\)');
  if (sizes === undefined || order === undefined)
    throw new HbnnError(
      `${where}: expected a .npy header with descr, fortran_order and shape, got ${JSON.stringify(text.slice(0, 80))}; write it with numpy.save`,
    );
  const dtype = dtypeOf(descr, text, where);
  if (order === 'True')
    throw new HbnnError(
      `${where}: expected an array in C order, got Fortran order; save np.ascontiguousarray(arr)`,
    );
  const parts = sizes.split(',').map((part) => part.trim());
  if (parts[parts.length - 1] === '') parts.pop();
  const shape = parts.map((part) => (/^\d{1,16}L?$/.test(part) ? Number.parseInt(part, 10) : -1));
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new HbnnError(
      `${where}: expected a shape of whole numbers, got (${sizes}); save the array again`,
    );
  return { dtype, shape };
}

function dtypeOf(descr: string | undefined, text: string, where: string): Dtype {
  const name = descr === undefined ? undefined : (synonyms[descr] ?? descr);
  if (name !== undefined && Object.hasOwn(dtypes, name)) return name as Dtype;
  const shown = descr ?? text.trim().slice(0, 60);
  const little = shown.replace(/^>/, '<');
  const wayOut =
    shown.startsWith('>') && Object.hasOwn(dtypes, little)
      ? `save arr.astype('${little}')`
      : "save arr.astype('<f4')";
  throw new HbnnError(
    `${where}: expected dtype ${Object.keys(dtypes).join(', ')}, got '${shown}'; ${wayOut}`,
  );
}

/**
 * Write an array as the bytes of a .npy file, as numpy.save would (format 1.0, or 2.0 for a header
 * over 64 KiB).
 *
 * @throws HbnnError when the shape does not fit the data
 */
export function encodeNpy(a: NpyArray): Uint8Array {
  const count = a.shape.reduce((product, size) => product * size, 1);
  if (count !== a.data.length || !a.shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new HbnnError(
      `encodeNpy: expected ${count} values for shape (${a.shape.join(', ')}), got ${a.data.length}; pass the shape that the data has`,
    );
  const found = Object.entries(dtypes).find(([, type]) => a.data instanceof type);
  if (!found) throw new HbnnError('encodeNpy: expected float32, float64, uint8 or int32 data');
  const tuple = a.shape.length === 1 ? `(${a.shape[0]},)` : `(${a.shape.join(', ')})`;
  const dictionary = `{'descr': '${found[0]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Data starts at a multiple of 64 bytes, as NumPy aligns it.
  const long = dictionary.length + 64 > 65535;
  const textStart = long ? 12 : 10;
  const dataStart = Math.ceil((textStart + dictionary.length + 1) / 64) * 64;
  const bytes = new Uint8Array(dataStart + a.data.byteLength);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  bytes[6] = long ? 2 : 1;
  if (long) view.setUint32(8, dataStart - textStart, true);
  else view.setUint16(8, dataStart - textStart, true);
  bytes.fill(0x20, textStart, dataStart - 1);
  bytes.set(new TextEncoder().encode(dictionary), textStart);
  bytes[dataStart - 1] = 0x0a;
  bytes.set(new Uint8Array(a.data.buffer, a.data.byteOffset, a.data.byteLength), dataStart);
  if (bigEndianMachine) reverseBytes(bytes.subarray(dataStart), a.data.BYTES_PER_ELEMENT);
  return bytes;
}

const bigEndianMachine = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0;

function reverseBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size)
    bytes.subarray(start, start + size).reverse();
}
