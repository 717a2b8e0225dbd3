import { HbnnError, permutation, random } from '@hbnn/core';

/**
 * Draw images to validate on out of the training images: as large a share of each class as of the whole
 * (largest remainders get the odd ones, ties the lower class), which ones by (seed, class) alone.
 *
 * @returns indices of the images to train and to validate on, each in order
 * @throws HbnnError when no image would be left to train on
 */
export function splitValidation(
  labels: ArrayLike<number>,
  classes: number,
  count: number,
  seed: number,
  where = 'validation',
): { train: number[]; validation: number[] } {
  const all = Array.from(labels, (_, i) => i);
  if (count >= all.length) {
    throw new HbnnError(
      `${where}: expected fewer images than the ${all.length} training images, got ${count}; keep fewer for validation`,
    );
  }
  const members = Array.from({ length: classes }, (): number[] => []);
  for (const i of all) members[labels[i]].push(i);
  const shares = members.map(({ length }) => (count * length) / all.length);
  const quota = shares.map(Math.floor);
  const odd = count - quota.reduce((sum, n) => sum + n, 0);
  const byRemainder = [...shares.keys()].sort((a, b) => (shares[b] % 1) - (shares[a] % 1) || a - b);
  for (const k of byRemainder.slice(0, odd)) quota[k]++;
  const held = new Set(
    members.flatMap((own, k) => {
      const order = permutation(own.length, random(seed, 'validation', k));
      return Array.from(order.subarray(0, quota[k]), (i) => own[i]);
    }),
  );
  return { train: all.filter((i) => !held.has(i)), validation: all.filter((i) => held.has(i)) };
}
