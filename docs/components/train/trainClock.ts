/** How long trainings ran that take turns, without the time in which all of them wait. */
export class TrainClock {
  private running = 0;
  private since = 0;
  private total = 0;
  private readonly now: () => number;

  /** @param now gives milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** A training starts or continues. */
  start(): void {
    if (this.running === 0) this.since = this.now();
    this.running++;
  }

  /** A training waits or has ended. */
  stop(): void {
    this.running--;
    if (this.running === 0) this.total += this.now() - this.since;
  }

  /** Seconds up to the last time when all had stopped. */
  get seconds(): number {
    return this.total / 1000;
  }
}
