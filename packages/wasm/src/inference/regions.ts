/** Buffers begin at multiples of this: kernels read and write whole vectors, some of them past the end of a buffer. */
const alignment = 64;

export const roundUp = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple;

/** Buffers one after the other, each at a multiple of 64 bytes. */
export class Regions {
  #end: number;

  constructor(start = 0) {
    this.#end = start;
  }

  /** Where the next buffer begins. */
  get end(): number {
    return this.#end;
  }

  /** Place a buffer; returns where it begins. */
  place(bytes: number): number {
    const at = this.#end;
    this.#end = roundUp(at + bytes, alignment);
    return at;
  }
}

/** Bytes that must stay whole from one step to another, both included. */
export interface Need {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Where the buffers of an arena lie, in the order of their needs, and the bytes of the whole. */
export interface Arena {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Place buffers so that those needed at the same time do not overlap: the largest first, each as low as it fits. */
export function placeNeeds(needs: readonly Need[]): Arena {
  const order = needs.map((_, i) => i).sort((a, b) => needs[b].bytes - needs[a].bytes || a - b);
  const offsets: number[] = needs.map(() => 0);
  const placed: number[] = [];
  let bytes = 0;
  for (const i of order) {
    const need = needs[i];
    const beside = placed
      .filter((k) => needs[k].from <= need.to && need.from <= needs[k].to)
      .sort((a, b) => offsets[a] - offsets[b]);
    let at = 0;
    for (const k of beside) {
      if (offsets[k] - at >= need.bytes) break;
      at = Math.max(at, roundUp(offsets[k] + needs[k].bytes, alignment));
    }
    offsets[i] = at;
    placed.push(i);
    bytes = Math.max(bytes, at + need.bytes);
  }
  return { offsets, bytes };
}
