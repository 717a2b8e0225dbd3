import { HbnnError } from '@hbnn/core';
import type { JobOrder, JobReport } from './latestJob.ts';

/** What a job can say and ask while it works. */
export interface JobDesk<News> {
  tell(news: News): void;
  /** Let messages be heard, and wait; returns whether the job is still wanted. */
  wanted(waitMs?: number): Promise<boolean>;
}

/** The worker's side of `LatestJob`. */
export function answerJobs<Order, News>(
  work: (order: Order, desk: JobDesk<News>) => void | Promise<void>,
): void {
  const say = (report: JobReport<News>): void => self.postMessage(report);
  let dropped = 0;
  self.addEventListener('message', async ({ data }: MessageEvent<JobOrder<Order>>) => {
    const { id } = data;
    if (data.kind === 'drop') {
      dropped = id;
      return;
    }
    try {
      await work(data.order, {
        tell: (news) => say({ kind: 'news', id, news }),
        async wanted(waitMs = 0) {
          await new Promise((resolve) => setTimeout(resolve, waitMs));
          return dropped !== id;
        },
      });
      say({ kind: 'end', id });
    } catch (error) {
      say({
        kind: 'problem',
        id,
        text: error instanceof HbnnError ? error.message : String(error),
      });
    }
  });
}
