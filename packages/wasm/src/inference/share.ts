/** A thread's part of the work on a step: all threads work on the same images, each on outputs of its own. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

/** All of the work. */
export const whole: Share = { index: 0, count: 1 };

/** What of `n` things is a thread's: first to end, in whole tiles. */
export function sharedRange(
  n: number,
  { index, count }: Share,
  tile = 1,
): readonly [first: number, end: number] {
  const tiles = Math.ceil(n / tile);
  const at = (i: number): number => Math.min(n, Math.floor((tiles * i) / count) * tile);
  return [at(index), at(index + 1)];
}
