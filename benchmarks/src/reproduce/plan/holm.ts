/**
 * Correct p values for their number by Holm's method: sorted ascending, the k-th is multiplied by the number of those
 * from it on, and none is below the one before it.
 *
 * @returns corrected p values in the given order, at most 1
 */
export function holm(p: readonly number[]): number[] {
  const order = p.map((_, i) => i).sort((a, b) => p[a] - p[b]);
  const corrected = new Array<number>(p.length);
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, p[index] * (p.length - rank)));
    corrected[index] = largest;
  });
  return corrected;
}
