import type { RunResult } from '@hbnn/train';
import { duration, type ProgressMeter } from '../progress.ts';
import { endedResult } from './job.ts';
import type { SweepListener } from './local.ts';
import type { SweepJob } from './plan.ts';
import { type SweepState, writeResults } from './results.ts';

const writeEveryMs = 5000;

/** Keeps what a sweep has come to: shows it, and writes it into the sweep's folder now and then. */
export class SweepView implements SweepListener, SweepState {
  readonly ended = new Map<SweepJob, RunResult>();
  readonly failed = new Map<SweepJob, string>();
  readonly #out: string;
  readonly #jobs: readonly SweepJob[];
  readonly #meter: ProgressMeter;
  /** Shares of the trainings that run. */
  readonly #shares = new Map<SweepJob, number>();
  readonly #waits = new Map<SweepJob, string>();
  readonly #begun = performance.now();
  readonly #doneBefore: number;
  #written = performance.now();

  /** Takes up what has ended in the folder before. */
  constructor(out: string, jobs: readonly SweepJob[], meter: ProgressMeter) {
    this.#out = out;
    this.#jobs = jobs;
    this.#meter = meter;
    for (const job of jobs) {
      const result = endedResult(job.dir);
      if (result !== undefined) this.ended.set(job, result);
    }
    this.#doneBefore = this.ended.size;
  }

  /** The trainings that have not come to an end yet. */
  get open(): SweepJob[] {
    return this.#jobs.filter((job) => !this.ended.has(job) && !this.failed.has(job));
  }

  onProgress = (
    job: SweepJob,
    { share, waitsFor }: { readonly share: number; readonly waitsFor?: string },
  ): void => {
    if (this.ended.has(job)) return;
    this.#shares.set(job, share);
    if (waitsFor === undefined) this.#waits.delete(job);
    else this.#waits.set(job, waitsFor);
    this.#show();
  };

  /**
   * Show which trainings run elsewhere, each with the share that is done.
   *
   * @param more what is shown beside it
   */
  onRunning(shares: ReadonlyMap<SweepJob, number>, more: readonly string[]): void {
    this.#shares.clear();
    for (const [job, share] of shares) this.#shares.set(job, share);
    this.#show(more);
  }

  #forget(job: SweepJob): void {
    this.#shares.delete(job);
    this.#waits.delete(job);
  }

  onEnded = (job: SweepJob): void => {
    const result = endedResult(job.dir);
    this.#forget(job);
    if (result === undefined)
      this.onFailed(job, `${job.dir}: expected the files of a training that has ended, got none`);
    else this.ended.set(job, result);
    this.#changed();
  };

  onFailed = (job: SweepJob, error: string): void => {
    this.#forget(job);
    this.failed.set(job, error);
    this.#changed();
  };

  /** Write what the sweep has come to. */
  write(): void {
    writeResults(this.#out, this.#jobs, this);
    this.#written = performance.now();
  }

  /** Show how far the sweep is. */
  #show(more: readonly string[] = []): void {
    const [total, done] = [this.#jobs.length, this.ended.size];
    const running = [...this.#shares.values()].reduce((sum, share) => sum + share, 0);
    const moved = done - this.#doneBefore + this.failed.size + running;
    const elapsed = (performance.now() - this.#begun) / 1000;
    const left = ((total - done - this.failed.size - running) * elapsed) / moved;
    const waits = [...new Set(this.#waits.values())].map((holder) => `waits for ${holder}`);
    const parts = [
      `${done} of ${total} trainings`,
      `${duration(left)} left`,
      ...more,
      ...(this.failed.size > 0 ? [`${this.failed.size} failed`] : []),
      ...waits,
      ...[...this.#shares.keys()].map(({ name }) => name),
    ];
    const over = done + this.failed.size;
    this.#meter.update(over, total, parts, (over + running) / total);
  }

  #changed(): void {
    if (performance.now() - this.#written > writeEveryMs) this.write();
    this.#show();
  }
}
