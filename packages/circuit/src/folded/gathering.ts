import { countBits, type Rom } from './roms.ts';
import type { GatherUnit } from './units.ts';

/** A bit of the beats goes through these registers. The first value that is kept ends in the lowest register. */
export interface Chain {
  /** The bit of the pixel that each register is. */
  readonly to: readonly number[];
  /** For each beat, whether the bit is kept. */
  readonly kept: readonly boolean[];
}

export const chainsOf = ({ bits }: GatherUnit): Chain[] =>
  bits[0].map((_, b) => ({
    to: bits.map((own) => own[b]).filter((to) => to >= 0),
    kept: bits.map((own) => own[b] >= 0),
  }));

/** A memory that says which chains take a value in each beat. Chains that always do need no bit of it. */
export function keepRom(unit: GatherUnit): { readonly rom: Rom; readonly of: readonly number[] } {
  const patterns: string[] = [];
  const of = chainsOf(unit).map(({ kept }) => {
    if (kept.every((one) => one)) return -1;
    const key = kept.map(Number).join('');
    if (!patterns.includes(key)) patterns.push(key);
    return patterns.indexOf(key);
  });
  const words = unit.bits.map((_, turn) =>
    patterns.reduce((word, key, n) => (key[turn] === '1' ? word | (1n << BigInt(n)) : word), 0n),
  );
  const addressWidth = countBits(unit.bits.length - 1);
  return { rom: { width: patterns.length, addressWidth, words }, of };
}
