import type { FoldSchedule } from './foldSchedule.ts';

/** The groups of outputs that lanes work on, one after the other. */
export class Groups {
  /** Cycles of each group. */
  readonly lengths: readonly number[];
  /** Cycles of the groups behind each one. */
  readonly behind: readonly number[];

  constructor({ patterns, patternOf }: Pick<FoldSchedule, 'patterns' | 'patternOf'>) {
    this.lengths = patternOf.map((pattern) => patterns[pattern].length);
    let behind = 0;
    this.behind = this.lengths
      .toReversed()
      .map((length) => {
        behind += length;
        return behind - length;
      })
      .reverse();
  }

  get count(): number {
    return this.lengths.length;
  }

  /**
   * Find the group that the lanes work on.
   *
   * @param cycles left until the last group ends
   */
  at(cycles: number): number {
    const { behind } = this;
    let [low, high] = [0, behind.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (behind[middle] <= cycles) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
