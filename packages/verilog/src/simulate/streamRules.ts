import { HbnnError } from '@hbnn/core';
import { wordsPerSlot as words } from './wasmCode.ts';

/** Streams that stopped, gave too much, or differ between images in when they move. */
export class StreamFault extends HbnnError {
  readonly layer: string;
  readonly expected: number;
  readonly got: number;

  constructor(layer: string, what: string, expected: number, got: number) {
    super(`${layer}: ${what}: expected ${expected}, got ${got}`);
    this.layer = layer;
    this.expected = expected;
    this.got = got;
  }
}

/** A beat that is offered has to stay until it is taken. */
export class OfferedBeat {
  private readonly memory: Uint32Array;
  private readonly slots: readonly number[];
  private readonly kept: Uint32Array;
  private waits = false;

  constructor(memory: Uint32Array, slots: readonly number[]) {
    this.memory = memory;
    this.slots = slots;
    this.kept = new Uint32Array(words * slots.length);
  }

  /** Remember what is offered and not taken. */
  keep(): void {
    this.waits = true;
    this.slots.forEach((slot, i) => {
      for (let w = 0; w < words; w++) this.kept[words * i + w] = this.memory[words * slot + w];
    });
  }

  /**
   * Check that what waited is still there; what comes after is forgotten until `keep`.
   *
   * @param masks the lanes that count, word by word; all by default
   */
  check(offers: boolean, fault: (what: string) => Error, masks?: readonly number[]): void {
    if (!this.waits) return;
    this.waits = false;
    if (!offers) throw fault('m_axis_tvalid, which must stay until the beat is taken');
    for (let i = 0; i < this.slots.length; i++)
      for (let w = 0; w < words; w++) {
        const changed = this.memory[words * this.slots[i] + w] ^ this.kept[words * i + w];
        if ((changed & (masks?.[w] ?? -1)) !== 0)
          throw fault('data of a beat that is offered, which must stay until it is taken');
      }
  }
}
