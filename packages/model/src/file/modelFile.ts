import { HbnnError, kindOf } from '@hbnn/core';
import { type CheckedModel, checkModel } from '../checkModel.ts';
import { crc32 } from './crc32.ts';
import { type FileLoops, plainLoops } from './fileLoops.ts';
import { decodeValues, encodeValues, listCount } from './headerCode.ts';
import { readDescription, type SectionReader } from './headerReader.ts';
import { headerOfRecords, recordsOf, refuseUnknownFields } from './headerRecords.ts';
import { type DescribedSection, describeModel } from './headerWriter.ts';
import { maxElements } from './sectionSlots.ts';

/**
 * The .hbnn file, version 2; numbers of the preamble are little-endian:
 *
 *   0   'HBNN'
 *   4   major version, 16 bits
 *   6   minor version, 16 bits: a reader refuses versions that it does not know
 *   8   length of the header in bytes, 32 bits
 *   12  CRC-32 of the header
 *   16  header: lists whose positions are the fields (`headerRecords.ts`), in CBOR (`headerCode.ts`)
 *
 * then the sections, one after the other; the header's `sections` gives their lengths and CRC-32s in order. The file
 * ends with the last section.
 *
 * A model with branches is a file of version 3: its header ends with the list of what each layer reads. Version 1, which
 * is still read, has the header as JSON and begins each section at a multiple of 16, with zeros
 * before it.
 */
const magic = [0x48, 0x42, 0x4e, 0x4e];
const preamble = 16;
const chainVersion = 2;
const branchedVersion = 3;
const minorVersion = 0;
/** 16 MiB: what a model of millions of scores takes to name their classes. */
const maxHeaderBytes = 2 ** 24;
const maxSections = 2 ** 16;
/** Objects, lists and fields of a header; each takes many times its bytes once it is parsed. */
const maxHeaderParts = 2 ** 19;

/** What versions of the file differ in. */
interface FileVersion {
  /** Sections begin at multiples of it. */
  readonly align: number;
  /** @throws HbnnError when the bytes are no header of this version */
  readonly parse: (bytes: Uint8Array, where: string) => unknown;
}

const versions: ReadonlyMap<number, FileVersion> = new Map([
  [1, { align: 16, parse: parseJson }],
  [chainVersion, { align: 1, parse: parseRecords(false) }],
  [branchedVersion, { align: 1, parse: parseRecords(true) }],
]);

const aligned = (offset: number, align: number): number => Math.ceil(offset / align) * align;

/** What a model's file takes, in bytes, by part. */
export interface ModelSize {
  readonly total: number;
  /** The header, with the preamble before it. */
  readonly header: number;
  /** Bit maps of weights, coded. */
  readonly maps: number;
  /** One bit per plane and member. */
  readonly signs: number;
  /** Multiples of the planes of weights. */
  readonly scales: number;
  /** 8-bit weights. */
  readonly bytes: number;
  /** Bit maps of activations, coded. */
  readonly inputMaps: number;
  /** Thresholds of activations; multipliers, offsets and shifts of those of 8 bits. */
  readonly thresholds: number;
  /** The number of weights that `maps`, `signs` and `scales` are of. */
  readonly binarizedWeights: number;
}

/**
 * Write a model as the bytes of a .hbnn file.
 *
 * @throws HbnnError when a reader would refuse the file: too many layers, classes or weights for a header
 */
export function encodeModel(model: CheckedModel): Uint8Array<ArrayBuffer> {
  return encodeWithSize(model).bytes;
}

/** Write a model, and count what its parts take. */
export function encodeWithSize(model: CheckedModel): {
  bytes: Uint8Array<ArrayBuffer>;
  size: ModelSize;
} {
  const { description, sections } = describeModel(checkModel(model));
  const list = sections.map(({ bytes }) => ({ length: bytes.length, crc: crc32(bytes) }));
  const records = recordsOf({ ...description, sections: list });
  const header = encodeValues(records);
  checkReadable(model.name, header.length, listCount(records), sections);
  const end = sections.reduce((sum, { bytes }) => sum + bytes.length, preamble + header.length);
  const out = new Uint8Array(end);
  out.set(magic);
  const view = new DataView(out.buffer);
  const version = description.sources === undefined ? chainVersion : branchedVersion;
  view.setUint16(4, version, true);
  view.setUint16(6, minorVersion, true);
  view.setUint32(8, header.length, true);
  view.setUint32(12, crc32(header), true);
  out.set(header, preamble);
  let at = preamble + header.length;
  for (const { bytes } of sections) {
    out.set(bytes, at);
    at += bytes.length;
  }
  return { bytes: out, size: sizeOf(model, preamble + header.length, sections) };
}

function sizeOf(
  model: CheckedModel,
  header: number,
  sections: readonly DescribedSection[],
): ModelSize {
  const of = (part: DescribedSection['kind']): number =>
    sections.reduce((sum, { kind, bytes }) => sum + (kind === part ? bytes.length : 0), 0);
  const binarizedWeights = model.layers.reduce(
    (sum, layer) =>
      sum + ('weights' in layer && layer.weights.kind === 'planes' ? layer.weights.bits.length : 0),
    0,
  );
  return {
    total: sections.reduce((sum, { bytes }) => sum + bytes.length, header),
    header,
    maps: of('map'),
    signs: of('signs'),
    scales: of('scales'),
    bytes: of('int8'),
    inputMaps: of('inputMap'),
    thresholds: of('thresholds'),
    binarizedWeights,
  };
}

/** Keep to what a reader takes. */
function checkReadable(
  name: string,
  headerBytes: number,
  lists: number,
  sections: readonly DescribedSection[],
): void {
  if (headerBytes > maxHeaderBytes || lists > maxHeaderParts)
    throw new HbnnError(
      `${name}: expected a header of at most ${maxHeaderBytes} bytes and ${maxHeaderParts} fields in a model file, got ${headerBytes} and ${lists}; give it fewer layers or classes`,
    );
  let written = preamble + headerBytes;
  let elements = 0;
  for (const section of sections) {
    written += section.bytes.length;
    elements += section.elements ?? 0;
    if (elements > maxElements(written))
      throw new HbnnError(
        `${name}: expected at most ${maxElements(written)} weights and features in a model file of ${written} bytes, got ${elements}; nearly all of them have 0 bits: leave out what has none`,
      );
  }
}

/** Objects, lists and fields of version 1's JSON: `{`, `[` and `:` outside of strings. */
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
export function decodeModel(bytes: Uint8Array, where = 'model file'): CheckedModel {
  if (!(bytes instanceof Uint8Array))
    throw new HbnnError(
      `decodeModel: expected the bytes of a .hbnn file as a Uint8Array, got ${kindOf(bytes)}; ${sourceWayOut(bytes)}`,
    );
  const reader = chunkReader(where, bytes.length);
  reader.take(bytes);
  return reader.end();
}

/**
 * Read a .hbnn file as it arrives, from a file's stream, a fetched body or any other pieces: each section is decoded
 * and let go as soon as it is whole.
 *
 * @param bytes the file's size, where it is known before: what cannot fit into it is refused at once
 * @param loops an engine's own loops over bytes and weights
 * @throws HbnnError like `decodeModel`
 */
export async function readModel(
  source: ModelSource,
  where = 'model file',
  bytes?: number,
  loops: FileLoops = plainLoops,
): Promise<CheckedModel> {
  checkSource(source);
  const reader = chunkReader(where, bytes, loops);
  const chunks = 'getReader' in source ? chunksOf(source) : source;
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array))
      throw new HbnnError(
        `readModel: expected pieces of bytes (Uint8Array), got ${kindOf(chunk)}; open the stream without an encoding`,
      );
    reader.take(chunk);
  }
  return reader.end();
}

/** Refuse what gives no bytes in pieces. */
function checkSource(source: unknown): void {
  const inPieces =
    typeof source === 'object' &&
    source !== null &&
    !ArrayBuffer.isView(source) &&
    ('getReader' in source || Symbol.asyncIterator in source || Symbol.iterator in source);
  if (inPieces) return;
  throw new HbnnError(
    `readModel: expected a stream or other pieces of a .hbnn file's bytes, got ${kindOf(source)}; ${sourceWayOut(source)}`,
  );
}

/** How to come from some value to a model. */
function sourceWayOut(source: unknown): string {
  if (typeof source === 'string' || source instanceof URL)
    return 'open the file (createReadStream of node:fs) or fetch it, and pass the stream or the body';
  if (source instanceof Uint8Array) return 'whole bytes are read by decodeModel(bytes)';
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source))
    return 'pass decodeModel a Uint8Array of it: new Uint8Array(buffer)';
  if (source instanceof Promise) return 'await it first';
  if (typeof source === 'object' && source !== null && 'body' in source)
    return 'pass the body of a response: response.body';
  return 'pass readModel a stream, or decodeModel the bytes';
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
  end(): CheckedModel;
}

interface Waiting {
  /** Bytes it needs, from where the last one ended. */
  readonly bytes: number;
  readonly use: (bytes: Uint8Array) => Waiting | undefined;
}

/** A reader that is given bytes and asks for so many more; nothing is allocated for what has not come. */
function chunkReader(where: string, fileBytes?: number, loops = plainLoops): ChunkReader {
  let model: CheckedModel | undefined;
  let chunks: Uint8Array[] = [];
  let held = 0;
  let received = 0;
  const done = (result: CheckedModel): undefined => {
    model = result;
    return undefined;
  };
  let waiting: Waiting | undefined = startOf({ where, fileBytes, loops, done });
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
      if (received < preamble && !isBeginning(joined(chunks, held))) throw otherFile(where);
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

/** Whether bytes are the first ones of a model's file, or some of these. */
const isBeginning = (bytes: Uint8Array): boolean =>
  magic.every((byte, i) => i >= bytes.length || bytes[i] === byte);

const otherFile = (where: string): HbnnError =>
  new HbnnError(
    `${where}: expected a .hbnn file, got other bytes at its start; write one with hbnn lower or hbnn random`,
  );

interface Reading {
  readonly where: string;
  /** Bytes of the whole file, where they are known. */
  readonly fileBytes: number | undefined;
  readonly loops: FileLoops;
  readonly done: (model: CheckedModel) => undefined;
}

function startOf(r: Reading): Waiting {
  const { where } = r;
  return {
    bytes: preamble,
    use(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (!isBeginning(bytes)) throw otherFile(where);
      const [major, minor] = [view.getUint16(4, true), view.getUint16(6, true)];
      const version = versions.get(major);
      if (version === undefined || minor !== minorVersion)
        throw new HbnnError(
          `${where}: expected version 1.0, 2.0 or 3.0 of the format, got ${major}.${minor}; use a release of HBNN that reads it`,
        );
      const length = view.getUint32(8, true);
      if (length > maxHeaderBytes)
        throw new HbnnError(
          `${where}: expected a header of at most ${maxHeaderBytes} bytes, got ${length}; it is damaged`,
        );
      return headerOf(length, view.getUint32(12, true), version, r);
    },
  };
}

function headerOf(length: number, crc: number, version: FileVersion, r: Reading): Waiting {
  const { where, fileBytes } = r;
  return {
    bytes: length,
    use(bytes) {
      if (r.loops.crc32(bytes) !== crc)
        throw new HbnnError(
          `${where}: its header is damaged (checksum); copy or write the file again`,
        );
      const header = version.parse(bytes, where);
      const sections = sectionsOf(header, where);
      const start = preamble + length;
      const end = sections.reduce(
        (at, section) => aligned(at, version.align) + section.length,
        start,
      );
      if (fileBytes !== undefined && fileBytes < end)
        throw new HbnnError(
          `${where}: expected ${end} bytes, got ${fileBytes}; it is truncated, fetch or write it anew`,
        );
      const lengths = sections.map((section) => section.length);
      const reader = readDescription(header, lengths, start, where, r.loops);
      return sectionAt(0, start, { sections, reader, align: version.align }, r);
    },
  };
}

const notOurs =
  (where: string) =>
  (what: string): HbnnError =>
    new HbnnError(`${where}: ${what}; it is damaged or was not written by HBNN`);

/** A header of version 1. */
function parseJson(bytes: Uint8Array, where: string): unknown {
  if (headerParts(bytes) > maxHeaderParts)
    throw notOurs(where)(`expected a header of at most ${maxHeaderParts} fields, got more`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new HbnnError(`${where}: its header is not JSON (${(error as Error).message})`);
  }
  refuseUnknownFields(header, notOurs(where));
  return header;
}

/** A header of version 2, or of version 3 with branches. */
function parseRecords(branched: boolean): FileVersion['parse'] {
  return (bytes, where) => {
    const fail = notOurs(where);
    return headerOfRecords(decodeValues(bytes, maxHeaderParts, fail), branched, fail);
  };
}

interface Section {
  readonly length: number;
  readonly crc: number;
}

function sectionsOf(header: unknown, where: string): Section[] {
  const list = (header as { sections?: unknown } | null)?.sections;
  if (!Array.isArray(list) || list.length > maxSections)
    throw new HbnnError(
      `${where}: expected a list of at most ${maxSections} sections; copy or write the file again`,
    );
  return list.map((entry: unknown) => {
    const { length, crc } = (entry ?? {}) as { length?: unknown; crc?: unknown };
    const whole = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
    if (!whole(length) || !whole(crc) || length > 2 ** 40)
      throw new HbnnError(
        `${where}: expected sections with a length and a checksum; copy or write the file again`,
      );
    return { length, crc };
  });
}

interface Sections {
  readonly sections: readonly Section[];
  readonly reader: SectionReader;
  readonly align: number;
}

function sectionAt(i: number, at: number, file: Sections, r: Reading): Waiting | undefined {
  const { sections, reader, align } = file;
  if (i === sections.length) return r.done(reader.finish());
  const { length, crc } = sections[i];
  const gap = aligned(at, align) - at;
  return {
    bytes: gap + length,
    use(bytes) {
      const own = bytes.subarray(gap);
      if (bytes.subarray(0, gap).some((byte) => byte !== 0) || r.loops.crc32(own) !== crc)
        throw new HbnnError(
          `${r.where}: section ${i} is damaged (checksum); fetch or write it anew`,
        );
      reader.section(i, own);
      return sectionAt(i + 1, at + gap + length, file, r);
    },
  };
}
