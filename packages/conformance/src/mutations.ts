import { type Random, random } from '@hbnn/core';

/** Bytes of a model file, changed, and in words how. */
export interface Mutation {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** A model file in its parts; a mutation changes some, and sums and offsets are made anew where it says so. */
interface Parts {
  readonly header: Uint8Array;
  readonly sections: readonly Uint8Array[];
}

const preamble = 16;
const aligned = (offset: number): number => Math.ceil(offset / 16) * 16;

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

const headerOf = ({ header }: Parts): { [field: string]: Json } =>
  JSON.parse(new TextDecoder().decode(header)) as { [field: string]: Json };

function partsOf(file: Uint8Array): Parts {
  const length = new DataView(file.buffer, file.byteOffset).getUint32(8, true);
  const header = file.slice(preamble, preamble + length);
  let at = preamble + length;
  const sections = (headerOf({ header, sections: [] }).sections as { length: number }[]).map(
    ({ length: bytes }) => {
      const start = aligned(at);
      at = start + bytes;
      return file.slice(start, at);
    },
  );
  return { header, sections };
}

/** The file of some parts, with the header's checksum right. */
function fileOf({ header, sections }: Parts): Uint8Array {
  const start = new Uint8Array(preamble);
  const view = new DataView(start.buffer);
  start.set(new TextEncoder().encode('HBNN'));
  view.setUint16(4, 1, true);
  view.setUint32(8, header.length, true);
  view.setUint32(12, checksum(header), true);
  let at = preamble + header.length;
  const padded = sections.map((section) => {
    const gap = aligned(at) - at;
    at += gap + section.length;
    return joined([new Uint8Array(gap), section]);
  });
  return joined([start, header, ...padded]);
}

const encoded = (header: Json): Uint8Array => new TextEncoder().encode(JSON.stringify(header));

/** Make lengths and checksums of the header's list those of the sections. */
function withSections(header: { [field: string]: Json }, sections: readonly Uint8Array[]): Parts {
  const list = sections.map((bytes) => ({ length: bytes.length, crc: checksum(bytes) }));
  return { header: encoded({ ...header, sections: list }), sections };
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
  const { sections, ...others } = header;
  const scope = rng.below(2) === 0 ? others : header;
  for (const step of steps) step(placesIn(scope), rng);
  return fileOf({ ...parts, header: encoded(scope === header ? scope : { ...scope, sections }) });
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
    ...[null, true, '', 'dense', 'planes', 'element', 'block:999999999', 'x'.repeat(5000)],
    ...[[], {}, [[[[]]]], { toString: 1 }, { length: 3 }, new Array<Json>(3000).fill(1)],
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
  return fileOf(withSections(headerOf(parts), sections));
}

function swapSections(file: Uint8Array, rng: Random): Uint8Array {
  const parts = partsOf(file);
  if (parts.sections.length === 0) return flipBits(file, rng);
  const sections = [...parts.sections];
  const [a, b] = [rng.below(sections.length), rng.below(sections.length)];
  [sections[a], sections[b]] = [sections[b], sections[a]];
  return fileOf(withSections(headerOf(parts), sections));
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
  return fileOf(withSections(headerOf(parts), sections));
}
