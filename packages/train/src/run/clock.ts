/** A training's time in seconds, in this sitting and over all of them. */
export interface TrainingClock {
  readonly sitting: () => number;
  readonly total: () => number;
}

/** Start a clock for a training that took `before` seconds in earlier sittings. */
export function startClock(before: number): TrainingClock {
  const start = performance.now();
  const sitting = (): number => (performance.now() - start) / 1000;
  return { sitting, total: () => before + sitting() };
}

/**
 * Decides when a checkpoint is due: `seconds` after the last one, and later where writing one takes longer than a
 * tenth of that.
 */
export class CheckpointTimer {
  readonly #every: number;
  #interval: number;
  #saved = performance.now();

  constructor(seconds: number) {
    this.#every = seconds * 1000;
    this.#interval = this.#every;
  }

  due(): boolean {
    return performance.now() - this.#saved >= this.#interval;
  }

  /** Write a checkpoint by `save`, and count from its end. */
  write(save: () => void): void {
    const begun = performance.now();
    save();
    this.#saved = performance.now();
    if (this.#every > 0) this.#interval = Math.max(this.#every, 10 * (this.#saved - begun));
  }
}
