import type { RowSumLoops } from '../rowSums.ts';
import { crc32 } from './crc32.ts';
import { decodeStates } from './mapCode.ts';
import { unpackSigns } from './signCode.ts';

/** What the signs of some weights are unpacked with. */
export interface SignLayout {
  readonly bits: Uint8Array;
  readonly planes: number;
  /** Whether no weight has 0 bits, where that is known. */
  readonly full: boolean;
  /** How many weights have each bitwidth, 0 … 8, where that is known. */
  readonly counts?: readonly number[];
}

/**
 * The loops of a reader that go over all bytes or weights of a file. An engine may bring faster ones of the same results;
 * a reader checks what it gives them, and refuses a file where they say that it is damaged.
 */
export interface FileLoops extends RowSumLoops {
  /** CRC-32 of bytes, as in zip files. */
  crc32(bytes: Uint8Array): number;
  /**
   * Fill `out` with the bitwidths of an entropy code, whose shares of 4096 are given for each bitwidth; at least two are
   * above 0, and the code has an even number of bytes, at least 4. False where the code does not end with `out`.
   */
  decodeStates(code: Uint8Array, shares: readonly number[], out: Uint8Array): boolean;
  /** The signs of each weight, bit n that of plane n. `packed` holds one bit for each weight and plane that it is in. */
  unpackSigns(packed: Uint8Array, layout: SignLayout): Uint8Array;
}

/** The loops in plain JavaScript. */
export const plainLoops: FileLoops = {
  crc32,
  decodeStates,
  unpackSigns: (packed, { bits, planes, full }) => unpackSigns(packed, bits, planes, full),
};
