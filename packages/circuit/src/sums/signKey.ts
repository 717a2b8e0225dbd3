/**
 * Signs of a column in a few rows as one number, Σ sign · 3^(rows after it): its own sign is the first that is not 0,
 * and of opposite signs it is the opposite.
 */
export type SignKey = number;

/** Rows that a key has, at most. */
export const maxRows = 8;

const powers = Array.from({ length: maxRows + 1 }, (_, i) => 3 ** i);
const inverses = powers.map((power) => 1 / power);

/** The largest key of so many rows. */
export const largestKey = (rows: number): SignKey => (powers[rows] - 1) / 2;

/** The key of one more row. */
export const withRow = (key: SignKey, sign: number): SignKey => 3 * key + sign;

/** The key of all rows but the last few: what these add is less than half of the last power that stays. */
export const withoutLast = (key: SignKey, rows: number): SignKey =>
  Math.round(key * inverses[rows]) | 0;

/** The key of the last rows. */
export const lastOf = (key: SignKey, rows: number): SignKey =>
  key - powers[rows] * withoutLast(key, rows);
