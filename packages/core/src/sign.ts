/**
 * The sign bit of a value: 1 (meaning +1) iff value > 0, else 0 (meaning −1); so sign(0) = −1.
 * This is the only place that says so. NaN counts as −1.
 */
export function signBit(value: number): 0 | 1 {
  // Number(), not ?:, so that engines make no branch of it.
  return Number(value > 0) as 0 | 1;
}

/** The sign of a value as a factor: +1 iff value > 0, else −1. */
export function signOf(value: number): 1 | -1 {
  return value > 0 ? 1 : -1;
}
