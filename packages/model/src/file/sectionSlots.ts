import { HbnnError } from '@hbnn/core';
import type { FileLoops } from './fileLoops.ts';

export type Numbers = Int16Array | Int32Array | Float64Array | Uint8Array | Int8Array;

/** How many elements a model may have beside those its bytes speak for: 16 Mi. */
const freeElements = 2 ** 24;
/** An element takes an eighth of a byte or more, but for those. */
const elementsPerByte = 8;

/** The most elements, weights and thresholds, that a file of so many bytes may have. */
export const maxElements = (bytes: number): number => freeElements + elementsPerByte * bytes;

interface Slot {
  readonly max: number;
  readonly use: (bytes: Uint8Array) => void;
}

/**
 * What a header promises: slots for sections, filled as they come. What a model takes is paid for by bytes that have
 * come, not by those that a header speaks of.
 */
export class SectionSlots {
  readonly where: string;
  readonly loops: FileLoops;
  private readonly slots: Slot[] = [];
  private received: number;
  private elements = 0;

  /** @param received bytes of the file before the first section */
  constructor(where: string, received: number, loops: FileLoops) {
    this.where = where;
    this.loops = loops;
    this.received = received;
  }

  fail(what: string): HbnnError {
    return new HbnnError(`${this.where}: ${what}; it is damaged or was not written by HBNN`);
  }

  /** Count elements before anything is allocated for them. */
  reserve(count: number, name: string): void {
    this.elements += count;
    const max = maxElements(this.received);
    if (!(this.elements <= max))
      throw this.fail(
        `${name}: expected at most ${max} elements in the first ${this.received} bytes of a file, got ${this.elements}`,
      );
  }

  /** A section of at most so many bytes. */
  slot(max: number, use: (bytes: Uint8Array) => void): void {
    this.slots.push({ max, use });
  }

  /** A section of so many numbers. */
  numbers<T extends Numbers>(
    name: string,
    kind: NumberKind<T>,
    length: number,
    set: (values: T) => void,
  ): void {
    const bytes = length * kind.size;
    this.slot(bytes, (section) => {
      if (section.length !== bytes)
        throw this.fail(
          `${name}: expected a section of ${length} numbers, ${bytes} bytes, got ${section.length}`,
        );
      set(kind.read(section));
    });
  }

  get count(): number {
    return this.slots.length;
  }

  /** Whether a section may be as long as its header entry says. */
  checkLength(index: number, length: number): void {
    const { max } = this.slots[index];
    if (length > max)
      throw this.fail(`section ${index}: expected at most ${max} bytes, got ${length}`);
  }

  fill(index: number, bytes: Uint8Array): void {
    this.received += bytes.length;
    this.slots[index].use(bytes);
  }
}

/** Numbers of a section, little-endian, copied out of it. */
interface NumberKind<T extends Numbers> {
  readonly size: number;
  read(bytes: Uint8Array): T;
}

/** Whether the first of a number's bytes in memory is its lowest, as in a file. */
const lowestFirst = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** A copy of numbers' bytes in the order of this machine. */
function ordered(bytes: Uint8Array, size: number): ArrayBuffer {
  const copy = new Uint8Array(bytes);
  if (!lowestFirst)
    for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
  return copy.buffer;
}

// new, not slice(): a Node.js Buffer's slice shares its memory.
export const uint8: NumberKind<Uint8Array> = { size: 1, read: (bytes) => new Uint8Array(bytes) };

export const int8: NumberKind<Int8Array> = {
  size: 1,
  read: (bytes) => new Int8Array(new Uint8Array(bytes).buffer),
};

export const int16: NumberKind<Int16Array> = {
  size: 2,
  read: (bytes) => new Int16Array(ordered(bytes, 2)),
};

export const int32: NumberKind<Int32Array> = {
  size: 4,
  read: (bytes) => new Int32Array(ordered(bytes, 4)),
};

export const float64: NumberKind<Float64Array> = {
  size: 8,
  read: (bytes) => new Float64Array(ordered(bytes, 8)),
};
