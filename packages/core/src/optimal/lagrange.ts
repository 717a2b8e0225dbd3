/** Added to limits, so that they and small parts of them stay above 0 for a tensor of zeros. */
export const smallestPrice = 1e-290;

/** Two prices of a bit: at `low` at least the budget is taken, at `high` at most. */
export interface PriceRange {
  readonly low: number;
  readonly high: number;
}

/**
 * Find prices around the one at which a choice takes a given number of bits.
 *
 * @param bitsAt must not grow with the price
 * @param guess where to look first
 * @param limit a price at which nobody buys (and minus which everybody does)
 */
export function bracket(
  bitsAt: (price: number) => number,
  budget: number,
  guess: number,
  limit: number,
): PriceRange {
  const start = Math.min(limit, Math.max(-limit, guess));
  let step = Math.abs(start) * 0.05 || limit * 0.01;
  let [low, high] = [start, start];
  if (bitsAt(start) > budget) {
    do {
      low = high;
      high = Math.min(limit, high + step);
      step *= 2;
    } while (high < limit && bitsAt(high) > budget);
  } else {
    do {
      high = low;
      low = Math.max(-limit, low - step);
      step *= 2;
    } while (low > -limit && bitsAt(low) < budget);
  }
  return { low, high };
}

/**
 * Bisect for the price at which the budget is met.
 *
 * @param tolerance bits by which the budget may be missed
 * @returns two equal prices where it is met, else neighbours between which the choice jumps
 */
export function priceFor(
  bitsAt: (price: number) => number,
  budget: number,
  around: PriceRange,
  tolerance: number,
): PriceRange {
  let { low, high } = around;
  // About 50 halvings; a jump at exactly 0 would take a thousand to close in on.
  const close = (high - low) * 1e-15;
  while (high - low > close) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    const bits = bitsAt(middle);
    if (Math.abs(bits - budget) <= tolerance) return { low: middle, high: middle };
    if (bits > budget) low = middle;
    else high = middle;
  }
  return { low, high };
}
