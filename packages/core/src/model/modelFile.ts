import { HbnnError } from '../error.ts';
import { crc32 } from './crc32.ts';
import type { IntegerModel } from './integerModel.ts';
import { describeModel, readDescription, type SectionReader } from './modelHeader.ts';
import { planModel } from './plan.ts';

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
const mostHeaderBytes = 2 ** 26;
const mostSections = 2 ** 16;

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
  planModel(model);
  const { description, sections } = describeModel(model);
  const list = sections.map(({ bytes }) => ({ length: bytes.length, crc: crc32(bytes) }));
  const header = new TextEncoder().encode(JSON.stringify({ ...description, sections: list }));
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

/**
 * Read the bytes of a .hbnn file.
 *
 * @throws HbnnError naming `where` and what is wrong: truncated, damaged, of another version, unsound
 */
export function decodeModel(bytes: Uint8Array, where = 'model file'): IntegerModel {
  const reader = chunkReader(where);
  reader.take(bytes);
  return reader.end();
}

/**
 * Read a .hbnn file as it arrives: each section is decoded and let go as soon as it is whole.
 *
 * @throws HbnnError like `decodeModel`
 */
export async function readModel(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  where = 'model file',
): Promise<IntegerModel> {
  const reader = chunkReader(where);
  for await (const chunk of source) reader.take(chunk);
  return reader.end();
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
function chunkReader(where: string): ChunkReader {
  let model: IntegerModel | undefined;
  let chunks: Uint8Array[] = [];
  let held = 0;
  let received = 0;
  const done = (result: IntegerModel): undefined => {
    model = result;
    return undefined;
  };
  let waiting: Waiting | undefined = startOf(where, done);
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

type Done = (model: IntegerModel) => undefined;

function startOf(where: string, done: Done): Waiting {
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
      return headerOf(length, view.getUint32(12, true), where, done);
    },
  };
}

function headerOf(length: number, crc: number, where: string, done: Done): Waiting {
  return {
    bytes: length,
    use(bytes) {
      if (crc32(bytes) !== crc) throw new HbnnError(`${where}: its header is damaged (checksum)`);
      const header = parseHeader(bytes, where);
      const sections = sectionsOf(header, where);
      const stored = sections.reduce((sum, section) => sum + section.length, preamble + length);
      const description = readDescription(header, stored, sections.length, where);
      return sectionAt(0, preamble + length, sections, description, where, done);
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
  where: string,
  done: Done,
): Waiting | undefined {
  if (i === sections.length) return done(reader.finish());
  const { length, crc } = sections[i];
  const gap = aligned(at) - at;
  return {
    bytes: gap + length,
    use(bytes) {
      const own = bytes.subarray(gap);
      if (bytes.subarray(0, gap).some((byte) => byte !== 0) || crc32(own) !== crc)
        throw new HbnnError(`${where}: section ${i} is damaged (checksum); fetch or write it anew`);
      reader.section(i, own);
      return sectionAt(i + 1, at + gap + length, sections, reader, where, done);
    },
  };
}
