import { type Random, random } from '@hbnn/core';

/** Bytes of a model file, changed, and in words how. */
export interface Mutation {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** A model file in its parts; a mutation changes some, and sums and offsets are made anew where it says so. */
interface Parts {
  readonly version: number;
  readonly header: Uint8Array;
  readonly sections: readonly Uint8Array[];
}

const preamble = 16;
/** Version 1 begins sections at multiples of 16. */
const aligned = (offset: number, version: number): number =>
  version === 1 ? Math.ceil(offset / 16) * 16 : offset;

/**
 * A damaged copy of a model file, seeded: bits and runs of bytes changed, cut or added to, sections swapped or resized,
 * numbers, texts and fields of the header changed. The last ones have their checksums mended, so that they come to
 * the checks behind.
 *
 * This follows the format's description by itself: the writer would refuse most of it.
 */
export function mutation(file: Uint8Array, seed: number | string): Mutation {
  const rng = random('mutation', seed);
  const [what, change] = changes[rng.below(changes.length)];
  return { what, bytes: change(file, rng) };
}

type Change = readonly [what: string, change: (file: Uint8Array, rng: Random) => Uint8Array];

const changes: readonly Change[] = [
  ['bits flipped', flipBits],
  ['a run of bytes changed', changeRun],
  ['cut short', (file, rng) => file.slice(0, rng.below(file.length))],
  ['bytes added', addBytes],
  ['bytes taken out', takeOut],
  ['a number of the preamble changed', changePreamble],
  ['a number of the header changed', (file, rng) => changeHeader(file, rng, [changeNumber])],
  ['three numbers of the header changed', (file, rng) => changeHeader(file, rng, threeNumbers)],
  ['a value of the header changed', (file, rng) => changeHeader(file, rng, [changeValue])],
  ['a field of the header taken out', (file, rng) => changeHeader(file, rng, [takeOutField])],
  ['bytes of the header changed, checksum mended', changeHeaderBytes],
  ['bytes of a section changed, checksum mended', changeSection],
  ['sections swapped', swapSections],
  ['a section resized, checksum mended', resizeSection],
];

function flipBits(file: Uint8Array, rng: Random): Uint8Array {
  const bytes = file.slice();
  for (let n = 1 + rng.below(8); n > 0; n--) bytes[rng.below(bytes.length)] ^= 1 << rng.below(8);
  return bytes;
}

function changeRun(file: Uint8Array, rng: Random): Uint8Array {
  const bytes = file.slice();
  const start = rng.below(bytes.length);
  const end = Math.min(bytes.length, start + 1 + rng.below(64));
  const fill = [0, 255, undefined][rng.below(3)];
  for (let i = start; i < end; i++) bytes[i] = fill ?? rng.below(256);
  return bytes;
}

function addBytes(file: Uint8Array, rng: Random): Uint8Array {
  const at = rng.below(2) === 0 ? file.length : rng.below(file.length);
  const added = Uint8Array.from({ length: 1 + rng.below(40) }, () => rng.below(256));
  return joined([file.subarray(0, at), added, file.subarray(at)]);
}

function takeOut(file: Uint8Array, rng: Random): Uint8Array {
  const at = rng.below(file.length);
  return joined([file.subarray(0, at), file.subarray(at + 1 + rng.below(40))]);
}

function changePreamble(file: Uint8Array, rng: Random): Uint8Array {
  const bytes = file.slice();
  const view = new DataView(bytes.buffer);
  const at = [4, 6, 8, 12][rng.below(4)];
  if (at < 8) view.setUint16(at, rng.below(2 ** 16), true);
  else view.setUint32(at, [0, 1, 2 ** 24, 2 ** 32 - 1, rng.below(2 ** 30)][rng.below(5)], true);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A CRC-32 by its definition, bit after bit. */
function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

type Json = null | boolean | number | string | Json[] | { [field: string]: Json };

/** A header's values: an object in version 1, a list by position in version 2. */
type Header = Record<string, Json>;
/** Where version 2 has its sections: lengths and checksums in turn. */
const sectionsAt = '6';

const isList = (header: Header): boolean => Array.isArray(header);
const headerOf = ({ header }: Pick<Parts, 'header'>): Header =>
  (header[0] === '{'.charCodeAt(0)
    ? JSON.parse(new TextDecoder().decode(header))
    : readCbor(header)) as Header;

function sectionLengths(header: Header): number[] {
  if (!isList(header)) return (header.sections as { length: number }[]).map(({ length }) => length);
  return (header[sectionsAt] as number[]).filter((_, i) => i % 2 === 0);
}

function partsOf(file: Uint8Array): Parts {
  const view = new DataView(file.buffer, file.byteOffset);
  const [version, length] = [view.getUint16(4, true), view.getUint32(8, true)];
  const header = file.slice(preamble, preamble + length);
  let at = preamble + length;
  const sections = sectionLengths(headerOf({ header })).map((bytes) => {
    const start = aligned(at, version);
    at = start + bytes;
    return file.slice(start, at);
  });
  return { version, header, sections };
}

/** The file of some parts, with the header's checksum right. */
function fileOf({ version, header, sections }: Parts): Uint8Array {
  const start = new Uint8Array(preamble);
  const view = new DataView(start.buffer);
  start.set(new TextEncoder().encode('HBNN'));
  view.setUint16(4, version, true);
  view.setUint32(8, header.length, true);
  view.setUint32(12, checksum(header), true);
  let at = preamble + header.length;
  const padded = sections.map((section) => {
    const gap = aligned(at, version) - at;
    at += gap + section.length;
    return joined([new Uint8Array(gap), section]);
  });
  return joined([start, header, ...padded]);
}

const encoded = (header: Header): Uint8Array =>
  isList(header) ? cborOf(header) : new TextEncoder().encode(JSON.stringify(header));

/** Any JSON as CBOR (RFC 8949), what a header may not have too. */
function cborOf(value: Json): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? wholeCbor(value) : floatCbor(value);
  if (typeof value === 'string') {
    const bytes = new TextEncoder().encode(value);
    return joined([headCbor(3, bytes.length), bytes]);
  }
  if (Array.isArray(value)) return joined([headCbor(4, value.length), ...value.map(cborOf)]);
  const entries = Object.entries(value);
  return joined([headCbor(5, entries.length), ...entries.flat().map(cborOf)]);
}

const wholeCbor = (value: number): Uint8Array =>
  value < 0 ? headCbor(1, -1 - value) : headCbor(0, value);

function floatCbor(value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = 0xfb;
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}

function headCbor(type: number, n: number): Uint8Array {
  if (n < 24) return Uint8Array.of((type << 5) | n);
  const size = [1, 2, 4, 8].find((bytes) => n < 2 ** (8 * bytes)) ?? 8;
  const bytes = new Uint8Array(1 + size);
  bytes[0] = (type << 5) | (24 + Math.log2(size));
  for (let i = size, rest = n; i > 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}

/** The values of a sound header. */
function readCbor(bytes: Uint8Array): Json {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const next = (): Json => {
    const head = bytes[at++];
    if (head === 0xfb) {
      at += 8;
      return view.getFloat64(at - 8);
    }
    let n = head & 31;
    if (n >= 24) {
      const end = at + 2 ** (n - 24);
      for (n = 0; at < end; at++) n = 256 * n + bytes[at];
    }
    const type = head >> 5;
    if (type < 2) return type === 0 ? n : -1 - n;
    if (type === 4) return Array.from({ length: n }, next);
    at += n;
    return new TextDecoder().decode(bytes.subarray(at - n, at));
  };
  return next();
}

/** Make lengths and checksums of the header's list those of the sections. */
function withSections(parts: Parts, sections: readonly Uint8Array[]): Parts {
  const header = headerOf(parts);
  const list = sections.map((bytes) => ({ length: bytes.length, crc: checksum(bytes) }));
  if (isList(header)) header[sectionsAt] = list.flatMap(({ length, crc }) => [length, crc]);
  else header.sections = list;
  return { ...parts, header: encoded(header), sections };
}

type HeaderChange = (places: readonly Place[], rng: Random) => void;

/** A value of the header with what holds it. */
interface Place {
  readonly holder: Record<string, Json>;
  readonly field: string;
}

function placesIn(value: Json): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, Json>;
  return Object.keys(holder).flatMap((field) => [{ holder, field }, ...placesIn(holder[field])]);
}

function changeHeader(file: Uint8Array, rng: Random, steps: readonly HeaderChange[]): Uint8Array {
  const parts = partsOf(file);
  const header = headerOf(parts);
  // Half of the time the list of sections stays as it is: it is the longest part.
  const list = header[isList(header) ? sectionsAt : 'sections'];
  const kept = rng.below(2) === 0 ? [list, ...placesIn(list).map(({ holder }) => holder)] : [];
  for (const step of steps) {
    const places = placesIn(header).filter(
      ({ holder, field }) => !kept.includes(holder) && !kept.includes(holder[field]),
    );
    step(places, rng);
  }
  return fileOf({ ...parts, header: encoded(header) });
}

const numbers = [0, 1, -1, 0.5, 2, 3, 8, 9, 255, 4096, 65536, 2 ** 22, 2 ** 24, 2 ** 31 - 1];
const more = [2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53, 1e300, -(2 ** 31), -1e-9];

function changeNumber(places: readonly Place[], rng: Random): void {
  const found = places.filter(({ holder, field }) => typeof holder[field] === 'number');
  if (found.length === 0) return;
  const { holder, field } = found[rng.below(found.length)];
  const value = holder[field] as number;
  const near = [value + 1, value - 1, 2 * value, -value, Math.floor(value / 2)];
  const all = [...numbers, ...more, ...near, ...near];
  holder[field] = all[rng.below(all.length)];
}

const threeNumbers: readonly HeaderChange[] = [changeNumber, changeNumber, changeNumber];

function changeValue(places: readonly Place[], rng: Random): void {
  const values: readonly Json[] = [
    null,
    true,
    '',
    'dense',
    'planes',
    'element',
    'block:999999999',
    'x'.repeat(5000),
    [],
    {},
    [[[[]]]],
    { toString: 1 },
    { length: 3 },
    new Array<Json>(3000).fill(1),
  ];
  const { holder, field } = places[rng.below(places.length)];
  holder[field] = values[rng.below(values.length)];
}

function takeOutField(places: readonly Place[], rng: Random): void {
  const { holder, field } = places[rng.below(places.length)];
  if (Array.isArray(holder)) holder.splice(Number(field), 1);
  else delete holder[field];
}

function changeHeaderBytes(file: Uint8Array, rng: Random): Uint8Array {
  const parts = partsOf(file);
  return fileOf({ ...parts, header: flipBits(parts.header, rng) });
}

function changeSection(file: Uint8Array, rng: Random): Uint8Array {
  const parts = partsOf(file);
  const full = parts.sections.flatMap(({ length }, i) => (length > 0 ? [i] : []));
  if (full.length === 0) return flipBits(file, rng);
  const chosen = full[rng.below(full.length)];
  const change = rng.below(2) === 0 ? flipBits : changeRun;
  const sections = parts.sections.map((bytes, i) => (i === chosen ? change(bytes, rng) : bytes));
  return fileOf(withSections(parts, sections));
}

function swapSections(file: Uint8Array, rng: Random): Uint8Array {
  const parts = partsOf(file);
  if (parts.sections.length === 0) return flipBits(file, rng);
  const sections = [...parts.sections];
  const [a, b] = [rng.below(sections.length), rng.below(sections.length)];
  [sections[a], sections[b]] = [sections[b], sections[a]];
  return fileOf(withSections(parts, sections));
}

function resizeSection(file: Uint8Array, rng: Random): Uint8Array {
  const parts = partsOf(file);
  if (parts.sections.length === 0) return flipBits(file, rng);
  const chosen = rng.below(parts.sections.length);
  const sections = parts.sections.map((bytes, i) => {
    if (i !== chosen) return bytes;
    return rng.below(2) === 0
      ? joined([bytes, new Uint8Array(1 + rng.below(100))])
      : bytes.slice(0, rng.below(bytes.length + 1));
  });
  return fileOf(withSections(parts, sections));
}
