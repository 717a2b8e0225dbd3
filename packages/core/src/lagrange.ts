/**
 * Find the price of a bit at which a choice takes a given number of bits.
 *
 * `bitsAt(price)` must not grow with the price. Starts at a guess, brackets, then bisects until the
 * budget is met within `tolerance` or the bracket cannot shrink.
 *
 * @param limit a price at which nobody buys (and minus which everybody does)
 * @returns low with bitsAt(low) >= budget and high with bitsAt(high) <= budget, both the same if met exactly
 */
export function priceFor(
  bitsAt: (price: number) => number,
  budget: number,
  guess: number,
  limit: number,
  tolerance: number,
): { low: number; high: number } {
  let low = -limit;
  let high = limit;
  let price = Math.min(limit, Math.max(-limit, guess));
  let step = Math.abs(guess) * 0.05 || limit * 0.01;
  for (let i = 0; i < 200; i++) {
    const bits = bitsAt(price);
    if (Math.abs(bits - budget) <= tolerance) return { low: price, high: price };
    if (bits > budget) low = price;
    else high = price;
    if (low > -limit && high < limit) price = (low + high) / 2;
    else {
      price = bits > budget ? Math.min(low + step, limit) : Math.max(high - step, -limit);
      step *= 2;
    }
    if (price <= low || price >= high) {
      const middle = (low + high) / 2;
      if (middle <= low || middle >= high) break;
      price = middle;
    }
  }
  return { low, high };
}
