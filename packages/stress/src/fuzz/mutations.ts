import type { Random } from '@hbnn/core';
import type { InputForm } from './reader.ts';

/** What changes an input: others of the corpus, and words of the format. */
export interface Material {
  readonly form: InputForm;
  readonly corpus: readonly Uint8Array[];
  readonly words: readonly Uint8Array[];
}

const maxBytes = 2 ** 17;

/** Numbers at the borders of what fields hold. */
const borders = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 1023, 32767, 32768, 65535, 65536,
  0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];

/** What a value of JSON is replaced by. */
const values: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  2,
  0.5,
  1e9,
  1e308,
  -1e-9,
  4294967296,
  2 ** 60,
  '',
  'a',
  '1',
  '../x',
  '__proto__',
  'constructor',
  [],
  {},
  [[]],
  [0],
  [1, 2],
  [1e9, 1e9],
  { a: 1 },
  { class_name: 'x', config: {} },
];

const choose = <T>(list: readonly T[], rng: Random): T => list[rng.below(list.length)];

/** Change an input in one to five places; the same generator gives the same result. */
export function mutate(input: Uint8Array, material: Material, rng: Random): Uint8Array {
  let bytes = input;
  for (let left = 1 + rng.below(5); left > 0; left--)
    bytes =
      (material.form === 'json' && rng.below(4) > 0 && changedJson(bytes, rng)) ||
      changed(bytes, material, rng);
  return bytes.subarray(0, maxBytes);
}

type Change = (bytes: Uint8Array, material: Material, rng: Random) => Uint8Array;

/** Bytes with some of them, from a place on, replaced. */
function replaced(bytes: Uint8Array, at: number, count: number, by: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - count + by.length);
  out.set(bytes.subarray(0, at));
  out.set(by, at);
  out.set(bytes.subarray(at + count), at + by.length);
  return out;
}

function placeIn(bytes: Uint8Array, count: number, rng: Random): number {
  return rng.below(Math.max(1, bytes.length - count + 1));
}

/** Overwrite bytes in their place, as many as there are. */
function overwritten(bytes: Uint8Array, at: number, by: Uint8Array): Uint8Array {
  const out = bytes.slice();
  out.set(by.subarray(0, Math.max(0, out.length - at)), Math.min(at, out.length));
  return out;
}

function someLength(limit: number, rng: Random): number {
  return 1 + rng.below(Math.max(1, Math.min(limit, 2 ** rng.below(12))));
}

function borderBytes(rng: Random): Uint8Array {
  const width = choose([1, 2, 4, 8], rng);
  const view = new DataView(new ArrayBuffer(8));
  const isLittle = rng.below(2) === 0;
  const value = BigInt(choose(borders, rng)) + BigInt(rng.below(3) - 1);
  view.setBigUint64(0, BigInt.asUintN(64, value), isLittle);
  const start = isLittle ? 0 : 8 - width;
  return new Uint8Array(view.buffer).slice(start, start + width);
}

const changes: readonly Change[] = [
  // A bit, a byte, a number at a border.
  (bytes, _, rng) => {
    const at = placeIn(bytes, 1, rng);
    return overwritten(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << rng.below(8))));
  },
  (bytes, _, rng) => overwritten(bytes, placeIn(bytes, 1, rng), Uint8Array.of(rng.below(256))),
  (bytes, _, rng) => overwritten(bytes, placeIn(bytes, 4, rng), borderBytes(rng)),
  // Cut the end off, take a part out, repeat a part.
  (bytes, _, rng) => bytes.slice(0, rng.below(bytes.length + 1)),
  (bytes, _, rng) => {
    const count = Math.min(bytes.length, someLength(bytes.length, rng));
    return replaced(bytes, placeIn(bytes, count, rng), count, new Uint8Array(0));
  },
  (bytes, _, rng) => {
    const count = Math.min(bytes.length, someLength(bytes.length, rng));
    const from = placeIn(bytes, count, rng);
    return replaced(bytes, placeIn(bytes, 0, rng), 0, bytes.slice(from, from + count));
  },
  // Bytes of another input, in the place of as many or beside them.
  (bytes, { corpus }, rng) => {
    const other = choose(corpus, rng);
    const count = Math.min(other.length, someLength(other.length, rng));
    const from = placeIn(other, count, rng);
    const part = other.slice(from, from + count);
    const at = placeIn(bytes, count, rng);
    return rng.below(2) === 0 ? overwritten(bytes, at, part) : replaced(bytes, at, 0, part);
  },
  // A word of the format.
  (bytes, { words }, rng) => {
    if (words.length === 0) return bytes;
    const word = choose(words, rng);
    const at = placeIn(bytes, 0, rng);
    return rng.below(2) === 0 ? overwritten(bytes, at, word) : replaced(bytes, at, 0, word);
  },
];

/** Changes of text: another number in the place of one that is there. */
const changedNumber: Change = (bytes, _, rng) => {
  const text = Buffer.from(bytes).toString('latin1');
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return bytes;
  const { index, 0: old } = choose(numbers, rng);
  const value = choose(
    [String(choose(borders, rng)), '-1', '1e9', '0.5', '1e999', 'NaN', `${old}0`, ''],
    rng,
  );
  return replaced(bytes, index, old.length, Buffer.from(value));
};

function changed(bytes: Uint8Array, material: Material, rng: Random): Uint8Array {
  const isText = material.form !== 'bytes';
  const change = isText && rng.below(4) === 0 ? changedNumber : choose(changes, rng);
  return change(bytes, material, rng);
}

type Holder = Record<string, unknown> | unknown[];

/** Every object and list inside of a value. */
function holdersIn(value: unknown, into: Holder[] = []): Holder[] {
  if (typeof value !== 'object' || value === null) return into;
  into.push(value as Holder);
  for (const inner of Object.values(value)) holdersIn(inner, into);
  return into;
}

/** Replace, remove, rename, double or exchange a value of JSON; undefined where the bytes are none. */
function changedJson(bytes: Uint8Array, rng: Random): Uint8Array | undefined {
  let root: unknown;
  try {
    root = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  const holders = holdersIn(root).filter((holder) => Object.keys(holder).length > 0);
  if (holders.length === 0) return undefined;
  const holder = choose(holders, rng);
  const other = choose(holders, rng);
  const key = choose(Object.keys(holder), rng);
  const value = Reflect.get(holder, key);
  const put = (name: string, content: unknown): void => {
    Object.defineProperty(holder, name, {
      value: content,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  };
  switch (rng.below(6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 1:
      if (Array.isArray(holder)) holder.push(structuredClone(value));
      else
        put(choose([`${key}_`, key.toUpperCase(), '__proto__', 'x'], rng), structuredClone(value));
      break;
    case 2:
      put(key, structuredClone(Reflect.get(other, choose(Object.keys(other), rng))));
      break;
    case 3:
      put(
        key,
        typeof value === 'number'
          ? choose([-value, value + 1, value * 2, value / 2, 0], rng)
          : [value],
      );
      break;
    default:
      put(key, choose(values, rng));
  }
  // A copy: slices of a Buffer would share its bytes.
  return new Uint8Array(Buffer.from(JSON.stringify(root)));
}
