import { HbnnError, kindOf } from './error.ts';

/** An array in NumPy's file format; C order. A 0-d array has shape []. */
export interface NpyArray {
  shape: number[];
  data:
    | Float32Array
    | Float64Array
    | Int8Array
    | Uint8Array
    | Int16Array
    | Uint16Array
    | Int32Array
    | Uint32Array;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** The dtypes that are written, each for its array type. */
const dtypes = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '|i1': Int8Array,
  '|u1': Uint8Array,
  '<i2': Int16Array,
  '<u2': Uint16Array,
  '<i4': Int32Array,
  '<u4': Uint32Array,
} as const;

/** Elements as they lie in a file, in the machine's byte order, and the numbers they are read to. */
interface ElementKind {
  readonly bytes: number;
  readonly read: (buffer: ArrayBuffer, where: string) => NpyArray['data'];
}

const plain = (
  arrayType: new (buffer: ArrayBuffer) => NpyArray['data'],
  bytes: number,
): ElementKind => ({ bytes, read: (buffer) => new arrayType(buffer) });

/** The kinds of elements that are read, by dtype without its byte order. */
const elementKinds: Readonly<Record<string, ElementKind>> = {
  f2: { bytes: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer), halfValue) },
  f4: plain(Float32Array, 4),
  f8: plain(Float64Array, 8),
  i1: plain(Int8Array, 1),
  u1: plain(Uint8Array, 1),
  i2: plain(Int16Array, 2),
  u2: plain(Uint16Array, 2),
  i4: plain(Int32Array, 4),
  u4: plain(Uint32Array, 4),
  i8: { bytes: 8, read: (buffer, where) => exactNumbers(new BigInt64Array(buffer), where) },
  u8: { bytes: 8, read: (buffer, where) => exactNumbers(new BigUint64Array(buffer), where) },
};

/** The value of a float16 (IEEE 754 binary16) given by its bits; float32 holds each of them exactly. */
function halfValue(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** 64-bit integers as float64, which holds those up to 2^53 exactly; larger ones are refused. */
function exactNumbers(values: BigInt64Array | BigUint64Array, where: string): Float64Array {
  const numbers = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    numbers[i] = Number(values[i]);
    if (!Number.isSafeInteger(numbers[i]))
      throw new HbnnError(
        `${where}: expected whole numbers within ±(2^53 − 1), got ${values[i]} at element ${i}; save arr.astype('<f8') if rounding is meant`,
      );
  }
  return numbers;
}

/**
 * Read the bytes of a .npy file: format 1.0, 2.0 or 3.0; C or Fortran order; either byte order; float16, float32,
 * float64, and signed and unsigned integers of 8, 16, 32 and 64 bits.
 *
 * @param where what to call the file in an error
 * @returns the array in C order; float16 as float32, 64-bit integers as float64, both exactly
 * @throws HbnnError when the bytes are anything else, or too few, or too many, or a 64-bit integer is beyond 2^53
 */
export function decodeNpy(bytes: Uint8Array, where: string): NpyArray {
  if (!(bytes instanceof Uint8Array))
    throw new HbnnError(
      `decodeNpy: expected the bytes of a .npy file as a Uint8Array, got ${kindOf(bytes)}; pass what readFile gives`,
    );
  const { text, dataStart } = readHeader(bytes, where);
  const { kind, bigEndian, fortranOrder, shape } = parseHeader(text, where);
  const size = kind.bytes;
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
  const copy = new Uint8Array(count * size);
  copy.set(bytes.subarray(dataStart));
  if (bigEndian !== bigEndianMachine && size > 1) reverseBytes(copy, size);
  const data = kind.read(copy.buffer, where);
  return { shape, data: fortranOrder ? toOrderC(data, shape) : data };
}

/** Reorder elements whose first index runs fastest, so that the last one does. */
function toOrderC(data: NpyArray['data'], shape: readonly number[]): NpyArray['data'] {
  const out = data.slice();
  const strides: number[] = [];
  shape.reduce((stride, size, axis) => {
    strides[axis] = stride;
    return stride * size;
  }, 1);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
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
  if (bytes[0] === 0x50 && bytes[1] === 0x4b)
    throw new HbnnError(
      `${where}: expected a .npy file, got a ZIP archive, as .npz files are; save one of its arrays, as in numpy.save(file, numpy.load(npz)[name])`,
    );
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

interface Header {
  readonly kind: ElementKind;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: number[];
}

const headerKeys: readonly string[] = ['descr', 'fortran_order', 'shape'];

/** One entry of a header's dictionary, with the comma behind it; only the last may go without. */
const entryPattern =
  /\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*:\s*('[^'\\]*'|"[^"\\]*"|True|False|\([\d\s,.L+-]*\)|\[[^{}]*\])\s*(?:,|(?=\}))/y;
/** A tuple of whole numbers as Python writes it: one number has a comma behind it. */
const tuplePattern = /^\(\s*(?:(?:(?:0|[1-9]\d{0,15})L?\s*,\s*)+(?:(?:0|[1-9]\d{0,15})L?\s*)?)?\)$/;

/** The entries of a header, each key once. @throws HbnnError where NumPy refuses it, and for a key that comes twice */
function headerEntries(text: string, where: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  let at = /^\s*\{/.exec(text)?.[0].length ?? text.length;
  for (;;) {
    entryPattern.lastIndex = at;
    const entry = entryPattern.exec(text);
    if (entry === null) break;
    const [, quoted, doubleQuoted, value] = entry;
    const key = quoted ?? doubleQuoted;
    if (!headerKeys.includes(key))
      throw new HbnnError(
        `${where}: expected no other keys than ${headerKeys.join(', ')} in the .npy header, got '${key.slice(0, 40)}'; write it with numpy.save`,
      );
    const before = entries.get(key);
    if (before !== undefined)
      throw new HbnnError(
        `${where}: expected ${key} once in the .npy header, got ${before} and ${value}; save the array again`,
      );
    entries.set(key, value);
    at = entryPattern.lastIndex;
  }
  if (headerKeys.every((key) => entries.has(key)) && /^\s*\}\s*$/.test(text.slice(at)))
    return entries;
  throw new HbnnError(
    `${where}: expected a .npy header with descr, fortran_order and shape, got ${JSON.stringify(text.slice(0, 80))}; write it with numpy.save`,
  );
}

function parseHeader(text: string, where: string): Header {
  const entries = headerEntries(text, where);
  const [descr = '', order, sizes = ''] = headerKeys.map((key) => entries.get(key));
  const element = elementOf(descr, where);
  if (order !== 'True' && order !== 'False')
    throw new HbnnError(
      `${where}: expected True or False as fortran_order, got ${order}; save the array again`,
    );
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  if (!tuplePattern.test(sizes) || !shape.every(Number.isSafeInteger))
    throw new HbnnError(
      `${where}: expected a shape of whole numbers, as in (2, 3) or (6,), got ${sizes}; save the array again`,
    );
  return { ...element, fortranOrder: order === 'True', shape };
}

/** What a dtype's name says of its elements; without an order in the name it is the machine's, as NumPy has it. */
function elementOf(descr: string, where: string): Pick<Header, 'kind' | 'bigEndian'> {
  const [, order, name] = /^['"]([<>|=])(\w{1,15})['"]$/.exec(descr) ?? [];
  if (name !== undefined && Object.hasOwn(elementKinds, name))
    return {
      kind: elementKinds[name],
      bigEndian: order === '>' || (order !== '<' && bigEndianMachine),
    };
  const got = descr.length > 60 ? `${descr.slice(0, 60)}…` : descr;
  throw new HbnnError(
    `${where}: expected a dtype of ${Object.keys(elementKinds).join(', ')}, got ${got}; ${wayToSave(descr)}`,
  );
}

/** How to save an array of a dtype that is not read. */
function wayToSave(descr: string): string {
  const field = /^\[\s*\(\s*(?:'([^'\\]+)'|"([^"\\]+)")/.exec(descr);
  if (field !== null)
    return `save one field, as in numpy.save(file, arr['${field[1] ?? field[2]}'])`;
  const name = /^['"][<>|=]?(\w)/.exec(descr)?.[1] ?? '';
  if (name === 'b') return "save arr.astype('u1')";
  if (name === 'c') return 'save arr.real or arr.imag';
  if ('OSUaVMm'.includes(name))
    return "save numbers, as in numpy.save(file, numpy.array(list, '<f4'))";
  return "save arr.astype('<f4')";
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
  if (!found)
    throw new HbnnError(
      `encodeNpy: expected data in an array of ${Object.values(dtypes)
        .map(({ name }) => name)
        .join(', ')}, got ${kindOf(a.data)}; convert it to one of them`,
    );
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
