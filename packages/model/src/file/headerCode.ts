/**
 * The bytes of a header's values: whole numbers, floats, texts and lists, in deterministic CBOR (RFC 8949, section
 * 4.2), of which this reads and writes major types 0, 1, 3 and 4 and float64.
 *
 * Why not compressed JSON: a browser inflates only asynchronously, a library for it is larger than all of this, and
 * names of fields and punctuation would still be half of a small header. Lists whose positions are the fields
 * (`headerRecords.ts`) need neither, and any CBOR tool shows them.
 */
export type HeaderValue = number | string | readonly HeaderValue[];

const unsigned = 0;
const negative = 1;
const text = 3;
const list = 4;
const float64Head = 0xfb;
/** A list of lists of lists…: a header of ours has five levels. */
const maxDepth = 8;

/** Bytes that grow. */
class ByteSink {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  private room(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.length));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  /** The type and the number that comes with it, in as few bytes as hold it. */
  head(type: number, n: number): void {
    const kind = type << 5;
    const size = n < 24 ? 0 : n < 2 ** 8 ? 1 : n < 2 ** 16 ? 2 : n < 2 ** 32 ? 4 : 8;
    const at = this.room(1 + size);
    const { bytes, view } = this;
    bytes[at] = size === 0 ? kind | n : kind | (24 + Math.log2(size));
    if (size === 1) bytes[at + 1] = n;
    else if (size === 2) view.setUint16(at + 1, n);
    else if (size === 4) view.setUint32(at + 1, n);
    else if (size === 8) {
      view.setUint32(at + 1, Math.floor(n / 2 ** 32));
      view.setUint32(at + 5, n % 2 ** 32);
    }
  }

  float(value: number): void {
    const at = this.room(9);
    this.bytes[at] = float64Head;
    this.view.setFloat64(at + 1, value);
  }

  put(bytes: Uint8Array): void {
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
  }

  whole(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && !Object.is(value, -0);

/** Write a header's values; a whole number takes 1 to 9 bytes, a text its UTF-8 and a head. */
export function encodeValues(value: HeaderValue): Uint8Array {
  const sink = new ByteSink();
  const utf8 = new TextEncoder();
  const put = (item: HeaderValue): void => {
    if (typeof item === 'number') {
      if (!isWhole(item)) sink.float(item);
      else if (item < 0) sink.head(negative, -1 - item);
      else sink.head(unsigned, item);
    } else if (typeof item === 'string') {
      const bytes = utf8.encode(item);
      sink.head(text, bytes.length);
      sink.put(bytes);
    } else {
      sink.head(list, item.length);
      for (const entry of item) put(entry);
    }
  };
  put(value);
  return sink.whole();
}

/** The number of lists in a header's values. */
export const listCount = (value: HeaderValue): number =>
  typeof value === 'object' ? value.reduce((sum: number, item) => sum + listCount(item), 1) : 0;

/**
 * Read a header's values. Only what `encodeValues` writes is taken: the shortest form of each value, and nothing
 * after the last one.
 *
 * @param maxLists lists take many times their bytes, so that only so many are read
 * @param fail makes the error of what is wrong
 * @throws what `fail` makes
 */
export function decodeValues(
  bytes: Uint8Array,
  maxLists: number,
  fail: (what: string) => Error,
): HeaderValue {
  const cursor = new HeaderCursor(bytes, maxLists, fail);
  const value = cursor.value(0);
  cursor.end();
  return value;
}

class HeaderCursor {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly fail: (what: string) => Error;
  private readonly utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  private listsLeft: number;
  private readonly maxLists: number;
  private at = 0;

  constructor(bytes: Uint8Array, maxLists: number, fail: (what: string) => Error) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.fail = fail;
    this.maxLists = maxLists;
    this.listsLeft = maxLists;
  }

  end(): void {
    if (this.at !== this.bytes.length)
      throw this.fail(`expected the header's end, got ${this.bytes.length - this.at} bytes more`);
  }

  value(depth: number): HeaderValue {
    const start = this.take(1);
    const head = this.bytes[start];
    if (head === float64Head) return this.float();
    const type = head >> 5;
    if (![unsigned, negative, text, list].includes(type))
      throw this.fail(
        `expected a number, text or list at byte ${start} of the header, got ${head}`,
      );
    const n = this.argument(head & 31, start);
    switch (type) {
      case unsigned:
        return n;
      case negative:
        if (n === Number.MAX_SAFE_INTEGER)
          throw this.fail(`expected a whole number of 53 bits at byte ${start} of the header`);
        return -1 - n;
      case text:
        return this.text(n);
      default:
        return this.list(n, depth);
    }
  }

  /** Take bytes, and return where they start. */
  private take(count: number): number {
    const at = this.at;
    if (count > this.bytes.length - at)
      throw this.fail(
        `expected ${count} bytes at byte ${at} of the header, got ${this.bytes.length - at}`,
      );
    this.at += count;
    return at;
  }

  private argument(code: number, start: number): number {
    if (code < 24) return code;
    if (code > 27) throw this.fail(`expected the length of a value at byte ${start} of the header`);
    const size = 2 ** (code - 24);
    const at = this.take(size);
    const { view } = this;
    let n: number;
    if (size === 1) n = view.getUint8(at);
    else if (size === 2) n = view.getUint16(at);
    else if (size === 4) n = view.getUint32(at);
    else n = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    const least = size === 1 ? 24 : 2 ** (4 * size);
    if (n < least || n > Number.MAX_SAFE_INTEGER)
      throw this.fail(
        `expected a whole number in its shortest form at byte ${start} of the header`,
      );
    return n;
  }

  private float(): number {
    const start = this.at - 1;
    const value = this.view.getFloat64(this.take(8));
    if (isWhole(value) || !Number.isFinite(value))
      throw this.fail(`expected a number with a fraction at byte ${start} of the header`);
    return value;
  }

  private text(length: number): string {
    const at = this.take(length);
    try {
      return this.utf8.decode(this.bytes.subarray(at, at + length));
    } catch {
      throw this.fail(`expected text in UTF-8 at byte ${at} of the header`);
    }
  }

  private list(length: number, depth: number): HeaderValue[] {
    if (depth === maxDepth) throw this.fail(`expected lists in at most ${maxDepth} levels`);
    if (--this.listsLeft < 0)
      throw this.fail(`expected a header of at most ${this.maxLists} fields, got more`);
    // Each value takes a byte or more: what is not there is not asked for.
    if (length > this.bytes.length - this.at)
      throw this.fail(
        `expected a list of at most ${this.bytes.length - this.at} values at the end of the header, got ${length}`,
      );
    const values: HeaderValue[] = [];
    for (let i = 0; i < length; i++) values.push(this.value(depth + 1));
    return values;
  }
}
