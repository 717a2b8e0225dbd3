import { HbnnError, kindOf } from './error.ts';

/** A seeded generator; the same seed gives the same numbers on every machine. */
export interface Random {
  /** A whole number, uniform in 0 … 2^32 − 1. */
  uint32(): number;
  /** A number uniform in [0, 1), with 53 random bits. */
  uniform(): number;
  /** A standard normal number. */
  normal(): number;
  /** A whole number, uniform in 0 … n − 1, for 1 <= n <= 2^32. */
  below(n: number): number;
}

/** Four well-mixed 32-bit words of a text (the public-domain cyrb128). */
function hash128(text: string): [number, number, number, number] {
  let a = 1779033703;
  let b = 3144134277;
  let c = 1013904242;
  let d = 2773480762;
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i);
    a = b ^ Math.imul(a ^ k, 597399067);
    b = c ^ Math.imul(b ^ k, 2869860233);
    c = d ^ Math.imul(c ^ k, 951274213);
    d = a ^ Math.imul(d ^ k, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  const all = a ^ b ^ c ^ d;
  return [all >>> 0, (b ^ all) >>> 0, (c ^ all) >>> 0, (d ^ all) >>> 0];
}

const rotateLeft = (x: number, by: number) => (x << by) | (x >>> (32 - by));

/** Blackman and Vigna's xoshiro128** on a state that is not all zero. */
function xoshiro128(state: [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  if ((a | b | c | d) === 0) d = 1;
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  };
}

/** Whether a value is a seed: a whole number from 0 to 2^53 − 1, each of which gives other random numbers. */
export const isSeed = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/** The words that errors use for a valid seed. */
export const seedRange = `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`;

/** Check that an option is a seed or left out. @throws HbnnError naming what takes it, and what came */
export function checkSeed(where: string, seed: unknown): void {
  if (seed === undefined || isSeed(seed)) return;
  throw new HbnnError(
    `${where}: expected ${seedRange} as seed, got ${givenText(seed)}; give one such as 1`,
  );
}

/** Check what a generator starts from. @throws HbnnError naming what takes it, for neither a seed nor a text */
export function checkSeedOrText(where: string, seed: unknown): void {
  if (typeof seed === 'string' || isSeed(seed)) return;
  throw new HbnnError(
    `${where}: expected ${seedRange}, or a text, as seed, got ${givenText(seed)}; give one such as 1`,
  );
}

const givenText = (value: unknown): string =>
  typeof value === 'number' ? `${value}` : kindOf(value);

/**
 * Start a generator for a seed; further names or numbers give streams independent of one another.
 *
 * @example random(7, 'weights', 2) and random(7, 'shuffle') do not disturb each other
 * @throws HbnnError when the seed is neither a whole number from 0 to 2^53 − 1 nor a text, or a further one neither a
 *   finite number nor a text
 */
export function random(seed: number | string, ...stream: (number | string)[]): Random {
  checkSeedOrText('random', seed);
  for (const part of stream)
    if (typeof part !== 'string' && !Number.isFinite(part))
      throw new HbnnError(
        `random: expected a finite number or a text as name of a stream, got ${givenText(part)}; give a text such as 'weights'`,
      );
  // JSON keeps 1 and '1', and ['a', 'b'] and ['a,b'], apart.
  const uint32 = xoshiro128(hash128(JSON.stringify([seed, ...stream])));
  for (let i = 0; i < 8; i++) uint32();
  const uniform = () => ((uint32() >>> 5) * 67108864 + (uint32() >>> 6)) / 9007199254740992;
  let spare: number | undefined;
  return {
    uint32,
    uniform,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      // Box–Muller; 1 − u lies in (0, 1], so the logarithm is finite.
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    below(n) {
      if (!Number.isInteger(n) || n < 1 || n > 4294967296)
        throw new HbnnError(
          `random.below: expected a whole number from 1 to 2^32, got ${n}; pass such a bound`,
        );
      // Values past the last whole multiple of n would favour small results.
      const limit = 4294967296 - (4294967296 % n);
      let value = uint32();
      while (value >= limit) value = uint32();
      return value % n;
    },
  };
}

/**
 * A uniformly random order of 0 … n − 1 (Fisher–Yates).
 *
 * @throws HbnnError unless n is a whole number from 0 to 2^32
 */
export function permutation(n: number, rng: Random): Uint32Array {
  if (!Number.isInteger(n) || n < 0 || n > 2 ** 32)
    throw new HbnnError(
      `permutation: expected a whole number from 0 to 2^32 as n, got ${typeof n === 'number' ? n : kindOf(n)}; pass the number of elements`,
    );
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = n - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}
