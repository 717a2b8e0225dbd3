export { type QueueAddress, queueAddress } from './address.ts';
export { troubleNotes } from './connection.ts';
export { type Dashboard, openDashboard } from './dashboard.ts';
export { type HandOutOptions, handOut, type QueueView, type RunningJob } from './handOut.ts';
export type { JobAnswer, QueuedJob } from './jobs.ts';
export { ObjectStore } from './objectStore.ts';
export { isStoreAddress, type StoreAddress, storeAddress } from './storeAddress.ts';
export { StoredFolder } from './storedFolder.ts';
export { type Handler, type HandlerAnswer, type WorkOptions, workOn } from './work.ts';
