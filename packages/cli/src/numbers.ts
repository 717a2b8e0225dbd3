import { HbnnError, isSeed, seedRange } from '@hbnn/core';

/**
 * A whole number from the command line.
 *
 * @param what is said after 'a whole number' of what is expected
 */
export function wholeNumber(text: string, option: string, what = 'such as 6'): number {
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  if (/^[+-]?\d+$/.test(text))
    throw new HbnnError(
      `${option}: expected a whole number of at most ${Number.MAX_SAFE_INTEGER}, got '${text}'; give a smaller one`,
    );
  throw new HbnnError(
    `${option}: expected a whole number ${what}, got '${text}'; write it in digits alone`,
  );
}

/** The first of some seeds from the command line, all of which can be told apart. */
export function seedNumber(text: string, option: string, count = 1): number {
  const value = wholeNumber(text, option);
  if (isSeed(value) && isSeed(value + count - 1)) return value;
  throw new HbnnError(`${option}: expected ${seedRange}, got ${text}; give one, as in ${option} 1`);
}

/** Megahertz beyond any circuit there is: who gives more has given hertz. */
const maxMegahertz = 10_000;

/** Refuse a clock that cannot be in megahertz, naming what was typed. */
export function checkMegahertz(clock: number, option: string, typed: string | undefined): number {
  if (clock <= maxMegahertz) return clock;
  throw new HbnnError(
    `${option}: expected at most ${maxMegahertz} MHz, got ${typed}; give megahertz, as in ${option} 100`,
  );
}

/** A whole number of 1 or more from the command line. */
export function positiveNumber(text: string, option: string): number {
  const value = wholeNumber(text, option);
  if (value >= 1) return value;
  throw new HbnnError(`${option}: expected at least 1, got ${value}; give 1 or more`);
}

/**
 * A decimal number from the command line.
 *
 * @param what is said after 'a number' of what is expected: `of seconds, such as 20`
 */
export function decimal(text: string, option: string, what = 'such as 0.5'): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))) {
    return Number(text);
  }
  throw new HbnnError(
    `${option}: expected a number ${what}, got '${text}'; write it in digits, with a point for a fraction`,
  );
}

/** A decimal number above 0 from the command line. */
export function positiveDecimal(text: string, option: string, what: string): number {
  const value = decimal(text, option, what);
  if (value > 0) return value;
  throw new HbnnError(
    `${option}: expected a number above 0 ${what}, got '${text}'; give a larger one`,
  );
}
