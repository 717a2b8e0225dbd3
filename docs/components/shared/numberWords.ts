/** A number as text, with a minus sign in place of a hyphen: as wide as a plus, and never at the end of a line. */
export const withMinus = (number: string | number): string => String(number).replace(/^-/, '−');

/** A number of two decimals with its sign. */
export const signed = (value: number): string =>
  `${value < 0 ? '' : '+'}${withMinus(value.toFixed(2))}`;

/** A relative error in percent. */
export const percent = (error: number): string => `${(100 * error).toFixed(1)}\u00a0%`;

export const bitWords = (bits: number): string => `${bits} bit${bits === 1 ? '' : 's'}`;
