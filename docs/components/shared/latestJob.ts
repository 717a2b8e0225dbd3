import { isOffline } from './offline.ts';

/** What a page sends a worker: a job, or that a newer one waits. */
export type JobOrder<Order> =
  | { readonly kind: 'job'; readonly id: number; readonly order: Order }
  | { readonly kind: 'drop'; readonly id: number };

/** What a worker says of a job: news while it works, then once how it ended. */
export type JobReport<News> =
  | { readonly kind: 'news'; readonly id: number; readonly news: News }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'problem'; readonly id: number; readonly text: string };

/** What of a worker is used. */
export type JobWorker = Pick<Worker, 'postMessage' | 'terminate' | 'addEventListener'>;

export interface JobListener<News> {
  /** latest: whether the visitor has not asked for something else since. */
  hear(news: News, latest: boolean): void;
  /** The latest job has ended; with a problem where there is one. lost: the worker is gone, another try may help. */
  end(problem?: string, lost?: boolean): void;
}

/**
 * Run jobs in a worker, of which the latest counts. A newer job waits until the running one ends or pauses, `patienceMs` at
 * most: then the worker is replaced, unless the browser is offline and would get no other. So a page asks as often as it
 * likes, and at most one job waits.
 */
export class LatestJob<Order, News> {
  private worker: JobWorker | undefined;
  private count = 0;
  private running: number | undefined;
  /** A job that nobody wants to hear of any more. */
  private dropped: number | undefined;
  private waiting: { readonly order: Order } | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  private readonly make: () => JobWorker;
  private readonly patienceMs: number;
  private readonly listener: JobListener<News>;

  constructor(make: () => JobWorker, patienceMs: number, listener: JobListener<News>) {
    this.make = make;
    this.patienceMs = patienceMs;
    this.listener = listener;
  }

  ask(order: Order): void {
    if (this.running === undefined) {
      this.start(order);
      return;
    }
    if (this.waiting === undefined) {
      this.send({ kind: 'drop', id: this.running });
      this.wait();
    }
    this.waiting = { order };
  }

  /** Hear nothing more of the jobs so far. The worker stays for the next one: offline no other would come. */
  drop(): void {
    clearTimeout(this.timer);
    this.waiting = undefined;
    if (this.running === undefined) return;
    this.dropped = this.running;
    this.send({ kind: 'drop', id: this.running });
  }

  /** End the worker; what it was at is not heard of again. */
  stop(): void {
    clearTimeout(this.timer);
    this.worker?.terminate();
    this.worker = undefined;
    this.running = undefined;
    this.waiting = undefined;
  }

  private start(order: Order): void {
    this.running = ++this.count;
    this.send({ kind: 'job', id: this.running, order });
  }

  private send(message: JobOrder<Order>): void {
    this.worker ??= this.open();
    this.worker.postMessage(message);
  }

  private open(): JobWorker {
    const worker = this.make();
    worker.addEventListener('message', ({ data }: MessageEvent<JobReport<News>>) => {
      if (worker === this.worker && data.id === this.running) this.heard(data);
    });
    worker.addEventListener('error', ({ message }: ErrorEvent) => {
      if (worker !== this.worker) return;
      this.stop();
      this.listener.end(
        message ||
          (isOffline()
            ? 'the browser is offline and did not get its files; check the connection and try again'
            : 'its files could not be loaded; reload the page if this stays'),
        true,
      );
    });
    return worker;
  }

  private heard(report: JobReport<News>): void {
    const { waiting } = this;
    const isDropped = report.id === this.dropped;
    if (report.kind === 'news') {
      if (waiting) this.wait();
      if (!isDropped) this.listener.hear(report.news, waiting === undefined);
      return;
    }
    clearTimeout(this.timer);
    this.running = undefined;
    this.waiting = undefined;
    if (waiting) this.start(waiting.order);
    else if (!isDropped) this.listener.end(report.kind === 'problem' ? report.text : undefined);
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { waiting } = this;
      if (isOffline()) {
        this.wait();
        return;
      }
      this.stop();
      if (waiting) this.start(waiting.order);
    }, this.patienceMs);
  }
}
