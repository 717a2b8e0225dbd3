export { type QueueAddress, queueAddress } from './address.ts';
export { troubleNotes } from './connection.ts';
export { type HandOutOptions, handOut, type QueueView, type RunningJob } from './handOut.ts';
export type { JobAnswer, QueuedJob } from './jobs.ts';
export { type Handler, type HandlerAnswer, type WorkOptions, workOn } from './work.ts';
