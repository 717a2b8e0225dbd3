/** A number with its sign, as a minus sign and not a hyphen. */
export const signed = (value: number): string =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;

/** A relative error in percent. */
export const percent = (error: number): string => `${(100 * error).toFixed(1)}\u00a0%`;

export const bitWords = (bits: number): string => `${bits} bit${bits === 1 ? '' : 's'}`;
