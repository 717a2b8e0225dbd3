/** A part of the work on a step: all parts are of the same images, each has outputs of its own. */
export interface Share {
  readonly index: number;
  readonly count: number;
  /** What follows reads what all parts have written before it; the step's end needs none. */
  meet?(): void;
}

/** All of the work. */
export const whole: Share = { index: 0, count: 1 };

/** Gather windows that all shares read, in memory that they have in common. @param again whether they have read some before */
export function gatherOnce(share: Share, again: boolean, gather: () => void): void {
  if (again) share.meet?.();
  if (share.index === 0) gather();
  share.meet?.();
}

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
