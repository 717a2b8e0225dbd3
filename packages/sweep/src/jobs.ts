/** One job as it lies in the queue: where its work is described, never the work itself. */
export interface QueuedJob {
  /** Tells it from all others; the same job is never twice in the queue. */
  readonly id: string;
  /** Plain JSON for the worker. */
  readonly data: object;
}

/** What a worker says of a job that it has dealt with. */
export type JobAnswer =
  | { readonly kind: 'done' }
  /** The job itself cannot be done, here or elsewhere. */
  | { readonly kind: 'fault'; readonly message: string };

/** After this many lost workers a job is given up, because the job itself may be what ends them. */
export const maxLosses = 3;

/** How often a job is begun again whose worker says that something went wrong. */
export const maxAttempts = 3;
