import { HbnnError } from '@hbnn/core';
import { checkModel } from '../checkModel.ts';
import type { IntegerModel } from '../integerModel.ts';
import { crc32 } from './crc32.ts';
import { readDescription, type SectionReader } from './headerReader.ts';
import { type DescribedSection, describeModel } from './headerWriter.ts';
import { mostElements } from './sectionSlots.ts';

/**
 * The .hbnn file, all little-endian:
 *
 *   0   'HBNN'
 *   4   major version, 16 bits: a reader refuses others than its own
 *   6   minor version, 16 bits: higher ones only add header fields that may be ignored
 *   8   length of the header in bytes, 32 bits
 *   12  CRC-32 of the header
 *   16  header: JSON, UTF-8
 *
 * then the sections, each at the next multiple of 16 with zeros before it; the header's `sections` gives their
 * lengths and CRC-32s in order. The file ends with the last section.
 */
const magic = [0x48, 0x42, 0x4e, 0x4e];
const preamble = 16;
const align = 16;
export const majorVersion = 1;
export const minorVersion = 0;
/** 16 MiB: what a model of millions of scores takes to name their classes. */
const mostHeaderBytes = 2 ** 24;
const mostSections = 2 ** 16;
/** Objects, lists and fields of a header; each takes many times its bytes once it is parsed. */
const mostHeaderParts = 2 ** 19;

const aligned = (offset: number): number => Math.ceil(offset / align) * align;

/** What a model's file takes, in bytes, by part. */
export interface ModelSize {
  readonly total: number;
  readonly header: number;
  /** Bit maps, coded. */
  readonly maps: number;
  /** One bit per plane and member. */
  readonly signs: number;
  /** 8-bit weights. */
  readonly bytes: number;
  /** Thresholds, multipliers, scales. */
  readonly rest: number;
}

/**
 * Write a model as the bytes of a .hbnn file.
 *
 * @throws HbnnError when the model is not sound
 */
export function encodeModel(model: IntegerModel): Uint8Array<ArrayBuffer> {
  return encodeWithSize(model).bytes;
}

/** Write a model, and count what its parts take. */
export function encodeWithSize(model: IntegerModel): {
  bytes: Uint8Array<ArrayBuffer>;
  size: ModelSize;
} {
  checkModel(model);
  const { description, sections } = describeModel(model);
  const list = sections.map(({ bytes }) => ({ length: bytes.length, crc: crc32(bytes) }));
  const header = new TextEncoder().encode(JSON.stringify({ ...description, sections: list }));
  checkReadable(model.name, header, sections);
  let end = preamble + header.length;
  const offsets = sections.map(({ bytes }) => {
    const start = aligned(end);
    end = start + bytes.length;
    return start;
  });
  const out = new Uint8Array(end);
  out.set(magic);
  const view = new DataView(out.buffer);
  view.setUint16(4, majorVersion, true);
  view.setUint16(6, minorVersion, true);
  view.setUint32(8, header.length, true);
  view.setUint32(12, crc32(header), true);
  out.set(header, preamble);
  sections.forEach(({ bytes }, i) => {
    out.set(bytes, offsets[i]);
  });
  const of = (part: string): number =>
    sections.reduce((sum, { kind, bytes }) => sum + (kind === part ? bytes.length : 0), 0);
  const [maps, signs, bytes] = [of('map'), of('signs'), of('int8')];
  const parts = { maps, signs, bytes, header: header.length };
  return {
    bytes: out,
    size: { total: end, ...parts, rest: end - header.length - maps - signs - bytes },
  };
}

/** Keep to what a reader takes. */
function checkReadable(
  name: string,
  header: Uint8Array,
  sections: readonly DescribedSection[],
): void {
  if (header.length > mostHeaderBytes || headerParts(header) > mostHeaderParts)
    throw new HbnnError(
      `${name}: expected a header of at most ${mostHeaderBytes} bytes and ${mostHeaderParts} fields in a model file, got ${header.length} and ${headerParts(header)}; give it fewer layers or classes`,
    );
  let written = preamble + header.length;
  let elements = 0;
  for (const section of sections) {
    written += section.bytes.length;
    elements += section.elements ?? 0;
    if (elements > mostElements(written))
      throw new HbnnError(
        `${name}: expected at most ${mostElements(written)} weights and features in a model file of ${written} bytes, got ${elements}; nearly all of them have 0 bits: leave out what has none`,
      );
  }
}

/** Objects, lists and fields of JSON text: `{`, `[` and `:` outside of strings. */
function headerParts(json: Uint8Array): number {
  let parts = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (inText && byte === backslash) i++;
    else if (byte === quote) inText = !inText;
    else if (!inText && (byte === colon || byte === bracket || byte === brace)) parts++;
  }
  return parts;
}
const [quote, backslash, colon, bracket, brace] = new TextEncoder().encode('"\\:[{');

/**
 * Read the bytes of a .hbnn file.
 *
 * @throws HbnnError naming `where` and what is wrong: truncated, damaged, of another version, unsound
 */
export function decodeModel(bytes: Uint8Array, where = 'model file'): IntegerModel {
  const reader = chunkReader(where, bytes.length);
  reader.take(bytes);
  return reader.end();
}

/**
 * Read a .hbnn file as it arrives, from a file's stream, a fetched body or any other pieces: each section is decoded
 * and let go as soon as it is whole.
 *
 * @param bytes the file's size, where it is known before: what cannot fit into it is refused at once
 * @throws HbnnError like `decodeModel`
 */
export async function readModel(
  source: ModelSource,
  where = 'model file',
  bytes?: number,
): Promise<IntegerModel> {
  const reader = chunkReader(where, bytes);
  const chunks = 'getReader' in source ? chunksOf(source) : source;
  for await (const chunk of chunks) reader.take(chunk);
  return reader.end();
}

/** Bytes in pieces; a web stream, such as a fetched body, too (not every browser can go through one). */
export type ModelSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array> | WebByteStream;

/** What is needed of a ReadableStream. */
export interface WebByteStream {
  getReader(): {
    read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
    cancel(): Promise<void>;
  };
}

async function* chunksOf(stream: WebByteStream): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      if (next.value !== undefined) yield next.value;
  } finally {
    // What is left unread, after an error, is not to be fetched any more.
    await reader.cancel();
  }
}

interface ChunkReader {
  take(chunk: Uint8Array): void;
  end(): IntegerModel;
}

interface Waiting {
  /** Bytes it needs, from where the last one ended. */
  readonly bytes: number;
  readonly use: (bytes: Uint8Array) => Waiting | undefined;
}

/** A reader that is given bytes and asks for so many more; nothing is allocated for what has not come. */
function chunkReader(where: string, fileBytes?: number): ChunkReader {
  let model: IntegerModel | undefined;
  let chunks: Uint8Array[] = [];
  let held = 0;
  let received = 0;
  const done = (result: IntegerModel): undefined => {
    model = result;
    return undefined;
  };
  let waiting: Waiting | undefined = startOf({ where, fileBytes, done });
  const advance = (): void => {
    while (waiting !== undefined && held >= waiting.bytes) {
      const whole = chunks.length === 1 ? chunks[0] : joined(chunks, held);
      const part = whole.subarray(0, waiting.bytes);
      const rest = whole.subarray(waiting.bytes);
      chunks = rest.length > 0 ? [rest] : [];
      held = rest.length;
      waiting = waiting.use(part);
    }
    if (waiting === undefined && held > 0)
      throw new HbnnError(`${where}: expected its end, got ${held} bytes more; it is damaged`);
  };
  return {
    take(chunk) {
      if (chunk.length === 0) return;
      chunks.push(chunk);
      held += chunk.length;
      received += chunk.length;
      // Joining at every chunk would be quadratic: wait until there is enough.
      if (waiting === undefined || held >= waiting.bytes) advance();
    },
    end() {
      advance();
      if (model === undefined)
        throw new HbnnError(
          `${where}: expected ${waiting?.bytes ?? 0} bytes more than its ${received}; it is truncated, fetch or write it anew`,
        );
      return model;
    },
  };
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

interface Reading {
  readonly where: string;
  /** Of the whole file, where it is known. */
  readonly fileBytes: number | undefined;
  readonly done: (model: IntegerModel) => undefined;
}

function startOf(r: Reading): Waiting {
  const { where } = r;
  return {
    bytes: preamble,
    use(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (!magic.every((byte, i) => bytes[i] === byte))
        throw new HbnnError(`${where}: expected a .hbnn file, got other bytes at its start`);
      const [major, minor] = [view.getUint16(4, true), view.getUint16(6, true)];
      if (major !== majorVersion)
        throw new HbnnError(
          `${where}: expected version ${majorVersion} of the format, got ${major}.${minor}; use a release of HBNN that reads it`,
        );
      const length = view.getUint32(8, true);
      if (length > mostHeaderBytes)
        throw new HbnnError(
          `${where}: expected a header of at most ${mostHeaderBytes} bytes, got ${length}; it is damaged`,
        );
      return headerOf(length, view.getUint32(12, true), r);
    },
  };
}

function headerOf(length: number, crc: number, r: Reading): Waiting {
  const { where, fileBytes } = r;
  return {
    bytes: length,
    use(bytes) {
      if (crc32(bytes) !== crc) throw new HbnnError(`${where}: its header is damaged (checksum)`);
      if (headerParts(bytes) > mostHeaderParts)
        throw new HbnnError(
          `${where}: expected a header of at most ${mostHeaderParts} fields, got more; it is damaged or was not written by HBNN`,
        );
      const header = parseHeader(bytes, where);
      const sections = sectionsOf(header, where);
      const start = preamble + length;
      const end = sections.reduce((at, section) => aligned(at) + section.length, start);
      if (fileBytes !== undefined && fileBytes < end)
        throw new HbnnError(
          `${where}: expected ${end} bytes, got ${fileBytes}; it is truncated, fetch or write it anew`,
        );
      const lengths = sections.map((section) => section.length);
      const reader = readDescription(header, lengths, start, where);
      return sectionAt(0, start, sections, reader, r);
    },
  };
}

function parseHeader(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new HbnnError(`${where}: its header is not JSON (${(error as Error).message})`);
  }
}

interface Section {
  readonly length: number;
  readonly crc: number;
}

function sectionsOf(header: unknown, where: string): Section[] {
  const list = (header as { sections?: unknown } | null)?.sections;
  if (!Array.isArray(list) || list.length > mostSections)
    throw new HbnnError(`${where}: expected a list of at most ${mostSections} sections`);
  return list.map((entry: unknown) => {
    const { length, crc } = (entry ?? {}) as { length?: unknown; crc?: unknown };
    const whole = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
    if (!whole(length) || !whole(crc) || length > 2 ** 40)
      throw new HbnnError(`${where}: expected sections with a length and a checksum`);
    return { length, crc };
  });
}

function sectionAt(
  i: number,
  at: number,
  sections: readonly Section[],
  reader: SectionReader,
  r: Reading,
): Waiting | undefined {
  if (i === sections.length) return r.done(reader.finish());
  const { length, crc } = sections[i];
  const gap = aligned(at) - at;
  return {
    bytes: gap + length,
    use(bytes) {
      const own = bytes.subarray(gap);
      if (bytes.subarray(0, gap).some((byte) => byte !== 0) || crc32(own) !== crc)
        throw new HbnnError(
          `${r.where}: section ${i} is damaged (checksum); fetch or write it anew`,
        );
      reader.section(i, own);
      return sectionAt(i + 1, at + gap + length, sections, reader, r);
    },
  };
}
